//! Measures what the controller itself costs per task: from the client's
//! message to the result's, without sockets, encoding or engines that work.
//!
//!     cargo run -p rhumba-proto --example controller_bench --ignore-rust-version

#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "a measurement needs a clock; the state machine still gets its time handed in"
)]

use rhumba_proto::controller::{Action, Config, Controller, Event};
use rhumba_proto::id::{BlobId, ConnectionId, EngineId, RequestId, Ticket, Timestamp};
use rhumba_proto::message::{
    FromClient, FromController, FromEngine, Hello, Operation, Outcome, PROTOCOL_VERSION, Payload,
    Role, Timing, ToClient, ToController, ToEngine, Work,
};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

const CLIENT: ConnectionId = ConnectionId(0);

struct Bench {
    controller: Controller,
    now: Timestamp,
    /// What engines were sent and haven't answered: their connection and the ticket.
    sent: VecDeque<(ConnectionId, Ticket)>,
    results: usize,
    spent: Duration,
}

impl Bench {
    fn new(engines: u64) -> Self {
        let mut bench = Self {
            controller: Controller::new(Config::default(), "bench".to_owned()),
            now: Timestamp::default(),
            sent: VecDeque::new(),
            results: 0,
            spent: Duration::ZERO,
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
            blob: BlobId([1; 32]),
        };
        bench.message(CLIENT, ToController::Client(blob), payload(1000));
        bench.spent = Duration::ZERO;
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

    /// Counts the time of the controller alone, actions taken out included.
    fn handle(&mut self, event: Event) {
        self.now = self.now.after_us(1);
        let start = Instant::now();
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
        self.spent += start.elapsed();
    }

    fn finish_next(&mut self, duration_us: u64) -> bool {
        let Some((connection, ticket)) = self.sent.pop_front() else {
            return false;
        };
        let timing = Timing {
            started_us: 1,
            completed_us: 1 + duration_us,
        };
        let finished = FromEngine::Finished {
            ticket,
            outcome: Outcome::Done,
            timing,
        };
        self.message(connection, ToController::Engine(finished), payload(100));
        true
    }
}

fn payload(bytes: usize) -> Payload {
    Payload {
        buffers: vec![vec![0; bytes].into()],
    }
}

fn report(what: &str, bench: &Bench, count: u64) {
    assert_eq!(bench.results as u64, count, "every task is answered");
    let ns = bench.spent.as_nanos() as u64 / count;
    println!("{what:<58} {ns:>6} ns per task");
}

fn work() -> Work {
    Work {
        operation: Operation::Apply,
        function: Some(BlobId([1; 32])),
    }
}

/// Queues all tasks first, then lets the engines finish them in turn.
fn queued_tasks(tasks: u64, engines: u64, duration_us: u64) {
    let mut bench = Bench::new(engines);
    for request in 0..tasks {
        let task = FromClient::Task {
            request: RequestId(request),
            work: work(),
            retries: 1,
        };
        bench.message(CLIENT, ToController::Client(task), payload(100));
    }
    while bench.finish_next(duration_us) {}
    let what = format!("{tasks} queued tasks of {duration_us} µs, {engines} engines");
    report(&what, &bench, tasks);
}

/// Sends one task when the one before is answered.
fn one_by_one(tasks: u64, engines: u64) {
    let mut bench = Bench::new(engines);
    for request in 0..tasks {
        let task = FromClient::Task {
            request: RequestId(request),
            work: work(),
            retries: 1,
        };
        bench.message(CLIENT, ToController::Client(task), payload(100));
        bench.finish_next(100);
    }
    report(
        &format!("{tasks} tasks one by one, {engines} engines"),
        &bench,
        tasks,
    );
}

/// Sends every request to all engines, and has them all answer.
fn requests(requests: u64, engines: u64) {
    let mut bench = Bench::new(engines);
    for request in 0..requests {
        let targets = (0..engines as u32).map(EngineId).collect();
        let request = FromClient::Request {
            request: RequestId(request),
            targets,
            work: work(),
        };
        bench.message(CLIENT, ToController::Client(request), payload(100));
    }
    while bench.finish_next(100) {}
    let what = format!("{requests} requests to all of {engines} engines");
    report(&what, &bench, requests * engines);
}

fn main() {
    for engines in [4, 1000] {
        for duration_us in [10, 1000, 1_000_000] {
            queued_tasks(100_000, engines, duration_us);
        }
        one_by_one(100_000, engines);
    }
    queued_tasks(1_000_000, 4, 10);
    requests(25_000, 4);
    requests(100, 1000);
}
