//! Clients: how they join and leave, and what they ask of the controller itself.
//!
//! What they ask of engines is in [`super::requests`].

use super::blobs::Stored;
use super::locks::Wish;
use super::outcomes::Outcomes;
use super::pieces::{PieceKey, Place};
use super::records::Awaited;
use super::window::Recall;
use super::{Action, Controller, Peer};
use crate::id::{BlobId, ClientId, ConnectionId, EngineId, QueryId, RequestId};
use crate::message::{Answer, ClientInfo, FromClient, FromController, Payload, ToEngine, Welcome};
use crate::record::Record;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Longer names are cut.
const NAME_CHARS_MAX: usize = 200;

/// A client that stores more blobs than this has lost track of them.
const BLOBS_MAX_PER_CLIENT: usize = 100_000;

const SIGNAL_MAX: i32 = 64;

#[derive(Debug)]
pub(super) struct Client {
    pub(super) id: ClientId,
    /// `None`: it has left, and what it left unfinished goes on.
    pub(super) connection: Option<ConnectionId>,
    pub(super) name: String,
    pub(super) pid: u32,
    /// Everything it waits for: requests with their engine, tasks without.
    pub(super) pieces: BTreeMap<(RequestId, Option<EngineId>), PieceKey>,
    pub(super) blobs: BTreeMap<BlobId, Held>,
    pub(super) blob_bytes: u64,
    pub(super) outcomes: Outcomes,
    /// What its work is labelled with from here on.
    pub(super) label: Option<Arc<str>>,
    /// Results that others asked for: what is waited for, `None` while the record
    /// is looked for.
    pub(super) fetches: BTreeMap<RequestId, Option<Awaited>>,
    /// How much of what it was told as a watcher it hasn't seen, while it isn't one.
    pub(super) unseen: u32,
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
    pub(super) fn info(&self) -> ClientInfo {
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
            connection: Some(connection),
            name: name.chars().take(NAME_CHARS_MAX).collect(),
            pid,
            pieces: BTreeMap::new(),
            blobs: BTreeMap::new(),
            blob_bytes: 0,
            outcomes: Outcomes::default(),
            label: None,
            fetches: BTreeMap::new(),
            unseen: 0,
        };
        self.record(Record::ClientJoined {
            client: id,
            name: client.name.clone(),
            pid,
        });
        self.clients.insert(id, client);
        self.scheduler.queue.add_client(id);
        self.connections.insert(connection, Peer::Client(id));
        let engines = self.engines.values().map(|engine| engine.info()).collect();
        let message = FromController::Welcome(Welcome::Client {
            client: id,
            engines,
            engine_next: EngineId(self.next_engine),
            payload_bytes_max: self.config.payload_bytes_max,
        });
        self.outbox.push_back(Action::Send {
            connection,
            message,
            payload: Payload::default(),
        });
    }

    /// The client at a connection that is already given up is gone. With a task
    /// store all that it asked for goes on, and is recorded; without one, what
    /// runs runs on, and nobody reads the result.
    pub(super) fn remove_client(&mut self, id: ClientId) {
        // Before anything that lets others' work go on: of that it is told nothing any more.
        self.unwatch(id);
        self.gathers.retain(|(client, _), _| *client != id);
        let absent = self.clients.len() - self.present_clients();
        let goes_on = self.config.keeps_records && absent < self.config.clients_max as usize;
        let client = self
            .clients
            .get_mut(&id)
            .expect("a connected client is known");
        client.connection = None;
        client.blob_bytes = 0;
        for (blob, held) in std::mem::take(&mut client.blobs) {
            if let Held::Kept { .. } = held {
                self.blobs.release_hold(blob);
            }
        }
        self.end_fetches(id);
        self.end_locks_of(id);
        if goes_on {
            self.left.push(id);
        } else {
            self.drop_client(id);
        }
    }

    /// Returns how many clients are connected.
    pub(super) fn present_clients(&self) -> usize {
        let connections = self.clients.values();
        connections
            .filter(|client| client.connection.is_some())
            .count()
    }

    /// Forgets clients that have left and have nothing unfinished any more.
    /// Returns whether there were some.
    pub(super) fn forget_left_clients(&mut self) -> bool {
        let mut has_forgotten = false;
        for id in std::mem::take(&mut self.left) {
            let is_over = self
                .clients
                .get(&id)
                .is_some_and(|client| client.pieces.is_empty());
            if is_over {
                self.drop_client(id);
                has_forgotten = true;
            }
        }
        has_forgotten
    }

    fn drop_client(&mut self, id: ClientId) {
        let Some(client) = self.clients.remove(&id) else {
            return;
        };
        self.aborts.retain(|(client, _), _| *client != id);
        for key in client.pieces.into_values() {
            self.record_dropped(key);
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
    }

    pub(super) fn on_client_message(
        &mut self,
        id: ClientId,
        connection: ConnectionId,
        message: FromClient,
        payload: Payload,
    ) {
        match message {
            FromClient::StoreBlob { blob, name } => {
                self.store_blob(id, connection, blob, name, payload);
            }
            FromClient::ForgetBlob { blob } => self.forget_blob(id, blob),
            FromClient::Request {
                request,
                targets,
                work,
                manner,
            } => {
                self.on_request(id, connection, request, targets, (work, manner), payload);
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
            FromClient::QueueStatus {
                query,
                targets,
                verbose,
            } => {
                let answer = self.queue_status(&targets, verbose);
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
            FromClient::SetLabel { label } => {
                let client = self.clients.get_mut(&id);
                let client = client.expect("a connected client is known");
                client.label = label.map(Arc::from);
            }
            FromClient::Fetch { first, pieces } => self.on_fetch(id, connection, first, pieces),
            FromClient::AskStore { query, question } => self.on_ask_store(id, query, question),
            FromClient::Lock {
                query,
                targets,
                label,
                wait_us,
                limit_us,
            } => {
                let wish = Wish {
                    query,
                    targets,
                    label,
                    wait_us,
                    limit_us,
                };
                self.on_lock(id, wish);
            }
            FromClient::Unlock { query, lock } => self.on_unlock(id, query, lock),
            FromClient::Watch { query, targets } => {
                let answer = self.watch(id, targets);
                self.answer_query(id, query, answer);
            }
            FromClient::Unwatch { query } => {
                self.unwatch(id);
                self.answer_query(id, query, Answer::Done);
            }
            FromClient::WatchSeen { count } => self.on_watch_seen(id, count),
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
        name: String,
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
        let mut recorded = None;
        let stored = if exceeds {
            Stored::NoRoom
        } else {
            recorded = self.config.keeps_records.then(|| payload.clone());
            self.blobs.hold(blob, &name, payload, &self.config)
        };
        match stored {
            Stored::Yes => {
                let content = recorded.unwrap_or_default();
                self.record(Record::FunctionStored {
                    blob,
                    name,
                    content,
                });
                let client = self
                    .clients
                    .get_mut(&id)
                    .expect("a connected client is known");
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
        let mut interrupts = Vec::new();
        for key in requests
            .iter()
            .flat_map(|request| self.named_pieces(id, *request))
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
