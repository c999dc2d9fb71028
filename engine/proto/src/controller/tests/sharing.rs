//! Whose task is next, which engines may get it, and which of them does.

use super::*;
use crate::message::{Placement, Scheduling};

fn on(targets: &[Engine]) -> Terms {
    Terms {
        targets: targets.iter().map(|engine| engine.id).collect(),
        ..Terms::default()
    }
}

fn one_at_a_time(placement: Placement) -> Config {
    Config {
        scheduling: Scheduling { placement, hwm: 1 },
        ..Config::default()
    }
}

/// Finishes what runs until nothing does; returns who was answered, in order.
fn finish_all(scene: &mut Scene, engine: Engine, clients: &[ConnectionId]) -> Vec<(usize, u64)> {
    let mut order = Vec::new();
    loop {
        let runs = scene.runs(engine);
        if runs.is_empty() {
            return order;
        }
        for ticket in runs {
            scene.finish_after(engine, ticket, 1_000);
            for (index, client) in clients.iter().enumerate() {
                let results = scene.results(*client).into_iter();
                order.extend(results.map(|(request, ..)| (index, request)));
            }
        }
    }
}

#[test]
fn clients_take_turns() {
    let mut scene = Scene::with(one_at_a_time(Placement::LeastLoad));
    let engine = scene.engine();
    let clients = [scene.client(), scene.client()];
    for task in 0..4 {
        scene.task(clients[0], task, 0);
    }
    scene.task(clients[1], 0, 0);
    scene.task(clients[1], 1, 0);
    let order = finish_all(&mut scene, engine, &clients);
    assert_eq!(order, [(0, 0), (1, 0), (0, 1), (1, 1), (0, 2), (0, 3)]);
    scene.end();
}

#[test]
fn the_highest_priority_of_a_client_goes_first() {
    let mut scene = Scene::with(one_at_a_time(Placement::LeastLoad));
    let engine = scene.engine();
    let client = scene.client();
    for (task, priority) in [(0, 0), (1, 0), (2, 5), (3, -1), (4, 5), (5, i32::MIN)] {
        let terms = Terms {
            priority,
            ..Terms::default()
        };
        scene.task_under(client, task, terms);
    }
    let order = finish_all(&mut scene, engine, &[client]);
    let requests: Vec<u64> = order.into_iter().map(|(_, request)| request).collect();
    assert_eq!(requests, [0, 2, 4, 1, 3, 5], "the first one ran already");
    scene.end();
}

#[test]
fn tasks_run_on_their_targets_only() {
    let mut scene = Scene::with(one_at_a_time(Placement::LeastLoad));
    let [a, b, c] = scene.engines();
    let client = scene.client();
    for task in 0..3 {
        scene.task_under(client, task, on(&[a]));
    }
    for task in 3..6 {
        scene.task_under(client, task, on(&[b, a]));
    }
    let (on_a, on_b) = (scene.runs(a), scene.runs(b));
    assert_eq!((on_a.len(), on_b.len()), (1, 1));
    assert_eq!(scene.runs(c), [], "it is idle, and stays so");
    scene.task(client, 6, 0);
    let on_c = scene.runs(c);
    assert_eq!(on_c.len(), 1, "what may run anywhere passes what may not");
    scene.finish(c, on_c[0]);
    scene.finish(b, on_b[0]);
    let on_b = scene.runs(b);
    scene.finish(b, on_b[0]);
    let on_b = scene.runs(b);
    scene.finish(b, on_b[0]);
    assert_eq!(scene.runs(b), [], "the others are for engine 0");
    for turn in 0..3 {
        let ticket = if turn == 0 { on_a[0] } else { scene.runs(a)[0] };
        scene.finish(a, ticket);
    }
    assert_eq!(scene.results(client).len(), 7);
    scene.end();
}

#[test]
fn a_task_fails_with_the_last_engine_that_may_run_it() {
    let mut scene = Scene::with(one_at_a_time(Placement::LeastLoad));
    let [a, b, other] = scene.engines();
    let client = scene.client();
    scene.task_under(client, 0, on(&[a, b]));
    scene.task_under(client, 1, on(&[b, a]));
    let terms = Terms {
        retries: 3,
        ..on(&[a, b])
    };
    scene.task_under(client, 2, terms);
    let on_b = scene.runs(b);
    scene.runs(a);
    scene.close(a.connection);
    let told = scene.told(client);
    let died = told
        .iter()
        .filter(|told| matches!(told, ToClient::Result { .. }));
    assert_eq!(died.count(), 1, "only what ran there");
    scene.close(b.connection);
    let told = scene.told(client);
    let failures = told.iter().filter_map(|told| match told {
        ToClient::Result {
            request,
            outcome: Outcome::Failed(failure),
            ..
        } => Some((request.0, failure.kind, failure.message.as_str())),
        _ => None,
    });
    let failures: Vec<_> = failures.collect();
    assert_eq!(failures[0].1, FailureKind::EngineDied);
    let gone = "this may only run on the engines 0, 1, and none of them is there";
    assert_eq!(failures[1], (2, FailureKind::NoEngine, gone));
    assert_eq!(on_b.len(), 1);
    scene.task_under(client, 3, on(&[b]));
    assert_eq!(scene.results(client), [(3, None, NO_ENGINE)]);
    assert_eq!(scene.orders(other), []);
    scene.take(a.connection);
    scene.end();
}

#[test]
fn no_engine_has_more_than_it_may() {
    let mut scene = Scene::with(one_at_a_time(Placement::LeastLoad));
    let engine = scene.engine();
    let client = scene.client();
    for task in 0..9 {
        scene.task(client, task, 0);
    }
    let first = scene.runs(engine);
    assert_eq!(first.len(), 1);
    let scheduling = Scheduling {
        placement: Placement::LeastLoad,
        hwm: 5,
    };
    let query = QueryId(7);
    scene.say(client, FromClient::SetScheduling { query, scheduling });
    assert_eq!(scene.answer(client), Answer::Done);
    assert_eq!(scene.runs(engine).len(), 4, "five at once from here on");
    scene.finish(engine, first[0]);
    assert_eq!(scene.runs(engine).len(), 1);
    scene.close(client);
}

/// Which engines get a hundred tasks that end at once, one after another.
fn spread(placement: Placement) -> Vec<u32> {
    let mut scene = Scene::with(Config {
        seed: 42,
        ..one_at_a_time(placement)
    });
    let engines: [Engine; 4] = scene.engines();
    let client = scene.client();
    scene.request(client, 1000, &[engines[0]], push());
    let mut spread = Vec::new();
    for task in 0..100 {
        scene.task(client, task, 0);
        for engine in &engines[1..] {
            for ticket in scene.runs(*engine) {
                spread.push(engine.id.0);
                scene.finish(*engine, ticket);
            }
        }
        for order in scene.orders(engines[0]) {
            if let ToEngine::Run { ticket, .. } = order
                && ticket.0 > 0
            {
                spread.push(0);
                scene.finish(engines[0], ticket);
            }
        }
    }
    scene.close(client);
    spread
}

#[test]
fn engines_are_chosen_as_was_asked() {
    let counts = |spread: &[u32]| -> Vec<usize> {
        let count = |engine| spread.iter().filter(|other| **other == engine).count();
        (0..4).map(count).collect()
    };
    let leastload = spread(Placement::LeastLoad);
    assert_eq!(counts(&leastload)[0], 0, "the one with a request is last");
    assert_eq!(spread(Placement::Lru)[..8], [0, 1, 2, 3, 0, 1, 2, 3]);
    assert_eq!(spread(Placement::Pure)[..8], [0, 1, 2, 3, 0, 1, 2, 3]);
    for placement in [
        Placement::PlainRandom,
        Placement::TwoBin,
        Placement::Weighted,
    ] {
        let there = spread(placement);
        let counts = counts(&there);
        assert!(
            counts[1..].iter().all(|count| *count > 10),
            "{placement:?}: {counts:?}"
        );
        assert_eq!(there, spread(placement), "the same seed, the same choice");
    }
    let (random, two) = (spread(Placement::PlainRandom), spread(Placement::TwoBin));
    assert!(
        counts(&two)[0] < counts(&random)[0],
        "two are compared by load"
    );
}
