//! The world: a clock, an agenda of what happens when, and the way between the
//! controller and everyone else.
//!
//! How engines and hosts behave is in `machines.rs`, what clients want in
//! `wishes.rs`, what goes wrong in `faults.rs`.

use crate::link::{Item, Link};
use crate::oracle::Oracle;
use crate::peers::{Asked, Client, Engine, Host};
use crate::random::Random;
use crate::records::Records;
use crate::scenario::Scenario;
use rhumba_proto::controller::{Action, Controller, Event};
use rhumba_proto::frame::{Decoder, Kind, Limits, encode_head};
use rhumba_proto::id::{ConnectionId, EngineId, QueryId, Ticket, Timestamp};
use rhumba_proto::message::{
    FromController, FromEngine, Hello, PROTOCOL_VERSION, Payload, Relayed, Role, ToClient,
    ToController, ToEngine, ToHost, Welcome, Work,
};
use rhumba_proto::record::StoreAnswer;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

pub const RUNTIME: &str = "rhumba simulated";

/// With more peers than this, the controller's invariants are derived anew
/// only now and then; the oracle looks at everything anyway.
const CHECKED_ALWAYS_MAX: usize = 60;

/// Virtual time after which nothing may be owed any more, whatever happened.
const PATIENCE_US: u64 = 1_000_000_000;

pub enum Happening {
    /// Something arrives, or would if it hadn't been lost.
    ToController(ConnectionId),
    ToPeer(ConnectionId),
    /// An engine gets what its host has passed on.
    FromHost(ConnectionId),
    /// An engine's run comes to its end, or kills it.
    RunEnds(ConnectionId, u64),
    RunKills(ConnectionId, u64),
    /// An engine says something that its other thread overtook.
    Says(ConnectionId, FromEngine),
    Thaw(ConnectionId),
    Joins(Option<ConnectionId>),
    /// An engine dies of what was restored.
    Dies(ConnectionId),
    ClientJoins,
    ClientActs(ConnectionId),
    /// A client has had engines for itself for long enough.
    Unlocks(ConnectionId, QueryId),
    Fault,
    /// The task store has answered.
    StoreSays(Event),
}

pub struct World {
    pub now: u64,
    pub random: Random,
    pub scenario: Scenario,
    pub controller: Controller,
    pub oracle: Oracle,
    pub links: BTreeMap<ConnectionId, Link>,
    pub engines: BTreeMap<ConnectionId, Engine>,
    pub hosts: BTreeMap<ConnectionId, Host>,
    /// Every engine that there ever was, by its process.
    pub forked: BTreeMap<u32, ConnectionId>,
    pub clients: BTreeMap<ConnectionId, Client>,
    /// Namespaces as they were saved.
    pub store: BTreeMap<String, u64>,
    /// Engines as the controller welcomed them.
    pub engine_ids: BTreeMap<ConnectionId, EngineId>,
    /// Clients that break the rules, and may be disconnected.
    pub nuisances: BTreeSet<ConnectionId>,
    pub faults_left: u64,
    pub is_stopped: bool,
    pub events: u64,
    pub digest: u64,
    pub next_pid: u32,
    /// Work that was relayed, or sent as if.
    relayed: BTreeSet<Ticket>,
    agenda: BTreeMap<(u64, u64), Happening>,
    happenings: u64,
    connections: u64,
    is_traced: bool,
}

impl World {
    pub fn new(seed: u64, is_traced: bool) -> Self {
        let mut random = Random::new(seed);
        let mut scenario = Scenario::draw(&mut random);
        scenario.config.keeps_records = seed % 2 == 1;
        if is_traced {
            eprintln!("{scenario:#?}");
        }
        let mut world = Self {
            now: 0,
            controller: Controller::new(scenario.config.clone(), RUNTIME.to_owned()),
            oracle: Oracle::new(scenario.config.policy.clone()),
            links: BTreeMap::new(),
            engines: BTreeMap::new(),
            hosts: BTreeMap::new(),
            forked: BTreeMap::new(),
            clients: BTreeMap::new(),
            store: BTreeMap::new(),
            engine_ids: BTreeMap::new(),
            nuisances: BTreeSet::new(),
            faults_left: scenario.faults,
            is_stopped: false,
            events: 0,
            digest: 0,
            next_pid: 100,
            relayed: BTreeSet::new(),
            agenda: BTreeMap::new(),
            happenings: 0,
            connections: 0,
            is_traced,
            random,
            scenario,
        };
        world.oracle.records = world.scenario.config.keeps_records.then(Records::default);
        world.populate();
        world
    }

    fn populate(&mut self) {
        for _ in 0..self.scenario.hosts {
            self.add_host();
        }
        let hosts: Vec<_> = self.hosts.keys().copied().collect();
        for _ in 0..self.scenario.engines {
            let host = self
                .random
                .pick(&hosts)
                .copied()
                .filter(|_| self.random.chance(700));
            let at = self.random.skewed(0, 50_000);
            self.plan(at, Happening::Joins(host));
        }
        for _ in 0..self.scenario.clients {
            let at = self.random.skewed(0, 100_000);
            self.plan(at, Happening::ClientJoins);
        }
        if self.faults_left > 0 {
            self.plan(1_000, Happening::Fault);
        }
    }

    /// Lets everything happen: first with faults, then without, until every
    /// answer is given and nothing is left.
    pub fn run(&mut self) {
        self.live();
        if self.is_stopped {
            if let Some(records) = &self.oracle.records {
                records.check_all_ended();
            }
            let owed: usize = self.oracle.clients.values().map(|c| c.expected.len()).sum();
            assert_eq!(owed, 0, "who waits when the cluster ends is answered");
        } else {
            let unfinished = self.controller.unfinished();
            assert_eq!(
                unfinished,
                (0, 0, 0),
                "nothing is left when everyone has left"
            );
            if let Some(records) = &self.oracle.records {
                records.check_all_ended();
            }
        }
    }

    fn live(&mut self) {
        let end = self.now + PATIENCE_US;
        while !self.is_stopped && self.is_busy() {
            self.step();
            assert!(
                self.now < end,
                "it has an end: {}",
                self.oracle.describe_owed()
            );
        }
        self.settle();
        if self.is_stopped {
            return;
        }
        self.oracle.is_idle = true;
        self.oracle.check_recoveries();
        self.ask_for_queues();
        self.settle();
        self.dismiss_clients();
        self.settle();
    }

    /// Returns whether something is still going to be asked or to go wrong.
    fn is_busy(&self) -> bool {
        self.faults_left > 0
            || self.clients.iter().any(|(connection, client)| {
                !client.has_left && client.acts_left > 0 && !self.links[connection].is_over
            })
            || self
                .agenda
                .values()
                .any(|happening| matches!(happening, Happening::ClientJoins | Happening::Joins(_)))
    }

    /// Lets time pass until nothing is owed or under way, or patience ends.
    fn settle(&mut self) {
        let end = self.now + PATIENCE_US;
        while self.now < end && !self.is_stopped && self.is_under_way() {
            self.step();
        }
        assert!(
            self.is_stopped || !self.is_under_way(),
            "it comes to rest: {}",
            self.oracle.describe_owed()
        );
    }

    fn is_under_way(&self) -> bool {
        self.oracle.owed() > 0
            || self.controller.unfinished().0 > 0
            || self.controller.is_recovering()
            || self
                .links
                .values()
                .any(|link| !link.is_over && link.to_controller.under_way() > 0)
    }

    /// The next thing happens: in the world, or the controller's timeout.
    pub fn step(&mut self) {
        let planned = self.agenda.first_key_value().map(|((at, _), _)| *at);
        let timeout = self.controller.poll_timeout().map(|at| at.0);
        match (planned, timeout) {
            (Some(planned), Some(timeout)) if planned >= timeout => self.time_out(timeout),
            (Some(_), _) => {
                let ((at, _), happening) = self.agenda.pop_first().expect("looked at just now");
                self.now = self.now.max(at);
                self.happen(happening);
            }
            (None, Some(timeout)) => self.time_out(timeout),
            (None, None) => self.now += PATIENCE_US,
        }
    }

    fn time_out(&mut self, at: u64) {
        self.now = self.now.max(at);
        // A timer may fire a little late, and once more than needed.
        if self.random.chance(100) {
            let late = self.random.between(0, 500);
            let next = self
                .agenda
                .first_key_value()
                .map_or(u64::MAX, |((at, _), _)| *at);
            self.now = self.now.max((self.now + late).min(next));
        }
        self.handle(Event::TimeoutReached);
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::ToController(connection) => self.arrive_at_controller(connection),
            Happening::ToPeer(connection) => self.arrive_at_peer(connection),
            Happening::FromHost(connection) => self.arrive_from_host(connection),
            Happening::RunEnds(connection, run) => self.end_run(connection, run),
            Happening::RunKills(connection, run) => self.kill_by_run(connection, run),
            Happening::Says(connection, message) => self.engine_says(connection, message),
            Happening::Thaw(connection) => self.thaw(connection),
            Happening::Joins(host) => self.add_engine(host),
            Happening::Dies(connection) => {
                self.kill_engine(connection, "killed by signal 6");
            }
            Happening::ClientJoins => self.add_client(),
            Happening::ClientActs(connection) => self.act(connection),
            Happening::Unlocks(connection, lock) => self.unlock(connection, lock),
            Happening::Fault => self.cause_fault(),
            Happening::StoreSays(event) => self.handle(event),
        }
    }

    /// Returns whether an engine has something to say that was overtaken.
    pub fn has_yet_to_say(&self, connection: ConnectionId) -> bool {
        let mut planned = self.agenda.values();
        planned.any(|happening| matches!(happening, Happening::Says(who, _) if *who == connection))
    }

    pub fn plan(&mut self, delay_us: u64, happening: Happening) {
        self.plan_at(self.now + delay_us, happening);
    }

    pub fn plan_at(&mut self, at: u64, happening: Happening) {
        self.happenings += 1;
        self.agenda.insert((at, self.happenings), happening);
    }

    /// Opens a connection and says hello.
    pub fn connect(&mut self, pid: u32, role: Role) -> ConnectionId {
        let connection = ConnectionId(self.connections);
        self.connections += 1;
        self.links.insert(connection, Link::default());
        self.handle(Event::ConnectionOpened { connection });
        let runtime = RUNTIME.to_owned();
        let hello = Hello {
            protocol: PROTOCOL_VERSION,
            runtime,
            pid,
            role,
        };
        self.say(connection, ToController::Hello(hello), Payload::default());
        connection
    }

    /// A peer says something to the controller.
    pub fn say(&mut self, connection: ConnectionId, message: ToController, payload: Payload) {
        if self.scenario.is_encoded {
            check_bytes(Kind::ToController, &message, &payload);
        }
        self.put_to_controller(connection, Item::Message(message, payload));
    }

    pub fn put_to_controller(&mut self, connection: ConnectionId, item: Item<ToController>) {
        let at = self.now + self.draw_delay();
        let link = self.links.get_mut(&connection).expect("links stay");
        if let Some(at) = link.to_controller.push(at, item) {
            self.plan_at(at, Happening::ToController(connection));
        }
    }

    pub fn put_to_peer(&mut self, connection: ConnectionId, item: Item<FromController>) {
        let at = self.now + self.draw_delay();
        let link = self.links.get_mut(&connection).expect("links stay");
        if let Some(at) = link.to_peer.push(at, item) {
            self.plan_at(at, Happening::ToPeer(connection));
        }
    }

    /// Most things arrive soon, and a few very late.
    fn draw_delay(&mut self) -> u64 {
        let usual = self.random.skewed(1, self.scenario.delay_us);
        match self.random.between(0, 999) {
            0 if self.faults_left > 0 => usual + self.random.skewed(0, 2_000_000),
            1..=20 => usual * 10,
            _ => usual,
        }
    }

    fn arrive_at_controller(&mut self, connection: ConnectionId) {
        let link = self.links.get_mut(&connection).expect("links stay");
        match link.to_controller.pop(self.now) {
            Some(Item::Message(message, payload)) => {
                // What arrives after the end may be handed in, but not the end itself.
                let is_over = link.is_over;
                let due = match &message {
                    ToController::Client(message) if !is_over => {
                        self.oracle.on_client_message(connection, message);
                        None
                    }
                    ToController::Engine(message) if !is_over => {
                        let engine = self.engine_ids.get(&connection);
                        engine.and_then(|id| self.oracle.on_engine_message(*id, message))
                    }
                    _ => None,
                };
                self.handle(Event::MessageReceived {
                    connection,
                    message,
                    payload,
                });
                if let Some(due) = due {
                    self.oracle.check_due(&due);
                }
            }
            Some(Item::Closed) => {
                let was_over = std::mem::replace(&mut link.is_over, true);
                if !was_over {
                    self.oracle.on_client_gone(connection);
                }
                let cause = "it closed the connection".to_owned();
                self.handle(Event::ConnectionClosed { connection, cause });
            }
            None => {}
        }
    }

    fn arrive_at_peer(&mut self, connection: ConnectionId) {
        if self
            .engines
            .get(&connection)
            .is_some_and(|engine| engine.is_frozen)
        {
            return;
        }
        let link = self.links.get_mut(&connection).expect("links stay");
        match link.to_peer.pop(self.now) {
            Some(Item::Message(FromController::Engine(message), payload)) => {
                self.engine_hears(connection, message, payload);
            }
            Some(Item::Message(FromController::Host(message), payload)) => {
                self.host_hears(connection, message, &payload);
            }
            Some(Item::Closed) => {
                self.end_engine(connection, "the controller is gone");
                self.end_host(connection);
            }
            Some(Item::Message(..)) | None => {}
        }
    }

    /// Hands an event in and carries out what is ordered.
    pub fn handle(&mut self, event: Event) {
        if self.is_traced {
            eprintln!("{:>10} {event:?}", self.now);
        }
        self.events += 1;
        self.oracle.locks.now = self.now;
        self.controller.handle(Timestamp(self.now), event);
        let peers = self.engines.len() + self.clients.len();
        if peers <= CHECKED_ALWAYS_MAX || self.events.is_multiple_of(peers as u64 / 8) {
            self.controller.check_invariants();
        }
        while let Some(action) = self.controller.poll_action() {
            if self.is_traced {
                eprintln!("{:>10}     {action:?}", self.now);
            }
            assert!(!self.is_stopped, "nothing is ordered after the end");
            self.digest_action(&action);
            match action {
                Action::Send {
                    connection,
                    message,
                    payload,
                } => {
                    self.observe(connection, &message, &payload);
                    if self.scenario.is_encoded {
                        check_bytes(Kind::FromController, &message, &payload);
                    }
                    self.put_to_peer(connection, Item::Message(message, payload));
                }
                Action::Disconnect { connection, .. } => {
                    let link = self.links.get_mut(&connection).expect("links stay");
                    assert!(!link.is_over, "a connection ends once");
                    link.is_over = true;
                    self.oracle.is_lossy |= link.to_controller.under_way() > 0;
                    let is_lawful = !self.nuisances.contains(&connection);
                    let is_client = self.oracle.clients.contains_key(&connection);
                    assert!(
                        !is_client || !is_lawful,
                        "lawful clients aren't disconnected"
                    );
                    self.oracle.on_client_gone(connection);
                    self.put_to_peer(connection, Item::Closed);
                }
                Action::Record(record) => self.oracle.on_record(&record),
                Action::AskStore { client, query, .. } => {
                    let answer = StoreAnswer::Noted;
                    let payload = Payload::default();
                    self.store_says(Event::StoreAnswered {
                        client,
                        query,
                        answer,
                        payload,
                    });
                }
                Action::FetchRecord {
                    client,
                    request,
                    piece,
                } => {
                    let records = self.oracle.records.as_ref();
                    let records = records.expect("there is a task store");
                    let (fetched, payload) = records.fetch(&piece);
                    self.store_says(Event::RecordFetched {
                        client,
                        request,
                        fetched,
                        payload,
                    });
                }
                // That a namespace was given up, the oracle has from what clients are told.
                Action::KeepCheckpoint { .. } => {}
                Action::Stop => {
                    assert!(
                        self.oracle.is_ending,
                        "the cluster ends when it is asked to"
                    );
                    self.is_stopped = true;
                }
            }
        }
        self.oracle.check_lists();
    }

    /// The store takes its time.
    fn store_says(&mut self, event: Event) {
        let delay = self.random.skewed(1, self.scenario.delay_us);
        self.plan(delay, Happening::StoreSays(event));
    }

    /// Shows the oracle what is sent.
    fn observe(&mut self, connection: ConnectionId, message: &FromController, payload: &Payload) {
        let link = &self.links[&connection];
        assert!(
            !link.is_over,
            "nothing is sent to a connection that is over"
        );
        match message {
            FromController::Client(message) => {
                if let ToClient::Result { .. } = message {
                    self.hasten(connection);
                }
                self.oracle.on_told(connection, message, payload);
            }
            FromController::Engine(ToEngine::Run { ticket, work }) => {
                self.observe_run(connection, *ticket, work, payload);
            }
            FromController::Engine(ToEngine::Relayed {
                message: Relayed::Run { ticket, work },
                ..
            }) => {
                if self.relayed.insert(*ticket) {
                    self.observe_run(connection, *ticket, work, payload);
                } else {
                    self.oracle.counts.sent_again += 1;
                }
            }
            FromController::Host(ToHost::RelayRun { work, to }) => {
                for (recipient, ticket) in to {
                    self.oracle.counts.relayed += 1;
                    assert!(self.relayed.insert(*ticket), "it is relayed once");
                    self.observe_run(self.forked[&recipient.pid], *ticket, work, payload);
                }
            }
            FromController::Engine(ToEngine::Recall { .. }) => self.oracle.counts.recalls += 1,
            FromController::Welcome(Welcome::Client {
                client, engines, ..
            }) => {
                self.oracle.on_client_welcomed(connection, *client, engines);
            }
            FromController::Welcome(Welcome::Engine { engine, .. }) => {
                self.engine_ids.insert(connection, *engine);
                self.engines
                    .entry(connection)
                    .and_modify(|e| e.id = Some(*engine));
            }
            _ => {}
        }
    }

    fn observe_run(
        &mut self,
        connection: ConnectionId,
        ticket: Ticket,
        work: &Work,
        payload: &Payload,
    ) {
        let engine = self.engine_ids[&connection];
        match Asked::of(work, payload) {
            Asked::ByClient(mark) => {
                self.oracle.on_dispatched(connection, engine, ticket, mark);
            }
            asked => self.oracle.on_duty_dispatched(engine, ticket, asked),
        }
    }

    /// Mixes an order into a number that tells two runs apart.
    fn digest_action(&mut self, action: &Action) {
        let (kind, connection) = match action {
            Action::Send {
                connection,
                message,
                ..
            } => {
                let kind = match message {
                    FromController::Welcome(_) => 1,
                    FromController::Refused { .. } => 2,
                    FromController::Client(ToClient::Result { request, .. }) => 1000 + request.0,
                    FromController::Client(_) => 3,
                    FromController::Engine(ToEngine::Run { ticket, .. }) => 1_000_000 + ticket.0,
                    FromController::Engine(_) => 4,
                    FromController::Host(_) => 5,
                };
                (kind, connection.0)
            }
            Action::Disconnect { connection, .. } => (6, connection.0),
            Action::Stop => (7, 0),
            Action::KeepCheckpoint { .. } => (11, 0),
            Action::Record(_) => (8, 0),
            Action::AskStore { query, .. } => (9, query.0),
            Action::FetchRecord { request, .. } => (10, request.0),
        };
        for word in [kind, connection, self.now] {
            self.digest = (self.digest ^ word)
                .wrapping_mul(0x0100_0000_01b3)
                .rotate_left(17);
        }
    }
}

/// Checks that a message survives its way through bytes.
fn check_bytes<M>(kind: Kind, message: &M, payload: &Payload)
where
    M: Serialize + DeserializeOwned + PartialEq + Debug,
{
    let mut decoder = Decoder::new(kind, Limits::default());
    let head = encode_head(kind, message, payload, &Limits::default());
    let head = head.expect("what is said here is small");
    for mut bytes in [&head]
        .into_iter()
        .chain(&payload.buffers)
        .map(|bytes| &bytes[..])
    {
        while !bytes.is_empty() {
            let space = decoder.space();
            let length = space.len().min(bytes.len());
            space[..length].copy_from_slice(&bytes[..length]);
            decoder.filled(length);
            bytes = &bytes[length..];
        }
    }
    let decoded = decoder
        .next::<M>()
        .expect("what was encoded can be decoded");
    let (decoded_message, decoded_payload) = decoded.expect("the whole frame has arrived");
    assert_eq!(
        decoded_message, *message,
        "a message survives its way through bytes"
    );
    assert_eq!(
        decoded_payload, *payload,
        "a payload survives its way through bytes"
    );
}
