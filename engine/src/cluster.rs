//! Starts, finds and stops clusters: one controller, and one host whose engines
//! are forked from it, be they none at first.
//!
//! Whoever starts a cluster makes the socket and the cluster file, so that
//! everybody can dial at once and nobody polls. The controller holds a
//! lifeline to its owner: when the owner ends, however it ends, so does the
//! cluster. The processes themselves are [`crate::controller`] and [`crate::host`].

mod listening;
mod remains;
mod start_lock;

use crate::client::{Client, ClientError};
use crate::cluster_file::{
    self, CLUSTER_FILE_NAME, CLUSTER_FILE_VARIABLE, CLUSTER_FILE_VERSION, ClusterFile,
    ClusterFileError,
};
use crate::home;
use crate::socket::ConnectionError;
use crate::tasks::{TaskStoreMode, TaskStoreOptions};
pub(crate) use listening::{bind, fits_a_socket, short_socket_path, socket_path};
pub(crate) use remains::{machine, remove_remains};
use rhumba_proto::id::EngineId;
use rhumba_proto::message::{Answer, FromClient, Policy, Scheduling};
use start_lock::StartLock;
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

/// The file descriptor at which a controller finds a socket made for it.
pub const LISTENER_FD: i32 = 3;

/// How long a controller is given to answer, and a cluster to end.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a look at the engines takes at most, before what ends the wait for them is looked at.
const ENGINES_SLICE: Duration = Duration::from_millis(100);

/// What to start.
#[derive(Clone, Debug)]
pub struct StartOptions {
    pub count: u32,
    /// `None`: a free id is made up. The cluster is found by its file, and
    /// belongs to this process alone, unless it outlives it.
    pub cluster_id: Option<String>,
    pub working_directory: PathBuf,
    /// Folders that engines look for modules in, before `PYTHONPATH`.
    pub module_directories: Vec<PathBuf>,
    /// The cluster goes on when this process ends.
    pub daemonize: bool,
    /// Whether and where it is kept what happens to tasks. In a file that is
    /// removed with the cluster if that has no id by which it is known later.
    pub task_store: TaskStoreOptions,
    /// How tasks are spread over engines, until a client says otherwise.
    pub scheduling: Scheduling,
    /// The program that is run again for each process of the cluster.
    pub executable: PathBuf,
}

/// Why a cluster can't be started, found or stopped. Each is a sentence.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    #[error(transparent)]
    ClusterFile(#[from] ClusterFileError),
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error(
        "a cluster with the id {0:?} is running already; stop it with: rhumba cluster stop {0}, or choose another --cluster-id"
    )]
    Running(String),
    #[error(
        "another start of a cluster has not ended within {seconds} s; see what goes on with: rhumba cluster list"
    )]
    StartGoesOn { seconds: u64 },
    #[error("there is no folder {path} for the cluster to work in; name one that is there")]
    WorkingDirectory { path: String },
    #[error("{program} can't be started: {source}")]
    Spawn { program: String, source: io::Error },
    #[error("only {there} of {wanted} engines came within {seconds} s; {said}")]
    EnginesMissing {
        there: usize,
        wanted: u32,
        seconds: u64,
        /// What the logs end with.
        said: String,
    },
    #[error("the cluster ended while it was starting ({cause}); {said}")]
    EndedEarly { cause: String, said: String },
    #[error("the cluster {id:?} did not end within {seconds} s; its controller is process {pid}")]
    Lingers { id: String, seconds: u64, pid: u32 },
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// A cluster that this process started. Dropping it stops it, unless it was
/// daemonized. In a child that the process forks it does nothing.
pub struct StartedCluster {
    /// The process that started it.
    starter_pid: u32,
    cluster: ClusterFile,
    cluster_file: PathBuf,
    controller: Child,
    host: Option<Child>,
    /// Its other end is the controller's standard input.
    lifeline: Option<OwnedFd>,
    daemonized: bool,
    count: u32,
    /// How long its logs were when it was started.
    log_lengths: [u64; 2],
}

/// A cluster as `cluster list` shows it.
#[derive(Clone, Debug)]
pub struct ClusterDescription {
    pub id: String,
    pub state: ClusterState,
    /// `None`: its file does not tell.
    pub controller_pid: Option<u32>,
    /// The process to which it belongs alone, if it belongs to one.
    pub owner_pid: Option<u32>,
    pub cluster_file: PathBuf,
    /// Why it can't be used, where it can't.
    pub problem: Option<String>,
    pub engines: Vec<EngineDescription>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClusterState {
    Running,
    /// The file is there, its controller is not.
    Stale,
    /// The controller did not answer, or not so that this program understands.
    Unresponsive,
    /// The cluster file can't be used.
    Unusable,
}

impl ClusterState {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Stale => "stale",
            Self::Unresponsive => "unresponsive",
            Self::Unusable => "unusable",
        }
    }
}

#[derive(Clone, Debug)]
pub struct EngineDescription {
    pub id: u32,
    pub pid: u32,
    /// `busy` or `idle`.
    pub state: &'static str,
}

/// Starts a controller and a host with `count` engines. Returns when both
/// processes run; engines join within the next moments.
///
/// # Errors
/// If a cluster of that id runs, or something can't be created or started.
pub fn start(options: &StartOptions) -> Result<StartedCluster, ClusterError> {
    if !options.working_directory.is_dir() {
        return Err(ClusterError::WorkingDirectory {
            path: path_text(&options.working_directory),
        });
    }
    let cluster_id = match &options.cluster_id {
        Some(id) => id.clone(),
        None => remains::made_up_id(unix_time().subsec_nanos()),
    };
    let directory = cluster_file::cluster_directory(&cluster_id)?;
    home::create_directory(&home::home_directory()?)?;
    home::create_private_directory(&home::clusters_directory()?)?;
    remains::remove_orphans();
    let lock = StartLock::take(ANSWER_TIMEOUT)?.ok_or(ClusterError::StartGoesOn {
        seconds: ANSWER_TIMEOUT.as_secs(),
    })?;
    make_way(&directory.join(CLUSTER_FILE_NAME), &cluster_id)?;
    let mut started = start_controller(options, cluster_id, &directory)?;
    let completed = started.complete(options);
    // What is left of it now is removed under the lock, too.
    drop(lock);
    if let Err(error) = completed {
        started.abandon();
        return Err(error);
    }
    Ok(started)
}

/// Removes what a dead cluster has left under an id.
fn make_way(cluster_file: &Path, cluster_id: &str) -> Result<(), ClusterError> {
    if !cluster_file.exists() {
        return Ok(());
    }
    let cluster = ClusterFile::read(cluster_file)?;
    match describe(cluster_file).state {
        ClusterState::Stale => {
            remains::remove_remains_locked(cluster_file, cluster.controller_pid);
            Ok(())
        }
        _ => Err(ClusterError::Running(cluster_id.to_owned())),
    }
}

/// Starts the controller of a cluster that nobody can find yet.
fn start_controller(
    options: &StartOptions,
    cluster_id: String,
    directory: &Path,
) -> Result<StartedCluster, ClusterError> {
    let cluster_file = directory.join(CLUSTER_FILE_NAME);
    let log_directory = directory.join("log");
    home::create_private_directory(directory)?;
    home::create_private_directory(&log_directory)?;
    let log_lengths = remains::log_lengths(&log_directory);
    let socket = socket_path(directory)?;
    let listener = bind(&socket)?;

    let (lifeline_read, lifeline) =
        rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).map_err(io::Error::from)?;
    let mut arguments = vec![
        "controller".into(),
        "--cluster-file".into(),
        path_text(&cluster_file),
    ];
    arguments.push("--inherited-listener".into());
    arguments.extend(task_store_arguments(options));
    arguments.extend(scheduling_arguments(options.scheduling));
    let standard_input = if options.daemonize {
        Stdio::null()
    } else {
        arguments.push("--lifeline".into());
        Stdio::from(lifeline_read)
    };
    let log = log_file(&log_directory, "controller.log")?;
    let controller = spawn(
        options,
        &arguments,
        standard_input,
        log,
        Some(&listener),
        None,
    )?;
    let is_private = options.cluster_id.is_none() && !options.daemonize;
    let cluster = ClusterFile {
        version: CLUSTER_FILE_VERSION,
        cluster_id,
        socket,
        controller_pid: controller.id(),
        started_s: unix_time().as_secs(),
        working_directory: options.working_directory.clone(),
        log_directory,
        owner_pid: is_private.then(std::process::id),
        machine: machine(),
    };
    Ok(StartedCluster {
        starter_pid: std::process::id(),
        cluster,
        cluster_file,
        controller,
        host: None,
        lifeline: (!options.daemonize).then_some(lifeline),
        daemonized: options.daemonize,
        count: options.count,
        log_lengths,
    })
}

impl StartedCluster {
    #[must_use]
    pub fn cluster_file(&self) -> &Path {
        &self.cluster_file
    }

    #[must_use]
    pub fn cluster_id(&self) -> &str {
        &self.cluster.cluster_id
    }

    #[must_use]
    pub fn controller_pid(&self) -> u32 {
        self.cluster.controller_pid
    }

    #[must_use]
    pub fn host_pid(&self) -> Option<u32> {
        self.host.as_ref().map(Child::id)
    }

    #[must_use]
    pub fn log_directory(&self) -> &Path {
        &self.cluster.log_directory
    }

    /// Says what its processes have logged last, for whoever asks why it ended.
    #[must_use]
    pub fn last_words(&self) -> String {
        remains::last_words(&self.cluster.log_directory, self.log_lengths, true)
    }

    /// Waits until all engines are there.
    ///
    /// # Errors
    /// If they are not within `timeout`, or the host or the controller ends.
    pub fn wait_for_engines(&mut self, timeout: Duration) -> Result<(), ClusterError> {
        self.wait_for_engines_unless(timeout, || false).map(drop)
    }

    /// Waits until all engines are there, or `is_unwanted` says that nobody wants
    /// them any more. Returns whether they are there.
    ///
    /// # Errors
    /// As [`wait_for_engines`](Self::wait_for_engines).
    pub fn wait_for_engines_unless(
        &mut self,
        timeout: Duration,
        mut is_unwanted: impl FnMut() -> bool,
    ) -> Result<bool, ClusterError> {
        let client = Client::connect(&self.cluster_file, "starter", timeout)?;
        let deadline = Instant::now() + timeout;
        let wanted = self.count as usize;
        let (directory, lengths) = (self.cluster.log_directory.clone(), self.log_lengths);
        let said = |controller_first| remains::last_words(&directory, lengths, controller_first);
        // In slices, so that a host that ends early is seen.
        while !client.wait_for_engines(wanted, ENGINES_SLICE) {
            if is_unwanted() {
                return Ok(false);
            }
            if let Some(cause) = client.ended() {
                let said = said(true);
                return Err(ClusterError::EndedEarly { cause, said });
            }
            if let Some(host) = &mut self.host
                && let Some(status) = host.try_wait()?
            {
                let cause = format!("its host ended with {status}");
                let said = said(false);
                return Err(ClusterError::EndedEarly { cause, said });
            }
            if Instant::now() >= deadline {
                return Err(ClusterError::EnginesMissing {
                    there: client.engines().len(),
                    wanted: self.count,
                    seconds: timeout.as_secs(),
                    said: said(false),
                });
            }
        }
        Ok(true)
    }

    /// Says when engines are saved, and whether those that die are replaced.
    ///
    /// # Errors
    /// If the controller can't be asked.
    pub fn set_policy(&self, policy: Policy) -> Result<(), ClusterError> {
        let client = Client::connect(&self.cluster_file, "starter", ANSWER_TIMEOUT)?;
        client.set_policy(policy, ANSWER_TIMEOUT)?;
        Ok(())
    }

    /// Stops the cluster and waits until its processes have ended.
    ///
    /// # Errors
    /// If they can't be waited for.
    pub fn stop(mut self) -> Result<(), ClusterError> {
        if self.daemonized && !self.is_of_a_parent() {
            // It has no lifeline to end by.
            return stop(&self.cluster_file).map(drop);
        }
        self.end()
    }

    /// Waits until the controller ends by itself.
    ///
    /// # Errors
    /// If it can't be waited for.
    pub fn wait(mut self) -> Result<(), ClusterError> {
        self.controller.wait()?;
        self.end()
    }

    /// Lets go of a daemonized cluster: it runs on when this process ends.
    pub fn detach(mut self) {
        self.daemonized = true;
        self.lifeline = None;
    }

    /// Writes the cluster file and starts the host.
    fn complete(&mut self, options: &StartOptions) -> Result<(), ClusterError> {
        self.cluster.write(&self.cluster_file)?;
        let mut arguments = vec!["host".into(), "-n".into(), options.count.to_string()];
        arguments.push("--in-background".into());
        arguments.extend(["--cluster-file".into(), path_text(&self.cluster_file)]);
        for directory in &options.module_directories {
            arguments.extend(["--module-directory".into(), path_text(directory)]);
        }
        let log = log_file(&self.cluster.log_directory, "engines.log")?;
        // What runs on engines finds their own cluster, which nobody else finds.
        let own = self.cluster.owner_pid.map(|_| self.cluster_file.as_path());
        self.host = Some(spawn(options, &arguments, Stdio::null(), log, None, own)?);
        Ok(())
    }

    /// Ends a cluster that could not be started wholly, so that nothing is left.
    fn abandon(&mut self) {
        // Fails only where it has ended already.
        let _ = self.controller.kill();
        let _ = self.controller.wait();
        let _ = std::fs::remove_file(&self.cluster.socket);
        remove_remains(&self.cluster_file, self.cluster.controller_pid);
        self.daemonized = true;
    }

    /// Whether this process was forked from the one that started the cluster.
    fn is_of_a_parent(&self) -> bool {
        self.starter_pid != std::process::id()
    }

    fn end(&mut self) -> Result<(), ClusterError> {
        if self.is_of_a_parent() {
            return Ok(());
        }
        // The controller sees its lifeline end, and takes everybody with it. What is written tells
        // that it is on purpose; it fails only where the controller has ended already.
        if let Some(lifeline) = self.lifeline.take() {
            let _ = rustix::io::write(&lifeline, b".");
        }
        if self.daemonized {
            return Ok(());
        }
        wait_bounded(&mut self.controller)?;
        if let Some(host) = &mut self.host {
            wait_bounded(host)?;
        }
        remove_remains(&self.cluster_file, self.cluster.controller_pid);
        Ok(())
    }
}

impl Drop for StartedCluster {
    fn drop(&mut self) {
        // A cluster that can't be waited for ends by its lifeline all the same.
        let _ = self.end();
    }
}

/// Returns how a controller is told of its task store.
fn task_store_arguments(options: &StartOptions) -> Vec<String> {
    let TaskStoreOptions {
        mode,
        records_max,
        bytes_max,
    } = options.task_store;
    let mode = match mode {
        TaskStoreMode::File if options.cluster_id.is_none() => TaskStoreMode::Temporary,
        mode => mode,
    };
    let mut arguments = vec!["--task-store".to_owned(), mode.name().to_owned()];
    for (option, limit) in [
        ("--task-records-max", records_max),
        ("--task-bytes-max", bytes_max),
    ] {
        if let Some(limit) = limit {
            arguments.extend([option.to_owned(), limit.to_string()]);
        }
    }
    arguments
}

/// Returns how a controller is told how to spread tasks.
fn scheduling_arguments(scheduling: Scheduling) -> [String; 4] {
    let Scheduling { placement, hwm } = scheduling;
    [
        "--scheme".to_owned(),
        placement.name().to_owned(),
        "--hwm".to_owned(),
        hwm.to_string(),
    ]
}

/// Waits for a process that was told to end; kills it if it does not.
fn wait_bounded(child: &mut Child) -> io::Result<()> {
    if child.try_wait()?.is_some() {
        return Ok(());
    }
    if let Some(process) = ProcessHandle::open(child.id())
        && !process.wait(ANSWER_TIMEOUT)?
    {
        child.kill()?;
    }
    child.wait()?;
    Ok(())
}

/// A process that may be anybody's child, to wait for its end.
struct ProcessHandle(OwnedFd);

impl ProcessHandle {
    /// `None`: there is no such process.
    fn open(pid: u32) -> Option<Self> {
        let pid = rustix::process::Pid::from_raw(pid.cast_signed())?;
        rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty())
            .ok()
            .map(Self)
    }

    /// Asks it to end.
    fn terminate(&self) -> io::Result<()> {
        match rustix::process::pidfd_send_signal(&self.0, rustix::process::Signal::TERM) {
            // It has ended by itself.
            Err(rustix::io::Errno::SRCH) => Ok(()),
            sent => sent.map_err(io::Error::from),
        }
    }

    /// Waits for its end, at most for `timeout`. Returns whether it has ended.
    fn wait(&self, timeout: Duration) -> io::Result<bool> {
        let deadline = Instant::now() + timeout;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let timeout = rustix::event::Timespec {
                tv_sec: left.as_secs().cast_signed(),
                tv_nsec: left.subsec_nanos().into(),
            };
            let mut waited = [rustix::event::PollFd::new(
                &self.0,
                rustix::event::PollFlags::IN,
            )];
            match rustix::event::poll(&mut waited, Some(&timeout)) {
                Err(rustix::io::Errno::INTR) => {}
                other => return Ok(other? > 0),
            }
        }
    }
}

/// Stops the cluster that a cluster file names, whoever started it, and
/// removes what a dead one left. Returns its id.
///
/// # Errors
/// If there is none, it can't be asked, or does not end in time.
pub fn stop(cluster_file: &Path) -> Result<String, ClusterError> {
    let cluster = ClusterFile::read(cluster_file)?;
    let client = match Client::connect(cluster_file, "stopper", ANSWER_TIMEOUT) {
        Ok(client) => client,
        Err(ClientError::Connection(ConnectionError::Stale { .. })) => {
            return stop_unreachable(cluster_file, cluster);
        }
        Err(error) => return Err(error.into()),
    };
    // The controller ends last, after engines and hosts.
    let controller = ProcessHandle::open(cluster.controller_pid);
    let ask = |query| FromClient::Shutdown {
        query,
        targets: Vec::new(),
        cluster: true,
    };
    client.query(ask, ANSWER_TIMEOUT)?;
    let ended = match controller {
        Some(controller) => controller.wait(ANSWER_TIMEOUT)?,
        None => true,
    };
    after_its_end(ended, cluster_file, cluster)
}

/// Stops a cluster at whose socket nobody answers: its controller may be gone,
/// or only the socket.
fn stop_unreachable(cluster_file: &Path, cluster: ClusterFile) -> Result<String, ClusterError> {
    let controller = remains::running_controller(cluster_file, cluster.controller_pid);
    let ended = match controller {
        Some(controller) => {
            controller.terminate()?;
            controller.wait(ANSWER_TIMEOUT)?
        }
        None => true,
    };
    after_its_end(ended, cluster_file, cluster)
}

fn after_its_end(
    ended: bool,
    cluster_file: &Path,
    cluster: ClusterFile,
) -> Result<String, ClusterError> {
    if !ended {
        return Err(ClusterError::Lingers {
            id: cluster.cluster_id,
            seconds: ANSWER_TIMEOUT.as_secs(),
            pid: cluster.controller_pid,
        });
    }
    remove_remains(cluster_file, cluster.controller_pid);
    Ok(cluster.cluster_id)
}

/// Returns whether the controller of a cluster file runs, be it that its socket is gone.
pub(crate) fn controller_runs(cluster_file: &Path, cluster: &ClusterFile) -> bool {
    std::os::unix::net::UnixStream::connect(&cluster.socket).is_ok()
        || remains::running_controller(cluster_file, cluster.controller_pid).is_some()
}

/// Describes every cluster of this user, ordered by id. What those have left that
/// belonged to a process that is gone is removed.
///
/// # Errors
/// If the clusters' folder can't be listed. A cluster that can't be used or does
/// not answer is described as such.
pub fn list() -> Result<Vec<ClusterDescription>, ClusterError> {
    remains::remove_orphans();
    let files = cluster_file::all_cluster_files()?;
    Ok(files.iter().map(|path| describe(path)).collect())
}

/// Describes the cluster of a file; one that can't be used is described as such.
fn describe(cluster_file: &Path) -> ClusterDescription {
    let folder = cluster_file.parent().and_then(Path::file_name);
    let mut description = ClusterDescription {
        id: folder.unwrap_or_default().to_string_lossy().into_owned(),
        state: ClusterState::Running,
        controller_pid: None,
        owner_pid: None,
        cluster_file: cluster_file.to_owned(),
        problem: None,
        engines: Vec::new(),
    };
    let cluster = match ClusterFile::read(cluster_file) {
        Ok(cluster) => cluster,
        Err(error) => {
            description.state = ClusterState::Unusable;
            description.problem = Some(error.to_string());
            return description;
        }
    };
    description.id = cluster.cluster_id;
    description.controller_pid = Some(cluster.controller_pid);
    description.owner_pid = cluster.owner_pid;
    let timeout = Duration::from_secs(2);
    let described = Client::connect(cluster_file, "list", timeout)
        .and_then(|client| describe_engines(&client, timeout));
    match described {
        Ok(engines) => description.engines = engines,
        Err(ClientError::Connection(error @ ConnectionError::Stale { .. })) => {
            let pid = cluster.controller_pid;
            if remains::running_controller(cluster_file, pid).is_some() {
                description.state = ClusterState::Unresponsive;
                description.problem = Some(format!(
                    "nothing answers at the socket of cluster {0:?}, though its controller (pid {pid}) runs; stop it with: rhumba cluster stop {0}",
                    description.id
                ));
            } else {
                description.state = ClusterState::Stale;
                description.problem = Some(error.to_string());
            }
        }
        Err(error) => {
            description.state = ClusterState::Unresponsive;
            description.problem = Some(error.to_string());
        }
    }
    description
}

fn describe_engines(
    client: &Client,
    timeout: Duration,
) -> Result<Vec<EngineDescription>, ClientError> {
    let targets = Vec::new();
    let answer = client.query(
        |query| FromClient::QueueStatus {
            query,
            targets,
            verbose: false,
        },
        timeout,
    )?;
    let Answer::Queues {
        engines: queues, ..
    } = answer
    else {
        return Ok(Vec::new());
    };
    let pids: BTreeMap<EngineId, u32> = client.engines().into_iter().collect();
    let described = queues.iter().filter_map(|queue| {
        let (&engine, &pid) = pids.get_key_value(&queue.engine)?;
        let state = if queue.queue + queue.tasks > 0 {
            "busy"
        } else {
            "idle"
        };
        Some(EngineDescription {
            id: engine.0,
            pid,
            state,
        })
    });
    Ok(described.collect())
}

/// Returns the name of the folder that a cluster file is in: the id of its cluster.
pub(crate) fn folder_name(cluster_file: &Path) -> String {
    let folder = cluster_file.parent().and_then(Path::file_name);
    let name = folder.and_then(|name| name.to_str());
    name.unwrap_or(cluster_file::DEFAULT_CLUSTER_ID).to_owned()
}

/// Runs this program again, in a process group of its own so that Ctrl-C at
/// the terminal does not reach it.
fn spawn(
    options: &StartOptions,
    arguments: &[String],
    standard_input: Stdio,
    log: File,
    listener: Option<&UnixListener>,
    own_cluster_file: Option<&Path>,
) -> Result<Child, ClusterError> {
    let mut command = Command::new(&options.executable);
    command
        .args(arguments)
        .current_dir(&options.working_directory)
        .stdin(standard_input)
        .stdout(log.try_clone()?)
        .stderr(log)
        .process_group(0);
    if let Some(cluster_file) = own_cluster_file {
        command.env(CLUSTER_FILE_VARIABLE, cluster_file);
    }
    if let Some(listener) = listener {
        let listener_fd = listener.as_raw_fd();
        // SAFETY: between fork and exec, only dup2 and fcntl are called, which
        // are async-signal-safe; `listener` outlives the spawn.
        unsafe {
            command.pre_exec(move || {
                let result = if listener_fd == LISTENER_FD {
                    libc::fcntl(LISTENER_FD, libc::F_SETFD, 0)
                } else {
                    libc::dup2(listener_fd, LISTENER_FD)
                };
                if result < 0 {
                    Err(io::Error::last_os_error())
                } else {
                    Ok(())
                }
            });
        }
    }
    command.spawn().map_err(|source| ClusterError::Spawn {
        program: options.executable.display().to_string(),
        source,
    })
}

fn log_file(directory: &Path, name: &str) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    let path = directory.join(name);
    File::options()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(&path)
        .map_err(|error| {
            let text = format!("the log {} can't be written: {error}", path.display());
            io::Error::new(error.kind(), text)
        })
}

fn path_text(path: &Path) -> String {
    path.display().to_string()
}

fn unix_time() -> Duration {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
}
