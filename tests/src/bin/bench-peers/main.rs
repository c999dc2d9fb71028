//! `cargo bench-peers`: rhumba beside ipyparallel and dask.distributed, in one run.
//!
//! Runs the scripts of `tests/bench` under CPython with the peers and under rhumba in turns, measures
//! what the machine's sockets give at best, and prints medians, ratios and targets.
//! It judges nothing: the exit status says only whether everything could be run.
//!
//! Read next: [`environment`] for what is run, [`floor`] for the lower bound, [`table`] and [`tasks`]
//! for the output.

mod environment;
mod floor;
mod table;
mod tasks;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use rhumba_tests::{figures, machine};
use serde_json::Value;

use crate::environment::{Environment, Part};
use crate::table::Side;

const USAGE: &str = "usage: cargo bench-peers [calls|tasks] [--rounds N] [--engines N], \
                     or: cargo bench-peers soak [--tasks N]";

struct Options {
    parts: Vec<Part>,
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
        [command, rest @ ..] if command == "soak" => soak(rest),
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
    let (parts, arguments) = match arguments {
        [part, rest @ ..] if part == "calls" => (vec![Part::Calls], rest),
        [part, rest @ ..] if part == "tasks" => (vec![Part::Tasks], rest),
        all => (vec![Part::Calls, Part::Tasks], all),
    };
    let mut options = Options {
        parts,
        rounds: 3,
        engines: 4,
    };
    for pair in arguments.chunks(2) {
        let (flag, number) = flag_and_number(pair)?;
        match flag {
            "--rounds" => options.rounds = number,
            "--engines" => options.engines = number,
            _ => bail!("{flag} is not an option; {USAGE}"),
        }
    }
    Ok(options)
}

fn flag_and_number(pair: &[String]) -> Result<(&str, usize)> {
    let [flag, value] = pair else {
        bail!("{} needs a number; {USAGE}", pair[0]);
    };
    let number = value
        .parse()
        .ok()
        .filter(|number| *number > 0)
        .with_context(|| format!("{value} is not a number of at least 1; {USAGE}"))?;
    Ok((flag, number))
}

/// The figures of every run of a part, by side.
struct Runs {
    part: Part,
    figures: Vec<(Side, Value)>,
}

impl Runs {
    fn of(&self, wanted: Side) -> Vec<Value> {
        let figures = self.figures.iter();
        let figures = figures.filter(|(side, _)| *side == wanted);
        figures.map(|(_, value)| value.clone()).collect()
    }
}

fn bench(options: &Options) -> Result<()> {
    let sides: Vec<Side> = options
        .parts
        .iter()
        .flat_map(|part| part.sides())
        .copied()
        .collect();
    let environment = Environment::prepare(&sides)?;
    let floor = floor::measure().context("measuring the floor")?;
    let mut report = String::new();
    for part in &options.parts {
        let runs = run_in_turns(&environment, *part, options)?;
        let (ours, theirs) = (runs.of(Side::Rhumba), runs.of(Side::Ipyparallel));
        report += &match runs.part {
            Part::Calls => table::report(&ours, &theirs, &floor, &machine::description()),
            Part::Tasks => tasks::report(&ours, &theirs, &runs.of(Side::Dask)),
        };
        report.push('\n');
    }
    let file = environment.folder().join("table.md");
    std::fs::write(&file, &report).with_context(|| format!("writing {}", file.display()))?;
    print!("{report}");
    eprintln!(
        "The table is in {}, each run's figures are beside it.",
        file.display()
    );
    Ok(())
}

fn run_in_turns(environment: &Environment, part: Part, options: &Options) -> Result<Runs> {
    let mut figures = Vec::new();
    for round in 0..options.rounds {
        // The order changes with each round, so that nobody always meets the warmer machine.
        let mut order = part.sides().to_vec();
        let first = round % order.len();
        order.rotate_left(first);
        for side in order {
            eprintln!("round {} of {}: {}", round + 1, options.rounds, side.name());
            let found = environment
                .run(part, side, options.engines, round)
                .with_context(|| format!("{} could not be measured", side.name()))?;
            figures.push((side, found));
        }
    }
    Ok(Runs { part, figures })
}

/// `cargo bench-peers soak`: a million tasks while engines are killed. Fails if a result is wrong.
fn soak(arguments: &[String]) -> Result<()> {
    let tasks = match arguments {
        [] => 1_000_000,
        pair => match flag_and_number(pair)? {
            ("--tasks", number) => number,
            (flag, _) => bail!("{flag} is not an option; {USAGE}"),
        },
    };
    let figures = Environment::prepare(&[])?.soak(tasks)?;
    println!("| | |\n|---|--:|");
    for (name, figure) in &figures {
        let shown = figure.as_f64().map_or_else(String::new, figures::digits);
        println!("| {} | {shown} |", name.replace('_', " "));
    }
    Ok(())
}
