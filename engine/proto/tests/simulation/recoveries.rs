//! What must be true of checkpoints and of engines that are brought back: a part
//! of the oracle.

use crate::peers::Asked;
use rhumba_proto::id::{ConnectionId, EngineId, Ticket};
use rhumba_proto::message::{Outcome, Policy, Timing};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Default)]
pub struct Recoveries {
    policy: Policy,
    duties: BTreeMap<Ticket, (EngineId, Asked)>,
    /// Engines whose namespace is still to come.
    restoring: BTreeSet<EngineId>,
    /// Engines that were sent anything at all.
    dispatched: BTreeSet<EngineId>,
    /// What finished at an engine since its latest checkpoint.
    unsaved: BTreeMap<EngineId, u64>,
    /// When what is in the store was taken.
    store: BTreeMap<String, u64>,
    /// The latest checkpoint of an engine's namespace, and when it was taken.
    saved: BTreeMap<EngineId, (String, u64)>,
    /// What the dead had finished since their latest checkpoint.
    lost: BTreeMap<EngineId, u64>,
    /// The dead that clients are still to be told the fate of.
    owed: BTreeSet<EngineId>,
    /// Who was told of whom.
    told: BTreeSet<(ConnectionId, EngineId)>,
}

impl Recoveries {
    pub fn new(policy: Policy) -> Self {
        Self {
            policy,
            ..Self::default()
        }
    }

    pub fn on_policy(&mut self, policy: &Policy) {
        let intervals = [policy.checkpoint_every_requests, policy.checkpoint_every_us];
        if !intervals.contains(&Some(0)) {
            self.policy = policy.clone();
        }
    }

    pub fn on_dispatched(&mut self, engine: EngineId) {
        assert!(
            !self.restoring.contains(&engine),
            "no work is sent to an engine before its namespace is back"
        );
        self.dispatched.insert(engine);
    }

    pub fn on_duty_dispatched(&mut self, engine: EngineId, ticket: Ticket, asked: Asked) {
        match &asked {
            Asked::ToRestore(_) => {
                assert!(
                    !self.dispatched.contains(&engine),
                    "an engine is restored before anything else"
                );
                self.restoring.insert(engine);
            }
            Asked::ToCheckpoint(_) => {
                let unsaved = self.unsaved.get(&engine).copied().unwrap_or(0);
                assert!(unsaved > 0, "what has not changed is not saved again");
                let wants = &self.policy;
                let is_wanted = wants.checkpoint_every_us.is_some()
                    || wants
                        .checkpoint_every_requests
                        .is_some_and(|enough| unsaved >= enough);
                assert!(is_wanted, "namespaces are saved as the policy wants");
            }
            Asked::ByClient(_) => panic!("that is no duty"),
        }
        self.dispatched.insert(engine);
        let before = self.duties.insert(ticket, (engine, asked));
        assert!(before.is_none(), "a ticket is used once");
    }

    /// The controller is being handed the end of some work. Returns which duty
    /// it was, if it was one.
    pub fn on_finished(
        &mut self,
        engine: EngineId,
        ticket: Ticket,
        outcome: &Outcome,
        timing: &Timing,
    ) -> Option<Asked> {
        let Some((of_engine, asked)) = self.duties.remove(&ticket) else {
            *self.unsaved.entry(engine).or_default() += 1;
            return None;
        };
        assert_eq!(of_engine, engine, "a ticket is for one engine");
        match &asked {
            Asked::ToCheckpoint(name) if *outcome == Outcome::Done => {
                self.store.insert(name.clone(), timing.started_us);
                self.saved.insert(engine, (name.clone(), timing.started_us));
                self.unsaved.insert(engine, 0);
            }
            Asked::ToRestore(name) => {
                self.restoring.remove(&engine);
                if *outcome == Outcome::Done {
                    self.saved.insert(engine, (name.clone(), self.store[name]));
                }
            }
            _ => {}
        }
        Some(asked)
    }

    /// Clients are told, one after another, that an engine left.
    pub fn on_left(&mut self, engine: EngineId, cause: &str, is_ending: bool) {
        let was_stopped = cause.ends_with("shut down");
        if self.lost.contains_key(&engine) {
            return;
        }
        let lost = self.unsaved.remove(&engine).unwrap_or(0);
        self.lost.insert(engine, lost);
        let was_restoring = self.restoring.remove(&engine);
        if self.policy.restore_on_death && !was_restoring && !was_stopped && !is_ending {
            self.owed.insert(engine);
        }
    }

    pub fn on_restored(
        &mut self,
        client: ConnectionId,
        engine: EngineId,
        replaces: EngineId,
        checkpoint: &(String, u64),
    ) {
        assert!(
            !self.restoring.contains(&engine),
            "an engine is restored when it has said so"
        );
        assert_eq!(
            self.saved.get(&replaces),
            Some(checkpoint),
            "the latest checkpoint is what is brought back"
        );
        assert_eq!(
            self.saved.get(&engine),
            Some(checkpoint),
            "what is brought back is what is told"
        );
        self.settle(client, replaces);
    }

    pub fn on_not_restored(&mut self, client: ConnectionId, replaces: EngineId) {
        self.settle(client, replaces);
    }

    /// Checks how much is said to be lost.
    pub fn check_lost(&self, replaces: EngineId, requests_lost: u64) {
        if let Some(lost) = self.lost.get(&replaces) {
            assert_eq!(requests_lost, *lost, "what was lost is counted");
        }
    }

    fn settle(&mut self, client: ConnectionId, replaces: EngineId) {
        let is_new = self.told.insert((client, replaces));
        assert!(is_new, "clients are told once what became of an engine");
        self.owed.remove(&replaces);
    }

    /// Nobody is there who could be told of those that died.
    pub fn forget_dead(&mut self) {
        self.owed.clear();
    }

    pub fn check_all_told(&self) {
        assert!(
            self.owed.is_empty(),
            "clients are told what became of engines {:?}",
            self.owed
        );
    }
}
