//! The controller's rules, as a pure state machine.
//!
//! Hand in what happened with [`Controller::handle`], carry out what
//! [`Controller::poll_action`] orders until it orders nothing, and hand in
//! [`Event::TimeoutReached`] at [`Controller::poll_timeout`]. It never blocks,
//! reads no clock, and never panics on anything a peer sends.
//!
//! # Who vanishes, and what the others see
//! - An **engine**: every client is told `EngineLeft` with the cause, then each
//!   gets an `EngineDied` failure for what it had there. A task that may have
//!   started uses up a retry; one that hasn't goes back to the front of the
//!   queue. If it was the last engine and none is on its way, queued tasks fail.
//! - A **client**: with a task store its work goes on, and is recorded; without
//!   one its queued work is dropped, its running work finishes unread. Engines keep their namespaces.
//!   With [`crate::message::Policy::restore_on_death`] another engine takes its place.
//! - A **host**: its engines stay as long as their own connections do; they can
//!   only be signalled through themselves. What it may not have passed on is sent again.
//! - The **controller**: everyone's connection ends. Nothing here outlives it.
//!
//! Read next: [`pieces`] for what is queued, [`window`] for what an engine may
//! be doing, [`queue`] for whose turn it is, [`dependencies`] for what waits
//! for others, [`stops`] for what is stopped, [`scheduler`] for where tasks go,
//! [`relays`] for what goes out as a tree, [`engines`] for joining and dying,
//! [`duties`] for the work that the controller gives itself, [`recoveries`] for
//! what it does for the dead.

mod aborts;
mod blobs;
mod clients;
mod config;
mod dependencies;
mod duties;
mod engines;
mod failures;
mod gathers;
mod hosts;
mod invariants;
mod locks;
mod outcomes;
mod pace;
mod pieces;
mod placement;
mod queue;
mod records;
mod recoveries;
mod relays;
mod requests;
mod results;
mod scheduler;
mod status;
mod stops;
mod timers;
mod unsendable;
mod watchers;
mod window;

#[cfg(test)]
mod tests;

pub use config::Config;
pub use unsendable::in_place_of;

use crate::id::{ClientId, ConnectionId, EngineId, HostId, QueryId, RequestId, Ticket, Timestamp};
use crate::message::{
    Answer, Failure, FromController, Hello, PROTOCOL_VERSION, Payload, Role, ToClient,
    ToController, ToEngine, ToHost,
};
use crate::record::{Fetched, PieceName, Question, Record, StoreAnswer};
use aborts::PendingAbort;
use blobs::Blobs;
use clients::Client;
use dependencies::Dependents;
use engines::{Engine, Unfinished};
use gathers::Gather;
use hosts::{Host, Starting};
use locks::Locks;
use pieces::Pieces;
use records::Fetches;
use recoveries::Recovery;
use relays::Batch;
use scheduler::Scheduler;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use timers::{Timer, Timers};
use watchers::Watcher;

/// Connections beyond those of all clients and engines: hosts and newcomers.
const SPARE_CONNECTIONS: usize = 4096;

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    ConnectionOpened {
        connection: ConnectionId,
    },
    MessageReceived {
        connection: ConnectionId,
        message: ToController,
        payload: Payload,
    },
    /// `cause` is a phrase, such as "it closed the connection".
    ConnectionClosed {
        connection: ConnectionId,
        cause: String,
    },
    /// The task store has answered [`Action::AskStore`].
    StoreAnswered {
        client: ClientId,
        query: QueryId,
        answer: StoreAnswer,
        payload: Payload,
    },
    /// It has answered [`Action::FetchRecord`]; the payload is the result's.
    RecordFetched {
        client: ClientId,
        request: RequestId,
        fetched: Result<Fetched, Failure>,
        payload: Payload,
    },
    /// The moment of [`Controller::poll_timeout`] has come.
    TimeoutReached,
}

/// What to do, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    Send {
        connection: ConnectionId,
        message: FromController,
        payload: Payload,
    },
    /// Close it once everything sent before is written. No event is expected
    /// for it afterwards, and none does harm.
    Disconnect {
        connection: ConnectionId,
        reason: String,
    },
    /// Remember this; only with [`Config::keeps_records`].
    Record(Record),
    /// Ask the task store, and hand in [`Event::StoreAnswered`].
    AskStore {
        client: ClientId,
        query: QueryId,
        question: Question,
    },
    /// Look for a record of what has ended, among all that were ordered before,
    /// and hand in [`Event::RecordFetched`].
    FetchRecord {
        client: ClientId,
        request: RequestId,
        piece: PieceName,
    },
    /// A namespace was given up, and this is all that is left of it: it outlives
    /// the cluster.
    KeepCheckpoint { name: String },
    /// The cluster was asked to end: write what was sent, then end.
    Stop,
}

/// The controller of one cluster.
pub struct Controller {
    config: Config,
    /// What every [`Hello::runtime`] must be.
    runtime: String,
    /// The time of the event at hand.
    now: Timestamp,
    connections: BTreeMap<ConnectionId, Peer>,
    /// Those that are connected, and those that left work that goes on.
    clients: BTreeMap<ClientId, Client>,
    /// Clients that have left and may have nothing unfinished any more.
    left: Vec<ClientId>,
    fetches: Fetches,
    engines: BTreeMap<EngineId, Engine>,
    hosts: BTreeMap<HostId, Host>,
    /// Engines that were asked for before the first host came.
    early_starting: Option<Starting>,
    /// Hosts by their process ids, which is how engines name them.
    host_ids: BTreeMap<u32, HostId>,
    /// Engines by the process ids of their host and their own, until they are
    /// gone and their host has told so, or is gone too.
    processes: BTreeMap<(u32, u32), EngineId>,
    /// Why engines left, for those who still name them.
    departures: BTreeMap<EngineId, String>,
    pieces: Pieces,
    /// The bytes of all parcels together.
    queued_bytes: u64,
    scheduler: Scheduler,
    dependents: Dependents,
    blobs: Blobs,
    aborts: BTreeMap<(ClientId, QueryId), PendingAbort>,
    /// Engines that may be due to be checkpointed.
    perhaps_due: BTreeSet<EngineId>,
    /// By the engine that died: what is being done to bring its namespace back,
    /// until an engine has joined for it.
    recoveries: BTreeMap<EngineId, Recovery>,
    locks: Locks,
    watchers: BTreeMap<ClientId, Watcher>,
    /// By client and request: answers that are told together with others.
    gathers: BTreeMap<(ClientId, RequestId), Gather>,
    /// While a request is accepted that goes out as a tree.
    batch: Option<Batch>,
    timers: Timers,
    outbox: VecDeque<Action>,
    next_client: u32,
    next_engine: u32,
    next_host: u32,
    next_ticket: u64,
    /// The cluster was asked to end; nothing that happens matters any more.
    ended: bool,
}

/// Who is at the other end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Peer {
    /// It hasn't said yet, and has until then.
    Unknown {
        until: Timestamp,
    },
    Client(ClientId),
    Engine(EngineId),
    Host(HostId),
}

impl Controller {
    /// Returns a controller without peers. `runtime` is what every
    /// [`Hello::runtime`] must be.
    #[must_use]
    pub fn new(config: Config, runtime: String) -> Self {
        let scheduler = Scheduler::new(config.scheduling, config.seed);
        Self {
            config,
            runtime,
            now: Timestamp::default(),
            connections: BTreeMap::new(),
            clients: BTreeMap::new(),
            left: Vec::new(),
            fetches: Fetches::default(),
            engines: BTreeMap::new(),
            hosts: BTreeMap::new(),
            early_starting: None,
            host_ids: BTreeMap::new(),
            processes: BTreeMap::new(),
            departures: BTreeMap::new(),
            pieces: Pieces::default(),
            queued_bytes: 0,
            scheduler,
            dependents: Dependents::default(),
            blobs: Blobs::default(),
            aborts: BTreeMap::new(),
            perhaps_due: BTreeSet::new(),
            recoveries: BTreeMap::new(),
            locks: Locks::default(),
            watchers: BTreeMap::new(),
            gathers: BTreeMap::new(),
            batch: None,
            timers: Timers::default(),
            outbox: VecDeque::new(),
            next_client: 0,
            next_engine: 0,
            next_host: 0,
            next_ticket: 0,
            ended: false,
        }
    }

    /// Takes note of what happened at `now`. A `now` before an earlier one
    /// counts as that.
    pub fn handle(&mut self, now: Timestamp, event: Event) {
        if self.ended {
            return;
        }
        self.now = self.now.max(now);
        match event {
            Event::ConnectionOpened { connection } => self.on_connection_opened(connection),
            Event::MessageReceived {
                connection,
                message,
                payload,
            } => {
                self.on_message(connection, message, payload);
            }
            Event::ConnectionClosed { connection, cause } => {
                self.on_connection_closed(connection, cause);
            }
            Event::StoreAnswered {
                client,
                query,
                answer,
                payload,
            } => self.on_store_answered(client, query, answer, payload),
            Event::RecordFetched {
                client,
                request,
                fetched,
                payload,
            } => self.on_record_fetched(client, request, fetched, payload),
            Event::TimeoutReached => self.on_timeout(),
        }
        if !self.ended {
            self.reconsider_recoveries();
            loop {
                self.advance_locks();
                self.settle_dependents();
                self.schedule();
                self.start_due_checkpoints();
                // What depends on those that are forgotten is to be settled, too.
                if !self.forget_left_clients() {
                    break;
                }
            }
        }
    }

    /// Returns the next thing to do, until there is none.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.outbox.pop_front()
    }

    /// Returns when to hand in [`Event::TimeoutReached`].
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        if self.ended { None } else { self.timers.next() }
    }

    fn on_connection_opened(&mut self, connection: ConnectionId) {
        let connections_max =
            self.config.clients_max as usize + self.config.engines_max as usize + SPARE_CONNECTIONS;
        if self.connections.len() >= connections_max {
            let reason = "there are too many connections".to_owned();
            self.outbox
                .push_back(Action::Disconnect { connection, reason });
            return;
        }
        if self.connections.contains_key(&connection) {
            return;
        }
        let until = self.now.after_us(self.config.hello_timeout_us);
        self.connections.insert(connection, Peer::Unknown { until });
        self.timers.set(until, Timer::Hello(connection));
    }

    fn on_message(&mut self, connection: ConnectionId, message: ToController, payload: Payload) {
        // What arrives from a connection that was given up is of no interest.
        let Some(&peer) = self.connections.get(&connection) else {
            return;
        };
        self.hear(peer);
        match (peer, message) {
            (Peer::Unknown { until }, ToController::Hello(hello)) => {
                self.timers.cancel(until, Timer::Hello(connection));
                self.on_hello(connection, hello);
            }
            (Peer::Client(id), ToController::Client(message)) => {
                self.on_client_message(id, connection, message, payload);
            }
            (Peer::Engine(id), ToController::Engine(message)) => {
                self.on_engine_message(id, connection, message, payload);
            }
            (Peer::Host(id), ToController::Host(message)) => self.on_host_message(id, message),
            (peer, message) => {
                let reason = format!(
                    "it sent {} though it is {}",
                    match message {
                        ToController::Hello(_) => "a greeting",
                        ToController::Client(_) => "a client's message",
                        ToController::Engine(_) => "an engine's message",
                        ToController::Host(_) => "a host's message",
                    },
                    match peer {
                        Peer::Unknown { .. } => "still unknown",
                        Peer::Client(_) => "a client",
                        Peer::Engine(_) => "an engine",
                        Peer::Host(_) => "a host",
                    }
                );
                self.disconnect(connection, reason);
            }
        }
    }

    fn on_hello(&mut self, connection: ConnectionId, hello: Hello) {
        if let Some(reason) = self.objection(&hello) {
            self.connections.remove(&connection);
            self.tell_refused(connection, reason.clone());
            self.outbox
                .push_back(Action::Disconnect { connection, reason });
            return;
        }
        match hello.role {
            Role::Client { name } => self.add_client(connection, hello.pid, name),
            Role::Engine { host } => self.add_engine(connection, hello.pid, host),
            Role::Host => self.add_host(connection, hello.pid),
        }
    }

    /// Returns why this peer can't take part, if it can't.
    fn objection(&self, hello: &Hello) -> Option<String> {
        if hello.protocol != PROTOCOL_VERSION {
            return Some(format!(
                "this cluster speaks version {PROTOCOL_VERSION} of the protocol and you speak \
                 version {}: use the rhumba that started the cluster",
                hello.protocol
            ));
        }
        if hello.runtime != self.runtime {
            return Some(format!(
                "this cluster runs {} and you run {}: use the rhumba that started the cluster",
                self.runtime, hello.runtime
            ));
        }
        let full = |there: usize, max: u32, who: &str| {
            (there >= max as usize).then(|| {
                format!("this cluster has {there} {who} already, and takes no more than that")
            })
        };
        match hello.role {
            Role::Client { .. } => full(self.present_clients(), self.config.clients_max, "clients"),
            Role::Engine { .. } => full(self.engines.len(), self.config.engines_max, "engines"),
            Role::Host => full(self.hosts.len(), self.config.engines_max, "hosts"),
        }
    }

    fn on_connection_closed(&mut self, connection: ConnectionId, cause: String) {
        match self.connections.remove(&connection) {
            Some(Peer::Unknown { until }) => self.timers.cancel(until, Timer::Hello(connection)),
            Some(Peer::Client(id)) => self.remove_client(id),
            Some(Peer::Engine(id)) => self.on_engine_lost(id, connection, cause),
            Some(Peer::Host(id)) => self.remove_host(id),
            None => {}
        }
    }

    /// Tells a peer why it can't take part, or no longer.
    fn tell_refused(&mut self, connection: ConnectionId, reason: String) {
        self.outbox.push_back(Action::Send {
            connection,
            message: FromController::Refused { reason },
            payload: Payload::default(),
        });
    }

    /// Gives up on a peer.
    fn disconnect(&mut self, connection: ConnectionId, reason: String) {
        let Some(peer) = self.connections.remove(&connection) else {
            return;
        };
        if matches!(peer, Peer::Client(_)) {
            self.tell_refused(connection, reason.clone());
        }
        self.outbox.push_back(Action::Disconnect {
            connection,
            reason: reason.clone(),
        });
        match peer {
            Peer::Unknown { until } => self.timers.cancel(until, Timer::Hello(connection)),
            Peer::Client(id) => self.remove_client(id),
            Peer::Engine(id) => self.declare_dead(id, &reason),
            Peer::Host(id) => self.remove_host(id),
        }
    }

    /// Ends the cluster: everyone who waits is answered, everyone is told.
    fn end_cluster(&mut self) {
        // Nothing is tried again from here on, and nothing is waited for.
        self.forget_recoveries();
        self.take_early_starting();
        for host in self.hosts.values_mut() {
            host.forget_starting(&mut self.timers);
        }
        let hosts = self
            .hosts
            .values()
            .map(|host| host.connection)
            .collect::<Vec<_>>();
        let engines = self.engines.keys().copied().collect::<Vec<_>>();
        self.give_up_held_tasks();
        self.give_up_queued_tasks();
        for id in engines {
            if let Some(connection) = self.engines.get(&id).and_then(Engine::connection) {
                self.send_engine(connection, ToEngine::Shutdown, Payload::default());
            }
            self.remove_engine(id, "the cluster was shut down", Unfinished::Fails);
        }
        for connection in hosts {
            self.send_host(connection, ToHost::Shutdown);
        }
        self.ended = true;
        self.outbox.push_back(Action::Stop);
    }

    fn send_client(&mut self, id: ClientId, message: ToClient, payload: Payload) {
        if let Some(connection) = self.clients.get(&id).and_then(|client| client.connection) {
            let message = FromController::Client(message);
            self.outbox.push_back(Action::Send {
                connection,
                message,
                payload,
            });
        }
    }

    fn send_engine(&mut self, connection: ConnectionId, message: ToEngine, payload: Payload) {
        let message = FromController::Engine(message);
        self.outbox.push_back(Action::Send {
            connection,
            message,
            payload,
        });
    }

    fn send_host(&mut self, connection: ConnectionId, message: ToHost) {
        self.send_host_with(connection, message, Payload::default());
    }

    fn send_host_with(&mut self, connection: ConnectionId, message: ToHost, payload: Payload) {
        let message = FromController::Host(message);
        self.outbox.push_back(Action::Send {
            connection,
            message,
            payload,
        });
    }

    fn answer_query(&mut self, client: ClientId, query: QueryId, answer: Answer) {
        self.send_client(
            client,
            ToClient::Answer { query, answer },
            Payload::default(),
        );
    }

    /// Tells all clients about an engine, so that all have the same list.
    fn tell_clients(&mut self, message: &ToClient) {
        let connections = self.clients.values().filter_map(|client| client.connection);
        for connection in connections {
            self.outbox.push_back(Action::Send {
                connection,
                message: FromController::Client(message.clone()),
                payload: Payload::default(),
            });
        }
    }

    fn new_ticket(&mut self) -> Ticket {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        ticket
    }
}
