//! `cargo bench-snapshot`: rhumba's snapshots beside pickle, cloudpickle and dill, on the same data.
//!
//! Runs `tests/bench/bench_snapshot.py` once for each serializer and case, each in a process of
//! its own, the serializers in turns, and prints medians, ratios and targets. It judges nothing:
//! the exit status says only whether everything could be run.
//!
//! Read next: [`table`] for the cases and targets, `tests/bench/bench_snapshot.py` for the data.

mod copy;
mod table;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rhumba_tests::bounded::{self, Printed};
use rhumba_tests::{executable, machine, python};
use serde_json::Value;

use crate::table::{CASES, Figures, SERIALIZERS, Serializer};

const USAGE: &str = "usage: cargo bench-snapshot [--rounds N] [CASE...]";
const SCRIPT: &str = "bench_snapshot.py";
/// The peers are pinned, so that figures can be compared over time.
const PACKAGES: [&str; 2] = ["cloudpickle==3.1.2", "dill==0.4.1"];
/// dill needs most of a minute for the graph; a run that takes this long is stuck.
const RUN_TIME_MAX: Duration = Duration::from_secs(300);

struct Options {
    rounds: usize,
    cases: Vec<String>,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.as_slice() {
        [flag] if flag == "--help" || flag == "-h" => {
            println!("{USAGE}\ncases: {}", table::case_names().join(", "));
            Ok(())
        }
        _ => parse(&arguments).and_then(|options| bench(&options)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-snapshot: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn parse(arguments: &[String]) -> Result<Options> {
    let mut options = Options {
        rounds: 3,
        cases: Vec::new(),
    };
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        if argument == "--rounds" {
            options.rounds = arguments
                .next()
                .and_then(|value| value.parse().ok())
                .filter(|rounds| *rounds > 0)
                .with_context(|| format!("--rounds needs a number of at least 1; {USAGE}"))?;
        } else if table::case_names().contains(&argument.as_str()) {
            options.cases.push(argument.clone());
        } else {
            bail!(
                "{argument} is neither an option nor one of the cases ({}); {USAGE}",
                table::case_names().join(", ")
            );
        }
    }
    Ok(options)
}

fn bench(options: &Options) -> Result<()> {
    let folder = rhumba_tests::target_folder("bench-snapshot")?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("bench")
        .join(SCRIPT);
    if !script.is_file() {
        bail!(
            "{} isn't there; run this in the repository it was built from",
            script.display()
        );
    }
    let runs = Runs {
        rhumba: executable::rhumba()?,
        python: python::environment(&folder, &PACKAGES)?,
        folder,
        script,
    };
    let mut figures = Figures::default();
    for round in 0..options.rounds {
        for case in &CASES {
            if !options.cases.is_empty() && !options.cases.iter().any(|name| name == case.name) {
                continue;
            }
            // The order changes with each round, so that none always meets the warmer machine.
            let mut order = SERIALIZERS;
            order.rotate_left(round % SERIALIZERS.len());
            for serializer in order {
                eprintln!(
                    "round {} of {}: {}, {}",
                    round + 1,
                    options.rounds,
                    case.name,
                    serializer.name()
                );
                let found = runs
                    .run(serializer, case.name, round)
                    .with_context(|| format!("{} of {} failed", case.name, serializer.name()))?;
                figures.add(case.name, serializer, found);
            }
        }
    }
    let report = table::report(
        &figures,
        &copy::measure()?,
        &machine::description(),
        options.rounds,
    );
    let file = runs.folder.join("table.md");
    fs::write(&file, &report).with_context(|| format!("writing {}", file.display()))?;
    print!("{report}");
    eprintln!(
        "The table is in {}, each run's figures are beside it.",
        file.display()
    );
    Ok(())
}

/// What is run and where.
struct Runs {
    folder: PathBuf,
    rhumba: PathBuf,
    python: PathBuf,
    script: PathBuf,
}

impl Runs {
    /// Runs one serializer on one case and returns its figures.
    fn run(&self, serializer: Serializer, case: &str, round: usize) -> Result<Value> {
        let program = match serializer {
            Serializer::Rhumba => &self.rhumba,
            _ => &self.python,
        };
        let mut command = Command::new(program);
        command
            .arg(&self.script)
            .args([serializer.name(), case])
            .current_dir(&self.folder)
            .env("RHUMBA_HOME", &self.folder)
            .env_remove("PYTHONPATH");
        let printed = Printed::in_folder(
            &self.folder,
            &format!("{case}-{}-{round}", serializer.name()),
        );
        let text = bounded::run_well(command, &printed, RUN_TIME_MAX)?;
        serde_json::from_str(&text)
            .with_context(|| format!("what {SCRIPT} printed is not its figures: {text}"))
    }
}
