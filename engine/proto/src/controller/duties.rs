//! Duties: work that the controller itself gives an engine. It checkpoints an
//! engine as the policy wants, and restores one that replaces another.
//!
//! A duty is a piece that nobody waits for. It is only given to an engine that
//! has nothing else, so that it is the first in its window: what is behind it
//! has not started while it runs. What leads to a restore is in
//! [`super::recoveries`].

use super::Controller;
use super::engines::Engine;
use super::pieces::{Aim, Parcel, Place};
use super::recoveries::Recovery;
use super::timers::Timer;
use super::window::{InFlight, Recall};
use crate::id::{EngineId, Ticket, Timestamp};
use crate::message::{
    Answer, Operation, Outcome, Payload, Policy, Timing, ToClient, ToEngine, Work,
};
use crate::record::decode_flat;
use std::sync::Arc;

/// What an engine was asked by the controller and hasn't answered.
#[derive(Debug)]
pub(super) struct Duty {
    pub(super) ticket: Ticket,
    pub(super) kind: DutyKind,
    /// Until when it is waited for, if it still is.
    pub(super) timer_at: Option<Timestamp>,
    /// It took too long and was interrupted.
    is_interrupted: bool,
}

#[derive(Debug)]
pub(super) enum DutyKind {
    Checkpoint,
    Restore(Recovery),
}

/// What is known of one engine's checkpoints.
#[derive(Debug)]
pub(super) struct Checkpoints {
    /// What the policy saves it under.
    pub(super) name: String,
    /// The latest one: its name, which may be another engine's, and when it was taken, by the wall
    /// clock of the engine that it was taken of.
    pub(super) latest: Option<(String, u64)>,
    /// Requests and tasks that finished since that was taken.
    pub(super) unsaved: u64,
    /// Those that finished since one was last asked for.
    unasked: u64,
    /// When one was last asked for, or the engine joined.
    asked_at: Timestamp,
    pub(super) timer_at: Option<Timestamp>,
    /// Clients were told that it fails.
    is_failing: bool,
    /// One was taken of this engine, not only of those before.
    pub(super) is_saved: bool,
}

impl Checkpoints {
    pub(super) fn new(prefix: &str, engine: EngineId, now: Timestamp) -> Self {
        Self {
            name: format!("{prefix}-engine-{engine}"),
            latest: None,
            unsaved: 0,
            unasked: 0,
            asked_at: now,
            timer_at: None,
            is_failing: false,
            is_saved: false,
        }
    }

    pub(super) fn note_finished(&mut self) {
        self.unsaved += 1;
        self.unasked += 1;
    }

    /// Goes on with those of the engine whose namespace this one has got.
    pub(super) fn inherit(&mut self, name: String, taken_us: u64) {
        self.name.clone_from(&name);
        self.latest = Some((name, taken_us));
    }

    /// Has got what can be rebuilt of another's: that stays as it is, and others get a name of their own.
    pub(super) fn begin_from(&mut self, name: String, taken_us: u64) {
        self.latest = Some((name, taken_us));
    }
}

/// Whether an engine should be checkpointed.
enum Due {
    Now,
    At(Timestamp),
    No,
}

impl Engine {
    /// Returns whether it has nothing to do and may be given something.
    fn is_idle(&self) -> bool {
        self.load() == 0 && self.open_connection().is_some() && self.exit_cause.is_none()
    }

    fn due(&self, policy: &Policy, now: Timestamp) -> Due {
        let checkpoints = &self.checkpoints;
        if checkpoints.unasked == 0 || !self.is_idle() {
            return Due::No;
        }
        let enough = policy.checkpoint_every_requests;
        if enough.is_some_and(|enough| checkpoints.unasked >= enough) {
            return Due::Now;
        }
        match policy.checkpoint_every_us {
            None => Due::No,
            Some(every_us) => match checkpoints.asked_at.after_us(every_us) {
                at if at <= now => Due::Now,
                at => Due::At(at),
            },
        }
    }
}

fn makes_checkpoints(policy: &Policy) -> bool {
    policy.checkpoint_every_requests.is_some() || policy.checkpoint_every_us.is_some()
}

impl Controller {
    pub(super) fn set_policy(&mut self, policy: Policy) -> Answer {
        if policy.checkpoint_every_requests == Some(0) || policy.checkpoint_every_us == Some(0) {
            let reason = "checkpoints need at least one request, or some time, between them";
            return Answer::Refused {
                reason: reason.to_owned(),
            };
        }
        self.config.policy = policy;
        for engine in self.engines.values_mut() {
            if let Some(at) = engine.checkpoints.timer_at.take() {
                self.timers.cancel(at, Timer::Checkpoint(engine.id));
            }
        }
        self.perhaps_due.clear();
        if makes_checkpoints(&self.config.policy) {
            self.perhaps_due.extend(self.engines.keys());
        }
        Answer::Done
    }

    /// Something happened to an engine that may make it due.
    pub(super) fn note_perhaps_due(&mut self, id: EngineId) {
        if makes_checkpoints(&self.config.policy) {
            self.perhaps_due.insert(id);
        }
    }

    /// Looks at the engines to which something happened that may make them due.
    pub(super) fn start_due_checkpoints(&mut self) {
        for id in std::mem::take(&mut self.perhaps_due) {
            let Some(engine) = self.engines.get_mut(&id) else {
                continue;
            };
            match engine.due(&self.config.policy, self.now) {
                Due::Now => self.start_checkpoint(id),
                Due::At(at) if engine.checkpoints.timer_at.is_none() => {
                    let at = self.timers.set(at, Timer::Checkpoint(id));
                    engine.checkpoints.timer_at = Some(at);
                }
                Due::At(_) | Due::No => {}
            }
        }
    }

    pub(super) fn on_checkpoint_timer(&mut self, id: EngineId) {
        let engine = self
            .engines
            .get_mut(&id)
            .expect("timers end with their engine");
        engine.checkpoints.timer_at = None;
        self.perhaps_due.insert(id);
    }

    fn start_checkpoint(&mut self, id: EngineId) {
        let engine = self.engines.get_mut(&id).expect("looked at just now");
        let checkpoints = &mut engine.checkpoints;
        if let Some(at) = checkpoints.timer_at.take() {
            self.timers.cancel(at, Timer::Checkpoint(id));
        }
        checkpoints.unasked = 0;
        checkpoints.asked_at = self.now;
        // Most of a namespace is better than none of it.
        let operation = Operation::Checkpoint {
            name: checkpoints.name.clone(),
            partial: true,
        };
        self.give_duty(id, operation, DutyKind::Checkpoint);
    }

    /// Sends an engine that has nothing to do work of the controller's own.
    pub(super) fn give_duty(&mut self, id: EngineId, operation: Operation, kind: DutyKind) {
        let ticket = self.new_ticket();
        let work = Work {
            operation,
            function: None,
        };
        let parcel = Arc::new(Parcel {
            work: work.clone(),
            payload: Payload::default(),
            bytes: 0,
            function: None,
            pieces: 1,
            gathers: false,
        });
        let place = Place::Window(id);
        let piece = self.pieces.insert(None, parcel, Aim::Engine(id), place);
        let at = self.now.after_us(self.config.duty_timeout_us);
        let timer_at = Some(self.timers.set(at, Timer::Duty(id)));
        let engine = self
            .engines
            .get_mut(&id)
            .expect("duties are for engines that are there");
        engine.window.push(InFlight {
            ticket,
            piece,
            turn: None,
            is_task: false,
            is_movable: false,
            // Nothing may be sent behind a restore, as it may fail.
            is_barrier: matches!(kind, DutyKind::Restore(_)),
            bytes: 0,
            charged_us: 0,
            limit_us: None,
            recall: Recall::No,
            is_cancelled: false,
            announced: None,
        });
        engine.duty = Some(Duty {
            ticket,
            kind,
            timer_at,
            is_interrupted: false,
        });
        self.send_in_turn(id, ToEngine::Run { ticket, work }, Payload::default());
        self.rerank(id);
    }

    /// The duty of an engine is over; it is at `index` in its window.
    pub(super) fn on_duty_finished(
        &mut self,
        id: EngineId,
        index: usize,
        outcome: Outcome,
        timing: Timing,
        payload: &Payload,
    ) {
        let engine = self.engines.get_mut(&id).expect("looked at by the caller");
        let entry = engine.window.remove(index);
        let duty = engine.duty.take().expect("looked at by the caller");
        if let Some(at) = duty.timer_at {
            self.timers.cancel(at, Timer::Duty(id));
        }
        self.discard(entry.piece);
        match duty.kind {
            DutyKind::Checkpoint => self.on_checkpointed(id, outcome, timing),
            DutyKind::Restore(recovery) => {
                let left_out = payload.buffers.first();
                let left_out = left_out
                    .and_then(|told| decode_flat(told))
                    .unwrap_or_default();
                self.on_restored(id, recovery, outcome, left_out);
            }
        }
        self.pump(id);
        self.note_perhaps_due(id);
    }

    fn on_checkpointed(&mut self, id: EngineId, outcome: Outcome, timing: Timing) {
        let engine = self.engines.get_mut(&id).expect("looked at by the caller");
        let checkpoints = &mut engine.checkpoints;
        match outcome {
            Outcome::Done => {
                checkpoints.latest = Some((checkpoints.name.clone(), timing.started_us));
                checkpoints.unsaved = 0;
                checkpoints.is_failing = false;
                checkpoints.is_saved = true;
            }
            Outcome::Failed(failure) => {
                if !std::mem::replace(&mut checkpoints.is_failing, true) {
                    let reason = failure.message;
                    self.tell_clients(&ToClient::EngineNotCheckpointed { engine: id, reason });
                }
            }
        }
    }

    /// What takes too long is interrupted. An engine that still can't be
    /// restored is of no use; one that can't be checkpointed has a namespace.
    pub(super) fn on_duty_timer(&mut self, id: EngineId) {
        let engine = self
            .engines
            .get_mut(&id)
            .expect("timers end with their engine");
        let duty = engine.duty.as_mut().expect("timers end with their duty");
        duty.timer_at = None;
        if !std::mem::replace(&mut duty.is_interrupted, true) {
            let at = self.now.after_us(self.config.shutdown_grace_us);
            duty.timer_at = Some(self.timers.set(at, Timer::Duty(id)));
            let ticket = duty.ticket;
            if let Some(connection) = engine.connection() {
                let message = ToEngine::Interrupt { ticket };
                self.send_engine(connection, message, Payload::default());
            }
        } else if engine.is_being_restored() {
            self.signal_engine(id, super::engines::SIGKILL);
            self.declare_dead(id, "it did not come to an end with restoring its namespace");
        }
    }
}
