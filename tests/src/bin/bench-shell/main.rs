//! `cargo bench-shell`: rhumba's shell and IPython's side by side, on terminals of their own.
//!
//! Runs `tests/bench/bench_shell.py` for both in turns and prints medians, ratios and targets. It
//! judges nothing: the exit status says only whether everything could be run.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rhumba_tests::bounded::{self, Printed};
use rhumba_tests::figures::{digits, median};
use rhumba_tests::{executable, machine, python, target_folder};
use serde_json::Value;

const USAGE: &str = "usage: cargo bench-shell [--rounds N] [--starts N]";
/// What is measured beside rhumba.
const PACKAGES: [&str; 1] = ["ipython==9.18.1"];
/// Variables by which a person's own settings would come in.
const REMOVED: [&str; 4] = ["PYTHONPATH", "PYTHONSTARTUP", "NO_COLOR", "XDG_STATE_HOME"];
const RUN_TIMEOUT: Duration = Duration::from_secs(900);

struct Options {
    rounds: usize,
    starts: usize,
}

/// A line of the table.
struct Row {
    figure: &'static str,
    what: &'static str,
    unit: &'static str,
    target: Target,
}

enum Target {
    /// At most this, and this many times less than IPython.
    Below(f64, Option<f64>),
    None,
}

const ROWS: [Row; 12] = [
    Row {
        figure: "start_cold_ms",
        what: "exec to a prompt that takes keys, files out of memory",
        unit: "ms",
        target: Target::Below(60.0, Some(5.0)),
    },
    Row {
        figure: "start_warm_ms",
        what: "exec to a prompt that takes keys",
        unit: "ms",
        target: Target::Below(60.0, Some(5.0)),
    },
    Row {
        figure: "pass_cell_p50_ms",
        what: "Enter on `pass` to the next prompt, p50",
        unit: "ms",
        target: Target::Below(1.0, None),
    },
    Row {
        figure: "completion_p50_ms",
        what: "completion among 10,000 names, p50",
        unit: "ms",
        target: Target::None,
    },
    Row {
        figure: "completion_p99_ms",
        what: "completion among 10,000 names, p99",
        unit: "ms",
        target: Target::Below(50.0, None),
    },
    Row {
        figure: "paste_s",
        what: "a pasted cell of 10,000 lines to the next prompt",
        unit: "s",
        target: Target::Below(1.0, None),
    },
    Row {
        figure: "timeit_ratio",
        what: "`%timeit` per loop, against `timeit` in the same Python",
        unit: "times",
        target: Target::Below(1.1, None),
    },
    Row {
        figure: "prun_recursion_ratio",
        what: "`%prun` of recursion, against the same without",
        unit: "times",
        target: Target::Below(2.0, None),
    },
    Row {
        figure: "prun_methods_ratio",
        what: "`%prun` of methods, against the same without",
        unit: "times",
        target: Target::Below(2.0, None),
    },
    Row {
        figure: "prun_generators_ratio",
        what: "`%prun` of steps of a generator, against the same without",
        unit: "times",
        target: Target::Below(2.0, None),
    },
    Row {
        figure: "prun_natives_ratio",
        what: "`%prun` of native functions and nothing else, against the same without",
        unit: "times",
        target: Target::Below(2.0, None),
    },
    Row {
        figure: "prun_program_ratio",
        what: "`%prun` of a program with all of these, against the same without",
        unit: "times",
        target: Target::Below(2.0, None),
    },
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.as_slice() {
        [flag] if flag == "--help" || flag == "-h" => {
            println!("{USAGE}");
            Ok(())
        }
        _ => parse(&arguments).and_then(|options| bench(&options)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-shell: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn parse(arguments: &[String]) -> Result<Options> {
    let mut options = Options {
        rounds: 3,
        starts: 10,
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
            "--starts" => options.starts = number,
            _ => bail!("{flag} is not an option; {USAGE}"),
        }
    }
    Ok(options)
}

fn bench(options: &Options) -> Result<()> {
    let folder = target_folder("bench-shell")?;
    let python = python::environment(&folder, &PACKAGES)?;
    let rhumba = executable::rhumba()?;
    let environment = folder.join("venv");
    let ipython = environment.join("bin").join("ipython");
    let mut ours = Vec::new();
    let mut theirs = Vec::new();
    for round in 0..options.rounds {
        for turn in 0..2 {
            let is_rhumba = (round + turn) % 2 == 1;
            let (name, command, files) = if is_rhumba {
                ("rhumba", vec![rhumba.clone()], &rhumba)
            } else {
                let command = vec![ipython.clone(), PathBuf::from("--no-banner")];
                ("ipython", command, &environment)
            };
            eprintln!("round {} of {}: {name}", round + 1, options.rounds);
            let printed = Printed::in_folder(&folder, &format!("{name}-{round}"));
            let home = folder.join(format!("home-{name}"));
            std::fs::create_dir_all(&home).context("making a home")?;
            let run = run(&python, options.starts, files, &command, &home);
            let text = bounded::run_well(run, &printed, RUN_TIMEOUT)
                .with_context(|| format!("{name} could not be measured"))?;
            let figures: Value = serde_json::from_str(&text).context("reading the figures")?;
            if is_rhumba {
                ours.push(figures);
            } else {
                theirs.push(figures);
            }
        }
    }
    let report = report(&ours, &theirs);
    let file = folder.join("table.md");
    std::fs::write(&file, &report).with_context(|| format!("writing {}", file.display()))?;
    print!("{report}");
    eprintln!(
        "The table is in {}, each run's figures are beside it.",
        file.display()
    );
    Ok(())
}

/// The command that measures one shell, in a home of its own.
fn run(python: &Path, starts: usize, files: &Path, command: &[PathBuf], home: &Path) -> Command {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("bench/bench_shell.py");
    let mut run = Command::new(python);
    run.arg(script)
        .args(["--rounds", &starts.to_string()])
        .arg("--files")
        .arg(files)
        .arg("--")
        .args(command)
        .env("HOME", home)
        .env("IPYTHONDIR", home)
        .env("RHUMBA_HOME", home);
    for name in REMOVED {
        run.env_remove(name);
    }
    run
}

fn report(ours: &[Value], theirs: &[Value]) -> String {
    let mut text = format!(
        "{}. {}. Median of {} runs each, taken in turns.\n\n\
         | | IPython | rhumba | times better | target | |\n|---|--:|--:|--:|--:|---|\n",
        machine::description(),
        PACKAGES[0].replace("==", " "),
        ours.len()
    );
    let middle = |runs: &[Value], figure: &str| {
        let mut figures: Vec<f64> = runs.iter().filter_map(|run| run[figure].as_f64()).collect();
        median(&mut figures)
    };
    for row in &ROWS {
        let (Some(own), Some(other)) = (middle(ours, row.figure), middle(theirs, row.figure))
        else {
            continue;
        };
        let times = other / own;
        let (target, reached) = match row.target {
            Target::None => (String::new(), ""),
            Target::Below(most, times_better) => {
                let is_reached = own <= most && times_better.is_none_or(|wanted| times >= wanted);
                let wanted =
                    times_better.map_or(String::new(), |wanted| format!(", {wanted} times"));
                (
                    format!("{most} {}{wanted}", row.unit),
                    if is_reached { "reached" } else { "not reached" },
                )
            }
        };
        let _ = writeln!(
            text,
            "| {} | {} {unit} | {} {unit} | {} | {target} | {reached} |",
            row.what,
            digits(other),
            digits(own),
            digits(times),
            unit = row.unit,
        );
    }
    text
}
