//! Relays: one request to many engines goes out as a tree, to each host once,
//! which passes it on to its engines.
//!
//! What is relayed and what the controller sends itself reach an engine by two
//! ways; both are numbered, so that it takes them in the order in which they were
//! said ([`crate::arrivals`]). A host that dies may not have passed on everything:
//! what isn't known to have arrived is kept, and then sent by the controller
//! itself. It arrived when something behind it is answered.
//!
//! What has to wait for its engine goes there alone when its time comes; so does
//! what only one engine of a host gets, and what an engine without a host gets.

use super::Controller;
use super::blobs::Blob;
use super::engines::Engine;
use super::pieces::{Owner, Parcel};
use crate::id::{ConnectionId, EngineId, HostId, Ticket};
use crate::message::{Payload, Recipient, Relayed, ToEngine, ToHost, Turn};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// Engines that one message to a host names: it is so much longer at most than what it passes on
/// that it can be sent whatever a client could send ([`crate::frame`]).
pub(super) const RECIPIENTS_MAX: usize = 4096;

/// What was said to one engine, by which way.
#[derive(Debug, Default)]
pub(super) struct Ways {
    /// How much in turn the controller has sent it itself.
    direct: u64,
    /// The number of the latest that was relayed to it.
    relayed: u64,
    /// Up to where it was told to wait for what is relayed.
    awaited: u64,
    /// Relayed content that isn't known to have arrived.
    blobs: VecDeque<(Turn, Arc<Blob>)>,
    /// Its host can't pass anything on to it.
    is_cut: bool,
}

/// One request on its way to the hosts.
#[derive(Debug)]
pub(super) struct Batch {
    owner: Owner,
    hosts: BTreeMap<HostId, Vec<Passed>>,
}

/// What one engine gets of a request.
#[derive(Debug)]
struct Passed {
    engine: EngineId,
    pid: u32,
    ticket: Ticket,
    turn: Turn,
    /// It needs the function, too.
    blob: Option<Turn>,
}

impl Ways {
    fn next_turn(&mut self) -> Turn {
        self.relayed += 1;
        Turn {
            number: self.relayed,
            after: self.direct,
        }
    }

    /// Takes note that the engine has what was relayed up to this number.
    fn on_arrived(&mut self, number: u64) {
        while self
            .blobs
            .front()
            .is_some_and(|(turn, _)| turn.number <= number)
        {
            self.blobs.pop_front();
        }
    }
}

impl Controller {
    /// Lets what is sent of this request until [`end_batch`](Self::end_batch) go through the hosts.
    pub(super) fn begin_batch(&mut self, owner: Owner) {
        self.batch = Some(Batch {
            owner,
            hosts: BTreeMap::new(),
        });
    }

    /// Adds a piece that is sent to an engine, if it belongs to the request that is
    /// relayed and the engine's host can pass it on. Returns its turn.
    pub(super) fn add_to_batch(
        &mut self,
        id: EngineId,
        owner: Option<Owner>,
        ticket: Ticket,
        blob: Option<&Arc<Blob>>,
    ) -> Option<Turn> {
        let batch = self.batch.as_mut()?;
        let engine = self.engines.get_mut(&id)?;
        let host = self.host_ids.get(&engine.host?)?;
        if owner != Some(batch.owner) || engine.ways.is_cut {
            return None;
        }
        let blob = blob.map(|blob| {
            let turn = engine.ways.next_turn();
            engine.ways.blobs.push_back((turn, Arc::clone(blob)));
            turn
        });
        let turn = engine.ways.next_turn();
        batch.hosts.entry(*host).or_default().push(Passed {
            engine: id,
            pid: engine.pid,
            ticket,
            turn,
            blob,
        });
        Some(turn)
    }

    /// Sends the hosts what was gathered for their engines.
    pub(super) fn end_batch(&mut self, parcel: &Parcel) {
        let Some(batch) = self.batch.take() else {
            return;
        };
        for (host, passed) in batch.hosts {
            if let [alone] = &passed[..] {
                self.pass_on_alone(alone, parcel);
                continue;
            }
            let connection = self.hosts[&host].connection;
            let recipient = |passed: &Passed, turn: Turn| Recipient {
                pid: passed.pid,
                turn,
            };
            let new: Vec<_> = passed
                .iter()
                .filter_map(|one| Some(recipient(one, one.blob?)))
                .collect();
            if let Some(blob) = &parcel.function {
                for to in new.chunks(RECIPIENTS_MAX) {
                    let message = ToHost::RelayBlob {
                        blob: blob.id,
                        to: to.to_vec(),
                    };
                    self.send_host_with(connection, message, blob.payload.clone());
                }
            }
            for some in passed.chunks(RECIPIENTS_MAX) {
                let to = some
                    .iter()
                    .map(|one| (recipient(one, one.turn), one.ticket));
                let message = ToHost::RelayRun {
                    work: parcel.work.clone(),
                    to: to.collect(),
                };
                self.send_host_with(connection, message, parcel.payload.clone());
            }
        }
    }

    /// Sends the only engine of its host that gets something what it gets.
    fn pass_on_alone(&mut self, passed: &Passed, parcel: &Parcel) {
        let connection = self.engines[&passed.engine].connection();
        let connection = connection.expect("work is sent to connected engines");
        if let (Some(turn), Some(blob)) = (passed.blob, &parcel.function) {
            let message = Relayed::StoreBlob { blob: blob.id };
            self.pass_on(connection, turn, message, blob.payload.clone());
        }
        let message = Relayed::Run {
            ticket: passed.ticket,
            work: parcel.work.clone(),
        };
        self.pass_on(connection, passed.turn, message, parcel.payload.clone());
    }

    fn pass_on(
        &mut self,
        connection: ConnectionId,
        turn: Turn,
        message: Relayed,
        payload: Payload,
    ) {
        self.send_engine(connection, ToEngine::Relayed { turn, message }, payload);
    }

    /// Sends an engine something that it takes after all that was said to it before.
    pub(super) fn send_in_turn(&mut self, id: EngineId, message: ToEngine, payload: Payload) {
        debug_assert!(message.is_in_turn());
        let Some(engine) = self.engines.get_mut(&id) else {
            return;
        };
        let Some(connection) = engine.connection() else {
            return;
        };
        let ways = &mut engine.ways;
        ways.direct += 1;
        let relayed = ways.relayed;
        if std::mem::replace(&mut ways.awaited, relayed) < relayed {
            self.send_engine(connection, ToEngine::Await { relayed }, Payload::default());
        }
        self.send_engine(connection, message, payload);
    }

    /// An engine has answered something that had this turn, if it was relayed.
    pub(super) fn note_arrived(&mut self, id: EngineId, turn: Option<Turn>) {
        if let (Some(turn), Some(engine)) = (turn, self.engines.get_mut(&id)) {
            engine.ways.on_arrived(turn.number);
        }
    }

    /// A host is gone: its engines get from here what it may not have passed on.
    pub(super) fn on_relay_gone(&mut self, host_pid: u32) {
        let engines = self.engines.values();
        let orphans = engines.filter(|engine| engine.host == Some(host_pid));
        let orphans: Vec<EngineId> = orphans.map(|engine| engine.id).collect();
        for id in orphans {
            self.cut_off(id);
        }
    }

    /// Nothing more is relayed to an engine, and what may not have arrived is sent again.
    pub(super) fn cut_off(&mut self, id: EngineId) {
        let Some(engine) = self.engines.get_mut(&id) else {
            return;
        };
        if std::mem::replace(&mut engine.ways.is_cut, true) {
            return;
        }
        let blobs = std::mem::take(&mut engine.ways.blobs).into_iter();
        let mut lost: Vec<(Turn, Relayed, Payload)> = blobs
            .map(|(turn, blob)| {
                let message = Relayed::StoreBlob { blob: blob.id };
                (turn, message, blob.payload.clone())
            })
            .collect();
        for entry in engine.window.iter() {
            if let Some(turn) = entry.turn {
                let parcel = &self.pieces[entry.piece].parcel;
                let message = Relayed::Run {
                    ticket: entry.ticket,
                    work: parcel.work.clone(),
                };
                lost.push((turn, message, parcel.payload.clone()));
            }
        }
        lost.sort_unstable_by_key(|(turn, ..)| turn.number);
        let Some(connection) = engine.connection() else {
            return;
        };
        for (turn, message, payload) in lost {
            self.pass_on(connection, turn, message, payload);
        }
    }

    /// Checks what is kept for a host's death against what is in the window.
    pub(super) fn check_ways(&self, engine: &Engine) {
        let ways = &engine.ways;
        let turns = engine.window.iter().filter_map(|entry| entry.turn);
        let turns: Vec<u64> = turns.map(|turn| turn.number).collect();
        assert!(turns.is_sorted(), "what is relayed is answered in order");
        let latest = turns.last().copied().unwrap_or(0);
        assert!(latest <= ways.relayed, "what is relayed is counted");
        assert!(
            ways.awaited <= ways.relayed,
            "only what is relayed is awaited"
        );
        if !ways.is_cut {
            let all_needed = ways.blobs.iter().all(|(turn, _)| turn.number < latest);
            assert!(all_needed, "content is kept for work that isn't answered");
        }
        assert!(self.batch.is_none(), "a batch ends with its request");
    }
}
