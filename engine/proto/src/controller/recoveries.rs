//! Recoveries: from the death of an engine to another one that has its namespace.
//!
//! An engine is asked of a host, takes the place of the dead one as it joins,
//! and is given its checkpoint before anything else. One that dies on the way
//! or soon after, before it could be saved anew, is followed by another, each
//! after a longer pause; after a few the namespace is given up. Clients are told
//! the one or the other, once.
//!
//! Engines are alike until they have a namespace: the first that joins from a
//! host takes the oldest recovery, whoever asked for it.

use super::duties::DutyKind;
use super::engines::Engine;
use super::timers::Timer;
use super::{Action, Controller};
use crate::id::{EngineId, Timestamp};
use crate::message::{Answer, Left, Operation, Outcome, ToClient};

/// How the namespace of an engine that died is brought back.
#[derive(Debug)]
pub(super) struct Recovery {
    /// The engine that died.
    replaces: EngineId,
    /// Its latest checkpoint and when that was taken.
    checkpoint: Option<(String, u64)>,
    requests_lost: u64,
    /// How many engines were started before, shortly one after another.
    attempts: u32,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Another engine is asked for at this moment.
    Pausing { until: Timestamp },
    /// An engine was asked for.
    Starting,
    /// An engine has joined and is being given the namespace.
    Restoring,
}

impl Recovery {
    pub(super) fn waits_until(&self) -> Option<Timestamp> {
        match self.state {
            State::Pausing { until } => Some(until),
            State::Starting | State::Restoring => None,
        }
    }
}

impl Controller {
    /// An engine is gone and its work settled: decides whether another one is
    /// to take its place.
    pub(super) fn recover(&mut self, engine: Engine, cause: &str) {
        let was_stopped = engine.shutdown_timer.is_some();
        let lived_us = self.now.since_us(engine.joined_at);
        // One that was saved got further than those before: it isn't a loop.
        let is_settled = lived_us >= self.config.restore_settle_us || engine.checkpoints.is_saved;
        let attempts = if is_settled { 0 } else { engine.attempts };
        match engine.duty.map(|duty| duty.kind) {
            Some(DutyKind::Restore(recovery)) if was_stopped => {
                self.give_up(recovery, None, cause.to_owned());
            }
            Some(DutyKind::Restore(recovery)) => self.try_again(recovery, cause),
            _ if was_stopped || !self.config.policy.restore_on_death => {}
            _ => {
                let checkpoints = engine.checkpoints;
                let recovery = Recovery {
                    replaces: engine.id,
                    checkpoint: checkpoints.latest,
                    requests_lost: checkpoints.unsaved,
                    attempts,
                    state: State::Starting,
                };
                self.try_again(recovery, cause);
            }
        }
    }

    /// Asks for an engine, now or after a pause, or gives up.
    fn try_again(&mut self, mut recovery: Recovery, cause: &str) {
        let attempts = recovery.attempts;
        if attempts >= self.config.restore_attempts_max {
            let reason = format!(
                "{attempts} engines were started for it one after another, and it is given up; \
                 the last one: {cause}"
            );
            self.give_up(recovery, None, reason);
        } else if attempts == 0 {
            self.start_replacement(recovery);
        } else {
            let pause_us = self.config.restore_pause_us << (attempts - 1).min(20);
            let until = self.now.after_us(pause_us);
            self.timers.set(until, Timer::Recovery(recovery.replaces));
            recovery.state = State::Pausing { until };
            self.recoveries.insert(recovery.replaces, recovery);
        }
    }

    pub(super) fn on_recovery_timer(&mut self, engine: EngineId) {
        let recovery = self.recoveries.remove(&engine);
        let recovery = recovery.expect("timers end with their recovery");
        self.start_replacement(recovery);
    }

    fn start_replacement(&mut self, mut recovery: Recovery) {
        if let Answer::Refused { reason } = self.start_engines(1) {
            self.give_up(recovery, None, reason);
            return;
        }
        recovery.attempts += 1;
        recovery.state = State::Starting;
        self.recoveries.insert(recovery.replaces, recovery);
    }

    /// Looks whether engines that were asked for are not coming any more.
    pub(super) fn reconsider_recoveries(&mut self) {
        if self.recoveries.is_empty() {
            return;
        }
        let starting = self.recoveries.values();
        let starting = starting.filter(|recovery| recovery.state == State::Starting);
        let mut surplus = (starting.count() as u64).saturating_sub(self.starting_count());
        while surplus > 0 {
            // The oldest stands first in line for those that do come.
            let latest = self.recoveries.iter().rev();
            let mut latest = latest.filter(|(_, recovery)| recovery.state == State::Starting);
            let Some(engine) = latest.next().map(|(engine, _)| *engine) else {
                return;
            };
            let recovery = self.recoveries.remove(&engine);
            let recovery = recovery.expect("it was found just now");
            self.try_again(recovery, "it could not be started");
            surplus -= 1;
        }
    }

    /// An engine has joined: it takes the oldest recovery that waits for one.
    pub(super) fn begin_restore(&mut self, id: EngineId) {
        let mut waiting = self.recoveries.iter();
        let first = waiting.find(|(_, recovery)| recovery.state == State::Starting);
        let Some(replaced) = first.map(|(replaced, _)| *replaced) else {
            return;
        };
        let recovery = self.recoveries.remove(&replaced);
        let mut recovery = recovery.expect("it was found just now");
        let engine = self.engines.get_mut(&id).expect("it has just joined");
        engine.attempts = recovery.attempts;
        match &recovery.checkpoint {
            Some((name, _)) => {
                let operation = Operation::Recover { name: name.clone() };
                recovery.state = State::Restoring;
                self.give_duty(id, operation, DutyKind::Restore(recovery));
            }
            None => {
                let reason = "no checkpoint of it had been taken".to_owned();
                self.give_up(recovery, Some(id), reason);
            }
        }
    }

    /// An engine has done what it could to restore a namespace.
    pub(super) fn on_restored(
        &mut self,
        id: EngineId,
        recovery: Recovery,
        outcome: Outcome,
        (lost, left_out): (Vec<Left>, Vec<Left>),
    ) {
        match (outcome, recovery.checkpoint) {
            (Outcome::Done, Some((name, taken_us))) => {
                let engine = self.engines.get_mut(&id).expect("looked at by the caller");
                if lost.is_empty() {
                    engine.checkpoints.inherit(name.clone(), taken_us);
                } else {
                    // What can't be rebuilt now, may be another day.
                    engine.checkpoints.begin_from(name.clone(), taken_us);
                    let name = name.clone();
                    self.outbox.push_back(Action::KeepCheckpoint { name });
                }
                let replaces = recovery.replaces;
                self.name_successor(replaces, id);
                self.tell_clients(&ToClient::EngineRestored {
                    engine: id,
                    replaces,
                    checkpoint: name,
                    checkpoint_us: taken_us,
                    requests_lost: recovery.requests_lost,
                    left_out: lost.into_iter().chain(left_out).collect(),
                });
            }
            (outcome, checkpoint) => {
                let reason = match outcome {
                    Outcome::Failed(failure) if failure.message.is_empty() => failure.exception,
                    Outcome::Failed(failure) => {
                        format!("{}: {}", failure.exception, failure.message)
                    }
                    Outcome::Done => "no checkpoint of it had been taken".to_owned(),
                };
                // Its checkpoint stays as it is: the engine saves itself under
                // its own name from here on.
                let recovery = Recovery {
                    checkpoint,
                    ..recovery
                };
                self.give_up(recovery, Some(id), reason);
            }
        }
    }

    /// A namespace is not brought back. `engine` is there in its place, empty.
    fn give_up(&mut self, recovery: Recovery, engine: Option<EngineId>, mut reason: String) {
        if let Some((checkpoint, _)) = recovery.checkpoint {
            reason.push_str(&format!("; it stays in the store as {checkpoint:?}"));
            self.outbox
                .push_back(Action::KeepCheckpoint { name: checkpoint });
        }
        self.tell_clients(&ToClient::EngineNotRestored {
            replaces: recovery.replaces,
            engine,
            reason,
            requests_lost: recovery.requests_lost,
        });
        self.give_up_hopeless_tasks();
    }

    /// Tells those who still name an engine that died where its namespace is.
    fn name_successor(&mut self, dead: EngineId, successor: EngineId) {
        if let Some(cause) = self.departures.get_mut(&dead) {
            cause.push_str(&format!("; engine {successor} has its namespace now"));
        }
    }

    pub(super) fn forget_recoveries(&mut self) {
        for (engine, recovery) in std::mem::take(&mut self.recoveries) {
            if let Some(until) = recovery.waits_until() {
                self.timers.cancel(until, Timer::Recovery(engine));
            }
        }
    }
}
