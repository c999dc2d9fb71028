//! The engine process: holds a namespace and runs what it is sent, in order.
//!
//! Python has the main thread. A network thread reads: it fills the queue,
//! answers heartbeats, takes work back and delivers interrupts while Python is
//! busy. Each piece of work is answered before the next one starts, so that
//! when an engine dies exactly one unanswered piece may have begun.
//!
//! Read next: [`queue`] for what both threads share, [`operations`] for what
//! is done with the namespace, [`output`] for what is printed meanwhile, [`incoming`] for the
//! two ways by which work comes.

mod base_frame;
mod descriptors;
mod incoming;
mod joined;
mod operations;
mod output;
mod queue;

pub use descriptors::Log;
pub(crate) use descriptors::{Pipes, read_rest};
pub use joined::Joined;
pub(crate) use output::shorten;

use crate::cluster_file::{ClusterFile, ClusterFileError};
use crate::socket::{self, ConnectionError, FrameReader, FrameWriter};
use incoming::{End, Incoming};
use operations::Operations;
use output::EngineOutput;
use parking_lot::Mutex;
use queue::{Job, Queue};
use rhumba_interpreter::failure::ErrorReport;
use rhumba_interpreter::namespace::Namespace;
use rhumba_interpreter::runtime::{Runtime, runtime_version};
use rhumba_interpreter::rustpython_vm::{PyResult, VirtualMachine};
use rhumba_proto::frame::FrameError;
use rhumba_proto::id::{BlobId, EngineId, Ticket};
use rhumba_proto::message::{
    Failure, FailureKind, FromEngine, Outcome, Payload, Role, Timing, ToController, ToEngine,
    Welcome,
};
use std::collections::HashMap;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// How long the controller is given to say welcome.
const WELCOME_TIMEOUT: Duration = Duration::from_secs(30);

/// How long Python is given to end what it runs when the engine is to end.
const END_TIMEOUT: Duration = Duration::from_millis(500);

/// How soon an engine that was started by hand sees Ctrl-C while nothing runs.
const IDLE_SLICE: Duration = Duration::from_millis(100);

/// What an engine is started with.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    pub cluster_file: PathBuf,
    /// The process that forked it, if one did: it watches over the engine.
    pub host: Option<u32>,
    /// Folders to look for modules in, before all others and the working folder.
    pub module_directories: Vec<PathBuf>,
    /// Told the number and the cluster's id when it has joined.
    pub announce: Option<fn(EngineId, &str)>,
}

/// Why an engine could not start. Each is a sentence.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    #[error(transparent)]
    ClusterFile(#[from] ClusterFileError),
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    #[error("{0}")]
    Settings(String),
    #[error("the engine could not start: {0}")]
    Io(#[from] std::io::Error),
}

/// What both threads send through.
pub(crate) struct Outgoing {
    writer: Mutex<FrameWriter>,
}

impl Outgoing {
    /// Sends a message. A broken connection is not told: the network thread
    /// sees it too, and ends the engine.
    ///
    /// # Errors
    /// If the message is beyond the limits: nothing was sent then.
    fn try_send(&self, message: FromEngine, payload: &Payload) -> Result<(), FrameError> {
        let sent = self
            .writer
            .lock()
            .send(&ToController::Engine(message), payload);
        match sent {
            Err(ConnectionError::Frame(error)) => Err(error),
            Err(error) => {
                tracing::warn!(%error, "a message to the controller could not be sent");
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    /// Ends the connection, for both directions.
    fn close(&self) {
        self.writer.lock().close();
    }

    /// Sends a message that is known to be within the limits.
    fn send(&self, message: FromEngine, payload: &Payload) {
        if let Err(error) = self.try_send(message, payload) {
            tracing::error!(%error, "a message to the controller was too large to be sent");
        }
    }

    /// Sends the one answer to a piece of work: its result, or, where that is
    /// too large, why it has none.
    fn send_finished(
        &self,
        ticket: Ticket,
        operation: &'static str,
        result: Result<Payload, Failure>,
        timing: Timing,
    ) {
        let (outcome, payload) = match result {
            Ok(payload) => (Outcome::Done, payload),
            Err(failure) => (Outcome::Failed(bounded(failure)), Payload::default()),
        };
        let finished = |outcome| FromEngine::Finished {
            ticket,
            outcome,
            timing,
        };
        if let Err(error) = self.try_send(finished(outcome), &payload) {
            let failure = operations::too_large(operation, &error.to_string());
            self.send(finished(Outcome::Failed(failure)), &Payload::default());
        }
    }
}

/// Joins a cluster and runs what it is sent, until it is told to end or the
/// controller is gone. Then the process ends: this returns only errors.
///
/// # Errors
/// If the cluster file can't be used or the controller does not let it join.
pub fn run(
    runtime: Runtime,
    options: &EngineOptions,
) -> Result<std::convert::Infallible, EngineError> {
    run_forked(runtime, options, None)
}

/// What an engine has from the host that forked it.
pub(crate) struct Inherited {
    /// What goes to many engines comes through it.
    pub(crate) relayed: UnixStream,
    pub(crate) pipes: Pipes,
}

/// Does what [`run`] does, in a process that a host has forked.
pub(crate) fn run_forked(
    runtime: Runtime,
    options: &EngineOptions,
    inherited: Option<Inherited>,
) -> Result<std::convert::Infallible, EngineError> {
    let (engine, reader, outgoing) = connect(options)?;
    let (relayed, pipes) = inherited.map(|it| (it.relayed, it.pipes)).unzip();
    let relayed = relayed.map(|stream| FrameReader::of_host(stream, reader.limits()));
    let incoming = Incoming::new(reader, relayed);
    let queue = Arc::new(match options.host {
        Some(_) => Queue::new(),
        None => Queue::of_engine_by_hand(),
    });
    let captured = descriptors::capture(pipes)?;
    let output = EngineOutput::start(Arc::clone(&outgoing), Some(captured))?;
    let python_thread = queue::Thread::current();
    let ended = Arc::clone(&queue);
    start_network(
        incoming,
        Arc::clone(&queue),
        Arc::clone(&outgoing),
        move || {
            if !ended.close(python_thread, END_TIMEOUT) {
                tracing::warn!("Python did not stop in time, so the engine ends under it");
            }
            // Python may still be at its exit handlers; they have as long again.
            std::thread::sleep(END_TIMEOUT);
            end_process_group(0)
        },
    )?;

    runtime.enter(|vm| {
        // Clients know of this engine already: a signal may come at any time,
        // and must not end the preparation.
        let operations = with_signals_blocked(|| {
            if let Err(error) = add_module_directories(vm, &options.module_directories) {
                let report = ErrorReport::from_exception(vm, &error);
                tracing::error!(message = report.message, "sys.path can't be extended");
            }
            operations::prepare_input(vm, engine);
            Operations::new(vm, engine, Arc::clone(&output))
        });
        let namespace = Namespace::new(vm).dict().clone();
        let served = base_frame::run_within(vm, &namespace, move |vm| {
            serve(vm, operations, &queue, &output, &outgoing);
        });
        if let Err(error) = served {
            let report = ErrorReport::from_exception(vm, &error);
            tracing::error!(message = report.message, "the engine stopped serving");
        }
    });
    runtime.finish(0);
    descriptors::release();
    end_process_group(0)
}

/// Joins the cluster that the options name.
fn connect(options: &EngineOptions) -> Result<(EngineId, FrameReader, Arc<Outgoing>), EngineError> {
    let cluster = ClusterFile::read(&options.cluster_file)?;
    let limits = socket::limits_from_environment().map_err(EngineError::Settings)?;
    let role = Role::Engine { host: options.host };
    let (reader, writer, welcome) = socket::dial(
        &cluster.socket,
        role,
        &runtime_version(),
        limits,
        WELCOME_TIMEOUT,
    )
    .map_err(|error| error.about(&options.cluster_file, &cluster))?;
    let Welcome::Engine { engine, .. } = welcome else {
        return Err(ConnectionError::Closed {
            cause: "it took this engine for a client".into(),
        }
        .into());
    };
    tracing::info!(%engine, pid = std::process::id(), "joined");
    if let Some(announce) = options.announce {
        announce(engine, &cluster.cluster_id);
    }
    let outgoing = Arc::new(Outgoing {
        writer: Mutex::new(writer),
    });
    Ok((engine, reader, outgoing))
}

/// Runs what is queued, one piece after the other, until the queue is closed.
fn serve(
    vm: &VirtualMachine,
    mut operations: Operations,
    queue: &Queue,
    output: &EngineOutput,
    outgoing: &Outgoing,
) {
    while let Some(job) = next_job(vm, queue) {
        run_job(vm, &mut operations, job, queue, output, outgoing);
    }
    // Nothing runs any more that an interrupt could have been meant for.
    rhumba_interpreter::interrupt::discard_pending(vm);
}

/// Waits for the next piece. `None`: the queue is closed, or Ctrl-C has closed it.
fn next_job(vm: &VirtualMachine, queue: &Queue) -> Option<Job> {
    if !queue.ends_on_interrupt() {
        return vm.allow_threads(|| queue.next());
    }
    loop {
        if let Ok(job) = vm.allow_threads(|| queue.next_within(IDLE_SLICE)) {
            return job;
        }
        if rhumba_interpreter::interrupt::check(vm).is_err() {
            queue.close(queue::Thread::current(), Duration::ZERO);
            return None;
        }
    }
}

/// Runs one piece and answers it.
fn run_job(
    vm: &VirtualMachine,
    operations: &mut Operations,
    job: Job,
    queue: &Queue,
    output: &EngineOutput,
    outgoing: &Outgoing,
) {
    let (ticket, operation) = (job.ticket, job.operation.name());
    output.begin(ticket);
    rhumba_interpreter::interrupt::discard_pending(vm);
    let started_us = unix_time_us();
    let result = operations.run(vm, job);
    if output.is_forked() {
        // A process that the work has forked, and that has left its code: the answer is the engine's.
        end_forked(&result);
    }
    queue.finish();
    rhumba_interpreter::interrupt::discard_pending(vm);
    output.end();
    if queue.is_closed() && result.as_ref().is_err_and(is_interrupt) {
        // The engine's end interrupted it, and nobody who asked for it. Unanswered, it is what
        // the engine had begun when it ended: the controller tries it elsewhere, or says so.
        return;
    }
    let timing = Timing {
        started_us,
        completed_us: unix_time_us(),
    };
    vm.allow_threads(|| outgoing.send_finished(ticket, operation, result, timing));
}

/// Ends a forked process as a script would end, with a status that says how.
fn end_forked(result: &Result<Payload, Failure>) -> ! {
    let status = match result {
        Ok(_) => 0,
        Err(failure) if failure.exception == "SystemExit" => failure.message.parse().unwrap_or(0),
        Err(failure) => {
            // Nobody else tells of it; it goes where the process writes.
            eprintln!("{}", failure.traceback);
            1
        }
    };
    // SAFETY: it does nothing but end the process; what is to be done at the end is the engine's.
    unsafe { libc::_exit(status) }
}

fn is_interrupt(failure: &Failure) -> bool {
    failure.kind == FailureKind::Raised && failure.exception == "KeyboardInterrupt"
}

/// Cuts the texts of a failure that are too long for a message.
fn bounded(mut failure: Failure) -> Failure {
    for text in [
        &mut failure.exception,
        &mut failure.message,
        &mut failure.traceback,
    ] {
        output::shorten(text);
    }
    failure
}

/// Puts folders, and then the working folder, before all others on `sys.path`.
fn add_module_directories(vm: &VirtualMachine, directories: &[PathBuf]) -> PyResult<()> {
    let path = vm.sys_module.get_attr("path", vm)?;
    let shown = directories
        .iter()
        .map(|directory| directory.display().to_string());
    for (index, directory) in shown.chain([String::new()]).enumerate() {
        vm.call_method(&path, "insert", (index, directory))?;
    }
    Ok(())
}

/// Starts the thread that reads what the controller sends; `at_end` is called by it when there is
/// nothing more to read.
fn start_network(
    mut incoming: Incoming,
    queue: Arc<Queue>,
    outgoing: Arc<Outgoing>,
    at_end: impl FnOnce() + Send + 'static,
) -> std::io::Result<()> {
    let python_thread = queue::Thread::current();
    let started = with_signals_blocked(|| {
        std::thread::Builder::new()
            .name("network".into())
            .spawn(move || {
                let mut blobs = HashMap::new();
                loop {
                    match incoming.receive() {
                        Ok(Ok((ToEngine::Shutdown, _)) | Err(End::Closed)) => break,
                        Ok(Ok((message, payload))) => {
                            on_message(
                                message,
                                payload,
                                &mut blobs,
                                &queue,
                                &outgoing,
                                python_thread,
                            );
                        }
                        Ok(Err(End::Refused { reason })) => {
                            tracing::warn!(reason, "the controller let this engine go");
                            break;
                        }
                        Err(error) => {
                            tracing::warn!(%error, "the connection to the controller broke");
                            break;
                        }
                    }
                }
                at_end();
            })
    });
    started.map(drop)
}

fn on_message(
    message: ToEngine,
    payload: Payload,
    blobs: &mut HashMap<BlobId, Payload>,
    queue: &Queue,
    outgoing: &Outgoing,
    python_thread: queue::Thread,
) {
    match message {
        ToEngine::StoreBlob { blob } => {
            blobs.insert(blob, payload);
        }
        ToEngine::ForgetBlob { blob } => {
            blobs.remove(&blob);
        }
        ToEngine::Run { ticket, work } => {
            let function = work.function.map(|blob| (blob, blobs.get(&blob).cloned()));
            queue.push(Job {
                ticket,
                operation: work.operation,
                function,
                payload,
            });
        }
        ToEngine::Recall { ticket } => {
            let taken = queue.take_back(ticket);
            outgoing.send(FromEngine::Recalled { ticket, taken }, &Payload::default());
        }
        ToEngine::Interrupt { ticket } => queue.interrupt(ticket, python_thread),
        ToEngine::Signal { signal } if signal == libc::SIGINT && queue.ends_on_interrupt() => {
            // A client interrupts what runs; only who started it by hand ends it so.
            queue.interrupt_running(python_thread);
        }
        ToEngine::Signal { signal } => {
            // SAFETY: kill has no memory effects here; the signal's handler is
            // Python's or the default one, as the sender wants.
            if unsafe { libc::kill(libc::getpid(), signal) } < 0 {
                tracing::warn!(signal, "the signal could not be delivered");
            }
        }
        ToEngine::Ping => outgoing.send(FromEngine::Pong, &Payload::default()),
        // The first ends the connection, the others only put messages in order.
        ToEngine::Shutdown | ToEngine::Await { .. } | ToEngine::Relayed { .. } => {}
    }
}

/// Ends this process and what it started, so that nothing of an engine is left.
///
/// An engine forked by a host leads a process group of its own; one started by
/// hand shares its group with the shell it was started from, and ends alone.
fn end_process_group(status: i32) -> ! {
    // SAFETY: these calls touch no memory. The engine ignores the SIGTERM that
    // it sends to its own group; `_exit` runs nothing of the runtime, whose
    // main thread may be anywhere in Python.
    unsafe {
        if libc::getpgrp() == libc::getpid() {
            libc::signal(libc::SIGTERM, libc::SIG_IGN);
            libc::kill(0, libc::SIGTERM);
        }
        libc::_exit(status)
    }
}

/// Runs `spawn` with all signals blocked, so that the thread it starts leaves
/// them to the main thread, where Python waits for them.
pub(crate) fn with_signals_blocked<R>(spawn: impl FnOnce() -> R) -> R {
    // SAFETY: both sets are initialised by the calls before they are read.
    unsafe {
        let mut all = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
        let mut before = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
        libc::sigfillset(all.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr());
        let result = spawn();
        libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), std::ptr::null_mut());
        result
    }
}

pub(crate) fn unix_time_us() -> u64 {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}
