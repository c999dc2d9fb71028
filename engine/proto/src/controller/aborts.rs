//! Aborts and recalls: taking back what has not started. A cancel does that
//! too, and has what turns out to have started stopped ([`super::stops`]).
//!
//! What waits in the controller is taken back at once. What is in an engine's
//! window is asked back with a recall, and the engine's answer decides: a piece
//! is either given back or has started, never both.

use super::engines::Engine;
use super::pieces::{PieceKey, Place};
use super::stops::Reason;
use super::window::Recall;
use super::{Controller, failures};
use crate::id::{ClientId, EngineId, QueryId, RequestId};
use crate::message::{Answer, Payload, ToEngine};
use std::collections::{BTreeMap, BTreeSet};

/// An abort that engines still have to say something to.
#[derive(Debug, Default)]
pub(super) struct PendingAbort {
    pub(super) recalls: u32,
    pub(super) aborted: u32,
    interrupted: u32,
    /// What has started is to end, too.
    is_cancel: bool,
}

impl PendingAbort {
    fn answer(&self) -> Answer {
        match self.is_cancel {
            true => Answer::Cancelled {
                aborted: self.aborted,
                interrupted: self.interrupted,
            },
            false => Answer::Aborted {
                count: self.aborted,
            },
        }
    }
}

impl Controller {
    pub(super) fn on_abort(
        &mut self,
        id: ClientId,
        query: QueryId,
        requests: &[RequestId],
        targets: &[EngineId],
        is_cancel: bool,
    ) {
        if self.aborts.contains_key(&(id, query)) {
            let reason = "this query's number is in use".to_owned();
            self.answer_query(id, query, Answer::Refused { reason });
            return;
        }
        let mut pending = PendingAbort {
            is_cancel,
            ..PendingAbort::default()
        };
        for key in self.pieces_to_abort(id, requests, targets) {
            match self.pieces[key].place {
                Place::Held | Place::Queue(_) | Place::Bound(..) | Place::Waiting(_) => {
                    self.withdraw(key);
                    self.fail(key, self.pieces[key].target(), failures::aborted());
                    pending.aborted += 1;
                }
                Place::Window(engine) => {
                    // If it has started it ends as it does, but isn't tried again.
                    self.pieces[key].forgo_retries();
                    if is_cancel && self.cancel_sent(key, engine) {
                        pending.interrupted += 1;
                        continue;
                    }
                    let purpose = Recall::Abort { client: id, query };
                    pending.recalls += u32::from(self.recall(key, engine, purpose));
                }
            }
        }
        if pending.recalls == 0 {
            self.answer_query(id, query, pending.answer());
        } else {
            self.aborts.insert((id, query), pending);
        }
    }

    /// Something that was sent is cancelled. Returns whether it is known to run,
    /// and so is being stopped; else it is to be asked back.
    fn cancel_sent(&mut self, key: PieceKey, id: EngineId) -> bool {
        let (engine, index) = window_place(&mut self.engines, key, id);
        engine.window.note_cancelled(index);
        let entry = engine.window.get(index);
        let (ticket, runs) = (entry.ticket, entry.recall == Recall::TooLate);
        if runs {
            self.begin_stop(id, ticket, key, Reason::Cancelled);
        }
        runs
    }

    /// What was asked back had started, and is being stopped.
    pub(super) fn note_interrupted(&mut self, recall: Recall) {
        if let Recall::Abort { client, query } = recall
            && let Some(pending) = self.aborts.get_mut(&(client, query))
        {
            pending.interrupted += 1;
        }
    }

    /// Returns the unfinished pieces that a client knows under this number: its
    /// own, or the one that it fetches.
    pub(super) fn named_pieces(
        &self,
        id: ClientId,
        request: RequestId,
    ) -> impl Iterator<Item = PieceKey> {
        let own = self.clients[&id].pieces_of(request);
        own.chain(self.fetched_piece(id, request))
    }

    fn pieces_to_abort(
        &self,
        id: ClientId,
        requests: &[RequestId],
        targets: &[EngineId],
    ) -> Vec<PieceKey> {
        let mut keys: Vec<PieceKey> = if requests.is_empty() {
            self.clients[&id].pieces.values().copied().collect()
        } else {
            let mut requests = requests.to_vec();
            requests.sort_unstable();
            requests.dedup();
            requests
                .iter()
                .flat_map(|request| self.named_pieces(id, *request))
                .collect()
        };
        // What a client fetches may be its own, or the same twice.
        let mut seen = BTreeSet::new();
        keys.retain(|key| seen.insert(*key));
        if !targets.is_empty() {
            let mut targets = targets.to_vec();
            targets.sort_unstable();
            keys.retain(|key| match self.pieces[*key].place {
                Place::Held | Place::Queue(_) => false,
                Place::Bound(engine, _) | Place::Waiting(engine) | Place::Window(engine) => {
                    targets.binary_search(&engine).is_ok()
                }
            });
        }
        keys
    }

    /// Asks an engine to give a piece back if it hasn't started it. Returns
    /// whether the engine's answer will settle this for `purpose`.
    pub(super) fn recall(&mut self, key: PieceKey, id: EngineId, purpose: Recall) -> bool {
        let (engine, index) = window_place(&mut self.engines, key, id);
        let entry = engine.window.get(index);
        match (entry.recall, purpose) {
            (Recall::Discard | Recall::TooLate, _) => return false,
            // What is first may have started. It can only be on its way back
            // if it was asked for earlier.
            (Recall::No, _) if index == 0 && !entry.is_cancelled => return false,
            (Recall::Abort { .. }, Recall::Discard) => {}
            (Recall::Abort { .. }, _) => return false,
            (Recall::Steal, _) => self.scheduler.end_steal(),
            (Recall::Yield, _) => {}
            (Recall::No, _) => {
                let message = ToEngine::Recall {
                    ticket: entry.ticket,
                };
                self.send_in_turn(id, message, Payload::default());
            }
        }
        if purpose == Recall::Steal {
            self.scheduler.start_steal();
        }
        let engine = self.engines.get_mut(&id).expect("it was there just now");
        engine.window.set_recall(index, purpose);
        self.rerank(id);
        true
    }

    /// Takes note that a recall is answered, or needs no answer any more.
    pub(super) fn settle_recall(&mut self, recall: Recall, taken: bool) {
        match recall {
            Recall::Steal => self.scheduler.end_steal(),
            Recall::Abort { client, query } => {
                // An abort ends with its client.
                let Some(pending) = self.aborts.get_mut(&(client, query)) else {
                    return;
                };
                pending.recalls -= 1;
                pending.aborted += u32::from(taken);
                if pending.recalls == 0 {
                    let answer = pending.answer();
                    self.aborts.remove(&(client, query));
                    self.answer_query(client, query, answer);
                }
            }
            Recall::No | Recall::Yield | Recall::Discard | Recall::TooLate => {}
        }
    }
}

/// Returns the engine in whose window a piece is, and where in there.
fn window_place(
    engines: &mut BTreeMap<EngineId, Engine>,
    piece: PieceKey,
    id: EngineId,
) -> (&mut Engine, usize) {
    let engine = engines.get_mut(&id);
    let engine = engine.expect("windows end with their engine");
    let index = engine.window.position_of_piece(piece);
    let index = index.expect("a piece that is in a window is found there");
    (engine, index)
}
