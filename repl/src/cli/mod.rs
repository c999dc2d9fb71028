//! The command line: what can be typed, and which file does it.
//!
//! It parses, dispatches and reports; it runs nothing itself. One file per command:
//! [`program`] says what is to be run, [`run`] runs it with or without engines of its own,
//! [`shell_options`] says how the shell starts, [`python_options`] how Python does,
//! [`profile`] makes profiles of the shell,
//! [`cluster`] starts, lists and stops clusters, [`checkpoint`] shows and cleans the store,
//! [`history`] shortens the shell's history,
//! [`process`] is one process of a cluster, [`policy`] when a cluster saves itself.

mod checkpoint;
mod cluster;
mod failure;
mod fault;
mod history;
mod policy;
mod process;
mod profile;
mod program;
mod python_options;
mod run;
mod shell_options;
mod stop_signal;

use std::ffi::OsString;
use std::io::Write;
use std::ops::RangeInclusive;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};

pub use failure::Failure;
use program::Program;
use python_options::PythonArguments;
use rhumba_interpreter::runtime::NativeModule;
use run::RunOptions;

use crate::python;
use shell_options::ShellArguments;

/// What one command of the executable ends with.
type Outcome = Result<ExitCode, Failure>;

const USAGE: &str =
    "rhumba [-n N] [-i] [--namespace FILE] [--profile NAME] [OPTIONS OF THE SHELL] [SCRIPT [ARGS]... | -c CODE [ARGS]... | -m MODULE [ARGS]... | -]
       rhumba cluster <start|stop|list> [OPTIONS]
       rhumba checkpoint <list|show|remove|clean> [OPTIONS]
       rhumba profile <create|list|locate> [NAME]
       rhumba history <trim|clear> [OPTIONS]";

const EXAMPLES: &str = "\
Examples:
  rhumba                        the shell
  rhumba -n 4                   the shell, with 4 engines of its own
  rhumba -n 4 analysis.py data  a script, with 4 engines that end when it ends
  rhumba analysis.ipynb         the cells of a notebook, or of an .ipy file
  rhumba cluster start -n 8     a cluster that scripts and shells connect to
  rhumba --namespace work.ns    the shell, with the names that were saved there
  rhumba --profile lab          the shell, as the files of `rhumba profile create lab` set it

In Python, `import ipyparallel as ipp; rc = ipp.Client()` connects to the engines.
A script whose name is that of a command is reached as ./cluster.
Python's own options -B -u -E -I -s -S -O -P -b -q -v -d -W and -X stand before the program.";

/// Interactive parallel computing with Python namespaces.
#[derive(Debug, Parser)]
#[command(name = "rhumba", version = VERSION, override_usage = USAGE, after_help = EXAMPLES)]
#[command(disable_help_subcommand = true)]
struct Arguments {
    /// Start N engines that belong to this process and end with it
    #[arg(short = 'n', long = "engines", value_name = "N", value_parser = engine_count)]
    #[arg(allow_negative_numbers = true)]
    engines: Option<u32>,

    /// Open the shell after the program has run, with the names that it made
    #[arg(short = 'i', long = "interactive")]
    interactive: bool,

    /// Start with the names that %save_namespace wrote to FILE, or with those of a checkpoint
    #[arg(long, value_name = "FILE")]
    namespace: Option<String>,

    /// Run CODE; what follows it is its sys.argv
    #[arg(short = 'c', value_name = "CODE", num_args = 1.., allow_hyphen_values = true)]
    #[arg(conflicts_with = "module")]
    code: Option<Vec<OsString>>,

    /// Run the library module MODULE as a program; what follows it is its sys.argv
    #[arg(short = 'm', value_name = "MODULE", num_args = 1.., allow_hyphen_values = true)]
    module: Option<Vec<OsString>>,

    #[command(flatten)]
    shell: ShellArguments,

    #[command(flatten)]
    python: PythonArguments,

    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start, stop and list clusters
    Cluster {
        #[command(subcommand)]
        command: cluster::ClusterCommand,
    },
    /// List, show and remove checkpoints of namespaces
    Checkpoint {
        #[command(subcommand)]
        command: checkpoint::CheckpointCommand,
    },
    /// Make the history of the shell shorter, or empty
    History {
        #[command(subcommand)]
        command: history::HistoryCommand,
    },
    /// Make, list and find profiles: what a shell is set to
    Profile {
        #[command(subcommand)]
        command: profile::ProfileCommand,
    },
    /// Run one controller in the foreground, on a cluster file that it writes
    Controller(process::ControllerArguments),
    /// Run one host: it starts engines on this machine and looks after them
    Host(process::HostArguments),
    /// Run one engine in the foreground, on the cluster that a cluster file describes
    Engine(process::EngineArguments),
    /// A script and its arguments: whatever is none of the commands above
    #[command(external_subcommand)]
    Script(Vec<OsString>),
}

/// Runs an executable of one's own as `rhumba` runs, with native modules of its own that programs,
/// shells and engines can import.
pub fn main_with(modules: &[NativeModule]) -> ExitCode {
    python::add_native_modules(modules);
    main()
}

/// Runs the executable with the arguments it was started with.
pub fn main() -> ExitCode {
    fault::report_faults_in_words();
    heed_limits_of_files();
    let words: Vec<OsString> = std::env::args_os().collect();
    if let Some(failure) = not_text(&words) {
        return failure.report();
    }
    let arguments = match parse(words) {
        Ok(arguments) => arguments,
        Err(status) => return status,
    };
    match dispatch(arguments) {
        Ok(status) => status,
        Err(failure) => failure.report(),
    }
}

/// Has a file that would grow beyond what is allowed (`ulimit -f`) fail to be written, as in CPython, instead of
/// ending the process.
fn heed_limits_of_files() {
    // SAFETY: nothing else is done with this signal.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
}

/// Names the first word that isn't text: Python finds all of them in `sys.orig_argv`, as texts.
fn not_text(words: &[OsString]) -> Option<Failure> {
    let word = words.iter().find(|word| word.to_str().is_none())?;
    Some(
        Failure::usage(format_args!(
            "the argument '{}' isn't UTF-8 text",
            word.to_string_lossy()
        ))
        .hint("give a file another name, or hand other text over in a file"),
    )
}

fn dispatch(arguments: Arguments) -> Outcome {
    let runs_a_program = arguments.engines.is_some()
        || arguments.interactive
        || arguments.namespace.is_some()
        || arguments.code.is_some()
        || arguments.module.is_some()
        || arguments.shell.are_given()
        || arguments.python.are_given();
    let script = match arguments.command {
        None => None,
        Some(Command::Script(words)) => Some(words),
        Some(_) if runs_a_program => {
            return Err(
                Failure::usage("options that run a program can't stand before a command")
                    .hint("the number of engines goes last: `rhumba cluster start -n 4`"),
            );
        }
        Some(Command::Cluster { command }) => return cluster::run(command),
        Some(Command::Checkpoint { command }) => return checkpoint::run(command),
        Some(Command::History { command }) => return history::run(command),
        Some(Command::Profile { command }) => return profile::run(command),
        Some(Command::Controller(arguments)) => return process::controller(arguments),
        Some(Command::Host(arguments)) => return process::host(arguments),
        Some(Command::Engine(arguments)) => return process::engine(arguments),
    };
    let interactive = arguments.interactive;
    let shell = arguments.shell;
    // Whoever sets up the shell wants it, though stdin may be a file of cells.
    let wants_shell = interactive || shell.are_given();
    let program = Program::choose(arguments.code, arguments.module, script, wants_shell)?;
    run::run(RunOptions {
        program,
        engine_count: arguments.engines,
        interactive,
        namespace: arguments.namespace,
        shell,
        python: arguments.python,
    })
}

/// Prints on stdout; a reader that went away is no fault, a full disk is one.
fn say(text: &str) -> Result<(), Failure> {
    let mut stdout = std::io::stdout().lock();
    match stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
    {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(Failure::new(
            format_args!("standard output can't be written: {error}"),
        )),
        _ => Ok(()),
    }
}

/// Parses a whole command line; on the way out it has printed what there is to say.
fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Arguments, ExitCode> {
    let words = shell_options::with_settings_named(words.into_iter().collect());
    Arguments::try_parse_from(&words).map_err(|error| explain(&error, &words))
}

/// The command that shows what can be typed where these words went wrong.
fn help_command(words: &[OsString]) -> String {
    let mut typed = "rhumba".to_owned();
    let mut command = Arguments::command();
    for word in words.iter().skip(1) {
        let Some(next) = command.find_subcommand(word).cloned() else {
            break;
        };
        typed.push(' ');
        typed.push_str(next.get_name());
        command = next;
    }
    typed + " --help"
}

/// Turns a parser's error into a sentence and a hint; help and version are no errors.
fn explain(error: &clap::Error, words: &[OsString]) -> ExitCode {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            let _ = error.print();
            return ExitCode::SUCCESS;
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let _ = error.print();
            return ExitCode::from(2);
        }
        _ => {}
    }
    let rendered = error.render().to_string();
    let (sentence, tip) = sentence_and_tip(&rendered);
    Failure::usage(sentence)
        .hint(tip.unwrap_or_else(|| format!("`{}` shows what can be typed", help_command(words))))
        .report()
}

/// The parser's first paragraph as one sentence, and its tip if it has one.
fn sentence_and_tip(rendered: &str) -> (String, Option<String>) {
    let mut sentence = Vec::new();
    let mut tip = None;
    for line in rendered.lines() {
        let line = line.trim();
        if line.starts_with("Usage:") || line.starts_with("For more information") {
            break;
        }
        if let Some(text) = line.strip_prefix("tip: ") {
            tip.get_or_insert_with(|| text.to_owned());
        } else if tip.is_none() && !line.is_empty() {
            sentence.push(line.strip_prefix("error: ").unwrap_or(line));
        }
    }
    (sentence.join(" "), tip)
}

/// `rhumba --version` after the name.
const VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    " (Python 3.14, RustPython 0.6.0)"
);

fn engine_count(text: &str) -> Result<u32, String> {
    number_in(1..=ENGINES_MAX, text)
}

/// How many engines a cluster or a host may begin with: it may be none.
fn first_engine_count(text: &str) -> Result<u32, String> {
    number_in(0..=ENGINES_MAX, text)
}

/// A whole number within a range, or what is wrong with it.
fn number_in(range: RangeInclusive<u32>, text: &str) -> Result<u32, String> {
    let (least, most) = (range.start(), range.end());
    let number: i64 = text
        .parse()
        .map_err(|_| format!("it is a whole number in {least}..={most}"))?;
    u32::try_from(number)
        .ok()
        .filter(|number| range.contains(number))
        .ok_or_else(|| format!("{number} is not in {least}..={most}"))
}

/// As many engines as a controller takes.
const ENGINES_MAX: u32 = 65_536;

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str]) -> Arguments {
        let words = ["rhumba"].iter().chain(words);
        Arguments::try_parse_from(words).expect("the command line is good")
    }

    fn script_of(arguments: &Arguments) -> Vec<&str> {
        match &arguments.command {
            Some(Command::Script(words)) => words
                .iter()
                .map(|word| word.to_str().expect("the test's words are UTF-8"))
                .collect(),
            other => panic!("not a script: {other:?}"),
        }
    }

    #[test]
    fn what_follows_a_script_belongs_to_it() {
        let arguments = parsed(&["-n", "4", "a.py", "-n", "9", "--help", "cluster", "-c"]);
        assert_eq!(arguments.engines, Some(4));
        assert_eq!(
            script_of(&arguments),
            ["a.py", "-n", "9", "--help", "cluster", "-c"]
        );
    }

    #[test]
    fn what_follows_code_belongs_to_it() {
        let arguments = parsed(&["-c", "pass", "-n", "9", "--version", "cluster", "--", "x"]);
        assert_eq!(arguments.engines, None);
        let code = arguments.code.expect("-c was given");
        assert_eq!(code, ["pass", "-n", "9", "--version", "cluster", "--", "x"]);
    }

    #[test]
    fn what_follows_a_module_belongs_to_it() {
        let arguments = parsed(&["-i", "-m", "json.tool", "-c", "--indent", "2"]);
        assert!(arguments.interactive);
        assert_eq!(
            arguments.module.expect("-m was given"),
            ["json.tool", "-c", "--indent", "2"]
        );
    }

    #[test]
    fn pythons_own_options_stand_before_the_program() {
        let arguments = parsed(&[
            "-B",
            "-uE",
            "-s",
            "-S",
            "-OO",
            "-P",
            "-b",
            "-q",
            "-v",
            "-d",
            "-I",
            "-W",
            "ignore",
            "-Werror::UserWarning",
            "-X",
            "dev",
            "-Xutf8=1",
            "a.py",
            "-B",
            "-W",
        ]);
        assert_eq!(script_of(&arguments), ["a.py", "-B", "-W"]);
        assert!(arguments.python.are_given());
        let switches = arguments.python.into_switches();
        assert!(switches.no_bytecode && switches.unbuffered && switches.ignore_environment);
        assert!(switches.isolated && switches.no_user_site && switches.no_site);
        assert!(switches.safe_path && switches.quiet);
        assert_eq!((switches.optimize, switches.bytes_warning), (2, 1));
        assert_eq!((switches.verbose, switches.debug), (1, 1));
        assert_eq!(switches.warnings, ["ignore", "error::UserWarning"]);
        assert_eq!(switches.extras, ["dev", "utf8=1"]);
        let arguments = parsed(&["-B", "-u", "-c", "print(1)", "-u"]);
        assert_eq!(arguments.code.expect("-c was given"), ["print(1)", "-u"]);
        assert!(!parsed(&["a.py", "-B"]).python.are_given());
    }

    #[test]
    fn a_word_that_is_not_text_is_shown() {
        use std::os::unix::ffi::OsStringExt;

        let odd = OsString::from_vec(b"caf\xe9.py".to_vec());
        let failure = not_text(&["rhumba".into(), odd]).expect("it isn't UTF-8");
        let text = format!("{failure:?}");
        assert!(text.contains("the argument 'caf"), "{text}");
        assert!(text.contains(".py' isn't UTF-8 text"), "{text}");
        assert!(text.contains("status: 2"), "{text}");
        assert!(not_text(&["rhumba".into(), "\u{e9}".into()]).is_none());
    }

    #[test]
    fn a_script_named_as_a_command_is_reached_by_its_path() {
        assert_eq!(
            script_of(&parsed(&["./cluster", "start"])),
            ["./cluster", "start"]
        );
        assert_eq!(script_of(&parsed(&["-"])), ["-"]);
        assert_eq!(script_of(&parsed(&["--", "-odd.py"])), ["-odd.py"]);
    }

    #[test]
    fn commands_are_not_scripts() {
        let arguments = parsed(&["cluster", "start", "-n", "2", "--daemonize"]);
        assert!(matches!(arguments.command, Some(Command::Cluster { .. })));
    }

    #[test]
    fn a_parser_error_becomes_a_sentence() {
        let error = Arguments::try_parse_from(["rhumba", "--engine", "2"]).expect_err("unknown");
        let (sentence, tip) = sentence_and_tip(&error.render().to_string());
        assert_eq!(sentence, "unexpected argument '--engine' found");
        assert_eq!(
            tip.as_deref(),
            Some("a similar argument exists: '--engines'")
        );
        let error = Arguments::try_parse_from(["rhumba", "-n", "0"]).expect_err("no engines");
        let (sentence, _) = sentence_and_tip(&error.render().to_string());
        assert_eq!(
            sentence,
            "invalid value '0' for '--engines <N>': 0 is not in 1..=65536"
        );
    }

    #[test]
    fn a_number_that_will_not_do_is_told_of_as_a_person_would() {
        let said = |words: &[&str]| {
            let words = ["rhumba"].iter().chain(words);
            let error = Arguments::try_parse_from(words).expect_err("it is refused");
            sentence_and_tip(&error.render().to_string()).0
        };
        assert_eq!(
            said(&["-n", "x"]),
            "invalid value 'x' for '--engines <N>': it is a whole number in 1..=65536"
        );
        assert_eq!(
            said(&["-n", "-1"]),
            "invalid value '-1' for '--engines <N>': -1 is not in 1..=65536"
        );
        assert_eq!(
            said(&["cluster", "start", "-n", "-1"]),
            "invalid value '-1' for '--engines <N>': -1 is not in 0..=65536"
        );
        assert_eq!(
            said(&["cluster", "start", "--hwm", "-3"]),
            "invalid value '-3' for '--hwm <N>': -3 is not in 0..=4294967295"
        );
        assert!(said(&["cluster", "start", "--task-records-max", "-3"]).contains("whole number"));
    }

    #[test]
    fn help_is_that_of_the_command_that_was_typed() {
        let shown = |words: &[&str]| {
            let words: Vec<OsString> = words.iter().map(OsString::from).collect();
            help_command(&words)
        };
        assert_eq!(shown(&["rhumba", "-n", "x"]), "rhumba --help");
        assert_eq!(shown(&["rhumba", "a.py", "cluster"]), "rhumba --help");
        assert_eq!(
            shown(&["rhumba", "cluster", "start", "-n", "x"]),
            "rhumba cluster start --help"
        );
        assert_eq!(
            shown(&["rhumba", "cluster", "begin"]),
            "rhumba cluster --help"
        );
    }

    #[test]
    fn the_version_names_the_python_that_is_built_in() {
        let python = format!(
            "(Python {}.{},",
            rustpython_vm::version::MAJOR,
            rustpython_vm::version::MINOR
        );
        assert!(VERSION.contains(&python), "{VERSION} {python}");
    }

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
