//! A program of somebody's own as an engine: it serves what it was sent when it has time for that,
//! and goes on when the cluster ends.
//!
//! The pieces run on the thread that calls [`Joined::serve_pending`], between two steps of the
//! program, so that nothing of it has to be locked. Heartbeats are answered in between. How an
//! engine that is nothing else works is [`super::run`].

use super::incoming::Incoming;
use super::operations::{Operations, capture};
use super::output::EngineOutput;
use super::queue::{Queue, Thread};
use super::{END_TIMEOUT, EngineError, EngineOptions, Outgoing, base_frame, run_job};
use super::{start_network, with_signals_blocked};
use parking_lot::Mutex;
use rhumba_interpreter::failure::ErrorReport;
use rhumba_interpreter::namespace::Namespace;
use rhumba_interpreter::output::Streams;
use rhumba_interpreter::runtime::Runtime;
use rhumba_proto::id::EngineId;
use std::sync::Arc;

/// A program that a cluster knows as an engine.
pub struct Joined {
    engine: EngineId,
    operations: Arc<Mutex<Operations>>,
    queue: Arc<Queue>,
    output: Arc<EngineOutput>,
    outgoing: Arc<Outgoing>,
}

impl Joined {
    /// Joins a cluster with the namespace of an interpreter of this thread.
    ///
    /// # Errors
    /// If the cluster file can't be used or the controller does not let it join.
    pub fn new(runtime: &Runtime, options: &EngineOptions) -> Result<Self, EngineError> {
        let (engine, reader, outgoing) = super::connect(options)?;
        let queue = Arc::new(Queue::new());
        let output = EngineOutput::start(Arc::clone(&outgoing), None)?;
        let python_thread = Thread::current();
        let closed = Arc::clone(&queue);
        start_network(
            Incoming::new(reader, None),
            Arc::clone(&queue),
            Arc::clone(&outgoing),
            move || {
                closed.close(python_thread, END_TIMEOUT);
            },
        )?;
        let operations = runtime.enter(|vm| {
            let streams = Streams::now(vm);
            let operations = Operations::new(vm, engine, Arc::clone(&output));
            // What the program itself prints is its own, between the pieces.
            if let Ok(streams) = streams
                && let Err(error) = streams.put_back(vm)
            {
                let report = ErrorReport::from_exception(vm, &error);
                tracing::error!(message = report.message, "output can't be given back");
            }
            operations
        });
        Ok(Self {
            engine,
            operations: Arc::new(Mutex::new(operations)),
            queue,
            output,
            outgoing,
        })
    }

    #[must_use]
    pub fn engine(&self) -> EngineId {
        self.engine
    }

    /// Runs what was sent so far, in order. Returns whether the cluster is still there.
    pub fn serve_pending(&self, runtime: &Runtime) -> bool {
        runtime.enter(|vm| {
            while let Some(job) = self.queue.next_if_there() {
                let namespace = Namespace::new(vm).dict();
                let streams = Streams::now(vm);
                let operations = Arc::clone(&self.operations);
                let (queue, output, outgoing) = (
                    Arc::clone(&self.queue),
                    Arc::clone(&self.output),
                    Arc::clone(&self.outgoing),
                );
                let ran = base_frame::run_within(vm, &namespace, move |vm| {
                    let mut operations = operations.lock();
                    capture(vm, &output);
                    run_job(vm, &mut operations, job, &queue, &output, &outgoing);
                });
                let put_back = streams.and_then(|streams| streams.put_back(vm));
                for error in [ran, put_back].into_iter().filter_map(Result::err) {
                    let report = ErrorReport::from_exception(vm, &error);
                    tracing::error!(message = report.message, "a piece of work was not served");
                }
            }
        });
        !self.queue.is_closed()
    }

    /// Leaves the cluster: what has not been served is told of as lost.
    pub fn leave(self) {
        self.queue.close(Thread::current(), END_TIMEOUT);
        with_signals_blocked(|| self.outgoing.close());
    }
}
