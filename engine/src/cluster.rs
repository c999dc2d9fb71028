//! Starts, finds and stops clusters: one controller, and one host whose engines
//! are forked from it, be they none at first.
//!
//! Whoever starts a cluster makes the socket and the cluster file, so that
//! everybody can dial at once and nobody polls. The controller holds a
//! lifeline to its owner: when the owner ends, however it ends, so does the
//! cluster. The processes themselves are [`crate::controller`] and [`crate::host`].

use crate::client::{Client, ClientError};
use crate::cluster_file::{
    self, CLUSTER_FILE_NAME, CLUSTER_FILE_VERSION, ClusterFile, ClusterFileError,
};
use crate::home;
use crate::socket::ConnectionError;
use crate::tasks::{TaskStoreMode, TaskStoreOptions};
use rhumba_proto::id::EngineId;
use rhumba_proto::message::{Answer, FromClient, Policy, Scheduling};
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

/// The longest path that a Unix socket can have, in bytes.
const SOCKET_PATH_BYTES_MAX: usize = 107;

/// What to start.
#[derive(Clone, Debug)]
pub struct StartOptions {
    pub count: u32,
    /// `None`: a free id is made up; the cluster is found by its file.
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
    #[error("{program} can't be started: {source}")]
    Spawn { program: String, source: io::Error },
    #[error("only {there} of {wanted} engines came within {seconds} s; what they said is in {log}")]
    EnginesMissing {
        there: usize,
        wanted: u32,
        seconds: u64,
        log: String,
    },
    #[error("the cluster ended while it was starting ({cause}); what it said is in {log}")]
    EndedEarly { cause: String, log: String },
    #[error("the cluster {id:?} did not end within {seconds} s; its controller is process {pid}")]
    Lingers { id: String, seconds: u64, pid: u32 },
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// A cluster that this process started. Dropping it stops it, unless it was
/// daemonized.
pub struct StartedCluster {
    cluster: ClusterFile,
    cluster_file: PathBuf,
    controller: Child,
    host: Option<Child>,
    /// Its other end is the controller's standard input.
    lifeline: Option<OwnedFd>,
    daemonized: bool,
    count: u32,
}

/// A cluster as `cluster list` shows it.
#[derive(Clone, Debug)]
pub struct ClusterDescription {
    pub id: String,
    pub state: ClusterState,
    /// `None`: its file does not tell.
    pub controller_pid: Option<u32>,
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
    let cluster_id = match &options.cluster_id {
        Some(id) => id.clone(),
        None => format!("{}-{:x}", std::process::id(), unix_time().subsec_nanos()),
    };
    let directory = cluster_file::cluster_directory(&cluster_id)?;
    let cluster_file = directory.join(CLUSTER_FILE_NAME);
    if cluster_file.exists() {
        ClusterFile::read(&cluster_file)?;
        match describe(&cluster_file).state {
            ClusterState::Stale => remove_remains(&cluster_file),
            _ => return Err(ClusterError::Running(cluster_id)),
        }
    }
    let log_directory = directory.join("log");
    home::create_private_directory(&home::home_directory()?)?;
    home::create_private_directory(&home::clusters_directory()?)?;
    home::create_private_directory(&directory)?;
    home::create_private_directory(&log_directory)?;
    let socket = socket_path(&directory)?;
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
    let controller = spawn(options, &arguments, standard_input, log, Some(&listener))?;
    let cluster = ClusterFile {
        version: CLUSTER_FILE_VERSION,
        cluster_id,
        socket,
        controller_pid: controller.id(),
        started_s: unix_time().as_secs(),
        working_directory: options.working_directory.clone(),
        log_directory: log_directory.clone(),
    };
    let mut started = StartedCluster {
        cluster,
        cluster_file,
        controller,
        host: None,
        lifeline: (!options.daemonize).then_some(lifeline),
        daemonized: options.daemonize,
        count: options.count,
    };
    if let Err(error) = started.complete(options) {
        started.abandon();
        return Err(error);
    }
    Ok(started)
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

    /// Waits until all engines are there.
    ///
    /// # Errors
    /// If they are not within `timeout`, or the host or the controller ends.
    pub fn wait_for_engines(&mut self, timeout: Duration) -> Result<(), ClusterError> {
        let client = Client::connect(&self.cluster_file, "starter", timeout)?;
        let deadline = Instant::now() + timeout;
        let wanted = self.count as usize;
        // In slices, so that a host that ends early is seen.
        while !client.wait_for_engines(wanted, Duration::from_millis(100)) {
            let log = self.cluster.log_directory.display().to_string();
            if let Some(cause) = client.ended() {
                return Err(ClusterError::EndedEarly { cause, log });
            }
            if let Some(host) = &mut self.host
                && let Some(status) = host.try_wait()?
            {
                let cause = format!("its host ended with {status}");
                return Err(ClusterError::EndedEarly { cause, log });
            }
            if Instant::now() >= deadline {
                return Err(ClusterError::EnginesMissing {
                    there: client.engines().len(),
                    wanted: self.count,
                    seconds: timeout.as_secs(),
                    log,
                });
            }
        }
        Ok(())
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
        arguments.extend(["--cluster-file".into(), path_text(&self.cluster_file)]);
        for directory in &options.module_directories {
            arguments.extend(["--module-directory".into(), path_text(directory)]);
        }
        let log = log_file(&self.cluster.log_directory, "engines.log")?;
        self.host = Some(spawn(options, &arguments, Stdio::null(), log, None)?);
        Ok(())
    }

    /// Ends a cluster that could not be started wholly, so that nothing is left.
    fn abandon(&mut self) {
        // Fails only where it has ended already.
        let _ = self.controller.kill();
        let _ = self.controller.wait();
        let _ = std::fs::remove_file(&self.cluster.socket);
        remove_remains(&self.cluster_file);
        self.daemonized = true;
    }

    fn end(&mut self) -> Result<(), ClusterError> {
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
        remove_remains(&self.cluster_file);
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
            remove_remains(cluster_file);
            return Ok(cluster.cluster_id);
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
    if !ended {
        return Err(ClusterError::Lingers {
            id: cluster.cluster_id,
            seconds: ANSWER_TIMEOUT.as_secs(),
            pid: cluster.controller_pid,
        });
    }
    remove_remains(cluster_file);
    Ok(cluster.cluster_id)
}

/// Describes every cluster of this user, ordered by id.
///
/// # Errors
/// If the clusters' folder can't be listed. A cluster that can't be used or does
/// not answer is described as such.
pub fn list() -> Result<Vec<ClusterDescription>, ClusterError> {
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
    let timeout = Duration::from_secs(2);
    let described = Client::connect(cluster_file, "list", timeout)
        .and_then(|client| describe_engines(&client, timeout));
    match described {
        Ok(engines) => description.engines = engines,
        Err(error) => {
            description.state = match &error {
                ClientError::Connection(ConnectionError::Stale { .. }) => ClusterState::Stale,
                _ => ClusterState::Unresponsive,
            };
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

/// Removes the files of a cluster that has ended, and its folder with the logs
/// if nothing was logged.
pub(crate) fn remove_remains(cluster_file: &Path) {
    // Whatever is gone already is what is wanted; what stays is harmless and
    // removed by the next cluster of this id.
    if let Ok(cluster) = ClusterFile::read(cluster_file) {
        let _ = std::fs::remove_file(&cluster.socket);
    }
    let _ = std::fs::remove_file(cluster_file);
    let Some(directory) = cluster_file.parent() else {
        return;
    };
    let log_directory = directory.join("log");
    for entry in std::fs::read_dir(&log_directory)
        .into_iter()
        .flatten()
        .flatten()
    {
        if entry.metadata().is_ok_and(|metadata| metadata.len() == 0) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
    let _ = std::fs::remove_dir(&log_directory);
    let _ = std::fs::remove_dir(directory);
}

/// Returns where the cluster's socket is made: in its folder, or, where that
/// path is too long for a socket, in a private folder for temporary files.
pub(crate) fn socket_path(directory: &Path) -> Result<PathBuf, ClusterError> {
    let preferred = directory.join("controller.socket");
    if preferred.as_os_str().len() <= SOCKET_PATH_BYTES_MAX {
        return Ok(preferred);
    }
    let uid = rustix::process::geteuid().as_raw();
    let short = std::env::temp_dir().join(format!("rhumba-{uid}"));
    home::create_private_directory(&short)?;
    let name = blake3::hash(directory.as_os_str().as_encoded_bytes()).to_hex();
    Ok(short.join(&name.as_str()[..32]))
}

/// Returns the name of the folder that a cluster file is in: the id of its cluster.
pub(crate) fn folder_name(cluster_file: &Path) -> String {
    let folder = cluster_file.parent().and_then(Path::file_name);
    let name = folder.and_then(|name| name.to_str());
    name.unwrap_or(cluster_file::DEFAULT_CLUSTER_ID).to_owned()
}

/// Listens at a socket, in the place of a dead one that may be there.
pub(crate) fn bind(socket: &Path) -> io::Result<UnixListener> {
    match std::fs::remove_file(socket) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    UnixListener::bind(socket).map_err(|error| {
        io::Error::new(
            error.kind(),
            format!("the socket {} can't be made: {error}", socket.display()),
        )
    })
}

/// Runs this program again, in a process group of its own so that Ctrl-C at
/// the terminal does not reach it.
fn spawn(
    options: &StartOptions,
    arguments: &[String],
    standard_input: Stdio,
    log: File,
    listener: Option<&UnixListener>,
) -> Result<Child, ClusterError> {
    let mut command = Command::new(&options.executable);
    command
        .args(arguments)
        .current_dir(&options.working_directory)
        .stdin(standard_input)
        .stdout(log.try_clone()?)
        .stderr(log)
        .process_group(0);
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
    File::options()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(directory.join(name))
}

fn path_text(path: &Path) -> String {
    path.display().to_string()
}

fn unix_time() -> Duration {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
}
