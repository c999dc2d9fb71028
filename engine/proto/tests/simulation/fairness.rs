//! Fairness: clients whose tasks take very different times share engines, and
//! what each is given is measured. Nothing goes wrong here; what does is in
//! `world.rs`.

use crate::random::Random;
use rhumba_proto::controller::{Action, Config, Controller, Event};
use rhumba_proto::id::{ConnectionId, RequestId, Ticket, Timestamp};
use rhumba_proto::message::{
    FromClient, FromController, FromEngine, Hello, Operation, Outcome, PROTOCOL_VERSION, Payload,
    Role, Terms, Timing, ToController, ToEngine, Work,
};
use std::collections::VecDeque;

/// How much more engine time a client may be given than one that waits.
const LEAD_MAX_US: u64 = 1_000_000;

struct Client {
    /// How long each of its tasks takes.
    duration_us: u64,
    /// Those not sent yet, with their priorities, in the order of their arrival.
    queued: VecDeque<(RequestId, i32)>,
    next_request: u64,
    /// The engine time of what was sent since the clocks were set.
    given_us: u64,
    /// Since when it has had something queued without a break.
    waits_since: Option<Vec<u64>>,
    /// What others were sent since its very first task was queued.
    passed_by: Option<u64>,
}

#[derive(Default)]
struct Engine {
    queue: VecDeque<(Ticket, u64)>,
    ends_at: u64,
}

struct Party {
    now: u64,
    events: u64,
    random: Random,
    controller: Controller,
    clients: Vec<Client>,
    engines: Vec<Engine>,
    lone_tasks: u64,
    most_us: u64,
}

impl Party {
    fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let config = Config {
            heartbeat_interval_us: u64::MAX / 2,
            ..Config::default()
        };
        let clients = random.between(2, 6);
        let engines = random.between(1, 8);
        let mut party = Self {
            now: 0,
            events: 0,
            controller: Controller::new(config, "fair".to_owned()),
            clients: Vec::new(),
            engines: Vec::new(),
            lone_tasks: 0,
            most_us: 0,
            random,
        };
        for client in 0..clients {
            let duration_us = party.random.skewed(10, 200_000);
            party.clients.push(Client {
                duration_us,
                queued: VecDeque::new(),
                next_request: 0,
                given_us: 0,
                waits_since: None,
                passed_by: None,
            });
            let name = "guest".to_owned();
            party.join(client, Role::Client { name });
        }
        for engine in 0..engines {
            party.engines.push(Engine::default());
            party.join(100 + engine, Role::Engine { host: None });
        }
        party
    }

    fn join(&mut self, connection: u64, role: Role) {
        let connection = ConnectionId(connection);
        self.handle(Event::ConnectionOpened { connection });
        let hello = Hello {
            protocol: PROTOCOL_VERSION,
            runtime: "fair".to_owned(),
            pid: 1,
            role,
        };
        self.say(connection, ToController::Hello(hello));
    }

    fn say(&mut self, connection: ConnectionId, message: ToController) {
        self.handle(Event::MessageReceived {
            connection,
            message,
            payload: Payload::default(),
        });
    }

    fn handle(&mut self, event: Event) {
        self.controller.handle(Timestamp(self.now), event);
        while let Some(action) = self.controller.poll_action() {
            let Action::Send {
                connection,
                message: FromController::Engine(message),
                ..
            } = action
            else {
                continue;
            };
            let engine = (connection.0 - 100) as usize;
            match message {
                ToEngine::Run { ticket, work } => self.on_given(engine, ticket, &work),
                ToEngine::Recall { ticket } => self.give_back(engine, ticket),
                _ => {}
            }
        }
        self.events += 1;
        if self.events.is_multiple_of(50) {
            self.controller.check_invariants();
        }
    }

    /// Takes note that a task was sent, and looks whether that was fair.
    fn on_given(&mut self, engine: usize, ticket: Ticket, work: &Work) {
        let Operation::Execute { code, .. } = &work.operation else {
            panic!("only cells are sent here")
        };
        let (client, request) = code.split_once(' ').expect("cells hold two numbers");
        let client: usize = client.parse().expect("cells hold two numbers");
        let request = RequestId(request.parse().expect("cells hold two numbers"));
        let duration_us = self.clients[client].duration_us;
        self.engines[engine].queue.push_back((ticket, duration_us));
        if self.engines[engine].queue.len() == 1 {
            self.engines[engine].ends_at = self.now + duration_us;
        }
        self.clients[client].check_order(request);
        self.clients[client].given_us += duration_us;
        if self.clients[client].passed_by.take().is_some() {
            self.lone_tasks += 1;
        }
        for other in (0..self.clients.len()).filter(|other| *other != client) {
            if let Some(passed_by) = &mut self.clients[other].passed_by {
                *passed_by += 1;
                assert!(
                    *passed_by < self.clients.len() as u64,
                    "who asks for the first time is next, whatever others have queued"
                );
            }
            self.check_lead(client, other);
        }
        self.set_clock(client);
    }

    /// Checks what a client was given while another one waited all the time.
    fn check_lead(&mut self, client: usize, waiting: usize) {
        let Some(since) = &self.clients[waiting].waits_since else {
            return;
        };
        let lead_us = (self.clients[client].given_us - since[client])
            .saturating_sub(self.clients[waiting].given_us - since[waiting]);
        // Until the first has ended, nobody knows how long they take.
        let at_hand = self.engines.len() as u64 * 3;
        let unknown_us = at_hand * self.clients[client].duration_us;
        self.most_us = self.most_us.max(lead_us);
        assert!(
            lead_us <= 2 * LEAD_MAX_US + unknown_us,
            "nobody is given {lead_us} µs more than who waits"
        );
    }

    /// A client waits from the moment in which it has something queued.
    fn set_clock(&mut self, client: usize) {
        let given: Vec<u64> = self.clients.iter().map(|client| client.given_us).collect();
        let client = &mut self.clients[client];
        if client.queued.is_empty() {
            client.waits_since = None;
        } else if client.waits_since.is_none() {
            client.waits_since = Some(given);
        }
    }

    fn give_back(&mut self, engine: usize, ticket: Ticket) {
        // It has always begun: so nothing is counted twice.
        let message = FromEngine::Recalled {
            ticket,
            taken: false,
        };
        self.say(
            ConnectionId(100 + engine as u64),
            ToController::Engine(message),
        );
    }

    fn submit(&mut self, client: usize, count: u64) {
        let is_idle = self.clients[client].queued.is_empty();
        for _ in 0..count {
            let priority = match self.random.chance(100) {
                true => self.random.between(0, 4) as i32 - 2,
                false => 0,
            };
            let host = &mut self.clients[client];
            let request = RequestId(host.next_request);
            host.next_request += 1;
            host.queued.push_back((request, priority));
            if is_idle && host.next_request == 1 {
                host.passed_by = Some(0);
            }
            self.set_clock(client);
            let operation = Operation::Execute {
                code: format!("{client} {request}").into(),
                silent: true,
                stop_on_error: false,
            };
            let work = Work {
                operation,
                function: None,
            };
            let terms = Terms {
                priority,
                ..Terms::default()
            };
            let task = FromClient::Task {
                request,
                work,
                terms,
            };
            self.say(ConnectionId(client as u64), ToController::Client(task));
        }
    }

    /// The engine that is done first answers.
    fn step(&mut self) {
        let busy = (0..self.engines.len()).filter(|engine| !self.engines[*engine].queue.is_empty());
        let Some(engine) = busy.min_by_key(|engine| self.engines[*engine].ends_at) else {
            return;
        };
        self.now = self.now.max(self.engines[engine].ends_at);
        let host = &mut self.engines[engine];
        let (ticket, duration_us) = host.queue.pop_front().expect("it is busy");
        if let Some((_, next_us)) = host.queue.front() {
            host.ends_at = self.now + next_us;
        }
        let finished = FromEngine::Finished {
            ticket,
            outcome: Outcome::Done,
            timing: Timing {
                started_us: self.now - duration_us,
                completed_us: self.now,
            },
        };
        self.say(
            ConnectionId(100 + engine as u64),
            ToController::Engine(finished),
        );
    }

    fn run(&mut self) {
        for _ in 0..400 {
            let client = self.random.index(self.clients.len());
            match self.random.between(0, 19) {
                0 => {
                    let count = self.random.between(2, 100);
                    self.submit(client, count);
                }
                1..=3 => self.submit(client, 1),
                _ => self.step(),
            }
        }
        while self.engines.iter().any(|engine| !engine.queue.is_empty()) {
            self.step();
        }
        assert_eq!(self.controller.unfinished().0, 0, "everything is answered");
        assert!(self.clients.iter().all(|client| client.queued.is_empty()));
    }
}

impl Client {
    /// Checks that of one client the highest priority goes first, and then
    /// what arrived first.
    fn check_order(&mut self, request: RequestId) {
        let position = self
            .queued
            .iter()
            .position(|(queued, _)| *queued == request);
        let position = position.expect("what is sent was queued");
        let (_, priority) = self.queued[position];
        let highest = self.queued.iter().map(|(_, priority)| *priority).max();
        assert_eq!(Some(priority), highest, "the highest priority goes first");
        let earlier = self.queued.iter().take(position);
        let mut earlier = earlier.filter(|(_, other)| *other == priority);
        assert!(earlier.next().is_none(), "equals go in their order");
        self.queued.remove(position);
    }
}

#[test]
fn engine_time_is_shared() {
    let mut lone_tasks = 0;
    let mut most_us = 0;
    for seed in 0..100 {
        let mut party = Party::new(seed);
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| party.run()));
        assert!(result.is_ok(), "seed {seed}");
        lone_tasks += party.lone_tasks;
        most_us = most_us.max(party.most_us);
    }
    println!("{lone_tasks} lone tasks, at most {most_us} µs ahead");
    assert!(lone_tasks > 200, "there are newcomers");
    assert!(most_us > 100_000, "there is something to be unfair about");
}

/// One client's tasks by the thousand, and then another's single one.
#[test]
fn a_million_tasks_keep_nobody_waiting() {
    let mut party = Party::new(1);
    party.clients[0].duration_us = 1_000;
    party.clients[1].duration_us = 1_000;
    party.submit(0, 1000);
    for _ in 0..100 {
        party.step();
    }
    party.submit(1, 1);
    let ahead: usize = party.engines.iter().map(|engine| engine.queue.len()).sum();
    for _ in 0..ahead + 1 {
        party.step();
    }
    assert!(party.clients[1].queued.is_empty(), "it went first");
    assert!(
        party.clients[0].queued.len() > 500,
        "before most of the rest"
    );
}
