//! What must hold between two events, derived anew from everything there is.
//! Slow on purpose: tests and the simulation call it after each event.

use super::clients::Held;
use super::engines::{Engine, Link};
use super::pieces::{PieceKey, Place};
use super::timers::Timer;
use super::window::Recall;
use super::{Controller, Peer};
use crate::id::{BlobId, EngineId, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

impl Controller {
    /// Checks everything that must hold between two events.
    ///
    /// # Panics
    /// Something doesn't hold; a sentence says what.
    pub fn check_invariants(&self) {
        if self.ended {
            return;
        }
        self.check_places();
        self.check_owners();
        self.check_parcels();
        self.check_engines();
        self.check_duties();
        self.check_aborts();
        self.check_scheduler();
        self.check_dependencies();
        self.check_locks();
        self.check_watchers();
        self.check_gathers();
        self.check_fetches();
        self.check_peers();
        self.check_timers();
        self.check_limits();
    }

    /// Returns what is unfinished: pieces, their bytes, and blobs' bytes. All
    /// are 0 when everything is answered and forgotten.
    #[must_use]
    pub fn unfinished(&self) -> (usize, u64, u64) {
        (self.pieces.len(), self.queued_bytes, self.blobs.bytes())
    }

    /// Returns whether an engine that died is still to be replaced or restored.
    #[must_use]
    pub fn is_recovering(&self) -> bool {
        !self.recoveries.is_empty() || self.engines.values().any(Engine::is_being_restored)
    }

    fn check_places(&self) {
        let mut found = self.scheduler.queued() + self.dependents.held() as usize;
        for engine in self.engines.values() {
            let mut check = |key: PieceKey, place: Place, is_task: bool| {
                found += 1;
                assert_eq!(self.pieces[key].place, place, "a piece knows where it is");
                assert_eq!(
                    self.pieces[key].is_task(),
                    is_task,
                    "tasks and requests keep apart"
                );
                if !is_task {
                    let target = self.pieces[key].target();
                    assert_eq!(target, Some(engine.id), "a request is at its engine");
                }
            };
            for (order, key) in engine.waiting.iter().chain(&engine.kept_out) {
                check(*key, Place::Waiting(engine.id), false);
                assert_eq!(
                    self.pieces[*key].order, *order,
                    "requests wait in their order"
                );
            }
            for entry in engine.window.iter() {
                check(entry.piece, Place::Window(engine.id), entry.is_task);
            }
        }
        assert_eq!(
            self.pieces.len(),
            found,
            "every piece is in exactly one place"
        );
    }

    fn check_owners(&self) {
        let mut owned = 0;
        for (key, piece) in self.pieces.iter() {
            match piece.owner {
                Some(owner) => {
                    owned += 1;
                    let client = self.clients.get(&owner.client);
                    let client = client.expect("a piece's owner is there, or forgotten");
                    let listed = client.pieces.get(&(owner.request, piece.target()));
                    assert_eq!(listed, Some(&key), "a client lists what it waits for");
                }
                None => assert!(
                    matches!(piece.place, Place::Window(_)),
                    "only what was sent outlives its client"
                ),
            }
        }
        let listed: usize = self
            .clients
            .values()
            .map(|client| client.pieces.len())
            .sum();
        assert_eq!(listed, owned, "clients list nothing that is finished");
    }

    fn check_parcels(&self) {
        let mut parcels = BTreeSet::new();
        let mut bytes = 0;
        let mut uses: BTreeMap<BlobId, u32> = BTreeMap::new();
        for (_, piece) in self.pieces.iter() {
            if parcels.insert(Arc::as_ptr(&piece.parcel)) {
                bytes += piece.parcel.bytes;
                if let Some(function) = &piece.parcel.function {
                    *uses.entry(function.id).or_default() += 1;
                }
            }
        }
        assert_eq!(
            self.queued_bytes, bytes,
            "the bytes of what is unfinished are counted"
        );
        let mut holders: BTreeMap<BlobId, u32> = BTreeMap::new();
        for client in self.clients.values() {
            let mut bytes = 0;
            for (blob, held) in &client.blobs {
                if let Held::Kept { bytes: kept } = held {
                    bytes += kept;
                    *holders.entry(*blob).or_default() += 1;
                }
            }
            assert_eq!(
                client.blob_bytes, bytes,
                "the blobs of client {} are counted",
                client.id
            );
        }
        self.blobs.check_invariants(&holders, &uses);
    }

    fn check_engines(&self) {
        for engine in self.engines.values() {
            engine.window.check_invariants();
            engine.known.check_invariants();
            self.check_ways(engine);
            if let Some(stop) = &engine.stop {
                let is_there = engine.window.position(stop.ticket).is_some();
                assert!(is_there, "what is stopped hasn't ended");
            }
            for entry in engine.window.iter() {
                let piece = &self.pieces[entry.piece];
                if let Some(function) = &piece.parcel.function {
                    let known = engine.known.contains(function.id);
                    assert!(known, "engine {} has the functions of its work", engine.id);
                }
                if piece.owner.is_none() {
                    let started = engine.window.get(0).piece == entry.piece;
                    let given_up = matches!(entry.recall, Recall::Discard | Recall::TooLate);
                    assert!(started || given_up, "what nobody waits for is asked back");
                }
            }
            if engine.open_connection().is_some() {
                let waits = !engine.waiting.is_empty();
                assert!(
                    !waits || engine.window.requests() > 0,
                    "engine {} lets no request wait without reason",
                    engine.id
                );
            }
        }
    }

    fn check_duties(&self) {
        for engine in self.engines.values() {
            if let Some(duty) = &engine.duty {
                let first = engine.window.iter().next();
                let is_first = first.is_some_and(|entry| entry.ticket == duty.ticket);
                assert!(is_first, "a duty is what engine {} does first", engine.id);
            }
            if engine.is_being_restored() {
                let others = engine.window.len() - 1 + engine.bound.len();
                assert_eq!(others, 0, "nothing reaches engine {} before", engine.id);
            }
        }
        let starting = self.recoveries.values();
        let starting = starting.filter(|recovery| recovery.waits_until().is_none());
        assert!(
            starting.count() as u64 <= self.starting_count(),
            "an engine is on its way for each recovery that waits for one"
        );
        for engine in self.recoveries.keys() {
            assert!(
                !self.engines.contains_key(engine),
                "only the dead are recovered"
            );
        }
    }

    fn check_aborts(&self) {
        let mut recalls: BTreeMap<_, u32> = BTreeMap::new();
        for entry in self
            .engines
            .values()
            .flat_map(|engine| engine.window.iter())
        {
            // What a client had asked back of others' stays so when that client is forgotten.
            if let Recall::Abort { client, query } = entry.recall
                && self.clients.contains_key(&client)
            {
                *recalls.entry((client, query)).or_default() += 1;
            }
        }
        let pending: BTreeMap<_, u32> = self
            .aborts
            .iter()
            .map(|(query, pending)| (*query, pending.recalls))
            .collect();
        assert_eq!(
            pending, recalls,
            "every abort waits for just its own recalls"
        );
    }

    fn check_peers(&self) {
        let mut peers = 0;
        for (connection, peer) in &self.connections {
            let matches = match peer {
                Peer::Unknown { .. } => continue,
                Peer::Client(id) => self
                    .clients
                    .get(id)
                    .is_some_and(|client| client.connection == Some(*connection)),
                Peer::Engine(id) => self
                    .engines
                    .get(id)
                    .is_some_and(|engine| engine.connection() == Some(*connection)),
                Peer::Host(id) => self
                    .hosts
                    .get(id)
                    .is_some_and(|host| host.connection == *connection),
            };
            assert!(matches, "the peer of connection {connection} knows it");
            peers += 1;
        }
        let lost = self
            .engines
            .values()
            .filter(|e| e.connection().is_none())
            .count();
        let expected = self.present_clients() + self.engines.len() + self.hosts.len();
        assert_eq!(peers + lost, expected, "every peer has a connection");
        for (pid, id) in &self.host_ids {
            assert_eq!(
                self.hosts.get(id).map(|host| host.pid),
                Some(*pid),
                "hosts go by their pid"
            );
        }
        for ((host, _), engine) in &self.processes {
            assert!(
                self.host_ids.contains_key(host) || self.engines.contains_key(engine),
                "processes are forgotten with their host and engine"
            );
        }
    }

    fn check_timers(&self) {
        let mut expected: BTreeSet<(Timestamp, Timer)> = BTreeSet::new();
        for (connection, peer) in &self.connections {
            if let Peer::Unknown { until } = peer {
                expected.insert((*until, Timer::Hello(*connection)));
            }
        }
        for engine in self.engines.values() {
            if let Link::Connected(connection) = engine.link {
                expected.insert((engine.heartbeat.timer_at, Timer::Heartbeat(connection)));
            }
            expected.extend(engine.exit_timer.map(|at| (at, Timer::Exit(engine.id))));
            expected.extend(
                engine
                    .shutdown_timer
                    .map(|at| (at, Timer::Shutdown(engine.id))),
            );
            let stop = engine.stop.as_ref().map(|stop| stop.timer_at);
            expected.extend(stop.map(|at| (at, Timer::Stop(engine.id))));
            let limit = engine.limit.as_ref().and_then(|limit| limit.timer_at);
            expected.extend(limit.map(|at| (at, Timer::Limit(engine.id))));
            let checkpoint = engine.checkpoints.timer_at;
            expected.extend(checkpoint.map(|at| (at, Timer::Checkpoint(engine.id))));
            let duty = engine.duty.as_ref().and_then(|duty| duty.timer_at);
            expected.extend(duty.map(|at| (at, Timer::Duty(engine.id))));
        }
        for host in self.hosts.values() {
            expected.insert((host.heartbeat.timer_at, Timer::Heartbeat(host.connection)));
            expected.extend(host.starting.map(|s| (s.until, Timer::Start(host.id))));
        }
        let early = self.early_starting;
        expected.extend(early.map(|early| (early.until, Timer::FirstHost)));
        assert!(
            early.is_none() || self.next_host == 0,
            "the first host starts what was asked for before it came"
        );
        for (key, piece) in self.pieces.iter() {
            let at = piece.rules().and_then(|rules| rules.timer_at);
            expected.extend(at.map(|at| (at, Timer::Patience(key))));
        }
        expected.extend(self.locks.timers());
        for (engine, recovery) in &self.recoveries {
            let at = recovery.waits_until();
            expected.extend(at.map(|at| (at, Timer::Recovery(*engine))));
        }
        let timers: BTreeSet<_> = self.timers.iter().copied().collect();
        assert_eq!(
            timers, expected,
            "timers are set for just what they belong to"
        );
    }

    fn check_limits(&self) {
        let config = &self.config;
        assert!(
            self.queued_bytes <= config.queued_bytes_max,
            "the byte limit is kept"
        );
        assert!(
            self.blobs.bytes() <= config.blob_bytes_max,
            "the limit of all blobs is kept"
        );
        assert!(
            self.engines.len() <= config.engines_max as usize,
            "the engine limit is kept"
        );
        assert!(
            self.present_clients() <= config.clients_max as usize,
            "the client limit is kept"
        );
        for client in self.clients.values() {
            assert!(
                client.pieces.len() as u64 <= config.queued_requests_max_per_client,
                "client {} keeps to its limit of requests",
                client.id
            );
            assert!(
                client.blob_bytes <= config.blob_bytes_max_per_client,
                "client {} keeps to its limit of blobs",
                client.id
            );
        }
        let unknown: Vec<EngineId> = self
            .departures
            .keys()
            .filter(|id| self.engines.contains_key(id))
            .copied()
            .collect();
        assert!(
            unknown.is_empty(),
            "engines {unknown:?} are either here or gone"
        );
    }
}
