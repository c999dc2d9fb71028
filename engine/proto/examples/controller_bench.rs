//! Measures what the controller itself costs per task: from the client's
//! message to the result's, without sockets, encoding or engines that work.
//! What is printed is processor time, so that a busy machine matters little;
//! making the messages is in it, some 300 ns per task.
//!
//!     cargo run -p rhumba-proto --example controller_bench --ignore-rust-version

#![allow(
    clippy::disallowed_methods,
    reason = "a measurement needs a clock, and reads it from a file"
)]

use rhumba_proto::controller::{Action, Config, Controller, Event};
use rhumba_proto::id::{BlobId, ConnectionId, EngineId, QueryId, RequestId, Ticket, Timestamp};
use rhumba_proto::message::{
    Failure, FailureKind, FromClient, FromController, FromEngine, Hello, Manner, Operation,
    Outcome, PROTOCOL_VERSION, Payload, Role, Terms, Timing, ToClient, ToController, ToEngine,
    Work,
};
use std::collections::VecDeque;

const CLIENT: ConnectionId = ConnectionId(0);

struct Bench {
    controller: Controller,
    now: Timestamp,
    /// What engines were sent and haven't answered: their connection and the ticket.
    sent: VecDeque<(ConnectionId, Ticket)>,
    results: usize,
}

impl Bench {
    fn new(engines: u64) -> Self {
        let mut bench = Self {
            controller: Controller::new(Config::default(), "bench".to_owned()),
            now: Timestamp::default(),
            sent: VecDeque::new(),
            results: 0,
        };
        bench.join(
            CLIENT,
            Role::Client {
                name: "bench".to_owned(),
            },
        );
        for engine in 1..=engines {
            bench.join(ConnectionId(engine), Role::Engine { host: None });
        }
        let blob = FromClient::StoreBlob {
            name: "f".to_owned(),
            blob: BlobId([1; 32]),
        };
        bench.message(CLIENT, ToController::Client(blob), payload(1000));
        bench
    }

    fn join(&mut self, connection: ConnectionId, role: Role) {
        let hello = Hello {
            protocol: PROTOCOL_VERSION,
            runtime: "bench".to_owned(),
            pid: 1,
            role,
        };
        self.handle(Event::ConnectionOpened { connection });
        self.message(connection, ToController::Hello(hello), Payload::default());
    }

    fn message(&mut self, connection: ConnectionId, message: ToController, payload: Payload) {
        self.handle(Event::MessageReceived {
            connection,
            message,
            payload,
        });
    }

    fn handle(&mut self, event: Event) {
        self.now = self.now.after_us(1);
        self.controller.handle(self.now, event);
        while let Some(action) = self.controller.poll_action() {
            match action {
                Action::Send {
                    connection,
                    message: FromController::Engine(ToEngine::Run { ticket, .. }),
                    ..
                } => self.sent.push_back((connection, ticket)),
                Action::Send {
                    message: FromController::Client(ToClient::Result { .. }),
                    ..
                } => {
                    self.results += 1;
                }
                _ => {}
            }
        }
    }

    fn submit(&mut self, request: u64) {
        let task = FromClient::Task {
            request: RequestId(request),
            work: work(),
            terms: Terms {
                retries: 1,
                ..Terms::default()
            },
        };
        self.message(CLIENT, ToController::Client(task), payload(100));
    }

    fn finish(
        &mut self,
        connection: ConnectionId,
        ticket: Ticket,
        outcome: Outcome,
        duration_us: u64,
    ) {
        let timing = Timing {
            started_us: 1,
            completed_us: 1 + duration_us,
        };
        let finished = FromEngine::Finished {
            ticket,
            outcome,
            timing,
        };
        self.message(connection, ToController::Engine(finished), payload(100));
    }

    fn finish_next(&mut self, duration_us: u64) -> bool {
        let Some((connection, ticket)) = self.sent.pop_front() else {
            return false;
        };
        self.finish(connection, ticket, Outcome::Done, duration_us);
        true
    }
}

fn payload(bytes: usize) -> Payload {
    Payload {
        buffers: vec![vec![0; bytes].into()],
    }
}

/// Returns for how long this thread has been running, as Linux counts it.
fn processor_time_ns() -> u64 {
    let path = "/proc/thread-self/schedstat";
    let schedstat = std::fs::read_to_string(path).expect("Linux tells the time a thread ran");
    let first = schedstat
        .split(' ')
        .next()
        .and_then(|word| word.parse().ok());
    first.expect("its first number is nanoseconds")
}

/// Prints the best of three runs: other processes only ever add time.
fn report(what: &str, run: impl Fn() -> (Bench, u64)) {
    let ns_per_task = (0..3).map(|_| {
        let start_ns = processor_time_ns();
        let (bench, count) = run();
        let spent_ns = processor_time_ns() - start_ns;
        assert_eq!(bench.results as u64, count, "every task is answered");
        spent_ns / count
    });
    let best = ns_per_task.min().expect("it ran three times");
    println!("{what:<58} {best:>6} ns per task");
}

fn raised() -> Failure {
    Failure {
        kind: FailureKind::Raised,
        exception: "ValueError".to_owned(),
        message: "no".to_owned(),
        traceback: String::new(),
    }
}

fn work() -> Work {
    Work {
        operation: Operation::Apply,
        function: Some(BlobId([1; 32])),
    }
}

/// Queues all tasks first, then lets the engines finish them in turn.
fn queued_tasks(tasks: u64, engines: u64, duration_us: u64) -> (Bench, u64) {
    let mut bench = Bench::new(engines);
    for request in 0..tasks {
        bench.submit(request);
    }
    while bench.finish_next(duration_us) {}
    (bench, tasks)
}

/// Lets every task raise at its first engine, so that each moves on once.
fn raising_tasks(tasks: u64, engines: u64) -> (Bench, u64) {
    let mut bench = Bench::new(engines);
    for request in 0..tasks {
        bench.submit(request);
    }
    let mut tries = 0;
    while let Some((connection, ticket)) = bench.sent.pop_front() {
        tries += 1;
        let outcome = match tries % 2 {
            0 => Outcome::Done,
            _ => Outcome::Failed(raised()),
        };
        bench.finish(connection, ticket, outcome, 100);
    }
    (bench, tasks)
}

/// Aborts everything that is queued.
fn aborted_tasks(tasks: u64) -> (Bench, u64) {
    let mut bench = Bench::new(4);
    for request in 0..tasks {
        bench.submit(request);
    }
    let requests = (0..tasks).map(RequestId).collect();
    let abort = FromClient::Abort {
        query: QueryId(1),
        requests,
        targets: Vec::new(),
    };
    bench.message(CLIENT, ToController::Client(abort), Payload::default());
    let answered = bench.results as u64;
    (bench, answered)
}

/// Lets one engine after another die with tasks at hand, and others join.
fn dying_engines(tasks: u64, engines: u64) -> (Bench, u64) {
    let mut bench = Bench::new(engines);
    for request in 0..tasks {
        bench.submit(request);
    }
    let mut next = engines + 1;
    let mut deaths = 0;
    while let Some((connection, ticket)) = bench.sent.pop_front() {
        if deaths < engines {
            deaths += 1;
            let cause = "killed".to_owned();
            bench.handle(Event::ConnectionClosed { connection, cause });
            bench.join(ConnectionId(next), Role::Engine { host: None });
            next += 1;
        } else {
            bench.finish(connection, ticket, Outcome::Done, 100);
        }
    }
    (bench, tasks)
}

/// Sends one task when the one before is answered.
fn one_by_one(tasks: u64, engines: u64) -> (Bench, u64) {
    let mut bench = Bench::new(engines);
    for request in 0..tasks {
        bench.submit(request);
        bench.finish_next(100);
    }
    (bench, tasks)
}

/// Sends every request to all engines, and has them all answer.
fn requests(requests: u64, engines: u64) -> (Bench, u64) {
    let mut bench = Bench::new(engines);
    for request in 0..requests {
        let targets = (0..engines as u32).map(EngineId).collect();
        let request = FromClient::Request {
            request: RequestId(request),
            targets,
            work: work(),
            manner: Manner::default(),
        };
        bench.message(CLIENT, ToController::Client(request), payload(100));
    }
    while bench.finish_next(100) {}
    (bench, requests * engines)
}

fn main() {
    for engines in [4, 1000] {
        println!("{engines} engines, 100,000 tasks:");
        for duration_us in [10, 1000, 1_000_000] {
            let what = format!("  queued, {duration_us} µs each");
            report(&what, || queued_tasks(100_000, engines, duration_us));
        }
        report("  one by one", || one_by_one(100_000, engines));
        report("  half of all tries raise", || {
            raising_tasks(100_000, engines)
        });
        report("  every engine dies and is replaced", || {
            dying_engines(100_000, engines)
        });
    }
    println!("other:");
    report("  1,000,000 queued, 10 µs each, 4 engines", || {
        queued_tasks(1_000_000, 4, 10)
    });
    report("  100,000 aborted while queued", || aborted_tasks(100_000));
    report("  25,000 requests to each of 4 engines", || {
        requests(25_000, 4)
    });
    report("  100 requests to each of 1000 engines", || {
        requests(100, 1000)
    });
}
