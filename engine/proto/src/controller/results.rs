//! What engines say about their work: results, output, and what they gave back.
//!
//! An engine may answer what was recalled meanwhile, or what is forgotten:
//! stale words are ignored.

use super::Controller;
use super::failures;
use super::pieces::PieceKey;
use super::stops::Reason;
use super::window::{InFlight, Recall};
use crate::id::{ConnectionId, EngineId, Ticket};
use crate::message::{
    DataPart, Failure, FailureKind, FromEngine, Outcome, Output, Payload, Timing, ToClient,
};

impl Controller {
    pub(super) fn on_engine_message(
        &mut self,
        id: EngineId,
        connection: ConnectionId,
        message: FromEngine,
        payload: Payload,
    ) {
        match message {
            FromEngine::Finished {
                ticket,
                outcome,
                timing,
            } => {
                self.on_finished(id, ticket, outcome, timing, payload);
            }
            FromEngine::Output { ticket, output } => self.on_output(id, ticket, output),
            FromEngine::Data { ticket, parts } => self.on_data(id, ticket, parts, payload),
            FromEngine::Recalled { ticket, taken } => {
                self.on_recalled(id, connection, ticket, taken);
            }
            FromEngine::Pong => {}
        }
    }

    fn on_finished(
        &mut self,
        id: EngineId,
        ticket: Ticket,
        outcome: Outcome,
        timing: Timing,
        payload: Payload,
    ) {
        let engine = self
            .engines
            .get_mut(&id)
            .expect("a connected engine is known");
        let Some(index) = engine.window.position(ticket) else {
            return;
        };
        if engine
            .duty
            .as_ref()
            .is_some_and(|duty| duty.ticket == ticket)
        {
            self.on_duty_finished(id, index, outcome, timing, &payload);
            return;
        }
        self.watch_end(id, index, &outcome, timing);
        let engine = self.engines.get_mut(&id).expect("it was there just now");
        let entry = engine.window.remove(index);
        self.note_arrived(id, entry.turn);
        let engine = self.engines.get_mut(&id).expect("it was there just now");
        engine.completed += 1;
        engine.checkpoints.note_finished();
        let spent_us = timing.completed_us.saturating_sub(timing.started_us);
        if entry.is_task {
            engine.pace.observe(spent_us);
        }
        self.settle_charge(&entry, Some(spent_us));
        let engine = self.engines.get_mut(&id).expect("it was there just now");
        let owner = self.pieces[entry.piece].owner;
        engine.latest_owner = owner.or(engine.latest_owner);
        self.settle_recall(entry.recall, false);

        let outcome = self.end_stop(id, ticket, outcome);
        let failed = matches!(outcome, Outcome::Failed(_));
        let outcome = match outcome {
            Outcome::Failed(failure)
                if owner.is_some() && entry.is_task && is_refusal(&failure) =>
            {
                match self.refuse_engine(entry.piece, id, &failure) {
                    Some(failure) => Outcome::Failed(failure),
                    None => {
                        self.enqueue(entry.piece);
                        self.pump(id);
                        self.note_perhaps_due(id);
                        return;
                    }
                }
            }
            outcome => outcome,
        };
        if owner.is_some() && self.is_to_be_tried_again(entry.piece, id, &outcome) {
            self.enqueue(entry.piece);
        } else {
            self.answer(entry.piece, Some(id), outcome, timing, payload);
        }
        if entry.is_barrier
            && failed
            && let Some(owner) = owner
        {
            self.abort_waiting(id, owner.client);
        }
        self.pump(id);
        self.note_perhaps_due(id);
    }

    /// A task leaves an engine's window, having run for `spent_us` or not at all.
    pub(super) fn settle_charge(&mut self, entry: &InFlight, spent_us: Option<u64>) {
        if let Some(owner) = self.pieces[entry.piece].owner
            && entry.is_task
        {
            let queue = &mut self.scheduler.queue;
            queue.settle(owner.client, entry.charged_us, spent_us);
        }
    }

    /// Uses up one retry of a task that raised, if it has one.
    fn is_to_be_tried_again(&mut self, key: PieceKey, id: EngineId, outcome: &Outcome) -> bool {
        let Outcome::Failed(failure) = outcome else {
            return false;
        };
        let piece = &mut self.pieces[key];
        // Its own failure says more than that it may wait no longer.
        let is_overdue = piece.rules().is_some_and(|rules| rules.is_overdue);
        if is_overdue || !is_worth_a_retry(failure) || !piece.take_retry() {
            return false;
        }
        piece.add_tried(id);
        true
    }

    /// An engine doesn't have what a task needs. Returns the failure, if no
    /// other engine is left.
    fn refuse_engine(&mut self, key: PieceKey, id: EngineId, failure: &Failure) -> Option<Failure> {
        let piece = &mut self.pieces[key];
        piece.add_refused(id);
        let refused = piece.refused();
        let is_left = |id: &EngineId| self.engines.contains_key(id) && !refused.contains(id);
        let is_any_left = match piece.targets() {
            Some(targets) => targets.iter().any(is_left),
            None => self.engines.keys().any(is_left),
        };
        (!is_any_left).then(|| failures::needs_unmet(&failure.message))
    }

    /// Aborts everything that `client` has waiting for this engine.
    fn abort_waiting(&mut self, id: EngineId, client: crate::id::ClientId) {
        let engine = &self.engines[&id];
        let owned = |key: &PieceKey| self.pieces[*key].owner.is_some_and(|o| o.client == client);
        let waiting = engine.waiting.values().chain(engine.kept_out.values());
        let keys: Vec<_> = waiting.copied().filter(owned).collect();
        for key in keys {
            self.withdraw(key);
            self.fail(key, Some(id), failures::aborted_behind(id));
        }
    }

    fn on_output(&mut self, id: EngineId, ticket: Option<Ticket>, output: Output) {
        let engine = &self.engines[&id];
        let owner = match ticket {
            Some(ticket) => {
                let Some(index) = engine.window.position(ticket) else {
                    return;
                };
                let key = engine.window.get(index).piece;
                self.watch_output(id, index, &output);
                let owner = self.pieces[key].owner;
                if owner.is_some() {
                    self.record_output(key, &output);
                }
                owner
            }
            None => engine.latest_owner,
        };
        if let Some(owner) = owner {
            let message = ToClient::Output {
                request: owner.request,
                engine: id,
                output,
            };
            self.send_client(owner.client, message, Payload::default());
        }
    }

    /// What an engine had written when it ended, and not told: by what it was at, as far as that
    /// is known here.
    pub(super) fn on_last_output(&mut self, id: EngineId, output: Vec<Output>) {
        for output in output {
            let Some(engine) = self.engines.get(&id) else {
                return;
            };
            let ticket = engine.window.iter().next().map(|first| first.ticket);
            self.on_output(id, ticket, output);
        }
    }

    /// What is told by what has ended meanwhile, or was never there, is dropped.
    fn on_data(&mut self, id: EngineId, ticket: Ticket, parts: Vec<DataPart>, payload: Payload) {
        let window = &self.engines[&id].window;
        let Some(index) = window.position(ticket) else {
            return;
        };
        if let Some(owner) = self.pieces[window.get(index).piece].owner {
            let message = ToClient::Data {
                request: owner.request,
                engine: id,
                parts,
            };
            self.send_client(owner.client, message, payload);
        }
    }

    fn on_recalled(&mut self, id: EngineId, connection: ConnectionId, ticket: Ticket, taken: bool) {
        let engine = self
            .engines
            .get_mut(&id)
            .expect("a connected engine is known");
        let Some(index) = engine.window.position(ticket) else {
            return;
        };
        let recall = engine.window.get(index).recall;
        if matches!(recall, Recall::No | Recall::TooLate) {
            if taken {
                let reason = "it gave back work that it was not asked for".to_owned();
                self.disconnect(connection, reason);
            }
            return;
        }
        if !taken {
            engine.window.set_recall(index, Recall::TooLate);
            let entry = engine.window.get(index);
            if entry.is_cancelled {
                let key = entry.piece;
                self.note_interrupted(recall);
                self.begin_stop(id, ticket, key, Reason::Cancelled);
            }
            self.settle_recall(recall, false);
            self.rerank(id);
            return;
        }
        let entry = engine.window.remove(index);
        self.note_arrived(id, entry.turn);
        let key = entry.piece;
        let given_back = Outcome::Failed(failures::aborted());
        self.watch_ended(id, entry.announced, &given_back, Timing::default());
        self.forget_stop(id, ticket);
        self.settle_charge(&entry, None);
        match recall {
            Recall::Steal | Recall::Yield => self.enqueue(key),
            Recall::Abort { .. } => self.fail(key, self.pieces[key].target(), failures::aborted()),
            Recall::Discard => self.discard(key),
            Recall::No | Recall::TooLate => unreachable!("handled above"),
        }
        self.settle_recall(recall, true);
        self.pump(id);
        self.note_perhaps_due(id);
    }
}

/// A function says that an engine doesn't have what it needs.
fn is_refusal(failure: &Failure) -> bool {
    let class = failure.exception.rsplit('.').next();
    failure.kind == FailureKind::Raised && class == Some("UnmetDependency")
}

/// Only what the task raised itself may go better elsewhere. An interrupt is
/// somebody's wish that it stops.
fn is_worth_a_retry(failure: &Failure) -> bool {
    failure.kind == FailureKind::Raised && failure.exception != "KeyboardInterrupt"
}
