//! Stops: ending a piece that runs, because it was cancelled or runs too long.
//!
//! It is interrupted, and interrupted again after half of the grace period. If
//! it still runs at the end of that, its engine is killed, and another one takes
//! its place where a host can start one. What was queued behind it moves on.
//! What hasn't started is never interrupted: see [`super::aborts`].

use super::engines::{Engine, SIGKILL, Unfinished};
use super::pieces::PieceKey;
use super::timers::{Timer, Timers};
use super::window::Recall;
use super::{Controller, failures};
use crate::id::{EngineId, Ticket, Timestamp};
use crate::message::{Failure, FailureKind, Outcome, Payload, ToEngine};

/// Why a piece is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    Cancelled,
    RanTooLong { limit_us: u64 },
}

/// A piece that was interrupted and hasn't ended.
#[derive(Debug)]
pub(super) struct Stop {
    pub(super) ticket: Ticket,
    reason: Reason,
    pub(super) timer_at: Timestamp,
    /// It was interrupted for the second time.
    is_last: bool,
}

/// How long the piece that is first at an engine may run.
#[derive(Debug)]
pub(super) struct Limit {
    ticket: Ticket,
    /// `None` once that time is over.
    pub(super) timer_at: Option<Timestamp>,
}

impl Engine {
    /// Sets the clock anew if another piece is first at this engine. What was
    /// asked back may never start.
    pub(super) fn watch_first(&mut self, now: Timestamp, timers: &mut Timers) {
        let first = self.window.iter().next();
        let first = first.filter(|entry| matches!(entry.recall, Recall::No | Recall::TooLate));
        let limited = first.and_then(|entry| Some((entry.ticket, entry.limit_us?)));
        let watched = self.limit.as_ref().map(|limit| limit.ticket);
        if watched == limited.map(|(ticket, _)| ticket) {
            return;
        }
        if let Some(at) = self.limit.take().and_then(|limit| limit.timer_at) {
            timers.cancel(at, Timer::Limit(self.id));
        }
        self.limit = limited.map(|(ticket, limit_us)| Limit {
            ticket,
            timer_at: Some(timers.set(now.after_us(limit_us), Timer::Limit(self.id))),
        });
    }

    /// Returns why this piece is being stopped, if it is.
    pub(super) fn stop_reason(&self, ticket: Ticket) -> Option<Reason> {
        let stop = self.stop.as_ref().filter(|stop| stop.ticket == ticket);
        stop.map(|stop| stop.reason)
    }
}

impl Controller {
    pub(super) fn on_limit_timer(&mut self, id: EngineId) {
        let engine = self
            .engines
            .get_mut(&id)
            .expect("timers end with their engine");
        let limit = engine.limit.as_mut().expect("timers end with their piece");
        limit.timer_at = None;
        let first = engine.window.get(0);
        let (ticket, key) = (first.ticket, first.piece);
        let limit_us = first.limit_us.unwrap_or(0);
        self.begin_stop(id, ticket, key, Reason::RanTooLong { limit_us });
    }

    /// Interrupts a piece that runs, and sees to it that it ends.
    pub(super) fn begin_stop(
        &mut self,
        id: EngineId,
        ticket: Ticket,
        key: PieceKey,
        reason: Reason,
    ) {
        // However it ends now, that is the end of it.
        self.pieces[key].forgo_retries();
        let engine = self.engines.get_mut(&id).expect("looked at by the caller");
        if let Some(stop) = &engine.stop {
            if stop.ticket == ticket {
                return;
            }
            self.timers.cancel(stop.timer_at, Timer::Stop(id));
        }
        let at = self.now.after_us(self.config.cancel_grace_us / 2);
        engine.stop = Some(Stop {
            ticket,
            reason,
            timer_at: self.timers.set(at, Timer::Stop(id)),
            is_last: false,
        });
        self.interrupt(id, ticket);
    }

    fn interrupt(&mut self, id: EngineId, ticket: Ticket) {
        if let Some(connection) = self.engines.get(&id).and_then(Engine::connection) {
            let message = ToEngine::Interrupt { ticket };
            self.send_engine(connection, message, Payload::default());
        }
    }

    /// What was interrupted still runs.
    pub(super) fn on_stop_timer(&mut self, id: EngineId) {
        let engine = self
            .engines
            .get_mut(&id)
            .expect("timers end with their engine");
        let stop = engine.stop.as_mut().expect("timers end with their stop");
        let ticket = stop.ticket;
        if !std::mem::replace(&mut stop.is_last, true) {
            let grace_us = self.config.cancel_grace_us;
            let at = self.now.after_us(grace_us - grace_us / 2);
            stop.timer_at = self.timers.set(at, Timer::Stop(id));
            self.interrupt(id, ticket);
            return;
        }
        let has_host = engine
            .host
            .is_some_and(|host| self.host_ids.contains_key(&host));
        self.signal_engine(id, SIGKILL);
        let cause = "it was killed, as what it ran did not end when it was interrupted";
        self.remove_engine(id, cause, Unfinished::MovesOn);
        if has_host && !self.config.policy.restore_on_death {
            // Nobody waits for the answer: clients see the engine join, or not.
            self.start_engines(1);
        }
        self.give_up_hopeless_tasks();
    }

    /// A piece was given back, so it needs no stopping.
    pub(super) fn forget_stop(&mut self, id: EngineId, ticket: Ticket) {
        let engine = self.engines.get_mut(&id).expect("looked at by the caller");
        if let Some(stop) = engine.stop.take_if(|stop| stop.ticket == ticket) {
            self.timers.cancel(stop.timer_at, Timer::Stop(id));
        }
    }

    /// A piece has ended. If it was being stopped and did so because of that,
    /// its failure says it.
    pub(super) fn end_stop(&mut self, id: EngineId, ticket: Ticket, outcome: Outcome) -> Outcome {
        let engine = self.engines.get_mut(&id).expect("looked at by the caller");
        let Some(stop) = engine.stop.take_if(|stop| stop.ticket == ticket) else {
            return outcome;
        };
        self.timers.cancel(stop.timer_at, Timer::Stop(id));
        match outcome {
            Outcome::Failed(failure) if is_interrupt(&failure) => Outcome::Failed(Failure {
                traceback: failure.traceback,
                ..failures::stopped(id, stop.reason)
            }),
            outcome => outcome,
        }
    }
}

fn is_interrupt(failure: &Failure) -> bool {
    failure.kind == FailureKind::Raised && failure.exception == "KeyboardInterrupt"
}
