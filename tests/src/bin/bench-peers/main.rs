//! `cargo bench-peers`: rhumba and ipyparallel side by side, by the same scripts, in one run.
//!
//! Runs the scripts of `tests/bench` under CPython with ipyparallel and under rhumba in turns, measures what the machine's sockets give at best, and prints medians, ratios and targets.
//! It judges nothing: the exit status says only whether everything could be run.
//!
//! Read next: [`environment`] for what is run, [`floor`] for the lower bound, [`table`] for the output.

mod environment;
mod floor;
mod table;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use rhumba_tests::machine;
use serde_json::Value;

use crate::environment::Environment;
use crate::table::Side;

const USAGE: &str = "usage: cargo bench-peers [--rounds N] [--engines N]";

struct Options {
    rounds: usize,
    engines: usize,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.as_slice() {
        [role, socket] if role == floor::RELAY => floor::relay(&PathBuf::from(socket)),
        [role, socket] if role == floor::ECHO => floor::echo(&PathBuf::from(socket)),
        [flag] if flag == "--help" || flag == "-h" => {
            println!("{USAGE}");
            Ok(())
        }
        _ => parse(&arguments).and_then(|options| bench(&options)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-peers: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn parse(arguments: &[String]) -> Result<Options> {
    let mut options = Options {
        rounds: 3,
        engines: 4,
    };
    for pair in arguments.chunks(2) {
        let [flag, value] = pair else {
            bail!("{} needs a number; {USAGE}", pair[0]);
        };
        let number = value
            .parse()
            .ok()
            .filter(|number| *number > 0)
            .with_context(|| format!("{value} is not a number of at least 1; {USAGE}"))?;
        match flag.as_str() {
            "--rounds" => options.rounds = number,
            "--engines" => options.engines = number,
            _ => bail!("{flag} is not an option; {USAGE}"),
        }
    }
    Ok(options)
}

fn bench(options: &Options) -> Result<()> {
    let environment = Environment::prepare()?;
    let floor = floor::measure().context("measuring the floor")?;
    let mut ours: Vec<Value> = Vec::new();
    let mut theirs: Vec<Value> = Vec::new();
    for round in 0..options.rounds {
        // The order changes with each round, so that neither always meets the warmer machine.
        let mut order = [Side::Peer, Side::Rhumba];
        order.rotate_left(round % 2);
        for side in order {
            eprintln!("round {} of {}: {}", round + 1, options.rounds, side.name());
            let figures = environment
                .run(side, options.engines, round)
                .with_context(|| format!("{} could not be measured", side.name()))?;
            match side {
                Side::Rhumba => ours.push(figures),
                Side::Peer => theirs.push(figures),
            }
        }
    }
    let report = table::report(&ours, &theirs, &floor, &machine::description());
    let file = environment.folder().join("table.md");
    std::fs::write(&file, &report).with_context(|| format!("writing {}", file.display()))?;
    print!("{report}");
    eprintln!(
        "The table is in {}, each run's figures are beside it.",
        file.display()
    );
    Ok(())
}
