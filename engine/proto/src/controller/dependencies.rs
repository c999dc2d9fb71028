//! Dependencies: tasks that wait until others have ended, or run where others
//! have run.
//!
//! Each unfinished task that is named leads to those that wait for it, so that
//! the end of a task costs as much as there are tasks that wait for it. What
//! can't come true any more is answered at once; what depends on that follows,
//! one after another and never one inside another.
//!
//! How others ended is remembered in [`super::outcomes`].

use super::Controller;
use super::failures;
use super::outcomes::Ended;
use super::pieces::{PieceKey, Place, Rules};
use super::timers::Timer;
use super::window::Recall;
use crate::id::{ClientId, EngineId, RequestId};
use crate::message::{Dependency, Failure, TaskName};
use std::collections::{BTreeSet, VecDeque};

/// A dependency and how much of it has come true.
#[derive(Debug)]
pub(super) struct Wait {
    /// What it names is in rising order.
    dependency: Dependency,
    /// How many of those haven't ended.
    open: u32,
    /// How many ended as is wanted.
    met: u32,
    /// Where these ran, each once.
    engines: Vec<EngineId>,
    /// One of these ran nowhere, or on several engines.
    is_astray: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Waits,
    Met,
    Impossible,
}

/// Who waits for whom.
#[derive(Debug, Default)]
pub(super) struct Dependents {
    edges: BTreeSet<(TaskName, PieceKey)>,
    /// How many wait.
    held: u32,
    /// Those with dependents that have ended, and haven't been dealt with.
    ended: VecDeque<(TaskName, Ended)>,
}

impl Wait {
    pub(super) fn new(mut dependency: Dependency) -> Option<Self> {
        dependency.tasks.sort_unstable();
        dependency.tasks.dedup();
        (!dependency.tasks.is_empty()).then_some(Self {
            dependency,
            open: 0,
            met: 0,
            engines: Vec::new(),
            is_astray: false,
        })
    }

    fn names(&self, name: TaskName) -> bool {
        self.dependency.tasks.binary_search(&name).is_ok()
    }

    fn note(&mut self, ended: Ended) {
        let Dependency {
            success, failure, ..
        } = self.dependency;
        let is_met = if ended.is_success { success } else { failure };
        if !is_met {
            return;
        }
        self.met += 1;
        match ended.engine {
            None => self.is_astray = true,
            Some(engine) if !self.engines.contains(&engine) => self.engines.push(engine),
            Some(_) => {}
        }
    }

    /// Judges a dependency in time.
    fn verdict(&self) -> Verdict {
        let ended = self.dependency.tasks.len() as u32 - self.open;
        match self.dependency.all {
            true if self.met < ended => Verdict::Impossible,
            true if self.open > 0 => Verdict::Waits,
            true => Verdict::Met,
            false if self.met > 0 => Verdict::Met,
            false if self.open > 0 => Verdict::Waits,
            false => Verdict::Impossible,
        }
    }

    /// Judges a dependency in place: some engine must be left.
    fn verdict_of_place(&self, is_there: impl Fn(&EngineId) -> bool) -> Verdict {
        match self.verdict() {
            Verdict::Met if self.dependency.all && (self.is_astray || self.engines.len() > 1) => {
                Verdict::Impossible
            }
            Verdict::Met if self.engines.iter().any(is_there) => Verdict::Met,
            Verdict::Met if self.open > 0 => Verdict::Waits,
            Verdict::Met => Verdict::Impossible,
            other => other,
        }
    }
}

impl Controller {
    /// A task has been accepted: puts it into the queue, lets it wait for what
    /// it depends on, or answers that this can't come true.
    pub(super) fn admit(&mut self, key: PieceKey) {
        let owner = self.pieces[key].owner.expect("it was accepted just now");
        let own = TaskName {
            client: owner.client,
            request: owner.request,
        };
        let Some(rules) = self.pieces[key].rules_mut() else {
            self.enqueue(key);
            return;
        };
        if let Some(timeout_us) = rules.timeout_us {
            let at = self.now.after_us(timeout_us);
            rules.timer_at = Some(self.timers.set(at, Timer::Patience(key)));
        }
        if rules.after.is_none() && rules.follow.is_none() {
            self.enqueue(key);
            return;
        }
        let mut waits = [rules.after.take(), rules.follow.take()];
        let mut invalid = None;
        for wait in waits.iter_mut().flatten() {
            invalid = invalid.or_else(|| self.begin(key, own, wait));
        }
        let [after, follow] = waits;
        let rules = self.pieces[key].rules_mut().expect("looked at just now");
        (rules.after, rules.follow) = (after, follow);
        self.dependents.held += 1;
        self.pieces[key].place = Place::Held;
        match invalid {
            Some(failure) => {
                self.release(key);
                self.fail(key, None, failure);
            }
            None => self.consider(key),
        }
    }

    /// Looks up all that a dependency names. Returns what is wrong with it.
    fn begin(&mut self, key: PieceKey, own: TaskName, wait: &mut Wait) -> Option<Failure> {
        if !wait.dependency.success && !wait.dependency.failure {
            return Some(failures::dependency_on_nothing());
        }
        for &name in &wait.dependency.tasks.clone() {
            let client = self.clients.get(&name.client);
            let is_open = client.is_some_and(|c| c.pieces_of(name.request).next().is_some());
            if name == own {
                return Some(failures::dependency_on_itself());
            }
            if is_open {
                wait.open += 1;
                self.dependents.edges.insert((name, key));
            } else if let Some(ended) = client.and_then(|c| c.outcomes.get(name.request)) {
                wait.note(ended);
            } else {
                return Some(failures::dependency_unknown(name, client.is_none()));
            }
        }
        None
    }

    /// Decides over a task that waits: on with it, or not, or not yet.
    fn consider(&mut self, key: PieceKey) {
        let rules = self.pieces[key].rules().expect("what waits has its rules");
        let is_there = |id: &EngineId| self.engines.contains_key(id);
        let after = rules.after.as_ref().map_or(Verdict::Met, Wait::verdict);
        let follow = rules.follow.as_ref();
        let follow = follow.map_or(Verdict::Met, |wait| wait.verdict_of_place(is_there));
        if after == Verdict::Impossible || follow == Verdict::Impossible {
            let place = follow == Verdict::Impossible;
            self.release(key);
            self.fail(key, None, failures::dependency_impossible(place));
        } else if after == Verdict::Met && follow == Verdict::Met {
            self.release(key);
            self.narrow(key);
            self.enqueue(key);
        }
    }

    /// What waited, waits no more: takes it out of everything.
    pub(super) fn release(&mut self, key: PieceKey) {
        self.dependents.held -= 1;
        let rules = self.pieces[key].rules().expect("what waits has its rules");
        let Rules { after, follow, .. } = rules;
        for wait in after.iter().chain(follow) {
            // What has ended leads nowhere any more.
            for name in wait.dependency.tasks.iter().filter(|_| wait.open > 0) {
                self.dependents.edges.remove(&(*name, key));
            }
        }
    }

    /// From here on a task may only run where what it follows has run.
    fn narrow(&mut self, key: PieceKey) {
        let rules = self.pieces[key].rules_mut().expect("looked at just now");
        rules.after = None;
        let Some(follow) = rules.follow.take() else {
            return;
        };
        let mut engines = follow.engines;
        if let Some(targets) = &rules.targets {
            engines.retain(|engine| targets.binary_search(engine).is_ok());
        }
        engines.sort_unstable();
        rules.follows = true;
        rules.targets = Some(engines.into());
    }

    /// Takes note that a request or task, or a part of it, is answered.
    pub(super) fn note_ended(
        &mut self,
        client: ClientId,
        request: RequestId,
        is_success: bool,
        engine: Option<EngineId>,
    ) {
        let Some(there) = self.clients.get_mut(&client) else {
            return;
        };
        there.outcomes.note(request, is_success, engine);
        let name = TaskName { client, request };
        if self.dependents.has_any(name) && there.pieces_of(request).next().is_none() {
            let ended = there.outcomes.get(request).expect("noted just now");
            self.dependents.ended.push_back((name, ended));
        }
    }

    /// What a client that left had under way has no outcome any more.
    pub(super) fn end_dependencies_on(&mut self, client: ClientId) {
        let name = |request| TaskName {
            client,
            request: RequestId(request),
        };
        let edges = (name(0), PieceKey::FIRST)..=(name(u64::MAX), PieceKey::LAST);
        let edges = self.dependents.edges.range(edges);
        let mut names: Vec<TaskName> = edges.map(|(name, _)| *name).collect();
        names.dedup();
        let ended = Ended {
            is_success: false,
            engine: None,
        };
        let ended = names.into_iter().map(|name| (name, ended));
        self.dependents.ended.extend(ended);
    }

    /// Deals with all that has ended, and with what ends by that.
    pub(super) fn settle_dependents(&mut self) {
        while let Some((name, ended)) = self.dependents.ended.pop_front() {
            for key in self.dependents.of(name) {
                // It may have been answered because of another one.
                if !self.dependents.edges.remove(&(name, key)) {
                    continue;
                }
                let rules = self.pieces[key].rules_mut();
                let rules = rules.expect("what waits has its rules");
                for wait in rules.after.iter_mut().chain(&mut rules.follow) {
                    if wait.names(name) {
                        wait.open -= 1;
                        wait.note(ended);
                    }
                }
                self.consider(key);
            }
        }
    }

    /// A task has waited for as long as it should, for others or for an engine. If an engine has started it, it may
    /// run, but doesn't go back to the queue.
    pub(super) fn on_patience_timer(&mut self, key: PieceKey) {
        let piece = &mut self.pieces[key];
        let sent_to = match piece.place {
            Place::Window(engine) => Some(engine),
            _ => None,
        };
        let rules = piece.rules_mut().expect("timers end with their task");
        rules.timer_at = None;
        if let Some(engine) = sent_to {
            rules.is_overdue = true;
            // What has not started there comes back, and then it is too late.
            self.recall(key, engine, Recall::Yield);
        } else {
            let timeout_us = rules.timeout_us.unwrap_or(0);
            let failure = match self.pieces[key].place {
                Place::Held => failures::depended_too_long(timeout_us),
                _ => failures::waited_too_long(timeout_us),
            };
            self.withdraw(key);
            self.fail(key, None, failure);
        }
    }

    /// Fails what waits for others as the cluster ends.
    pub(super) fn give_up_held_tasks(&mut self) {
        while let Some((_, key)) = self.dependents.edges.first().copied() {
            self.release(key);
            self.fail(key, None, failures::cluster_ended());
        }
    }

    pub(super) fn check_dependencies(&self) {
        let mut edges = BTreeSet::new();
        let mut held = 0;
        for (key, piece) in self.pieces.iter() {
            if piece.place != Place::Held {
                continue;
            }
            held += 1;
            let rules = piece.rules().expect("what waits has its rules");
            for wait in rules.after.iter().chain(&rules.follow) {
                let mut open = 0;
                for name in &wait.dependency.tasks {
                    let client = self.clients.get(&name.client);
                    if client.is_some_and(|c| c.pieces_of(name.request).next().is_some()) {
                        open += 1;
                        edges.insert((*name, key));
                    }
                }
                assert_eq!(wait.open, open, "what a task waits for is unfinished");
            }
        }
        assert_eq!(self.dependents.edges, edges, "who waits for whom is known");
        assert_eq!(self.dependents.held, held, "tasks that wait are counted");
        assert!(
            self.dependents.ended.is_empty(),
            "what ended was dealt with"
        );
    }
}

impl Dependents {
    pub(super) fn held(&self) -> u32 {
        self.held
    }

    fn of(&self, name: TaskName) -> Vec<PieceKey> {
        let edges = (name, PieceKey::FIRST)..=(name, PieceKey::LAST);
        self.edges.range(edges).map(|(_, key)| *key).collect()
    }

    fn has_any(&self, name: TaskName) -> bool {
        let edges = (name, PieceKey::FIRST)..=(name, PieceKey::LAST);
        !self.edges.is_empty() && self.edges.range(edges).next().is_some()
    }
}
