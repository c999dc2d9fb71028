//! One process of a cluster, in the foreground: `rhumba controller`, `host` and `engine`.
//!
//! A cluster starts these by itself; by hand they are for machines that something else looks
//! after. What they do is in `rhumba_engine`; here they are handed their Python.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use rhumba_engine::controller::{self, ControllerOptions};
use rhumba_engine::engine::{self, EngineOptions};
use rhumba_engine::host::{self, HostOptions};
use rhumba_engine::tasks::{TaskStoreMode, TaskStoreOptions};
use rhumba_interpreter::runtime::{Runtime, Switches};
use rhumba_proto::id::EngineId;
use rhumba_proto::message::{Placement, Scheduling};

use super::{Failure, Outcome, first_engine_count, number_in, say};
use crate::python::{self, PythonOptions};

#[derive(Debug, Args)]
pub struct ControllerArguments {
    /// Where to write the cluster file that engines and clients join with
    #[arg(long, value_name = "FILE")]
    cluster_file: PathBuf,

    /// End when standard input is closed, which happens when the starting process ends
    #[arg(long, hide = true)]
    lifeline: bool,

    /// Take the listening socket that the starting process made
    #[arg(long, hide = true)]
    inherited_listener: bool,

    #[command(flatten)]
    task_store: TaskStoreArguments,

    #[command(flatten)]
    scheduling: SchedulingArguments,
}

/// Whether and where a cluster keeps what happens to its tasks.
#[derive(Debug, Args)]
pub struct TaskStoreArguments {
    /// Where to keep what happens to tasks: in a 'file', in 'memory', or nowhere ('off')
    #[arg(long, value_name = "PLACE", default_value = "file")]
    task_store: TaskStoreMode,

    /// How many records to keep; the oldest go first [default: 1000000, in memory 100000]
    #[arg(long, value_name = "N", value_parser = whole_number, allow_negative_numbers = true)]
    task_records_max: Option<u64>,

    /// How many bytes of records to keep [default: 2 GiB, in memory 256 MiB]
    #[arg(long, value_name = "BYTES", value_parser = whole_number, allow_negative_numbers = true)]
    task_bytes_max: Option<u64>,
}

impl TaskStoreArguments {
    pub fn options(&self) -> TaskStoreOptions {
        TaskStoreOptions {
            mode: self.task_store,
            records_max: self.task_records_max,
            bytes_max: self.task_bytes_max,
        }
    }
}

/// How a cluster spreads tasks over engines, until a client says otherwise.
#[derive(Debug, Args)]
pub struct SchedulingArguments {
    /// Which engine gets a task: leastload, lru, plainrandom, weighted, twobin or pure
    #[arg(long, value_name = "SCHEME", default_value = "leastload")]
    scheme: Placement,

    /// How many unfinished tasks an engine gets at most; 0: as many as keep it from waiting
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = pieces_max)]
    #[arg(allow_negative_numbers = true)]
    hwm: u32,
}

impl SchedulingArguments {
    pub fn scheduling(&self) -> Scheduling {
        Scheduling {
            placement: self.scheme,
            hwm: self.hwm,
        }
    }
}

#[derive(Debug, Args)]
pub struct HostArguments {
    /// How many engines to start
    #[arg(short = 'n', long = "engines", value_name = "N", value_parser = first_engine_count)]
    #[arg(allow_negative_numbers = true)]
    engines: u32,

    /// The cluster file of the cluster to join
    #[arg(long, value_name = "FILE")]
    cluster_file: PathBuf,

    /// A folder to look for modules in, before those of PYTHONPATH; may be given several times
    #[arg(long = "module-directory", value_name = "FOLDER")]
    module_directories: Vec<PathBuf>,

    /// A cluster started it: it says nothing, and Ctrl-C isn't meant for it
    #[arg(long, hide = true)]
    in_background: bool,
}

#[derive(Debug, Args)]
pub struct EngineArguments {
    /// The cluster file of the cluster to join
    #[arg(long, value_name = "FILE")]
    cluster_file: PathBuf,

    /// A folder to look for modules in, before those of PYTHONPATH; may be given several times
    #[arg(long = "module-directory", value_name = "FOLDER")]
    module_directories: Vec<PathBuf>,
}

fn whole_number(text: &str) -> Result<u64, String> {
    text.parse()
        .map_err(|_| format!("it is a whole number in 0..={}", u64::MAX))
}

fn pieces_max(text: &str) -> Result<u32, String> {
    number_in(0..=u32::MAX, text)
}

/// Runs a controller until its cluster ends.
///
/// # Errors
/// The cluster file or the socket can't be made.
pub fn controller(arguments: ControllerArguments) -> Outcome {
    log_to_stderr();
    crate::start::over();
    controller::run(&ControllerOptions {
        cluster_file: absolute(arguments.cluster_file),
        inherited_listener: arguments.inherited_listener,
        lifeline: arguments.lifeline,
        task_store: arguments.task_store.options(),
        scheduling: arguments.scheduling.scheduling(),
    })
    .map_err(Failure::from_error)?;
    Ok(ExitCode::SUCCESS)
}

/// Runs a host until its cluster ends.
///
/// # Errors
/// The cluster file can't be used, or its controller can't be reached.
pub fn host(arguments: HostArguments) -> Outcome {
    log_to_stderr();
    let options = HostOptions {
        cluster_file: absolute(arguments.cluster_file),
        count: arguments.engines,
        module_directories: arguments.module_directories,
        announce: if arguments.in_background {
            None
        } else {
            Some(announce_host)
        },
    };
    host::run(engine_python(), &options).map_err(Failure::from_error)?;
    Ok(ExitCode::SUCCESS)
}

/// Runs one engine until it is shut down or its cluster ends.
///
/// # Errors
/// The cluster file can't be used, or its controller can't be reached.
pub fn engine(arguments: EngineArguments) -> Outcome {
    log_to_stderr();
    let options = EngineOptions {
        cluster_file: absolute(arguments.cluster_file),
        host: None,
        module_directories: arguments.module_directories,
        announce: Some(announce_engine),
    };
    let Err(error) = engine::run(engine_python(), &options);
    Err(Failure::from_error(error))
}

fn announce_host(engines: u32, cluster_id: &str) {
    let pid = std::process::id();
    let engines = match engines {
        1 => "1 engine".to_owned(),
        count => format!("{count} engines"),
    };
    // Whoever can't read it isn't told; the host runs all the same.
    let _ = say(&format!(
        "host of {engines} of cluster '{cluster_id}' (pid {pid}); Ctrl-C ends it and them\n"
    ));
}

fn announce_engine(engine: EngineId, cluster_id: &str) {
    let (EngineId(number), pid) = (engine, std::process::id());
    // As for a host.
    let _ = say(&format!(
        "engine {number} of cluster '{cluster_id}' (pid {pid}); Ctrl-C ends it\n"
    ));
}

/// A Python for what engines run.
fn engine_python() -> Runtime {
    python::build(PythonOptions {
        argv: vec![String::new()],
        interactive: false,
        switches: Switches::default(),
    })
}

/// What a process of a cluster says of itself goes to its stderr, which a cluster keeps in a log.
fn log_to_stderr() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("RHUMBA_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(|| rhumba_engine::engine::Log)
        .with_ansi(false)
        // Where a log can't be written, as on a full disk, that must not end who writes it.
        .log_internal_errors(false)
        .init();
}

/// A path that stays the same when code changes the working folder.
fn absolute(path: PathBuf) -> PathBuf {
    std::path::absolute(&path).unwrap_or(path)
}
