//! What must be true of locks and watchers, whatever happens; as the oracle
//! knows them: by what was asked and told.

use rhumba_proto::id::{ConnectionId, EngineId, QueryId};
use rhumba_proto::message::Answer;
use std::collections::{BTreeMap, BTreeSet};

/// How much a watcher is told that it hasn't seen.
const UNSEEN_MAX: u32 = 256;

/// What one client asked for.
struct Lock {
    engines: BTreeSet<EngineId>,
    limit_us: Option<u64>,
    /// While it is held: until when.
    until: Option<u64>,
}

#[derive(Default)]
pub struct Locks {
    pub now: u64,
    asked: BTreeMap<(ConnectionId, QueryId), Lock>,
    unseen: BTreeMap<ConnectionId, u32>,
}

impl Locks {
    pub fn on_asked(
        &mut self,
        client: ConnectionId,
        query: QueryId,
        engines: &[EngineId],
        limit_us: Option<u64>,
    ) {
        let lock = Lock {
            engines: engines.iter().copied().collect(),
            limit_us,
            until: None,
        };
        self.asked.insert((client, query), lock);
    }

    pub fn on_unlock(&mut self, client: ConnectionId, query: QueryId) {
        if let Some(lock) = self.asked.get_mut(&(client, query)) {
            lock.until = None;
        }
    }

    /// A query was answered. Returns the engines that are this client's alone
    /// from here on.
    pub fn on_answer(
        &mut self,
        client: ConnectionId,
        query: QueryId,
        answer: &Answer,
    ) -> BTreeSet<EngineId> {
        let Some(mut lock) = self.asked.remove(&(client, query)) else {
            return BTreeSet::new();
        };
        if *answer != Answer::Done {
            return BTreeSet::new();
        }
        for engine in &lock.engines {
            self.check_sent(*engine, client);
        }
        let engines = lock.engines.clone();
        lock.until = Some(self.now.saturating_add(lock.limit_us.unwrap_or(u64::MAX)));
        self.asked.insert((client, query), lock);
        engines
    }

    pub fn on_client_gone(&mut self, client: ConnectionId) {
        self.asked.retain(|(holder, _), _| *holder != client);
        self.unseen.remove(&client);
    }

    pub fn on_engine_left(&mut self, engine: EngineId) {
        for lock in self.asked.values_mut() {
            lock.engines.remove(&engine);
        }
    }

    /// A client's work is sent to an engine.
    pub fn check_sent(&self, engine: EngineId, client: ConnectionId) {
        let held = self.asked.iter().find(|((holder, _), lock)| {
            let is_held = lock.until.is_some_and(|until| self.now < until);
            *holder != client && is_held && lock.engines.contains(&engine)
        });
        assert!(held.is_none(), "engine {engine} is somebody else's alone");
    }

    pub fn on_watched(&mut self, client: ConnectionId) {
        let unseen = self.unseen.entry(client).or_default();
        *unseen += 1;
        assert!(
            *unseen <= UNSEEN_MAX,
            "a slow watcher isn't told more and more"
        );
    }

    pub fn on_seen(&mut self, client: ConnectionId, count: u32) {
        let unseen = self.unseen.entry(client).or_default();
        *unseen = unseen.saturating_sub(count);
    }

    /// Returns how much a watcher could say that it has seen.
    pub fn unseen(&self, client: ConnectionId) -> u32 {
        self.unseen.get(&client).copied().unwrap_or(0)
    }
}
