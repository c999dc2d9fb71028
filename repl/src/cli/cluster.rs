//! `rhumba cluster start`, `stop` and `list`: what a person needs to know of clusters.
//!
//! The processes themselves are started, found and stopped by `rhumba_engine::cluster`; here are
//! only the words, the table, the JSON and the wait for Ctrl-C.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use rhumba_engine::cluster::{self, ClusterDescription, StartOptions, StartedCluster};
use rhumba_engine::cluster_file::{self, ClusterFileError, DEFAULT_CLUSTER_ID};
use serde_json::{Value, json};

use super::policy::PolicyArguments;
use super::process::{SchedulingArguments, TaskStoreArguments};
use super::run::{ENGINES_TIMEOUT, executable, working_directory};
use super::stop_signal::{StopSignal, Wakeup};
use super::{Failure, Outcome, first_engine_count, say};

/// The exit status of a command that Ctrl-C has ended, as a shell has it.
const STATUS_INTERRUPTED: u8 = 130;

#[derive(Debug, Subcommand)]
pub enum ClusterCommand {
    /// Start a controller and N engines, and keep them until Ctrl-C
    Start(StartArguments),
    /// Stop a cluster: the only one that runs, or the one named by its id
    Stop(StopArguments),
    /// List the clusters of this user on this machine
    List(ListArguments),
}

#[derive(Debug, Args)]
pub struct StartArguments {
    /// How many engines to start; with 0, they are added later [default: as many as this machine
    /// has processors]
    #[arg(short = 'n', long = "engines", value_name = "N", value_parser = first_engine_count)]
    #[arg(allow_negative_numbers = true)]
    engines: Option<u32>,

    /// Return once the engines are there, and leave the cluster running
    #[arg(long)]
    daemonize: bool,

    /// The id of the cluster, for `cluster stop ID` and `Client(cluster_id=ID)`
    #[arg(long, value_name = "ID")]
    cluster_id: Option<String>,

    #[command(flatten)]
    task_store: TaskStoreArguments,

    #[command(flatten)]
    scheduling: SchedulingArguments,

    #[command(flatten)]
    policy: PolicyArguments,
}

#[derive(Debug, Args)]
pub struct StopArguments {
    /// The cluster to stop
    #[arg(value_name = "ID", conflicts_with = "all")]
    cluster_id: Option<String>,

    /// Stop every cluster of this user on this machine, but those that belong to one process
    #[arg(long)]
    all: bool,
}

#[derive(Debug, Args)]
pub struct ListArguments {
    /// Print a JSON list: of each cluster its id, state, controller and engines
    #[arg(long)]
    json: bool,
}

/// Runs one of the commands.
///
/// # Errors
/// As the command itself; each is a sentence with what to do.
pub fn run(command: ClusterCommand) -> Outcome {
    match command {
        ClusterCommand::Start(arguments) => start(arguments),
        ClusterCommand::Stop(arguments) => stop(&arguments),
        ClusterCommand::List(arguments) => list(&arguments),
    }
}

fn start(arguments: StartArguments) -> Outcome {
    let count = arguments.engines.unwrap_or_else(processor_count);
    let policy = arguments.policy.policy().map_err(Failure::usage)?;
    // From here on Ctrl-C waits its turn, so that it never leaves half a cluster behind.
    let signal = StopSignal::install()?;
    let mut started = cluster::start(&StartOptions {
        count,
        cluster_id: Some(
            arguments
                .cluster_id
                .unwrap_or_else(|| DEFAULT_CLUSTER_ID.to_owned()),
        ),
        module_directories: Vec::new(),
        working_directory: working_directory()?,
        daemonize: arguments.daemonize,
        task_store: arguments.task_store.options(),
        scheduling: arguments.scheduling.scheduling(),
        executable: executable()?,
    })
    .map_err(Failure::from_error)?;
    let ready = started
        .wait_for_engines_unless(ENGINES_TIMEOUT, || signal.has_arrived())
        .and_then(|there| match policy {
            Some(policy) if there => started.set_policy(policy).map(|()| there),
            _ => Ok(there),
        });
    match ready {
        Ok(true) => {}
        Ok(false) => {
            say(&stopping(&started))?;
            started.stop().map_err(Failure::from_error)?;
            return Ok(ExitCode::from(STATUS_INTERRUPTED));
        }
        Err(error) => {
            let failure = Failure::from_error(error);
            // The first failure is the one to tell.
            let _ = started.stop();
            return Err(failure);
        }
    }
    say(&introduction(&started, count, arguments.daemonize))?;
    if arguments.daemonize {
        started.detach();
        return Ok(ExitCode::SUCCESS);
    }
    match signal.wait_for_signal_or_end_of(started.controller_pid())? {
        Wakeup::Signal => {
            say(&stopping(&started))?;
            started.stop().map_err(Failure::from_error)?;
            Ok(ExitCode::SUCCESS)
        }
        Wakeup::ProcessEnded => ended_by_itself(&started),
    }
}

fn stopping(started: &StartedCluster) -> String {
    format!("\nStopping cluster '{}' …\n", started.cluster_id())
}

/// Tells a cluster that was stopped from elsewhere from one that broke.
fn ended_by_itself(started: &StartedCluster) -> Outcome {
    if started.cluster_file().exists() {
        return Err(Failure::new(format_args!(
            "the controller of cluster '{}' (pid {}) ended by itself",
            started.cluster_id(),
            started.controller_pid()
        ))
        .hint(started.last_words()));
    }
    say(&format!(
        "Cluster '{}' was stopped.\n",
        started.cluster_id()
    ))?;
    Ok(ExitCode::SUCCESS)
}

fn introduction(started: &StartedCluster, count: u32, daemonize: bool) -> String {
    let id = started.cluster_id();
    let engines = if count == 1 { "engine" } else { "engines" };
    let connect = if id == DEFAULT_CLUSTER_ID {
        "rc = ipp.Client()".to_owned()
    } else {
        format!("rc = ipp.Client(cluster_id={id:?})")
    };
    let stop = if id == DEFAULT_CLUSTER_ID {
        "rhumba cluster stop".to_owned()
    } else {
        format!("rhumba cluster stop {id}")
    };
    let stop = if daemonize {
        stop
    } else {
        format!("Ctrl-C here, or: {stop}")
    };
    let host = started
        .host_pid()
        .map_or_else(String::new, |pid| format!("  host        pid {pid}\n"));
    format!(
        "Cluster '{id}' is running with {count} {engines}.\n\
         \x20 controller  pid {}\n\
         {host}\
         \x20 logs        {}\n\
         \x20 connect     import ipyparallel as ipp; {connect}\n\
         \x20 stop        {stop}\n",
        started.controller_pid(),
        started.log_directory().display(),
    )
}

fn stop(arguments: &StopArguments) -> Outcome {
    let files = if arguments.all {
        let mut files = cluster_file::all_cluster_files().map_err(Failure::from_error)?;
        files.retain(|file| !cluster_file::belongs_to_another(file));
        files
    } else {
        let file = cluster_file::find_cluster_file(arguments.cluster_id.as_deref());
        vec![file.map_err(nothing_to_stop)?]
    };
    if files.is_empty() {
        say("No cluster is running.\n")?;
    }
    let mut first_failure = None;
    for file in files {
        match cluster::stop(&file) {
            Ok(id) => say(&format!("Stopped cluster '{id}'.\n"))?,
            // One cluster that can't be stopped doesn't keep the others running.
            Err(error) => first_failure = first_failure.or(Some(Failure::from_error(error))),
        }
    }
    match first_failure {
        Some(failure) => Err(failure),
        None => Ok(ExitCode::SUCCESS),
    }
}

/// Says why there is no cluster to stop; who stops one doesn't want to start one.
fn nothing_to_stop(error: ClusterFileError) -> Failure {
    let failure = Failure::from_error(&error);
    match error {
        ClusterFileError::NoCluster { .. } => {
            failure.hint("`rhumba cluster list` shows the clusters that there are")
        }
        _ => failure,
    }
}

fn list(arguments: &ListArguments) -> Outcome {
    let clusters = cluster::list().map_err(Failure::from_error)?;
    if arguments.json {
        let list: Vec<Value> = clusters.iter().map(as_json).collect();
        say(&format!("{:#}\n", Value::Array(list)))?;
    } else if clusters.is_empty() {
        say("No cluster is running. Start one with: rhumba cluster start -n 4\n")?;
    } else {
        say(&table(&clusters))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn as_json(cluster: &ClusterDescription) -> Value {
    let engines: Vec<Value> = cluster
        .engines
        .iter()
        .map(|engine| json!({"id": engine.id, "pid": engine.pid, "state": engine.state}))
        .collect();
    let mut described = json!({
        "id": cluster.id,
        "state": cluster.state.name(),
        "controller": {"pid": cluster.controller_pid},
        "engines": engines,
    });
    if let Some(pid) = cluster.owner_pid {
        described["owner"] = json!({"pid": pid});
    }
    if let Some(problem) = &cluster.problem {
        described["problem"] = json!(problem);
    }
    described
}

fn table(clusters: &[ClusterDescription]) -> String {
    let rows = clusters.iter().map(|cluster| {
        [
            cluster.id.clone(),
            cluster.state.name().to_owned(),
            cluster
                .controller_pid
                .map_or_else(|| "-".to_owned(), |pid| pid.to_string()),
            match cluster.owner_pid {
                Some(pid) => format!("{} (of process {pid} alone)", cluster.engines.len()),
                None => cluster.engines.len().to_string(),
            },
        ]
    });
    let heading = ["CLUSTER ID", "STATE", "CONTROLLER PID", "ENGINES"].map(str::to_owned);
    let rows: Vec<[String; 4]> = std::iter::once(heading).chain(rows).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let widths = [width(0), width(1), width(2)];
    let mut text = String::new();
    for [id, state, pid, engines] in &rows {
        text.push_str(&format!(
            "{id:<0$}  {state:<1$}  {pid:<2$}  {engines}\n",
            widths[0], widths[1], widths[2]
        ));
    }
    for problem in clusters
        .iter()
        .filter_map(|cluster| cluster.problem.as_ref())
    {
        text.push_str(&format!("{problem}\n"));
    }
    text
}

fn processor_count() -> u32 {
    std::thread::available_parallelism()
        .ok()
        .and_then(|count| u32::try_from(count.get()).ok())
        .unwrap_or(1)
}
