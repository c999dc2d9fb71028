//! Clients: how they join and leave, and what they ask of the controller itself.
//!
//! What they ask of engines is in [`super::requests`].

use super::blobs::Stored;
use super::outcomes::Outcomes;
use super::pieces::{PieceKey, Place};
use super::window::Recall;
use super::{Action, Controller, Peer};
use crate::id::{BlobId, ClientId, ConnectionId, EngineId, QueryId, RequestId};
use crate::message::{
    Answer, ClientInfo, FromClient, FromController, Payload, QueueInfo, ToEngine, Welcome,
};
use std::collections::BTreeMap;

/// Longer names are cut.
const NAME_CHARS_MAX: usize = 200;

/// A client that stores more blobs than this has lost track of them.
const BLOBS_MAX_PER_CLIENT: usize = 100_000;

const SIGNAL_MAX: i32 = 64;

#[derive(Debug)]
pub(super) struct Client {
    pub(super) id: ClientId,
    pub(super) connection: ConnectionId,
    pub(super) name: String,
    pub(super) pid: u32,
    /// Everything it waits for: requests with their engine, tasks without.
    pub(super) pieces: BTreeMap<(RequestId, Option<EngineId>), PieceKey>,
    pub(super) blobs: BTreeMap<BlobId, Held>,
    pub(super) blob_bytes: u64,
    pub(super) outcomes: Outcomes,
}

/// What became of a blob that the client stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Held {
    Kept {
        bytes: u64,
    },
    /// It exceeded a limit; work that names it will be told so.
    Refused,
}

impl Client {
    fn info(&self) -> ClientInfo {
        ClientInfo {
            client: self.id,
            name: self.name.clone(),
            pid: self.pid,
        }
    }

    /// Returns the pieces of one request or task.
    pub(super) fn pieces_of(&self, request: RequestId) -> impl Iterator<Item = PieceKey> {
        let last = Some(EngineId(u32::MAX));
        self.pieces
            .range((request, None)..=(request, last))
            .map(|(_, key)| *key)
    }
}

impl Controller {
    pub(super) fn add_client(&mut self, connection: ConnectionId, pid: u32, name: String) {
        let id = ClientId(self.next_client);
        self.next_client += 1;
        let client = Client {
            id,
            connection,
            name: name.chars().take(NAME_CHARS_MAX).collect(),
            pid,
            pieces: BTreeMap::new(),
            blobs: BTreeMap::new(),
            blob_bytes: 0,
            outcomes: Outcomes::default(),
        };
        self.clients.insert(id, client);
        self.scheduler.queue.add_client(id);
        self.connections.insert(connection, Peer::Client(id));
        let engines = self.engines.values().map(|engine| engine.info()).collect();
        let message = FromController::Welcome(Welcome::Client {
            client: id,
            engines,
        });
        self.outbox.push_back(Action::Send {
            connection,
            message,
            payload: Payload::default(),
        });
    }

    /// The client at a connection that is already given up is gone. What it had
    /// running runs on, and nobody reads the result.
    pub(super) fn remove_client(&mut self, id: ClientId) {
        let client = self
            .clients
            .remove(&id)
            .expect("a connected client is known");
        self.aborts.retain(|(client, _), _| *client != id);
        for key in client.pieces.into_values() {
            if let Place::Window(engine) = self.pieces[key].place {
                self.pieces[key].owner = None;
                self.recall(key, engine, Recall::Discard);
            } else {
                self.withdraw(key);
                self.discard(key);
            }
        }
        self.scheduler.queue.forget_client(id);
        self.end_dependencies_on(id);
        for (blob, held) in client.blobs {
            if let Held::Kept { .. } = held {
                self.blobs.release_hold(blob);
            }
        }
    }

    pub(super) fn on_client_message(
        &mut self,
        id: ClientId,
        connection: ConnectionId,
        message: FromClient,
        payload: Payload,
    ) {
        match message {
            FromClient::StoreBlob { blob } => self.store_blob(id, connection, blob, payload),
            FromClient::ForgetBlob { blob } => self.forget_blob(id, blob),
            FromClient::Request {
                request,
                targets,
                work,
            } => {
                self.on_request(id, connection, request, targets, work, payload);
            }
            FromClient::Task {
                request,
                work,
                terms,
            } => {
                self.on_task(id, connection, request, work, terms, payload);
            }
            FromClient::Abort {
                query,
                requests,
                targets,
            } => {
                self.on_abort(id, query, &requests, &targets, false);
            }
            FromClient::Cancel {
                query,
                requests,
                targets,
            } => {
                self.on_abort(id, query, &requests, &targets, true);
            }
            FromClient::Interrupt { query, requests } => self.on_interrupt(id, query, &requests),
            FromClient::Signal {
                query,
                targets,
                signal,
            } => {
                let answer = self.signal_engines(&targets, signal);
                self.answer_query(id, query, answer);
            }
            FromClient::QueueStatus { query, targets } => {
                let answer = self.queue_status(&targets);
                self.answer_query(id, query, answer);
            }
            FromClient::ClusterStatus { query } => {
                let answer = self.cluster_status();
                self.answer_query(id, query, answer);
            }
            FromClient::StartEngines { query, count } => {
                let answer = self.start_engines(count);
                self.answer_query(id, query, answer);
            }
            FromClient::Shutdown {
                query,
                targets,
                cluster,
            } => {
                self.on_shutdown(id, query, &targets, cluster);
            }
            FromClient::SetPolicy { query, policy } => {
                let answer = self.set_policy(policy);
                self.answer_query(id, query, answer);
            }
            FromClient::SetScheduling { query, scheduling } => {
                let answer = self.set_scheduling(scheduling);
                self.answer_query(id, query, answer);
            }
        }
    }

    fn store_blob(
        &mut self,
        id: ClientId,
        connection: ConnectionId,
        blob: BlobId,
        payload: Payload,
    ) {
        let client = self
            .clients
            .get_mut(&id)
            .expect("a connected client is known");
        if let Some(Held::Kept { .. }) = client.blobs.get(&blob) {
            return;
        }
        if client.blobs.len() >= BLOBS_MAX_PER_CLIENT {
            let reason = format!("it stored more than {BLOBS_MAX_PER_CLIENT} functions");
            self.disconnect(connection, reason);
            return;
        }
        let bytes = payload.bytes();
        let exceeds =
            client.blob_bytes.saturating_add(bytes) > self.config.blob_bytes_max_per_client;
        let stored = if exceeds {
            Stored::NoRoom
        } else {
            self.blobs.hold(blob, payload, &self.config)
        };
        match stored {
            Stored::Yes => {
                client.blobs.insert(blob, Held::Kept { bytes });
                client.blob_bytes += bytes;
            }
            Stored::NoRoom => {
                client.blobs.insert(blob, Held::Refused);
            }
            Stored::Contradiction => {
                let reason = "it stored something else under an address in use".to_owned();
                self.disconnect(connection, reason);
            }
        }
    }

    fn forget_blob(&mut self, id: ClientId, blob: BlobId) {
        let client = self
            .clients
            .get_mut(&id)
            .expect("a connected client is known");
        if let Some(Held::Kept { bytes }) = client.blobs.remove(&blob) {
            client.blob_bytes -= bytes;
            self.blobs.release_hold(blob);
        }
    }

    fn signal_engines(&mut self, targets: &[EngineId], signal: i32) -> Answer {
        if !(1..=SIGNAL_MAX).contains(&signal) {
            return Answer::Refused {
                reason: format!("there is no signal {signal}"),
            };
        }
        for target in targets {
            self.signal_engine(*target, signal);
        }
        self.done_unless_missing(targets)
    }

    fn done_unless_missing(&self, targets: &[EngineId]) -> Answer {
        let missing = targets
            .iter()
            .find(|target| !self.engines.contains_key(target));
        match missing {
            None => Answer::Done,
            Some(missing) => {
                let departure = self.departures.get(missing).map(String::as_str);
                let reason = super::failures::no_engine(*missing, departure).message;
                Answer::Refused { reason }
            }
        }
    }

    fn queue_status(&self, targets: &[EngineId]) -> Answer {
        let info = |engine: &super::Engine| QueueInfo {
            engine: engine.id,
            queue: engine.window.requests() + engine.waiting.len() as u32
                - u32::from(engine.duty.is_some()),
            tasks: engine.window.tasks() + engine.bound.len() as u32,
            completed: engine.completed,
        };
        let engines = if targets.is_empty() {
            self.engines.values().map(info).collect()
        } else {
            targets
                .iter()
                .filter_map(|target| self.engines.get(target))
                .map(info)
                .collect()
        };
        Answer::Queues {
            engines,
            unassigned: self.scheduler.queued() as u32 - self.bound_tasks()
                + self.dependents.held(),
        }
    }

    /// Returns how many queued tasks are counted with an engine.
    fn bound_tasks(&self) -> u32 {
        let bound = self.engines.values().map(|engine| engine.bound.len());
        bound.sum::<usize>() as u32
    }

    fn cluster_status(&self) -> Answer {
        Answer::Cluster {
            engines: self.engines.values().map(|engine| engine.info()).collect(),
            clients: self.clients.values().map(Client::info).collect(),
            hosts: self.hosts.values().map(|host| host.pid).collect(),
        }
    }

    fn on_shutdown(&mut self, id: ClientId, query: QueryId, targets: &[EngineId], cluster: bool) {
        if cluster {
            self.answer_query(id, query, Answer::Done);
            self.end_cluster();
            return;
        }
        let answer = self.done_unless_missing(targets);
        for target in targets {
            self.stop_engine(*target);
        }
        self.answer_query(id, query, answer);
    }

    /// Interrupts what engines may be running. An engine ignores it for
    /// anything else.
    fn on_interrupt(&mut self, id: ClientId, query: QueryId, requests: &[RequestId]) {
        let client = &self.clients[&id];
        let mut interrupts = Vec::new();
        for key in requests
            .iter()
            .flat_map(|request| client.pieces_of(*request))
        {
            let Place::Window(engine) = self.pieces[key].place else {
                continue;
            };
            let engine = &self.engines[&engine];
            let index = engine.window.position_of_piece(key);
            let index = index.expect("a piece that is in a window is found there");
            if let Some(connection) = engine.connection() {
                let ticket = engine.window.get(index).ticket;
                interrupts.push((connection, ToEngine::Interrupt { ticket }));
            }
        }
        for (connection, message) in interrupts {
            self.send_engine(connection, message, Payload::default());
        }
        self.answer_query(id, query, Answer::Done);
    }
}
