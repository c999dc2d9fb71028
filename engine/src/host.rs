//! The host process: warms one interpreter, forks this machine's engines from
//! it, and watches over them.
//!
//! It has no threads, ever, so that it can fork at any time. It reaps its
//! engines and tells of each death and its cause at once, delivers signals even
//! to an engine that hears nothing, forks more on demand, and passes on what goes
//! to many of them ([`relay`]). What an engine does is [`crate::engine`].

mod relay;

use crate::cluster_file::{ClusterFile, ClusterFileError};
use crate::engine::{self, EngineOptions, Inherited, Pipes};
use crate::socket::{self, ConnectionError, FrameReader, FrameWriter};
use relay::Relay;
use rhumba_interpreter::interrupt;
use rhumba_interpreter::output::Stream;
use rhumba_interpreter::runtime::{ForkResult, Runtime, runtime_version};
use rhumba_proto::frame::Limits;
use rhumba_proto::message::{
    FromController, FromHost, Output, Payload, Recipient, Relayed, Role, ToController, ToHost,
    Welcome,
};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::{Pid, PidfdFlags, Resource, Rlimit, Signal, WaitOptions};
use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How long engines are given to end by themselves before they are killed.
const END_TIMEOUT: Duration = Duration::from_millis(1500);

/// How long the controller is given to say welcome.
const WELCOME_TIMEOUT: Duration = Duration::from_secs(30);

/// How soon a host that was started by hand sees Ctrl-C.
const IDLE_SLICE: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 100_000_000,
};

/// Modules that most work uses. Imported before forking, they are shared by all
/// engines; the more there are, the later the first engine joins.
const WARM_MODULES: &[&str] = &["json", "math", "random", "itertools", "functools", "time"];

/// What a host is started with.
#[derive(Clone, Debug)]
pub struct HostOptions {
    pub cluster_file: PathBuf,
    pub count: u32,
    /// Folders that engines look for modules in, before all others.
    pub module_directories: Vec<PathBuf>,
    /// Somebody started it by hand, and is told the number of engines and the
    /// cluster's id when it has joined. Ctrl-C ends it with its engines then.
    pub announce: Option<fn(u32, &str)>,
}

/// Why a host could not start or go on. Each is a sentence.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    #[error(transparent)]
    ClusterFile(#[from] ClusterFileError),
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    #[error("{0}")]
    Settings(String),
    #[error("{0}")]
    Warm(String),
    #[error(transparent)]
    Engine(#[from] engine::EngineError),
    #[error(transparent)]
    Io(#[from] io::Error),
}

struct Host {
    options: HostOptions,
    /// Engines that live, by process id.
    engines: BTreeMap<i32, Engine>,
    writer: FrameWriter,
    /// What the controller's messages may have.
    limits: Limits,
}

/// An engine that lives, as its host has it.
struct Engine {
    /// Tells its end.
    ended: OwnedFd,
    /// As long as something can be passed on to it.
    relay: Option<Relay>,
    /// Where what it writes past Python can be read.
    output: [OwnedFd; 2],
}

/// Forks `count` engines and watches over them until the cluster ends, or until
/// the controller is gone; then no engine is left.
///
/// # Errors
/// If the cluster can't be joined or processes can't be watched.
pub fn run(runtime: Runtime, options: &HostOptions) -> Result<(), HostError> {
    let limits = socket::limits_from_environment().map_err(HostError::Settings)?;
    let files = allow_more_files();
    if let Err(error) = runtime.warm(WARM_MODULES) {
        let report = runtime
            .enter(|vm| rhumba_interpreter::failure::ErrorReport::from_exception(vm, &error));
        let message = format!(
            "the engines' interpreter can't import what it needs: {}",
            report.message
        );
        return Err(HostError::Warm(message));
    }
    let cluster = ClusterFile::read(&options.cluster_file)?;
    let (reader, writer, welcome) = socket::dial(
        &cluster.socket,
        Role::Host,
        &runtime_version(),
        limits,
        WELCOME_TIMEOUT,
    )
    .map_err(|error| error.about(&options.cluster_file, &cluster))?;
    let Welcome::Host { .. } = welcome else {
        return Err(ConnectionError::Closed {
            cause: "it took this host for a client".into(),
        }
        .into());
    };
    if let Some(announce) = options.announce {
        announce(options.count, &cluster.cluster_id);
    }
    let mut host = Host {
        options: options.clone(),
        engines: BTreeMap::new(),
        writer,
        limits: reader.limits(),
    };
    let mut reader = reader;
    match host.watch(&runtime, &mut reader) {
        Ok(Watched::Ended) => host.end_engines(),
        // Such as the end of an engine that can't be told, as the controller is gone.
        Err(error) => host.end_engines().and(Err(error)),
        Ok(Watched::ForkedEngine(inherited)) => {
            let host_pid = rustix::process::getppid().map(|pid| pid.as_raw_pid().cast_unsigned());
            // The child has no use for what watches its siblings.
            drop((host, reader));
            allow_files(files);
            give_back_memory();
            become_engine(
                runtime,
                EngineOptions {
                    cluster_file: options.cluster_file.clone(),
                    host: host_pid,
                    module_directories: options.module_directories.clone(),
                    announce: None,
                },
                *inherited,
            )
        }
    }
}

/// Lets this process have as many files as it ever may: a host has four for each engine. Returns what the
/// limit was, which is that of its engines: code that asks for the state of files one by one counts on it.
fn allow_more_files() -> Rlimit {
    let before = rustix::process::getrlimit(Resource::Nofile);
    let most = Rlimit {
        current: before.maximum,
        maximum: before.maximum,
    };
    allow_files(most);
    before
}

/// Where that isn't allowed, what needs the files says so.
fn allow_files(limit: Rlimit) {
    let _ = rustix::process::setrlimit(Resource::Nofile, limit);
}

/// Gives back to the system what is free: pages that each engine would count as its own as soon as it uses
/// them, and as shared until then. Where the largest free block lies decides otherwise, which is chance.
fn give_back_memory() {
    #[cfg(target_env = "gnu")]
    // SAFETY: it touches only what nobody has allocated.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Why [`Host::wait`] came back.
enum Woken {
    /// The controller has said something.
    Message,
    EngineEnded,
    /// An engine may take more of what is passed on to it.
    EngineReads,
    /// A while has passed, in which Ctrl-C may have come.
    Idle,
}

/// Why [`Host::watch`] came back.
enum Watched {
    /// The cluster ends, in the host.
    Ended,
    /// This is a new engine's process.
    ForkedEngine(Box<Inherited>),
}

impl Host {
    fn watch(&mut self, runtime: &Runtime, reader: &mut FrameReader) -> Result<Watched, HostError> {
        if let Some(inherited) = self.start_engines(runtime, self.options.count)? {
            return Ok(Watched::ForkedEngine(inherited));
        }
        loop {
            let message = match reader.buffered()? {
                Some(message) => message,
                None => {
                    match self.wait(reader)? {
                        Woken::Message => {}
                        Woken::EngineEnded => {
                            self.reap()?;
                            continue;
                        }
                        Woken::EngineReads => {
                            self.flush_relays()?;
                            continue;
                        }
                        Woken::Idle => {
                            if runtime.enter(|vm| interrupt::check(vm).is_err()) {
                                self.tell_engines_to_end();
                                return Ok(Watched::Ended);
                            }
                            continue;
                        }
                    }
                    match reader.receive()? {
                        Some(message) => message,
                        None => {
                            tracing::info!("the controller is gone, so the engines end");
                            return Ok(Watched::Ended);
                        }
                    }
                }
            };
            let (message, payload) = message;
            match message {
                FromController::Host(ToHost::StartEngines { count }) => {
                    if let Some(inherited) = self.start_engines(runtime, count)? {
                        return Ok(Watched::ForkedEngine(inherited));
                    }
                }
                FromController::Host(ToHost::RelayBlob { blob, to }) => {
                    for recipient in to {
                        self.pass_on(recipient, Relayed::StoreBlob { blob }, &payload)?;
                    }
                }
                FromController::Host(ToHost::RelayRun { work, to }) => {
                    for (recipient, ticket) in to {
                        let work = work.clone();
                        self.pass_on(recipient, Relayed::Run { ticket, work }, &payload)?;
                    }
                }
                FromController::Host(ToHost::Signal { pid, signal }) => self.signal(pid, signal),
                FromController::Host(ToHost::Ping) => self.send(FromHost::Pong)?,
                FromController::Host(ToHost::Shutdown) => return Ok(Watched::Ended),
                FromController::Refused { reason } => {
                    tracing::warn!(reason, "the controller let this host go");
                    return Ok(Watched::Ended);
                }
                // Not for a host, so not from a controller of this version.
                FromController::Welcome(_)
                | FromController::Client(_)
                | FromController::Engine(_) => {}
            }
        }
    }

    /// Forks engines. In each new process it returns at once, with what that has from here.
    fn start_engines(
        &mut self,
        runtime: &Runtime,
        count: u32,
    ) -> Result<Option<Box<Inherited>>, HostError> {
        give_back_memory();
        for _ in 0..count {
            match self.start_engine(runtime) {
                Ok(None) => {}
                Ok(forked) => return Ok(forked),
                Err(error) => {
                    let reason = format!("an engine could not be forked: {error}");
                    tracing::error!(reason);
                    self.send(FromHost::StartFailed { reason })?;
                }
            }
        }
        Ok(None)
    }

    fn start_engine(&mut self, runtime: &Runtime) -> io::Result<Option<Box<Inherited>>> {
        let (relay, relayed) = Relay::pair()?;
        let pipes = Pipes::new()?;
        match runtime.fork()? {
            ForkResult::Child => return Ok(Some(Box::new(Inherited { relayed, pipes }))),
            ForkResult::Parent(pid) => {
                if let Some(watched) = Pid::from_raw(pid) {
                    // The engine has its ends: where no other descriptor is free, these are.
                    drop(relayed);
                    let output = pipes.into_read_ends();
                    let ended = rustix::process::pidfd_open(watched, PidfdFlags::empty());
                    // One that nobody watches could not be signalled, nor would its end be told.
                    let ended = ended.inspect_err(|_| self.signal_one(pid))?;
                    let engine = Engine {
                        ended,
                        relay: Some(relay),
                        output,
                    };
                    self.engines.insert(pid, engine);
                }
            }
        }
        Ok(None)
    }

    /// Passes something on to an engine. One that has ended is told of elsewhere.
    fn pass_on(
        &mut self,
        Recipient { pid, turn }: Recipient,
        message: Relayed,
        payload: &Payload,
    ) -> Result<(), ConnectionError> {
        let limits = self.limits;
        self.relay_by(pid.cast_signed(), |relay| {
            relay.pass_on(turn, message, payload, &limits)
        })
    }

    /// Passes on what engines didn't take before.
    fn flush_relays(&mut self) -> Result<(), ConnectionError> {
        let waits = |engine: &Engine| engine.relay.as_ref()?.waits_for().map(drop);
        let waiting = self.engines.iter();
        let waiting: Vec<i32> = waiting
            .filter_map(|(pid, engine)| waits(engine).map(|()| *pid))
            .collect();
        for pid in waiting {
            self.relay_by(pid, Relay::flush)?;
        }
        Ok(())
    }

    /// Uses the way to an engine, and gives it up if it can't be used.
    fn relay_by(
        &mut self,
        pid: i32,
        act: impl FnOnce(&mut Relay) -> Result<(), String>,
    ) -> Result<(), ConnectionError> {
        let Some(engine) = self.engines.get_mut(&pid) else {
            return Ok(());
        };
        if let Some(relay) = &mut engine.relay
            && let Err(reason) = act(relay)
        {
            tracing::warn!(pid, reason, "nothing more is passed on to an engine");
            engine.relay = None;
            let pid = pid.cast_unsigned();
            self.send(FromHost::NotRelayed { pid })?;
        }
        Ok(())
    }

    /// Waits until the controller has said something or an engine has ended; a
    /// host that was started by hand, at most for a slice.
    fn wait(&self, reader: &FrameReader) -> io::Result<Woken> {
        let slice = self.options.announce.map(|_| IDLE_SLICE);
        let mut watched = vec![PollFd::from_borrowed_fd(
            reader.stream().as_fd(),
            PollFlags::IN,
        )];
        for engine in self.engines.values() {
            watched.push(PollFd::from_borrowed_fd(
                engine.ended.as_fd(),
                PollFlags::IN,
            ));
        }
        let relays = self.engines.values().filter_map(|it| it.relay.as_ref());
        for socket in relays.filter_map(Relay::waits_for) {
            watched.push(PollFd::from_borrowed_fd(socket, PollFlags::OUT));
        }
        loop {
            match rustix::event::poll(&mut watched, slice.as_ref()) {
                Err(rustix::io::Errno::INTR) if slice.is_some() => return Ok(Woken::Idle),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
                Ok(0) => return Ok(Woken::Idle),
                Ok(_) => break,
            }
        }
        // Deaths first: their causes should be known before what they cause.
        let (connection, others) = watched.split_at(1);
        let (ended, reading) = others.split_at(self.engines.len());
        let is_any = |some: &[PollFd<'_>]| some.iter().any(|one| !one.revents().is_empty());
        Ok(if is_any(ended) {
            Woken::EngineEnded
        } else if is_any(connection) {
            Woken::Message
        } else {
            debug_assert!(is_any(reading));
            Woken::EngineReads
        })
    }

    /// Tells engines to end that the controller doesn't tell.
    fn tell_engines_to_end(&self) {
        for pid in self.engines.keys().filter_map(|&pid| Pid::from_raw(pid)) {
            // One that has ended needn't be told.
            let _ = rustix::process::kill_process(pid, Signal::TERM);
        }
    }

    /// Tells of every engine that has ended, and ends what it left running.
    fn reap(&mut self) -> Result<(), HostError> {
        let pids: Vec<i32> = self.engines.keys().copied().collect();
        for pid in pids {
            let Some(cause) = ended(pid)? else { continue };
            let engine = self.engines.remove(&pid);
            signal_group(pid, Signal::KILL);
            tracing::info!(pid, cause, "an engine ended");
            let output = engine.map(|engine| engine::read_rest(engine.output));
            let output = output.into_iter().flatten().map(|(stream, mut text)| {
                engine::shorten(&mut text);
                match stream {
                    Stream::Stdout => Output::Stdout(text),
                    Stream::Stderr => Output::Stderr(text),
                }
            });
            self.send(FromHost::EngineExited {
                pid: pid.cast_unsigned(),
                cause,
                output: output.collect(),
            })?;
        }
        Ok(())
    }

    fn signal(&self, pid: u32, signal: i32) {
        // Only what it forked and has not reaped: a process id may be used again.
        if !self.engines.contains_key(&pid.cast_signed()) {
            return;
        }
        // SAFETY: kill has no memory effects.
        if unsafe { libc::kill(pid.cast_signed(), signal) } < 0 {
            let error = io::Error::last_os_error();
            tracing::warn!(pid, signal, %error, "the signal could not be delivered");
        }
    }

    fn send(&mut self, message: FromHost) -> Result<(), ConnectionError> {
        self.writer
            .send(&ToController::Host(message), &Payload::default())
    }

    /// Waits for all engines to end, who have been told or see that the
    /// controller is gone; kills those that don't.
    fn end_engines(&mut self) -> Result<(), HostError> {
        let deadline = Instant::now() + END_TIMEOUT;
        while !self.engines.is_empty() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let mut watched: Vec<PollFd<'_>> = self
                .engines
                .values()
                .map(|engine| PollFd::from_borrowed_fd(engine.ended.as_fd(), PollFlags::IN))
                .collect();
            let timeout = Timespec {
                tv_sec: left.as_secs().cast_signed(),
                tv_nsec: left.subsec_nanos().into(),
            };
            match rustix::event::poll(&mut watched, Some(&timeout)) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(io::Error::from(error).into()),
            }
            let pids: Vec<i32> = self.engines.keys().copied().collect();
            for pid in pids {
                if ended(pid)?.is_some() {
                    self.engines.remove(&pid);
                    signal_group(pid, Signal::KILL);
                }
            }
        }
        for pid in std::mem::take(&mut self.engines).into_keys() {
            tracing::warn!(pid, "an engine did not end in time and is killed");
            signal_group(pid, Signal::KILL);
            self.signal_one(pid);
        }
        Ok(())
    }

    fn signal_one(&self, pid: i32) {
        if let Some(pid) = Pid::from_raw(pid) {
            // It may have ended a moment ago; both ways it is gone then.
            let _ = rustix::process::kill_process(pid, Signal::KILL);
            let _ = rustix::process::waitpid(Some(pid), WaitOptions::empty());
        }
    }
}

/// Turns a forked process into an engine; comes back only with an error.
fn become_engine(
    runtime: Runtime,
    options: EngineOptions,
    inherited: Inherited,
) -> Result<(), HostError> {
    // A session of its own: what it starts can be ended with it.
    if let Err(error) = rustix::process::setsid() {
        tracing::warn!(%error, "the engine shares its process group");
    }
    match engine::run_forked(runtime, &options, Some(inherited)) {
        Ok(never) => match never {},
        Err(error) => Err(HostError::Engine(error)),
    }
}

/// Reaps a process if it has ended. Returns the cause as a phrase.
fn ended(pid: i32) -> io::Result<Option<String>> {
    let Some(status) = rustix::process::waitpid(Pid::from_raw(pid), WaitOptions::NOHANG)? else {
        return Ok(None);
    };
    let (_, status) = status;
    Ok(Some(if let Some(signal) = status.terminating_signal() {
        format!("killed by {}", signal_name(signal))
    } else {
        format!("exited with status {}", status.exit_status().unwrap_or(0))
    }))
}

fn signal_group(leader: i32, signal: Signal) {
    if let Some(leader) = Pid::from_raw(leader) {
        // Fails where nothing is left of the group, which is what is wanted.
        let _ = rustix::process::kill_process_group(leader, signal);
    }
}

fn signal_name(signal: i32) -> String {
    let name = match signal {
        libc::SIGHUP => "SIGHUP",
        libc::SIGINT => "SIGINT",
        libc::SIGQUIT => "SIGQUIT",
        libc::SIGILL => "SIGILL",
        libc::SIGABRT => "SIGABRT",
        libc::SIGBUS => "SIGBUS",
        libc::SIGFPE => "SIGFPE",
        libc::SIGKILL => "SIGKILL",
        libc::SIGSEGV => "SIGSEGV",
        libc::SIGPIPE => "SIGPIPE",
        libc::SIGALRM => "SIGALRM",
        libc::SIGTERM => "SIGTERM",
        libc::SIGUSR1 => "SIGUSR1",
        libc::SIGUSR2 => "SIGUSR2",
        other => return format!("signal {other}"),
    };
    format!("signal {signal} ({name})")
}
