//! The controller process: sockets around the pure state machine.
//!
//! One loop over one closed [`Event`]: tasks that read frame bytes and push
//! events, the loop hands them to [`rhumba_proto::controller::Controller`] and
//! carries out its orders. It decides nothing itself, and never looks into a
//! payload. Read next: [`connection`] for how bytes come and go.

mod connection;
#[cfg(test)]
mod tests;

use crate::cluster_file::{CLUSTER_FILE_VERSION, ClusterFile, ClusterFileError};
use crate::outbox::PushError;
use crate::store::Store;
use crate::tasks::{self, TaskStore, TaskStoreMode, TaskStoreOptions};
use crate::{cluster, home, socket};
use connection::{Connection, Flushed, PeerRole};
use rhumba_proto::controller::{self as proto, Action, Config, Controller};
use rhumba_proto::frame::Limits;
use rhumba_proto::id::{ConnectionId, Timestamp};
use rhumba_proto::message::{FromController, Payload, Scheduling, ToController, ToEngine, ToHost};
use rustix::event::{PollFd, PollFlags};
use rustix::process::{PidfdFlags, pidfd_open};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::fd::{FromRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};
use tokio::net::UnixListener;
use tokio::sync::mpsc;

/// How long connected engines and hosts are given to end when the cluster does.
const END_TIMEOUT: Duration = Duration::from_secs(3);

/// Events that wait to be handled; readers wait while it is full.
const EVENT_COUNT_MAX: usize = 4096;

/// What a controller process is started with.
#[derive(Clone, Debug)]
pub struct ControllerOptions {
    pub cluster_file: PathBuf,
    /// The socket was made by the process that started this one, the cluster
    /// file is written by it, and a host started.
    pub inherited_listener: bool,
    /// End when standard input does.
    pub lifeline: bool,
    /// Whether and where it is kept what happens to tasks.
    pub task_store: TaskStoreOptions,
    /// How tasks are spread over engines, until a client says otherwise.
    pub scheduling: Scheduling,
}

/// All that can wake the controller.
enum Event {
    Opened(tokio::net::UnixStream),
    Received {
        connection: ConnectionId,
        messages: Vec<(ToController, Payload)>,
    },
    Closed {
        connection: ConnectionId,
        cause: String,
        /// What it sent was not a frame, and it should know.
        refused: bool,
    },
    Writable {
        connection: ConnectionId,
    },
    OwnerEnded {
        /// It ended the cluster, in place of being ended itself.
        on_purpose: bool,
    },
    Signalled,
    /// The task store says something.
    Stored(Box<tasks::Reply>),
}

/// Runs a controller until it is asked to stop or its owner ends.
///
/// # Errors
/// If the socket or the cluster file can't be made, or the settings are wrong.
pub fn run(options: &ControllerOptions) -> io::Result<()> {
    let limits = socket::limits_from_environment().map_err(io::Error::other)?;
    let listener = if options.inherited_listener {
        // SAFETY: whoever passes this option put a listening socket there, and
        // nothing else in this process knows the number.
        let listener =
            unsafe { std::os::unix::net::UnixListener::from_raw_fd(cluster::LISTENER_FD) };
        rustix::io::fcntl_setfd(&listener, rustix::io::FdFlags::CLOEXEC)?;
        listener
    } else {
        create_cluster(&options.cluster_file)?
    };
    run_with(options, listener, limits)
}

fn run_with(
    options: &ControllerOptions,
    listener: std::os::unix::net::UnixListener,
    limits: Limits,
) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    raise_descriptor_limit();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let ended = runtime.block_on(serve(options, listener, limits));
    // Nothing that still waits matters once the loop has ended.
    runtime.shutdown_background();
    cluster::remove_remains(&options.cluster_file, std::process::id());
    ended
}

/// Returns a number that differs from one controller to the next.
fn seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(std::process::id())
}

/// Allows as many open descriptors as the system does: each connection is one,
/// and so is each large payload that waits.
fn raise_descriptor_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
}

/// Returns what the names of this cluster's own checkpoints begin with: its id,
/// or, where an earlier cluster of this id left some, the id with a number. They
/// may be all that is left of what somebody wants back.
fn checkpoint_prefix(cluster_file: &Path) -> String {
    let cluster_id = cluster::folder_name(cluster_file);
    let names = Store::open_default().and_then(|store| store.names());
    match names {
        Ok(names) => free_prefix(&cluster_id, &names),
        Err(error) => {
            tracing::warn!(%error, "earlier checkpoints are not looked for");
            cluster_id
        }
    }
}

fn free_prefix(cluster_id: &str, names: &[String]) -> String {
    let is_free = |prefix: &String| {
        let begin = format!("{prefix}-engine-");
        !names.iter().any(|name| name.starts_with(&begin))
    };
    let numbered = (2_u64..).map(|number| format!("{cluster_id}-{number}"));
    let mut prefixes = std::iter::once(cluster_id.to_owned()).chain(numbered);
    prefixes
        .find(is_free)
        .expect("there are more numbers than names")
}

/// Makes way for a new cluster file, if what is there is the file of a dead controller.
fn make_way(cluster_file: &Path) -> io::Result<()> {
    let shown = cluster_file.display();
    match ClusterFile::read(cluster_file) {
        Err(ClusterFileError::Missing { .. }) => Ok(()),
        Ok(cluster) if cluster::controller_runs(cluster_file, &cluster) => Err(io::Error::new(
            io::ErrorKind::AddrInUse,
            format!(
                "a controller with the cluster file {shown} is running; stop it, or name another file"
            ),
        )),
        Ok(cluster) => {
            cluster::remove_remains(cluster_file, cluster.controller_pid);
            Ok(())
        }
        Err(_) => Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            format!(
                "{shown} is there already and is no cluster file that can be replaced; name another file"
            ),
        )),
    }
}

/// Returns where the socket of a controller started by hand is made: beside its
/// cluster file, unless others can enter that folder, which may be anybody's.
fn socket_by_hand(cluster_file: &Path, directory: &Path) -> io::Result<PathBuf> {
    let mut beside = cluster_file.as_os_str().to_owned();
    beside.push(".socket");
    let beside = PathBuf::from(beside);
    if home::is_private(directory)? && cluster::fits_a_socket(&beside) {
        return Ok(beside);
    }
    cluster::short_socket_path(cluster_file).map_err(io::Error::other)
}

/// Makes the socket and the cluster file of a controller started by hand.
fn create_cluster(cluster_file: &Path) -> io::Result<std::os::unix::net::UnixListener> {
    let cluster_file = std::path::absolute(cluster_file)?;
    let directory = cluster_file.parent().unwrap_or(Path::new("/")).to_owned();
    make_way(&cluster_file)?;
    home::create_directory(&directory)?;
    let socket = socket_by_hand(&cluster_file, &directory)?;
    let listener = cluster::bind(&socket)?;
    let cluster = ClusterFile {
        version: CLUSTER_FILE_VERSION,
        cluster_id: cluster::folder_name(&cluster_file),
        socket,
        controller_pid: std::process::id(),
        started_s: SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs(),
        working_directory: std::env::current_dir()?,
        log_directory: directory.join("log"),
        owner_pid: None,
        machine: cluster::machine(),
    };
    cluster.write(&cluster_file)?;
    Ok(listener)
}

async fn serve(
    options: &ControllerOptions,
    listener: std::os::unix::net::UnixListener,
    limits: Limits,
) -> io::Result<()> {
    let listener = UnixListener::from_std(listener)?;
    let (events, mut arriving) = mpsc::channel(EVENT_COUNT_MAX);
    tokio::spawn(accept(listener, events.clone()));
    tokio::spawn(forward_signals(events.clone()));
    if options.lifeline {
        watch_lifeline(events.clone())?;
    }
    let prefix = checkpoint_prefix(&options.cluster_file);
    let task_store = start_task_store(options, &events)?;
    let mut server = Server {
        state: Controller::new(
            Config {
                checkpoint_prefix: prefix.clone(),
                seed: seed(),
                scheduling: options.scheduling,
                awaits_host: options.inherited_listener,
                keeps_records: task_store.is_some(),
                payload_bytes_max: limits.payload_bytes_max,
                ..Config::default()
            },
            rhumba_interpreter::runtime::runtime_version(),
        ),
        started: Instant::now(),
        limits,
        events,
        connections: BTreeMap::new(),
        next_connection: 0,
        unflushed: Vec::new(),
        task_store,
        stopping: false,
        stopped_on_purpose: false,
        checkpoints_to_keep: BTreeSet::new(),
    };
    while !server.stopping {
        let deadline = server.state.poll_timeout().map(|at| server.instant(at));
        let event = match deadline {
            None => arriving.recv().await,
            Some(deadline) => {
                match tokio::time::timeout_at(deadline.into(), arriving.recv()).await {
                    Ok(event) => event,
                    Err(_) => {
                        server.tell(proto::Event::TimeoutReached);
                        server.carry_out();
                        continue;
                    }
                }
            }
        };
        let Some(event) = event else { break };
        server.on_event(event);
        // What has arrived meanwhile is handled before anything is written, so
        // that many small messages leave in few calls.
        while !server.stopping
            && let Ok(event) = arriving.try_recv()
        {
            server.on_event(event);
        }
        server.carry_out();
    }
    server.end(&mut arriving).await;
    if let Some(task_store) = server.task_store.take() {
        // It may have something to say, which nobody waits for any more.
        drop(arriving);
        task_store.close();
    }
    if server.stopped_on_purpose {
        remove_checkpoints(&prefix, &server.checkpoints_to_keep);
    }
    Ok(())
}

/// Removes the checkpoints that a cluster made of its engines by itself. Those
/// of a cluster that was ended from outside stay: they may be all that is left.
/// So do those of namespaces that were given up.
fn remove_checkpoints(prefix: &str, to_keep: &BTreeSet<String>) {
    let removed = Store::open_default().and_then(|store| {
        let begin = format!("{prefix}-engine-");
        let names = store.names()?;
        let own: Vec<_> = names
            .iter()
            .filter(|name| name.starts_with(&begin) && !to_keep.contains(*name))
            .collect();
        for name in &own {
            store.remove(name)?;
        }
        if !own.is_empty() {
            store.clean()?;
        }
        Ok(())
    });
    if let Err(error) = removed {
        tracing::warn!(%error, "checkpoints of this cluster stay in the store");
    }
}

/// Starts the task store, if there is to be one.
fn start_task_store(
    options: &ControllerOptions,
    events: &mpsc::Sender<Event>,
) -> io::Result<Option<TaskStore>> {
    if options.task_store.mode == TaskStoreMode::Off {
        return Ok(None);
    }
    let events = events.clone();
    let reply = move |reply| {
        // Fails only when the loop has ended already.
        let _ = events.blocking_send(Event::Stored(Box::new(reply)));
    };
    TaskStore::start(&options.task_store, &options.cluster_file, reply).map(Some)
}

struct Server {
    state: Controller,
    started: Instant,
    limits: Limits,
    events: mpsc::Sender<Event>,
    connections: BTreeMap<ConnectionId, Connection>,
    next_connection: u64,
    /// Connections that have something to write.
    unflushed: Vec<ConnectionId>,
    task_store: Option<TaskStore>,
    stopping: bool,
    /// Somebody wanted the cluster to end, so nobody wants its own checkpoints back.
    stopped_on_purpose: bool,
    /// Those of its own that it leaves behind all the same.
    checkpoints_to_keep: BTreeSet<String>,
}

impl Server {
    fn now(&self) -> Timestamp {
        Timestamp(u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX))
    }

    fn instant(&self, timestamp: Timestamp) -> Instant {
        self.started + Duration::from_micros(timestamp.0)
    }

    fn tell(&mut self, event: proto::Event) {
        let now = self.now();
        self.state.handle(now, event);
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::Opened(stream) => self.on_opened(stream),
            Event::Received {
                connection,
                messages,
            } => {
                // A connection that was let go may have had more to say.
                if self.connections.contains_key(&connection) {
                    for (message, payload) in messages {
                        self.tell(proto::Event::MessageReceived {
                            connection,
                            message,
                            payload,
                        });
                    }
                }
            }
            Event::Closed {
                connection,
                cause,
                refused,
            } => {
                if refused {
                    self.refuse(connection, &cause);
                }
                if self.connections.remove(&connection).is_some() {
                    self.tell(proto::Event::ConnectionClosed { connection, cause });
                }
            }
            Event::Writable { connection } => self.unflushed.push(connection),
            Event::OwnerEnded { on_purpose } => {
                tracing::info!(on_purpose, "the owner ended, so the cluster does");
                self.stopping = true;
                self.stopped_on_purpose = on_purpose;
            }
            Event::Stored(reply) => self.tell(stored(*reply)),
            Event::Signalled => {
                tracing::info!("asked to end by a signal");
                self.stopping = true;
            }
        }
    }

    fn on_opened(&mut self, stream: tokio::net::UnixStream) {
        let uid = stream.peer_cred().map(|peer| peer.uid());
        let own = rustix::process::geteuid().as_raw();
        if !uid.as_ref().is_ok_and(|&uid| uid == own || uid == 0) {
            tracing::warn!(?uid, "a process of another user was turned away");
            return;
        }
        let connection = ConnectionId(self.next_connection);
        self.next_connection += 1;
        let backlog = self.task_store.as_ref().map(TaskStore::backlog);
        let events = self.events.clone();
        let opened = Connection::open(connection, stream, self.limits, events, backlog);
        self.connections.insert(connection, opened);
        self.tell(proto::Event::ConnectionOpened { connection });
    }

    /// Carries out all orders, then writes.
    fn carry_out(&mut self) {
        loop {
            while let Some(action) = self.state.poll_action() {
                self.on_action(action);
            }
            let mut unflushed = std::mem::take(&mut self.unflushed);
            unflushed.sort_unstable();
            unflushed.dedup();
            for connection in unflushed {
                self.flush(connection);
            }
            // A write that failed is an event, which may have led to orders.
            if self.unflushed.is_empty() {
                break;
            }
        }
        if let Some(task_store) = &mut self.task_store {
            task_store.hand_over();
        }
    }

    fn on_action(&mut self, action: Action) {
        match action {
            Action::Send {
                connection,
                message,
                payload,
            } => self.send(connection, message, &payload),
            Action::Disconnect { connection, reason } => {
                tracing::info!(%connection, reason, "disconnected");
                self.flush(connection);
                if let Some(open) = self.connections.remove(&connection) {
                    open.close_when_flushed();
                    self.tell(proto::Event::ConnectionClosed {
                        connection,
                        cause: reason,
                    });
                }
            }
            Action::Record(record) => {
                if let Some(task_store) = &mut self.task_store {
                    task_store.record(record);
                }
            }
            Action::AskStore {
                client,
                query,
                question,
            } => {
                if let Some(task_store) = &mut self.task_store {
                    task_store.ask(client, query, question);
                }
            }
            Action::FetchRecord {
                client,
                request,
                piece,
            } => {
                if let Some(task_store) = &mut self.task_store {
                    task_store.fetch(client, request, piece);
                }
            }
            Action::KeepCheckpoint { name } => {
                self.checkpoints_to_keep.insert(name);
            }
            Action::Stop => {
                self.stopping = true;
                self.stopped_on_purpose = true;
            }
        }
    }

    /// Queues a message. Where a client is told too much at once, it is told that instead.
    fn send(&mut self, connection: ConnectionId, message: FromController, payload: &Payload) {
        let Some(open) = self.connections.get_mut(&connection) else {
            return;
        };
        if let FromController::Welcome(welcome) = &message {
            open.set_role(welcome);
        }
        let error = match open.queue(&message, payload, &self.limits) {
            Ok(()) => {
                self.unflushed.push(connection);
                return;
            }
            Err(error) => error,
        };
        if let PushError::Frame(error) = &error
            && let Some(instead) = proto::in_place_of(message, error)
        {
            tracing::warn!(%connection, %error, "a message was not sent");
            for message in instead {
                self.send(connection, message, &Payload::default());
            }
            return;
        }
        self.drop_connection(connection, error.to_string());
    }

    /// Says why a connection ends, as far as its peer can read that.
    fn refuse(&mut self, connection: ConnectionId, reason: &str) {
        tracing::warn!(%connection, reason, "refused");
        let Some(open) = self.connections.get_mut(&connection) else {
            return;
        };
        let message = FromController::Refused {
            reason: reason.to_owned(),
        };
        if open
            .queue(&message, &Payload::default(), &self.limits)
            .is_ok()
        {
            self.flush(connection);
        }
    }

    fn flush(&mut self, connection: ConnectionId) {
        let Some(open) = self.connections.get_mut(&connection) else {
            return;
        };
        if let Flushed::Failed(cause) = open.flush() {
            self.drop_connection(connection, cause);
        }
    }

    fn drop_connection(&mut self, connection: ConnectionId, cause: String) {
        tracing::info!(%connection, cause, "a connection ended");
        self.connections.remove(&connection);
        self.tell(proto::Event::ConnectionClosed { connection, cause });
        // Its consequences are carried out in the next round.
        self.unflushed.push(connection);
    }

    /// Tells engines and hosts to end, and waits until they have. Clients see
    /// the connection close.
    async fn end(&mut self, arriving: &mut mpsc::Receiver<Event>) {
        let deadline = tokio::time::Instant::now() + END_TIMEOUT;
        for (&connection, open) in &mut self.connections {
            let message = match open.role() {
                Some(PeerRole::Engine) => FromController::Engine(ToEngine::Shutdown),
                Some(PeerRole::Host) => FromController::Host(ToHost::Shutdown),
                Some(PeerRole::Client) | None => continue,
            };
            // What can't be told ends with its connection.
            let _ = open.queue(&message, &Payload::default(), &self.limits);
            self.unflushed.push(connection);
        }
        self.carry_out();
        let ends_with_us =
            |open: &Connection| matches!(open.role(), Some(PeerRole::Engine | PeerRole::Host));
        while self.connections.values().any(ends_with_us) {
            match tokio::time::timeout_at(deadline, arriving.recv()).await {
                Ok(Some(Event::Closed { connection, .. })) => {
                    self.connections.remove(&connection);
                }
                Ok(Some(Event::Writable { connection })) => self.flush(connection),
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(_) => {
                    tracing::warn!("some engines or hosts did not end in time");
                    break;
                }
            }
        }
    }
}

/// Returns what the task store says as what happened.
fn stored(reply: tasks::Reply) -> proto::Event {
    match reply {
        tasks::Reply::Answered {
            client,
            query,
            answer,
            payload,
        } => proto::Event::StoreAnswered {
            client,
            query,
            answer,
            payload,
        },
        tasks::Reply::Fetched {
            client,
            request,
            fetched,
            payload,
        } => proto::Event::RecordFetched {
            client,
            request,
            fetched,
            payload,
        },
    }
}

async fn accept(listener: UnixListener, events: mpsc::Sender<Event>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                if events.send(Event::Opened(stream)).await.is_err() {
                    return;
                }
            }
            Err(error) => {
                // Out of file descriptors, most likely: others may end soon.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn forward_signals(events: mpsc::Sender<Event>) {
    use tokio::signal::unix::{SignalKind, signal};
    let streams = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
    );
    let (Ok(mut terminate), Ok(mut interrupt)) = streams else {
        tracing::warn!("signals can't be watched; the default for them applies");
        return;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    // Fails only when the loop has ended already.
    let _ = events.send(Event::Signalled).await;
}

/// Watches the owner on a thread of its own: the lifeline at standard input,
/// which the owner may let go of, and the owner's process, as a child that it
/// forked may still hold the lifeline when it is gone.
fn watch_lifeline(events: mpsc::Sender<Event>) -> io::Result<()> {
    let owner = rustix::process::getppid();
    let process = owner.and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
    let alive = process.is_some() && rustix::process::getppid() == owner;
    std::thread::Builder::new()
        .name("lifeline".into())
        .spawn(move || {
            let on_purpose = process
                .filter(|_| alive)
                .is_some_and(|process| wait_for_owner(&process));
            // Fails only when the loop has ended already.
            let _ = events.blocking_send(Event::OwnerEnded { on_purpose });
        })?;
    Ok(())
}

/// Comes back when the process has ended or the lifeline is closed. Returns
/// whether it was closed on purpose, which a byte in it says.
fn wait_for_owner(process: &OwnedFd) -> bool {
    let lifeline = io::stdin();
    loop {
        let mut watched = [
            PollFd::new(process, PollFlags::IN),
            PollFd::new(&lifeline, PollFlags::IN),
        ];
        match rustix::event::poll(&mut watched, None) {
            Err(rustix::io::Errno::INTR) => continue,
            Err(_) => return false,
            Ok(_) => {}
        }
        let [ended, lifeline_ready] = watched.map(|ready| !ready.revents().is_empty());
        if lifeline_ready {
            return rustix::io::read(&lifeline, &mut [0; 1]).is_ok_and(|count| count == 1);
        }
        if ended {
            return false;
        }
    }
}
