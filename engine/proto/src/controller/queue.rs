//! The queue: tasks that wait for an engine, and whose turn it is.
//!
//! Each client has a lane per *pool*, the engines that may run what is in it;
//! in a lane the highest priority is first, then what arrived first. Clients
//! take turns by the engine time they have used: the one that has used least is
//! next. So a client that asks for little is served at once, whatever others
//! have queued, and those that ask for much share alike, however long their
//! tasks are. Every step costs the logarithm of what is queued.
//!
//! # Fairness
//! While a client has a task that some engine with room may run, each other
//! client is given at most [`LEAD_MAX_US`] of engine time more than it, and the
//! tasks that were given out before their durations were known.
//!
//! # Source
//! Goyal, Vin, Cheng, "Start-time fair queueing", SIGCOMM 1996; the lead is
//! bounded in addition, so that no history keeps a client waiting for long.
//!
//! Which of the engines gets a task is in [`super::placement`].

use super::pieces::PieceKey;
use crate::id::{ClientId, EngineId};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How much more engine time a client may have used than one that waits.
pub(super) const LEAD_MAX_US: u64 = 1_000_000;

/// What a task is taken to need before one of its client has ended.
const UNKNOWN_COST_US: u64 = 1_000;

/// The mean moves by this fraction of each new duration's difference.
const SMOOTHING: u64 = 4;

/// How many tasks of a lane are looked at for one that may run on an engine.
const LOOKED_AT_MAX: usize = 64;

/// Where a task stands in its client's lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position {
    pub(super) priority: Reverse<i32>,
    pub(super) order: u64,
}

/// Finds the tasks of those that may run on the same engines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PoolId(u32);

impl PoolId {
    /// Of those that may run on any.
    pub(super) const ANY: Self = Self(0);
}

/// The task whose turn it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Next {
    pub(super) client: ClientId,
    pub(super) pool: PoolId,
    pub(super) position: Position,
    pub(super) key: PieceKey,
}

/// Engines that may run what is queued for them.
#[derive(Debug)]
struct Pool {
    /// In rising order.
    engines: Arc<[EngineId]>,
    /// How many of them have room.
    roomy: u32,
    /// Who has a lane here.
    clients: BTreeSet<ClientId>,
}

type Lane = BTreeMap<Position, PieceKey>;

/// One client's part in all that is queued.
#[derive(Debug, Default)]
struct Share {
    /// The engine time it has used, as far as that matters for its turn.
    used_us: u64,
    /// How long its tasks take, once one has ended.
    mean_us: Option<u64>,
    lanes: BTreeMap<PoolId, Lane>,
    /// The first of each lane whose pool has room.
    heads: BTreeSet<(Position, PoolId)>,
}

#[derive(Debug, Default)]
pub(super) struct Queue {
    /// All but [`PoolId::ANY`], which has room whenever any engine has.
    pools: BTreeMap<PoolId, Pool>,
    pool_ids: BTreeMap<Arc<[EngineId]>, PoolId>,
    pools_of: BTreeMap<EngineId, BTreeSet<PoolId>>,
    latest_pool: u32,
    shares: BTreeMap<ClientId, Share>,
    /// Clients with a head, by what they have used.
    turns: BTreeSet<(u64, ClientId)>,
    /// What those that were served lately had used.
    level_us: u64,
    length: usize,
}

impl Share {
    /// Returns where it stands, if it can be served.
    fn turn(&self, client: ClientId) -> Option<(u64, ClientId)> {
        (!self.heads.is_empty()).then_some((self.used_us, client))
    }

    fn cost_us(&self) -> u64 {
        self.mean_us
            .unwrap_or(UNKNOWN_COST_US)
            .clamp(1, LEAD_MAX_US)
    }
}

impl Queue {
    pub(super) fn len(&self) -> usize {
        self.length
    }

    pub(super) fn add_client(&mut self, client: ClientId) {
        self.shares.insert(client, Share::default());
    }

    /// Forgets a client that has nothing queued any more.
    pub(super) fn forget_client(&mut self, client: ClientId) {
        let share = self.shares.remove(&client);
        debug_assert!(share.is_none_or(|share| share.lanes.is_empty()));
    }

    /// Returns the pool of these engines, which are in rising order; all
    /// engines if there are none.
    pub(super) fn pool(
        &mut self,
        engines: &Arc<[EngineId]>,
        has_room: impl Fn(EngineId) -> bool,
    ) -> PoolId {
        if engines.is_empty() {
            return PoolId::ANY;
        }
        if let Some(id) = self.pool_ids.get(engines) {
            return *id;
        }
        self.latest_pool += 1;
        let id = PoolId(self.latest_pool);
        let roomy = engines.iter().filter(|engine| has_room(**engine)).count();
        for engine in engines.iter() {
            self.pools_of.entry(*engine).or_default().insert(id);
        }
        self.pool_ids.insert(Arc::clone(engines), id);
        let pool = Pool {
            engines: Arc::clone(engines),
            roomy: roomy as u32,
            clients: BTreeSet::new(),
        };
        self.pools.insert(id, pool);
        id
    }

    /// Returns the engines of a pool, none for [`PoolId::ANY`].
    pub(super) fn engines(&self, pool: PoolId) -> &[EngineId] {
        self.pools.get(&pool).map_or(&[], |pool| &pool.engines)
    }

    fn is_open(&self, pool: PoolId) -> bool {
        self.pools.get(&pool).is_none_or(|pool| pool.roomy > 0)
    }

    /// Changes a client's share, and its turn with it.
    fn change<R>(&mut self, client: ClientId, change: impl FnOnce(&mut Share) -> R) -> Option<R> {
        let share = self.shares.get_mut(&client)?;
        let before = share.turn(client);
        let result = change(share);
        let after = share.turn(client);
        if before != after {
            if let Some(turn) = before {
                self.turns.remove(&turn);
            }
            if let Some(turn) = after {
                self.turns.insert(turn);
            }
        }
        Some(result)
    }

    pub(super) fn insert(
        &mut self,
        client: ClientId,
        pool: PoolId,
        position: Position,
        key: PieceKey,
    ) {
        self.length += 1;
        let is_open = self.is_open(pool);
        let level_us = self.level_us;
        self.change(client, |share| {
            if share.lanes.is_empty() {
                // What it left unused while it asked for nothing is gone.
                share.used_us = share.used_us.max(level_us);
            }
            let lane = share.lanes.entry(pool).or_default();
            let first = lane.first_key_value().map(|(first, _)| *first);
            lane.insert(position, key);
            if is_open && first.is_none_or(|first| position < first) {
                if let Some(first) = first {
                    share.heads.remove(&(first, pool));
                }
                share.heads.insert((position, pool));
            }
        });
        if let Some(pool) = self.pools.get_mut(&pool) {
            pool.clients.insert(client);
        }
    }

    pub(super) fn remove(&mut self, client: ClientId, pool: PoolId, position: Position) {
        self.length -= 1;
        let is_empty = self.change(client, |share| {
            let lane = share.lanes.get_mut(&pool).expect("its lane is known");
            lane.remove(&position);
            let next = lane.first_key_value().map(|(next, _)| *next);
            if share.heads.remove(&(position, pool))
                && let Some(next) = next
            {
                share.heads.insert((next, pool));
            }
            if next.is_none() {
                share.lanes.remove(&pool);
            }
            next.is_none()
        });
        if is_empty == Some(true) {
            self.leave_pool(client, pool);
        }
    }

    /// A client's lane there has ended, and with the last one the pool.
    fn leave_pool(&mut self, client: ClientId, id: PoolId) {
        let Some(pool) = self.pools.get_mut(&id) else {
            return;
        };
        pool.clients.remove(&client);
        if !pool.clients.is_empty() {
            return;
        }
        let pool = self.pools.remove(&id).expect("it was there just now");
        self.pool_ids.remove(&pool.engines);
        for engine in pool.engines.iter() {
            if let Some(pools) = self.pools_of.get_mut(engine) {
                pools.remove(&id);
                if pools.is_empty() {
                    self.pools_of.remove(engine);
                }
            }
        }
    }

    /// Returns the task whose turn it is, if any engine has room.
    pub(super) fn first(&self) -> Option<Next> {
        let (_, client) = *self.turns.first()?;
        let share = &self.shares[&client];
        let (position, pool) = *share.heads.first().expect("who has a turn has a head");
        let key = share.lanes[&pool][&position];
        Some(Next {
            client,
            pool,
            position,
            key,
        })
    }

    /// Returns some task that is queued.
    pub(super) fn any(&self) -> Option<PieceKey> {
        let mut lanes = self.shares.values().flat_map(|share| share.lanes.values());
        lanes.next()?.first_key_value().map(|(_, key)| *key)
    }

    /// Returns the first of a client's tasks that may run on an engine.
    pub(super) fn first_on(
        &self,
        client: ClientId,
        engine: EngineId,
        may_run: impl Fn(PieceKey) -> bool,
    ) -> Option<Next> {
        let share = self.shares.get(&client)?;
        let pools = self.pools_with(engine).into_iter().chain([PoolId::ANY]);
        let lanes = pools.filter_map(|pool| Some((pool, share.lanes.get(&pool)?)));
        let firsts = lanes.filter_map(|(pool, lane)| {
            let mut tasks = lane.iter().take(LOOKED_AT_MAX);
            let (position, key) = tasks.find(|(_, key)| may_run(**key))?;
            Some(Next {
                client,
                pool,
                position: *position,
                key: *key,
            })
        });
        firsts.min_by_key(|next| next.position)
    }

    /// Returns the pools but [`PoolId::ANY`] in which a client has tasks.
    pub(super) fn pools_of_client(&self, client: ClientId) -> Vec<PoolId> {
        let lanes = self
            .shares
            .get(&client)
            .into_iter()
            .flat_map(|share| share.lanes.keys());
        lanes.copied().filter(|pool| *pool != PoolId::ANY).collect()
    }

    /// Returns what a client has queued in a pool.
    pub(super) fn lane(&self, client: ClientId, pool: PoolId) -> Vec<PieceKey> {
        let lane = self
            .shares
            .get(&client)
            .and_then(|share| share.lanes.get(&pool));
        lane.into_iter()
            .flat_map(|lane| lane.values().copied())
            .collect()
    }

    /// Returns what is queued for these engines and no others.
    pub(super) fn tasks_of(&self, pool: PoolId) -> Vec<PieceKey> {
        let Some(clients) = self.pools.get(&pool).map(|pool| &pool.clients) else {
            return Vec::new();
        };
        let lanes = clients
            .iter()
            .map(|client| &self.shares[client].lanes[&pool]);
        lanes.flat_map(|lane| lane.values().copied()).collect()
    }

    /// Returns the pools that an engine is part of.
    pub(super) fn pools_with(&self, engine: EngineId) -> Vec<PoolId> {
        let pools = self.pools_of.get(&engine);
        pools.into_iter().flatten().copied().collect()
    }

    /// A task of this client is sent: charges what it will probably need.
    /// Returns how much that is.
    pub(super) fn charge(&mut self, client: ClientId) -> u64 {
        let mut level_us = self.level_us;
        let charged_us = self.change(client, |share| {
            let cost_us = share.cost_us();
            level_us = level_us.max(share.used_us);
            share.used_us = (share.used_us + cost_us).min(level_us + LEAD_MAX_US);
            cost_us
        });
        self.level_us = level_us;
        charged_us.unwrap_or(0)
    }

    /// A task that was sent has ended, after `spent_us` if it ran: charges what
    /// it needed in place of what it was taken to need.
    pub(super) fn settle(&mut self, client: ClientId, charged_us: u64, spent_us: Option<u64>) {
        let level_us = self.level_us;
        self.change(client, |share| {
            let used_us = share.used_us.saturating_sub(charged_us);
            // Bounded, so that a clock that jumped doesn't overflow anything.
            let spent = spent_us.map(|spent_us| spent_us.clamp(1, 1 << 40));
            if let Some(spent_us) = spent {
                share.mean_us = Some(share.mean_us.map_or(spent_us, |mean_us| {
                    (mean_us * (SMOOTHING - 1) + spent_us).div_ceil(SMOOTHING)
                }));
            }
            share.used_us = (used_us + spent.unwrap_or(0)).min(level_us + LEAD_MAX_US);
        });
    }

    /// An engine has got room, or has none any more.
    pub(super) fn note_room(&mut self, engine: EngineId, has_room: bool) {
        for id in self.pools_with(engine) {
            let pool = self
                .pools
                .get_mut(&id)
                .expect("an engine's pools are known");
            let was_open = pool.roomy > 0;
            if has_room {
                pool.roomy += 1;
            } else {
                pool.roomy -= 1;
            }
            let is_open = pool.roomy > 0;
            if was_open == is_open {
                continue;
            }
            let clients: Vec<ClientId> = pool.clients.iter().copied().collect();
            for client in clients {
                self.change(client, |share| {
                    let first = share.lanes[&id].first_key_value();
                    let head = (*first.expect("lanes aren't empty").0, id);
                    if is_open {
                        share.heads.insert(head);
                    } else {
                        share.heads.remove(&head);
                    }
                });
            }
        }
    }

    /// Calls back for everything that is queued, and checks the rest against it.
    pub(super) fn check_invariants(
        &self,
        has_room: impl Fn(EngineId) -> bool,
        mut check: impl FnMut(&Next),
    ) {
        let mut length = 0;
        let mut turns = BTreeSet::new();
        let mut members: BTreeMap<PoolId, BTreeSet<ClientId>> = BTreeMap::new();
        for (client, share) in &self.shares {
            let mut heads = BTreeSet::new();
            for (pool, lane) in &share.lanes {
                let (first, _) = lane.first_key_value().expect("lanes aren't empty");
                if self.is_open(*pool) {
                    heads.insert((*first, *pool));
                }
                if *pool != PoolId::ANY {
                    members.entry(*pool).or_default().insert(*client);
                }
                length += lane.len();
                for (position, key) in lane {
                    check(&Next {
                        client: *client,
                        pool: *pool,
                        position: *position,
                        key: *key,
                    });
                }
            }
            assert_eq!(share.heads, heads, "client {client} knows its first tasks");
            turns.extend(share.turn(*client));
            assert!(
                share.used_us <= self.level_us + LEAD_MAX_US,
                "no client is ahead by more than is allowed"
            );
        }
        assert_eq!(self.length, length, "what is queued is counted");
        assert_eq!(
            self.turns, turns,
            "who has something to be served has a turn"
        );
        let clients: BTreeMap<_, _> = self
            .pools
            .iter()
            .map(|(id, pool)| (*id, pool.clients.clone()))
            .collect();
        assert_eq!(clients, members, "pools end with what is queued for them");
        for (id, pool) in &self.pools {
            let roomy = pool.engines.iter().filter(|engine| has_room(**engine));
            assert_eq!(pool.roomy as usize, roomy.count(), "pools know their room");
            assert_eq!(self.pool_ids.get(&pool.engines), Some(id));
            for engine in pool.engines.iter() {
                assert!(self.pools_of[engine].contains(id));
            }
        }
    }
}
