//! What must be true of tasks that wait for others: a part of the oracle.

use rhumba_proto::id::{ClientId, EngineId, RequestId};
use rhumba_proto::message::{Dependency, Failure, TaskName, Terms};
use std::collections::{BTreeMap, BTreeSet};

/// What a task depends on.
#[derive(Default)]
pub struct Wish {
    after: Option<Dependency>,
    follow: Option<Dependency>,
    has_targets: bool,
    pub has_timeout: bool,
    pub has_limit: bool,
    /// It names what isn't there, or nothing that could happen.
    pub is_invalid: bool,
}

/// How a request or a task ended, as far as it has.
#[derive(Default)]
struct Ending {
    has_failed: bool,
    places: BTreeSet<Option<EngineId>>,
}

/// How everything ended, and what hasn't.
#[derive(Default)]
pub struct Endings {
    there: BTreeMap<TaskName, Ending>,
    open: BTreeMap<TaskName, u32>,
}

impl Endings {
    pub fn on_asked(&mut self, client: ClientId, request: RequestId, parts: u32) {
        let name = TaskName { client, request };
        self.there.remove(&name);
        if parts > 0 {
            self.open.insert(name, parts);
        }
    }

    pub fn on_ended(
        &mut self,
        client: ClientId,
        request: RequestId,
        is_done: bool,
        engine: Option<EngineId>,
    ) {
        let name = TaskName { client, request };
        if let Some(parts) = self.open.get_mut(&name) {
            *parts -= 1;
            if *parts == 0 {
                self.open.remove(&name);
            }
        }
        let ending = self.there.entry(name).or_default();
        ending.has_failed |= !is_done;
        ending.places.insert(engine);
    }

    /// What a client that left had asked for counts as failed.
    pub fn on_client_gone(&mut self, client: ClientId) {
        let names: Vec<TaskName> = self.open.keys().copied().collect();
        for name in names.into_iter().filter(|name| name.client == client) {
            self.open.remove(&name);
            let ending = self.there.entry(name).or_default();
            ending.has_failed = true;
            ending.places = [None].into();
        }
    }

    /// Takes note of what a task depends on, at the moment it arrives.
    pub fn wish(&self, own: TaskName, terms: &Terms, clients: &BTreeSet<ClientId>) -> Wish {
        let is_known = |name: &TaskName| {
            let is_there = self.open.contains_key(name) || self.there.contains_key(name);
            *name != own && clients.contains(&name.client) && is_there
        };
        let is_invalid = |dependency: &Dependency| {
            let wants_nothing = !dependency.success && !dependency.failure;
            let names = &dependency.tasks;
            !names.is_empty() && (wants_nothing || !names.iter().all(is_known))
        };
        let given = |dependency: &Option<Box<Dependency>>| {
            let some = dependency.as_deref().cloned();
            some.filter(|dependency| !dependency.tasks.is_empty())
        };
        Wish {
            is_invalid: given(&terms.after)
                .iter()
                .chain(&given(&terms.follow))
                .any(is_invalid),
            after: given(&terms.after),
            follow: given(&terms.follow),
            has_targets: !terms.targets.is_empty(),
            has_timeout: terms.timeout_us.is_some(),
            has_limit: terms.time_limit_us.is_some(),
        }
    }

    /// Returns which of the named have ended as is wanted, and how many not so.
    fn judge(&self, dependency: &Dependency) -> (Vec<&Ending>, usize) {
        let mut tasks = dependency.tasks.clone();
        tasks.sort_unstable();
        tasks.dedup();
        let ended = tasks.iter().filter(|name| !self.open.contains_key(name));
        let ended: Vec<&Ending> = ended.filter_map(|name| self.there.get(name)).collect();
        let count = ended.len();
        let met = ended.into_iter().filter(|ending| match ending.has_failed {
            true => dependency.failure,
            false => dependency.success,
        });
        let met: Vec<&Ending> = met.collect();
        let missed = count - met.len();
        (met, missed)
    }

    fn is_met(&self, dependency: &Dependency) -> bool {
        let (met, missed) = self.judge(dependency);
        let open = dependency
            .tasks
            .iter()
            .any(|name| self.open.contains_key(name));
        match dependency.all {
            true => missed == 0 && !open,
            false => !met.is_empty(),
        }
    }

    /// Checks that a task may be sent to this engine now.
    pub fn check_sent(&self, wish: &Wish, engine: EngineId) {
        assert!(!wish.is_invalid, "what depends on nonsense isn't sent");
        if let Some(after) = &wish.after {
            assert!(self.is_met(after), "a task runs after what it depends on");
        }
        if let Some(follow) = &wish.follow {
            assert!(self.is_met(follow), "a task follows what has ended");
            let (met, _) = self.judge(follow);
            let was_here = |ending: &&Ending| ending.places.contains(&Some(engine));
            let follows = match follow.all {
                true => met.iter().all(was_here),
                false => met.iter().any(was_here),
            };
            assert!(follows, "a task runs where the others have run");
        }
    }

    /// Checks what was said about what a task depends on.
    pub fn check_dependency(
        &self,
        wish: &Wish,
        failure: &Failure,
        is_there: impl Fn(&EngineId) -> bool,
    ) {
        match failure.exception.as_str() {
            "InvalidDependency" => assert!(wish.is_invalid, "what is called nonsense is so"),
            "ImpossibleDependency" => self.check_impossible(wish, is_there),
            other => panic!("{other} is not what a dependency can be"),
        }
    }

    /// Checks that a task which was said to be impossible is so.
    fn check_impossible(&self, wish: &Wish, is_there: impl Fn(&EngineId) -> bool) {
        let can_be = |dependency: &Dependency| {
            let (met, missed) = self.judge(dependency);
            let open = dependency
                .tasks
                .iter()
                .any(|name| self.open.contains_key(name));
            match dependency.all {
                true => missed == 0,
                false => open || !met.is_empty(),
            }
        };
        let can_follow = |dependency: &Dependency| {
            let (met, _) = self.judge(dependency);
            let open = dependency
                .tasks
                .iter()
                .any(|name| self.open.contains_key(name));
            let sole = |ending: &&Ending| match ending.places.len() {
                1 => ending.places.first().copied().flatten(),
                _ => None,
            };
            let places: BTreeSet<Option<EngineId>> = met.iter().map(sole).collect();
            let is_left = |place: &Option<EngineId>| place.as_ref().is_some_and(&is_there);
            // Where it may run is settled when enough have ended.
            let is_possible = match dependency.all {
                true => open || places.len() == 1 && places.iter().all(is_left),
                false => places.iter().all(is_left),
            };
            can_be(dependency) && is_possible
        };
        let possible = wish.after.as_ref().is_none_or(can_be)
            && wish.follow.as_ref().is_none_or(can_follow)
            && !(wish.has_targets && wish.follow.is_some());
        assert!(!possible, "what is called impossible is so");
        assert!(wish.after.is_some() || wish.follow.is_some());
    }
}
