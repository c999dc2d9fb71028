//! Namespaces that are saved without being asked.

use super::*;
use crate::message::Policy;

fn every_requests(count: u64) -> Config {
    let policy = Policy {
        checkpoint_every_requests: Some(count),
        ..Policy::default()
    };
    Config {
        policy,
        ..Config::default()
    }
}

fn every_us(interval_us: u64) -> Config {
    let policy = Policy {
        checkpoint_every_us: Some(interval_us),
        ..Policy::default()
    };
    // No heartbeats in between.
    Config {
        policy,
        heartbeat_interval_us: 1 << 50,
        ..Config::default()
    }
}

impl Scene {
    /// Takes the one order that an engine got, which is to checkpoint itself.
    pub(super) fn checkpoint_order(&mut self, engine: Engine) -> (Ticket, String) {
        match self.orders(engine).as_slice() {
            [ToEngine::Run { ticket, work }] => match &work.operation {
                Operation::Checkpoint {
                    name,
                    partial: true,
                } => (*ticket, name.clone()),
                other => panic!("a checkpoint was expected, not {other:?}"),
            },
            other => panic!("one order was expected, not {other:?}"),
        }
    }

    /// A request is sent, run and answered.
    pub(super) fn run_through(&mut self, client: ConnectionId, engine: Engine, request: u64) {
        self.request(client, request, &[engine], push());
        let [ticket] = self.runs(engine)[..] else {
            panic!("one request is one run")
        };
        self.finish(engine, ticket);
        assert_eq!(self.results(client).len(), 1);
    }
}

#[test]
fn an_engine_is_saved_after_so_many_requests_when_it_is_idle() {
    let mut scene = Scene::with(every_requests(3));
    let engine = scene.engine();
    let client = scene.client();
    scene.run_through(client, engine, 0);
    scene.run_through(client, engine, 1);
    scene.request(client, 2, &[engine], push());
    scene.request(client, 3, &[engine], push());
    let tickets = scene.runs(engine);
    scene.finish(engine, tickets[0]);
    assert_eq!(scene.orders(engine), [], "it is busy");
    scene.finish(engine, tickets[1]);
    let (ticket, name) = scene.checkpoint_order(engine);
    assert_eq!(name, "cluster-engine-0");
    scene.results(client);
    scene.finish(engine, ticket);
    scene.run_through(client, engine, 4);
    scene.run_through(client, engine, 5);
    assert_eq!(scene.orders(engine), [], "it was saved two requests ago");
    scene.end();
}

#[test]
fn an_engine_is_saved_after_some_time_if_something_ran_there() {
    let mut scene = Scene::with(every_us(1_000));
    let (engine, other) = (scene.engine(), scene.engine());
    let client = scene.client();
    scene.pass_us(10_000);
    assert_eq!(scene.orders(engine), [], "nothing has run");
    scene.run_through(client, other, 0);
    let (ticket, name) = scene.checkpoint_order(other);
    assert_eq!(name, "cluster-engine-1");
    scene.finish(other, ticket);
    scene.run_through(client, other, 1);
    assert_eq!(scene.orders(other), [], "it was saved at this moment");
    scene.request(client, 2, &[other], push());
    let running = scene.runs(other);
    scene.pass_us(5_000);
    assert_eq!(scene.orders(other), [], "it is busy");
    scene.finish(other, running[0]);
    scene.results(client);
    let (ticket, _) = scene.checkpoint_order(other);
    scene.finish(other, ticket);
    scene.run_through(client, other, 3);
    scene.pass_us(1_000);
    let (ticket, _) = scene.checkpoint_order(other);
    scene.finish(other, ticket);
    scene.pass_us(10_000);
    assert_eq!(scene.orders(other), [], "nothing has run since");
    scene.end();
}

#[test]
fn a_checkpoint_that_fails_is_told_once_and_tried_again() {
    let mut scene = Scene::with(every_requests(1));
    let engine = scene.engine();
    let client = scene.client();
    let not_checkpointed = ToClient::EngineNotCheckpointed {
        engine: engine.id,
        reason: "no".to_owned(),
    };
    for (request, told) in [(0, vec![not_checkpointed.clone()]), (1, vec![])] {
        scene.run_through(client, engine, request);
        let (ticket, _) = scene.checkpoint_order(engine);
        scene.raise(engine, ticket);
        assert_eq!(scene.told(client), told);
    }
    scene.run_through(client, engine, 2);
    let (ticket, _) = scene.checkpoint_order(engine);
    scene.finish(engine, ticket);
    scene.run_through(client, engine, 3);
    let (ticket, _) = scene.checkpoint_order(engine);
    scene.raise(engine, ticket);
    assert_eq!(scene.told(client), [not_checkpointed]);
    scene.end();
}

#[test]
fn what_arrives_meanwhile_runs_behind_and_has_not_started() {
    let mut scene = Scene::with(every_requests(1));
    let engine = scene.engine();
    let client = scene.client();
    scene.run_through(client, engine, 0);
    scene.checkpoint_order(engine);
    let query = QueryId(1);
    let targets = vec![engine.id];
    let verbose = false;
    scene.say(
        client,
        FromClient::QueueStatus {
            query,
            targets,
            verbose,
        },
    );
    let Answer::Queues { engines, .. } = scene.answer(client) else {
        panic!("queues were asked for")
    };
    let seen = (engines[0].queue, engines[0].completed);
    assert_eq!(seen, (0, 1), "what nobody asked for isn't counted");

    scene.request(client, 2, &[engine], push());
    scene.task(client, 1, 0);
    assert_eq!(scene.runs(engine).len(), 2);
    let requests = vec![RequestId(2)];
    let query = QueryId(2);
    let targets = Vec::new();
    scene.say(
        client,
        FromClient::Abort {
            query,
            requests,
            targets,
        },
    );
    let [ToEngine::Recall { ticket: recalled }] = scene.orders(engine)[..] else {
        panic!("what has not started can be asked back")
    };
    scene.give_back(engine, recalled, true);
    let told = scene.told(client);
    let aborted = Answer::Aborted { count: 1 };
    assert!(
        matches!(&told[..], [ToClient::Result { .. }, ToClient::Answer { answer, .. }] if *answer == aborted),
        "{told:?}"
    );

    // The task has no retries, and none is used up.
    scene.close(engine.connection);
    let messages = scene.told(client);
    assert!(
        matches!(messages[0], ToClient::EngineLeft { .. }),
        "{messages:?}"
    );
    let failures = messages.len() - 1;
    assert_eq!(failures, 1, "no engine is left for the task");
    scene.end();
}

#[test]
fn a_task_behind_a_checkpoint_survives_its_engine() {
    let mut scene = Scene::with(every_requests(1));
    let (engine, client) = (scene.engine(), scene.client());
    scene.run_through(client, engine, 0);
    scene.checkpoint_order(engine);
    scene.task(client, 1, 0);
    assert_eq!(scene.runs(engine).len(), 1);
    let other = scene.engine();
    scene.told(client);
    // It is asked back for the idle one, and dies before it answers.
    assert_eq!(scene.orders(engine).len(), 1);
    scene.close(engine.connection);
    assert_eq!(scene.told(client).len(), 1, "only that the engine left");
    let ticket = scene.runs(other)[0];
    scene.finish(other, ticket);
    assert_eq!(scene.results(client), [(1, Some(1), Ok(()))]);
    let (ticket, _) = scene.checkpoint_order(other);
    scene.finish(other, ticket);
    scene.end();
}

#[test]
fn clients_set_the_policy() {
    let mut scene = Scene::new();
    let (engine, client) = (scene.engine(), scene.client());
    scene.run_through(client, engine, 0);
    assert_eq!(scene.orders(engine), []);
    let set = |scene: &mut Scene, policy: Policy| {
        let query = QueryId(7);
        scene.say(client, FromClient::SetPolicy { query, policy });
        scene.answer(client)
    };
    let after_each = Policy {
        checkpoint_every_requests: Some(1),
        ..Policy::default()
    };
    assert_eq!(set(&mut scene, after_each.clone()), Answer::Done);
    let (ticket, _) = scene.checkpoint_order(engine);
    scene.finish(engine, ticket);
    for senseless in [
        Policy {
            checkpoint_every_requests: Some(0),
            ..Policy::default()
        },
        Policy {
            checkpoint_every_us: Some(0),
            ..Policy::default()
        },
    ] {
        let answer = set(&mut scene, senseless);
        assert!(matches!(answer, Answer::Refused { .. }), "{answer:?}");
    }
    scene.request(client, 1, &[engine], push());
    let ticket = scene.runs(engine)[0];
    scene.finish(engine, ticket);
    scene.results(client);
    let (ticket, _) = scene.checkpoint_order(engine);
    scene.finish(engine, ticket);
    assert_eq!(set(&mut scene, Policy::default()), Answer::Done);
    scene.run_through(client, engine, 2);
    assert_eq!(scene.orders(engine), []);
    scene.end();
}

#[test]
fn a_checkpoint_that_takes_too_long_is_interrupted() {
    let mut scene = Scene::with(Config {
        duty_timeout_us: 1_000,
        shutdown_grace_us: 1_000,
        heartbeat_interval_us: 1 << 50,
        ..every_requests(1)
    });
    let (engine, client) = (scene.engine(), scene.client());
    scene.run_through(client, engine, 0);
    let (ticket, _) = scene.checkpoint_order(engine);
    scene.pass_us(1_000);
    assert_eq!(scene.orders(engine), [ToEngine::Interrupt { ticket }]);
    // Its namespace is worth more than the checkpoint: it is left alone.
    scene.pass_us(1_000_000);
    assert_eq!(scene.orders(engine), []);
    scene.raise(engine, ticket);
    assert_eq!(scene.told(client).len(), 1);
    scene.run_through(client, engine, 1);
    scene.checkpoint_order(engine);
    scene.close(engine.connection);
    assert_eq!(scene.told(client).len(), 1);
    scene.end();
}
