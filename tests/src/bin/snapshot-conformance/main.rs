//! `cargo snapshot-conformance`: test suites that others wrote for pickle, copy and cloudpickle, run with snapshots.
//!
//! Fetches the suites into `target/snapshot-conformance`, runs every case in rhumba
//! (`tests/conformance/snapshots/run_cases.py`), and compares how each ended with
//! `tests/conformance/snapshots/outcomes.txt`: an unexpected pass is told like an unexpected
//! failure. The exit status is 0 if all is as expected. `RHUMBA_BLESS=1` writes what was seen there.
//!
//! It needs pip and apt-get, and registries that they can reach. Nothing of the suites is in the
//! repository. Read next: [`sources`], [`run`], [`rhumba_tests::outcomes`].

mod run;
mod sources;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, bail};
use rhumba_tests::executable;
use rhumba_tests::outcomes::{Observed, Outcomes, README_FILE, Suite};

use crate::run::{Runs, Serializer};

const USAGE: &str = "usage: cargo snapshot-conformance [SUITE...]";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments
        .iter()
        .any(|word| word == "--help" || word == "-h")
    {
        println!("{USAGE}\nsuites: {}", names().join(", "));
        return ExitCode::SUCCESS;
    }
    match conform(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("snapshot-conformance: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn names() -> Vec<&'static str> {
    let mut names: Vec<&str> = Suite::ALL.iter().map(|suite| suite.name).collect();
    names.dedup();
    names
}

/// Runs the suites; true if everything ended as expected.
fn conform(only: &[String]) -> Result<bool> {
    if let Some(unknown) = only.iter().find(|name| !names().contains(&name.as_str())) {
        bail!(
            "{unknown} is not one of the suites ({}); {USAGE}",
            names().join(", ")
        );
    }
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance/snapshots");
    let mut expected = Outcomes::read(&scripts)?;
    let folder = rhumba_tests::target_folder("snapshot-conformance")?;
    let runs = Runs {
        rhumba: executable::rhumba()?,
        sources: sources::prepare(&folder)?,
        scripts: scripts.clone(),
        folder,
    };
    let mut observed = Observed::default();
    for suite in Suite::ALL {
        if !only.is_empty() && !only.iter().any(|name| name == suite.name) {
            continue;
        }
        eprintln!("{} ({})", suite.name, suite.way);
        let found = runs.run(suite, Serializer::Snapshot)?;
        let control = runs.run(suite, Serializer::Control)?;
        observed.add(suite, found, &control);
    }
    print!("{}", observed.summary());
    let surprises = expected.surprises(&observed);
    if std::env::var_os("RHUMBA_BLESS").is_some() {
        expected.take_over(&observed);
        expected.write(&scripts)?;
        println!(
            "written: outcomes.txt and {README_FILE}, with {} changes",
            surprises.len()
        );
        return Ok(true);
    }
    for surprise in &surprises {
        println!("{surprise}");
    }
    if surprises.is_empty() {
        println!("every case ended as expected");
    }
    Ok(surprises.is_empty())
}
