//! Engines that die, and others that get their namespaces.

use super::*;
use crate::message::{Left, Policy};
use crate::record::encode_flat;

const HOST: u32 = 7;
const PAUSE_US: u64 = 10_000;
const EXIT_GRACE_US: u64 = 20_000;

fn restoring() -> Config {
    Config {
        policy: Policy {
            checkpoint_every_requests: Some(1),
            restore_on_death: true,
            ..Policy::default()
        },
        restore_attempts_max: 3,
        restore_pause_us: PAUSE_US,
        restore_settle_us: 1 << 40,
        exit_grace_us: EXIT_GRACE_US,
        duty_timeout_us: 1 << 40,
        heartbeat_interval_us: 1 << 50,
        start_timeout_us: 1 << 49,
        ..Config::default()
    }
}

struct Stage {
    scene: Scene,
    host: ConnectionId,
    client: ConnectionId,
    next_pid: u32,
}

impl Stage {
    fn new(config: Config) -> Self {
        let mut scene = Scene::with(config);
        let host = scene.host(HOST);
        let client = scene.client();
        Self {
            scene,
            host,
            client,
            next_pid: 100,
        }
    }

    /// An engine that the host has forked.
    fn engine(&mut self) -> Engine {
        self.next_pid += 1;
        let engine = self.scene.engine_of(Some(HOST), self.next_pid);
        let joined = self.scene.told(self.client).remove(0);
        assert!(
            matches!(joined, ToClient::EngineJoined { .. }),
            "{joined:?}"
        );
        engine
    }

    /// An engine that joined, did something, and was saved.
    fn saved_engine(&mut self, request: u64) -> Engine {
        let engine = self.engine();
        self.scene.run_through(self.client, engine, request);
        let (ticket, _) = self.scene.checkpoint_order(engine);
        self.scene.finish(engine, ticket);
        engine
    }

    /// An engine dies; returns what the client is told besides.
    fn dies(&mut self, engine: Engine) -> Vec<ToClient> {
        self.scene.close(engine.connection);
        self.scene.pass_us(EXIT_GRACE_US);
        let mut told = self.scene.told(self.client);
        let left = told.remove(0);
        assert!(matches!(left, ToClient::EngineLeft { .. }), "{left:?}");
        told
    }

    fn starts(&mut self) -> u32 {
        let orders = self.scene.take(self.host).into_iter();
        orders
            .map(|order| match order {
                FromController::Host(ToHost::StartEngines { count }) => count,
                other => panic!("a host was told {other:?}"),
            })
            .sum()
    }

    /// Takes the order to restore, which is all that the engine got.
    fn restore_order(&mut self, engine: Engine) -> (Ticket, String) {
        match self.scene.orders(engine).as_slice() {
            [ToEngine::Run { ticket, work }] => match &work.operation {
                Operation::Recover { name } => (*ticket, name.clone()),
                other => panic!("a restore was expected, not {other:?}"),
            },
            other => panic!("one order was expected, not {other:?}"),
        }
    }

    /// Takes the one message that says what became of an engine.
    fn not_restored(&mut self) -> (EngineId, Option<EngineId>, String, u64) {
        match self.scene.told(self.client).as_slice() {
            [
                ToClient::EngineNotRestored {
                    replaces,
                    engine,
                    reason,
                    requests_lost,
                },
            ] => (*replaces, *engine, reason.clone(), *requests_lost),
            other => panic!("one message was expected, not {other:?}"),
        }
    }
}

#[test]
fn another_engine_gets_the_namespace_before_anything_else() {
    let mut stage = Stage::new(Config {
        policy: Policy {
            checkpoint_every_requests: Some(2),
            restore_on_death: true,
            ..Policy::default()
        },
        ..restoring()
    });
    let engine = stage.engine();
    for request in 0..2 {
        stage.scene.run_through(stage.client, engine, request);
    }
    let (ticket, _) = stage.scene.checkpoint_order(engine);
    stage.scene.finish(engine, ticket);
    stage.scene.run_through(stage.client, engine, 2);
    assert_eq!(stage.dies(engine), []);
    assert_eq!(stage.starts(), 1);

    stage.scene.task(stage.client, 3, 0);
    let other = stage.engine();
    let (ticket, name) = stage.restore_order(other);
    assert_eq!(name, "cluster-engine-0");
    stage.scene.request(stage.client, 4, &[other], push());
    assert_eq!(stage.scene.orders(other), [], "its namespace comes first");
    stage.scene.finish(other, ticket);
    assert_eq!(
        stage.scene.told(stage.client),
        [ToClient::EngineRestored {
            engine: other.id,
            replaces: engine.id,
            checkpoint: "cluster-engine-0".to_owned(),
            checkpoint_us: 5,
            requests_lost: 1,
            left_out: Vec::new(),
        }]
    );
    let tickets = stage.scene.runs(other);
    assert_eq!(tickets.len(), 2, "what has waited follows");
    for ticket in tickets {
        stage.scene.finish(other, ticket);
    }
    assert_eq!(stage.scene.results(stage.client).len(), 2);
    let (ticket, name) = stage.scene.checkpoint_order(other);
    assert_eq!(name, "cluster-engine-0", "it is the same namespace");
    stage.scene.finish(other, ticket);

    stage.scene.request(stage.client, 5, &[engine], push());
    let message = match stage.scene.told(stage.client).remove(0) {
        ToClient::Result {
            outcome: Outcome::Failed(failure),
            ..
        } => failure.message,
        other => panic!("a failure was expected, not {other:?}"),
    };
    assert!(
        message.ends_with("engine 1 has its namespace now"),
        "{message}"
    );
    stage.scene.end();
}

#[test]
fn an_engine_that_was_never_saved_is_replaced_by_an_empty_one() {
    let mut stage = Stage::new(restoring());
    let engine = stage.engine();
    stage.scene.run_through(stage.client, engine, 0);
    stage.scene.checkpoint_order(engine);
    assert_eq!(stage.dies(engine), []);
    assert_eq!(stage.starts(), 1);
    stage.next_pid += 1;
    let other = stage.scene.engine_of(Some(HOST), stage.next_pid);
    let told = stage.scene.told(stage.client);
    let ToClient::EngineNotRestored {
        replaces,
        engine: Some(replacement),
        requests_lost: 1,
        reason,
    } = &told[1]
    else {
        panic!("{told:?}")
    };
    assert_eq!((*replaces, *replacement), (engine.id, other.id));
    assert!(reason.contains("no checkpoint"), "{reason}");
    stage.scene.request(stage.client, 1, &[other], push());
    assert_eq!(stage.scene.runs(other).len(), 1);
    stage.dies(other);
    stage.scene.told(stage.client);
    stage.starts();
    stage.scene.end();
}

#[test]
fn without_a_host_nothing_is_restored_and_nobody_waits() {
    let mut stage = Stage::new(restoring());
    let engine = stage.saved_engine(0);
    stage.scene.close(stage.host);
    stage.scene.task(stage.client, 1, 5);
    stage.scene.runs(engine);
    stage.scene.close(engine.connection);
    let told = stage.scene.told(stage.client);
    assert!(matches!(told[0], ToClient::EngineLeft { .. }), "{told:?}");
    let ToClient::EngineNotRestored { reason, .. } = &told[1] else {
        panic!("{told:?}")
    };
    assert!(reason.contains("no host"), "{reason}");
    assert!(
        matches!(&told[2], ToClient::Result { outcome: Outcome::Failed(failure), .. }
            if failure.kind == FailureKind::NoEngine),
        "{told:?}"
    );
    stage.scene.end();
}

#[test]
fn a_checkpoint_that_was_brought_back_in_part_stays_as_it_is() {
    let mut stage = Stage::new(restoring());
    let engine = stage.engine();
    stage.scene.run_through(stage.client, engine, 0);
    let (ticket, _) = stage.scene.checkpoint_order(engine);
    stage.scene.finish(engine, ticket);
    assert_eq!(stage.dies(engine), []);
    assert_eq!(stage.starts(), 1);

    let other = stage.engine();
    let (ticket, name) = stage.restore_order(other);
    let lost = vec![Left {
        path: "namespace['odd']".to_owned(),
        reason: "it can't be rebuilt".to_owned(),
    }];
    let told = encode_flat(&(&lost, Vec::<Left>::new()));
    let finished = FromEngine::Finished {
        ticket,
        outcome: Outcome::Done,
        timing: Timing::default(),
    };
    let payload = Payload::from(vec![told.into()]);
    stage
        .scene
        .tell(other.connection, ToController::Engine(finished), payload);
    let told = stage.scene.told(stage.client);
    assert!(
        matches!(&told[..], [ToClient::EngineRestored { left_out, .. }] if *left_out == lost),
        "{told:?}"
    );
    assert_eq!(stage.scene.checkpoints_kept, std::slice::from_ref(&name));

    // It dies once more before it is saved: what is there is that.
    assert_eq!(stage.dies(other), []);
    stage.scene.pass_us(2 * PAUSE_US);
    assert_eq!(stage.starts(), 1);
    let third = stage.engine();
    let (ticket, again) = stage.restore_order(third);
    assert_eq!(again, name);
    stage.scene.finish(third, ticket);
}

#[test]
fn a_restore_that_fails_leaves_an_empty_engine_and_the_checkpoint() {
    let mut stage = Stage::new(restoring());
    let engine = stage.saved_engine(0);
    stage.dies(engine);
    stage.starts();
    let other = stage.engine();
    let (ticket, _) = stage.restore_order(other);
    stage.scene.request(stage.client, 1, &[other], push());
    stage.scene.raise(other, ticket);
    let reason = "ValueError: no; it stays in the store as \"cluster-engine-0\"".to_owned();
    let told = (engine.id, Some(other.id), reason, 0);
    assert_eq!(stage.not_restored(), told);
    let ticket = stage.scene.runs(other)[0];
    stage.scene.finish(other, ticket);
    let (ticket, name) = stage.scene.checkpoint_order(other);
    assert_eq!(
        name, "cluster-engine-1",
        "the old checkpoint stays as it is"
    );
    stage.scene.finish(other, ticket);
    stage.scene.results(stage.client);
    stage.scene.end();
}

#[test]
fn engines_that_die_one_after_another_are_given_up() {
    let mut stage = Stage::new(restoring());
    let engine = stage.saved_engine(0);
    stage.dies(engine);
    for attempt in 0..3 {
        assert_eq!(stage.starts(), 1, "attempt {attempt}");
        let other = stage.engine();
        stage.restore_order(other);
        stage.scene.task(stage.client, 10 + attempt, 0);
        if attempt < 2 {
            assert_eq!(stage.dies(other), []);
            assert_eq!(stage.starts(), 0, "there is a pause");
            stage
                .scene
                .pass_us((PAUSE_US << attempt) - 1 - EXIT_GRACE_US % PAUSE_US);
            stage.scene.pass_us(1);
        } else {
            let told = stage.dies(other);
            let ToClient::EngineNotRestored {
                replaces,
                engine: None,
                reason,
                requests_lost: 0,
            } = &told[0]
            else {
                panic!("{told:?}")
            };
            assert_eq!(*replaces, engine.id);
            assert!(reason.contains("3 engines"), "{reason}");
            assert_eq!(told.len(), 4, "the tasks that waited are answered");
        }
    }
    assert_eq!(stage.starts(), 0);
    stage.scene.end();
}

#[test]
fn a_namespace_that_kills_its_engines_is_given_up() {
    let mut stage = Stage::new(restoring());
    let mut engine = stage.saved_engine(0);
    for attempt in 0..3 {
        assert_eq!(stage.dies(engine), [], "attempt {attempt}");
        stage.scene.pass_us(PAUSE_US << attempt);
        assert_eq!(stage.starts(), 1);
        let other = stage.engine();
        let (ticket, _) = stage.restore_order(other);
        stage.scene.finish(other, ticket);
        let told = stage.scene.told(stage.client);
        assert!(
            matches!(told[..], [ToClient::EngineRestored { .. }]),
            "{told:?}"
        );
        engine = other;
    }
    let told = stage.dies(engine);
    assert!(
        matches!(told[..], [ToClient::EngineNotRestored { engine: None, .. }]),
        "{told:?}"
    );
    assert_eq!(
        stage.scene.checkpoints_kept,
        ["cluster-engine-0"],
        "what is left of it outlives the cluster"
    );
    stage.scene.end();
}

#[test]
fn an_engine_that_was_saved_anew_is_restored_however_often() {
    let mut stage = Stage::new(restoring());
    let mut engine = stage.saved_engine(0);
    for request in 1..10 {
        assert_eq!(stage.dies(engine), []);
        assert_eq!(stage.starts(), 1);
        let other = stage.engine();
        let (ticket, _) = stage.restore_order(other);
        stage.scene.finish(other, ticket);
        stage.scene.told(stage.client);
        stage.scene.run_through(stage.client, other, request);
        let (ticket, _) = stage.scene.checkpoint_order(other);
        stage.scene.finish(other, ticket);
        engine = other;
    }
    stage.scene.end();
}

#[test]
fn an_engine_that_lived_long_enough_is_restored_however_often() {
    let mut stage = Stage::new(Config {
        restore_settle_us: 1_000_000,
        ..restoring()
    });
    let mut engine = stage.saved_engine(0);
    for _ in 0..10 {
        stage.scene.pass_us(1_000_000);
        assert_eq!(stage.dies(engine), []);
        assert_eq!(stage.starts(), 1);
        let other = stage.engine();
        let (ticket, _) = stage.restore_order(other);
        stage.scene.finish(other, ticket);
        stage.scene.told(stage.client);
        engine = other;
    }
    stage.scene.end();
}

#[test]
fn engines_that_never_come_are_not_waited_for_for_ever() {
    let mut stage = Stage::new(Config {
        start_timeout_us: 1_000_000,
        ..restoring()
    });
    let engine = stage.saved_engine(0);
    stage.dies(engine);
    assert_eq!(stage.starts(), 1);
    let failed = FromHost::StartFailed {
        reason: "no memory".to_owned(),
    };
    stage
        .scene
        .tell(stage.host, ToController::Host(failed), Payload::default());
    stage.scene.pass_us(PAUSE_US);
    assert_eq!(stage.starts(), 1, "the second attempt");
    stage.scene.exited(stage.host, 999, "killed by signal 9");
    stage.scene.pass_us(2 * PAUSE_US);
    assert_eq!(stage.starts(), 1, "the third attempt");
    stage.scene.pass_us(1_000_000);
    let (replaces, replacement, reason, _) = stage.not_restored();
    assert_eq!((replaces, replacement), (engine.id, None));
    assert!(reason.contains("could not be started"), "{reason}");
    stage.scene.end();
}

#[test]
fn the_first_engine_that_comes_takes_the_oldest_recovery() {
    let mut stage = Stage::new(restoring());
    let (a, b) = (stage.saved_engine(0), stage.saved_engine(1));
    stage.dies(a);
    stage.dies(b);
    assert_eq!(stage.starts(), 2);
    for dead in [a, b] {
        let other = stage.engine();
        let (ticket, name) = stage.restore_order(other);
        assert_eq!(name, format!("cluster-engine-{}", dead.id));
        stage.scene.finish(other, ticket);
        let told = stage.scene.told(stage.client);
        let [ToClient::EngineRestored { replaces, .. }] = told[..] else {
            panic!("{told:?}")
        };
        assert_eq!(replaces, dead.id);
    }
    let extra = stage.engine();
    assert_eq!(stage.scene.orders(extra), []);
    stage.scene.end();
}

#[test]
fn who_is_shut_down_stays_away() {
    let mut stage = Stage::new(restoring());
    let (engine, client) = (stage.saved_engine(0), stage.client);
    let shutdown = |query, engine: Engine| FromClient::Shutdown {
        query: QueryId(query),
        targets: vec![engine.id],
        cluster: false,
    };
    stage.scene.say(client, shutdown(1, engine));
    stage.scene.answer(client);
    stage.scene.orders(engine);
    assert_eq!(stage.dies(engine), []);
    assert_eq!(stage.starts(), 0);

    // A replacement that is shut down before it has its namespace.
    let engine = stage.saved_engine(1);
    stage.dies(engine);
    stage.starts();
    let other = stage.engine();
    stage.restore_order(other);
    stage.scene.say(client, shutdown(2, other));
    stage.scene.answer(client);
    stage.scene.orders(other);
    let told = stage.dies(other);
    let [
        ToClient::EngineNotRestored {
            replaces, reason, ..
        },
    ] = &told[..]
    else {
        panic!("{told:?}")
    };
    assert_eq!(*replaces, engine.id);
    assert!(reason.contains("shut down"), "{reason}");
    assert_eq!(stage.starts(), 0);
    stage.scene.end();
}

#[test]
fn a_restore_without_end_is_interrupted_then_killed() {
    let mut stage = Stage::new(Config {
        duty_timeout_us: 1_000,
        shutdown_grace_us: 1_000,
        ..restoring()
    });
    let engine = stage.saved_engine(0);
    stage.dies(engine);
    stage.starts();
    let other = stage.engine();
    let (ticket, _) = stage.restore_order(other);
    stage.scene.pass_us(1_000);
    assert_eq!(stage.scene.orders(other), [ToEngine::Interrupt { ticket }]);
    stage.scene.pass_us(1_000);
    let orders = stage.scene.take(stage.host);
    let killed = FromController::Host(ToHost::Signal {
        pid: stage.next_pid,
        signal: 9,
    });
    assert_eq!(orders, [killed]);
    let told = stage.scene.told(stage.client);
    assert!(
        matches!(told[..], [ToClient::EngineLeft { .. }]),
        "{told:?}"
    );
    stage.scene.pass_us(PAUSE_US);
    assert_eq!(stage.starts(), 1, "another one is tried");
    stage.scene.disconnected.clear();
    stage.scene.end();
}

#[test]
fn a_cluster_that_ends_restores_nobody() {
    let mut stage = Stage::new(restoring());
    let (a, b) = (stage.saved_engine(0), stage.saved_engine(1));
    stage.dies(a);
    stage.starts();
    let query = QueryId(9);
    let ask = FromClient::Shutdown {
        query,
        targets: Vec::new(),
        cluster: true,
    };
    stage.scene.say(stage.client, ask);
    let told = stage.scene.told(stage.client);
    let told_of = |message: &ToClient| matches!(message, ToClient::EngineNotRestored { .. });
    assert!(!told.iter().any(told_of), "{told:?}");
    assert!(stage.scene.stopped);
    stage.scene.orders(b);
    assert_eq!(
        stage.scene.take(stage.host),
        [FromController::Host(ToHost::Shutdown)]
    );
    stage.scene.end();
}
