//! `cargo conformance [COLLECTION [SUITE...]]`: test suites that others wrote, run with rhumba.
//!
//! There are three collections: `snapshots` (pickle, copy, cloudpickle), `ipython` and `ipyparallel`; without a
//! word all are run. For each it fetches the suites into `target/conformance/COLLECTION`, runs every case with
//! rhumba and with what the suite was written for, and compares how each ended with the collection's
//! `outcomes.txt`: an unexpected pass is told like an unexpected failure. The exit status is 0 if all is as
//! expected. `RHUMBA_BLESS=1` writes what was seen there.
//!
//! It needs pip and, for `snapshots`, apt-get, and registries that they can reach. Nothing of the suites is in the
//! repository. It judges nothing itself: see [`rhumba_tests::outcomes`]. Read next:
//! [`rhumba_tests::collections`], [`sources`], [`control`], [`run`].

mod control;
mod run;
mod sources;

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use rhumba_tests::collections::Collection;
use rhumba_tests::executable;
use rhumba_tests::outcomes::{Observed, Outcomes, README_FILE, Suite};

use crate::run::{Program, Runs};

const USAGE: &str = "usage: cargo conformance [COLLECTION [SUITE...]]";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments
        .iter()
        .any(|word| word == "--help" || word == "-h")
    {
        println!(
            "{USAGE}\ncollections: {}; the suites of one are in its outcomes.txt",
            Collection::names()
        );
        return ExitCode::SUCCESS;
    }
    match conform(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("conformance: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs what the arguments say; true if everything ended as expected.
fn conform(arguments: &[String]) -> Result<bool> {
    let Some((name, suites)) = arguments.split_first() else {
        let rhumba = executable::rhumba()?;
        let mut is_as_expected = true;
        for collection in Collection::ALL {
            println!("{}:", collection.name());
            // What one collection needs and this machine lacks doesn't keep the others from being run.
            is_as_expected &= try_collection(collection, &[], &rhumba).unwrap_or_else(|error| {
                eprintln!("conformance: {}: {error:#}", collection.name());
                false
            });
        }
        return Ok(is_as_expected);
    };
    let collection = Collection::named(name).context(USAGE)?;
    try_collection(collection, suites, &executable::rhumba()?)
}

/// Runs these suites of a collection, or all; true if everything ended as expected.
fn try_collection(collection: Collection, only: &[String], rhumba: &Path) -> Result<bool> {
    let scripts = collection.folder();
    let mut expected = Outcomes::read(&scripts)?;
    let folder = rhumba_tests::target_folder("conformance")?.join(collection.name());
    fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
    let sources = sources::prepare(collection, &folder)?;
    let in_sources = sources::suites(collection, &sources)?;
    let mut suites = expected.suites();
    let new = in_sources.iter().filter(|name| !expected.tells_of(name));
    suites.extend(new.map(|name| Suite::new(name, collection.usual_way())));
    let names: Vec<&str> = suites.iter().map(|suite| suite.name.as_str()).collect();
    if let Some(unknown) = only.iter().find(|name| !names.contains(&name.as_str())) {
        bail!(
            "{unknown} is not one of the suites of {} ({})",
            collection.name(),
            distinct(&names).join(", ")
        );
    }
    let runs = Runs {
        collection,
        tried: rhumba.to_owned(),
        control: control::program(collection, &folder, rhumba)?,
        sources,
        folder,
    };
    let mut told = Vec::new();
    let mut observed = Observed::default();
    for suite in &suites {
        if !only.is_empty() && !only.contains(&suite.name) {
            continue;
        }
        eprintln!("{suite}");
        // What can't be run is told, and the others are run nevertheless: all of them take long.
        if let Err(error) = try_suite(&runs, suite, &mut observed) {
            told.push(format!("{error:#}"));
        }
    }
    print!("{}", observed.summary());
    let surprises = expected.surprises(&observed);
    let is_blessed = std::env::var_os("RHUMBA_BLESS").is_some();
    if is_blessed {
        expected.take_over(&observed);
        expected.write(&scripts)?;
        println!(
            "written: outcomes.txt and {README_FILE} of {}, with {} changes",
            collection.name(),
            surprises.len()
        );
    } else {
        told.extend(surprises);
    }
    let unknown = in_sources.iter().filter(|name| !expected.tells_of(name));
    told.extend(
        unknown.map(|name| {
            format!("{name} is new in the sources, and outcomes.txt says nothing of it")
        }),
    );
    for sentence in &told {
        println!("{sentence}");
    }
    if told.is_empty() && !is_blessed {
        println!("every case ended as expected");
    }
    Ok(told.is_empty())
}

fn try_suite(runs: &Runs, suite: &Suite, observed: &mut Observed) -> Result<()> {
    let found = runs.run(suite, Program::Tried)?;
    let control = match runs.control {
        None => None,
        Some(_) => Some(runs.run(suite, Program::Control)?),
    };
    observed.add(suite, found, control.as_ref());
    Ok(())
}

/// Each name once; a suite that is run in several ways has several in a row.
fn distinct<'a>(names: &[&'a str]) -> Vec<&'a str> {
    let mut names = names.to_vec();
    names.dedup();
    names
}
