//! Work for any engine: where it goes, and where it goes next.

use super::*;

#[test]
fn the_least_loaded_engine_is_next() {
    let mut scene = Scene::new();
    let [a, b, c] = scene.engines();
    let client = scene.client();
    scene.request(client, 1, &[a], push());
    let request = scene.runs(a);
    for task in 2..4 {
        scene.task(client, task, 0);
    }
    let (on_b, on_c) = (scene.runs(b), scene.runs(c));
    assert_eq!(
        (on_b.len(), on_c.len()),
        (1, 1),
        "the engine with a request is last"
    );
    scene.task(client, 4, 0);
    scene.task(client, 5, 0);
    scene.task(client, 6, 0);
    let (more_a, more_b, more_c) = (scene.runs(a), scene.runs(b), scene.runs(c));
    assert_eq!(
        (more_a.len(), more_b.len(), more_c.len()),
        (1, 1, 1),
        "one runs and one waits"
    );
    scene.task(client, 7, 0);
    scene.finish(b, on_b[0]);
    let last = scene.runs(b);
    assert_eq!(last.len(), 1, "the queue goes on where room is");
    for (engine, ticket) in [
        (a, request[0]),
        (b, more_b[0]),
        (c, on_c[0]),
        (a, more_a[0]),
        (c, more_c[0]),
        (b, last[0]),
    ] {
        scene.finish(engine, ticket);
    }
    assert_eq!(scene.results(client).len(), 7);
    scene.end();
}

#[test]
fn equals_take_turns() {
    let mut scene = Scene::new();
    let engines: [Engine; 3] = scene.engines();
    let client = scene.client();
    for turn in 0..6 {
        scene.task(client, turn, 0);
        let engine = engines[turn as usize % 3];
        let run = scene.runs(engine);
        scene.finish(engine, run[0]);
    }
    assert_eq!(scene.results(client).len(), 6);
    scene.end();
}

#[test]
fn short_tasks_are_kept_at_hand() {
    let mut scene = Scene::new();
    let engine = scene.engine();
    let client = scene.client();
    for task in 0..1000 {
        scene.task(client, task, 0);
    }
    let mut at_hand = scene.runs(engine);
    assert_eq!(at_hand.len(), 2);
    scene.finish_after(engine, at_hand.remove(0), 10);
    at_hand.extend(scene.runs(engine));
    assert_eq!(at_hand.len(), 64);
    // Filled up only when half of it is done.
    for _ in 0..31 {
        scene.finish_after(engine, at_hand.remove(0), 10);
        assert_eq!(scene.runs(engine), []);
    }
    scene.finish_after(engine, at_hand.remove(0), 10);
    at_hand.extend(scene.runs(engine));
    assert_eq!(at_hand.len(), 64);
    // A long one is noticed at once.
    scene.finish_after(engine, at_hand.remove(0), 1_000_000);
    while at_hand.len() > 1 {
        assert_eq!(scene.runs(engine), []);
        scene.finish_after(engine, at_hand.remove(0), 1_000_000);
    }
    assert_eq!(scene.runs(engine).len(), 1);
    scene.close(client);
}

#[test]
fn a_task_goes_where_it_did_not_fail() {
    let mut scene = Scene::new();
    let engines: [Engine; 3] = scene.engines();
    let client = scene.client();
    scene.task(client, 1, 3);
    let mut tried = Vec::new();
    for _ in 0..4 {
        let (engine, ticket) = only_run(&mut scene, &engines);
        tried.push(engine.id.0);
        scene.raise(engine, ticket);
    }
    assert_eq!(tried[..3], [0, 1, 2]);
    let raised = Err(FailureKind::Raised);
    assert_eq!(
        scene.results(client),
        [(1, Some(tried[3]), raised)],
        "anywhere, after everywhere"
    );
    scene.end();
}

fn only_run(scene: &mut Scene, engines: &[Engine]) -> (Engine, Ticket) {
    let runs: Vec<_> = engines
        .iter()
        .flat_map(|engine| {
            scene
                .runs(*engine)
                .into_iter()
                .map(|ticket| (*engine, ticket))
        })
        .collect();
    let [run] = runs[..] else {
        panic!("it runs once at a time, not {runs:?}")
    };
    run
}

#[test]
fn after_everywhere_there_is_another_round() {
    let mut scene = Scene::new();
    let engines: [Engine; 40] = scene.engines();
    let client = scene.client();
    scene.task(client, 1, 119);
    let mut tries = [0; 40];
    for _ in 0..120 {
        let (engine, ticket) = only_run(&mut scene, &engines);
        tries[engine.id.0 as usize] += 1;
        scene.raise(engine, ticket);
    }
    assert_eq!(tries, [3; 40]);
    assert_eq!(scene.results(client).len(), 1);
    scene.end();
}

#[test]
fn a_failed_task_waits_for_an_engine_that_is_busy() {
    let mut scene = Scene::new();
    let [a, b] = scene.engines();
    let client = scene.client();
    for task in 0..4 {
        scene.task(client, task, 1);
    }
    let (on_a, on_b) = (scene.runs(a), scene.runs(b));
    scene.raise(a, on_a[0]);
    scene.finish(a, on_a[1]);
    let recalls = scene.orders(b);
    assert_eq!(
        recalls,
        [ToEngine::Recall { ticket: on_b[1] }],
        "what didn't start may move"
    );
    scene.give_back(b, on_b[1], true);
    assert_eq!(scene.runs(a).len(), 1, "it failed nowhere yet");
    let retried = scene.runs(b);
    assert_eq!(retried.len(), 1, "it failed on the other");
    scene.finish(b, on_b[0]);
    scene.finish(b, retried[0]);
    scene.close(client);
}

#[test]
fn without_retries_and_for_other_failures_there_is_no_second_try() {
    let mut scene = Scene::new();
    let engines: [Engine; 2] = scene.engines();
    let client = scene.client();
    scene.task(client, 1, 0);
    let (engine, ticket) = only_run(&mut scene, &engines);
    scene.raise(engine, ticket);
    assert_eq!(scene.results(client).len(), 1);
    for failure in [
        raised("KeyboardInterrupt"),
        Failure {
            kind: FailureKind::Limit,
            ..raised("LimitError")
        },
        Failure {
            kind: FailureKind::Invalid,
            ..raised("ValueError")
        },
    ] {
        scene.task(client, 2, 5);
        let (engine, ticket) = only_run(&mut scene, &engines);
        let (outcome, timing) = (Outcome::Failed(failure.clone()), Timing::default());
        scene.report(
            engine,
            FromEngine::Finished {
                ticket,
                outcome,
                timing,
            },
        );
        assert_eq!(
            scene.results(client),
            [(2, Some(engine.id.0), Err(failure.kind))]
        );
    }
    scene.end();
}

#[test]
fn a_short_task_does_not_wait_behind_a_long_one() {
    let mut scene = Scene::new();
    let [a, b] = scene.engines();
    let client = scene.client();
    for task in 0..4 {
        scene.task(client, task, 0);
    }
    let (on_a, on_b) = (scene.runs(a), scene.runs(b));
    scene.finish(b, on_b[0]);
    assert_eq!(scene.orders(b), []);
    scene.finish(b, on_b[1]);
    assert_eq!(scene.orders(a), [ToEngine::Recall { ticket: on_a[1] }]);
    scene.give_back(a, on_a[1], true);
    let moved = scene.runs(b);
    assert_eq!(moved.len(), 1);
    scene.finish(b, moved[0]);
    scene.finish(a, on_a[0]);
    let mut results = scene.results(client);
    results.sort_by_key(|(request, ..)| *request);
    assert_eq!(
        results,
        [
            (0, Some(0), Ok(())),
            (1, Some(1), Ok(())),
            (2, Some(1), Ok(())),
            (3, Some(1), Ok(()))
        ]
    );
    scene.end();
}

#[test]
fn a_task_that_started_meanwhile_stays() {
    let mut scene = Scene::new();
    let [a, b] = scene.engines();
    let client = scene.client();
    for task in 0..4 {
        scene.task(client, task, 0);
    }
    let (on_a, on_b) = (scene.runs(a), scene.runs(b));
    scene.finish(b, on_b[0]);
    scene.finish(b, on_b[1]);
    assert_eq!(scene.orders(a), [ToEngine::Recall { ticket: on_a[1] }]);
    scene.finish(a, on_a[0]);
    scene.give_back(a, on_a[1], false);
    assert_eq!(scene.orders(b), [], "there is nothing else to take over");
    scene.finish(a, on_a[1]);
    scene.give_back(a, on_a[1], false);
    assert_eq!(scene.results(client).len(), 4);
    scene.end();
}

#[test]
fn a_request_passes_long_tasks_that_have_not_started() {
    let mut scene = Scene::new();
    let engine = scene.engine();
    let client = scene.client();
    scene.task(client, 1, 0);
    scene.task(client, 2, 0);
    let tasks = scene.runs(engine);
    scene.request(client, 3, &[engine], push());
    let orders = scene.orders(engine);
    let [
        ToEngine::Recall { ticket: recalled },
        ToEngine::Run {
            ticket: request, ..
        },
    ] = orders[..]
    else {
        panic!("the second task makes way for the request, not {orders:?}")
    };
    assert_eq!(recalled, tasks[1]);
    scene.give_back(engine, recalled, true);
    let again = scene.runs(engine);
    assert_eq!(again, [], "it has two pieces at hand");
    scene.request(client, 4, &[engine], push());
    let second_request = scene.runs(engine)[0];
    scene.finish(engine, tasks[0]);
    let again = scene.runs(engine);
    assert_eq!(again.len(), 1, "a task isn't kept off for ever");
    scene.request(client, 5, &[engine], push());
    let third_request = scene.runs(engine);
    assert_eq!(third_request.len(), 1, "a task makes way once");
    for ticket in [request, second_request, again[0], third_request[0]] {
        scene.finish(engine, ticket);
    }
    assert_eq!(scene.results(client).len(), 5);
    scene.end();
}

#[test]
fn giving_back_unasked_is_a_breach() {
    let mut scene = Scene::new();
    let [engine, other] = scene.engines();
    let client = scene.client();
    scene.task(client, 1, 0);
    let run = scene.runs(engine);
    scene.give_back(engine, run[0], false);
    assert_eq!(scene.disconnected, []);
    scene.give_back(engine, run[0], true);
    assert_eq!(scene.disconnected.len(), 1);
    let told = scene.told(client);
    assert!(matches!(told[0], ToClient::EngineLeft { .. }), "{told:?}");
    assert!(matches!(told[1], ToClient::Result { .. }), "{told:?}");
    assert_eq!(scene.orders(other), []);
    scene.end();
}

#[test]
fn without_engines_a_task_fails_at_once() {
    let mut scene = Scene::new();
    let client = scene.client();
    scene.task(client, 1, 9);
    assert_eq!(scene.results(client), [(1, None, NO_ENGINE)]);
    scene.end();
}

#[test]
fn a_task_waits_for_engines_that_were_asked_for() {
    let mut scene = Scene::with(Config {
        heartbeat_misses_max: 100,
        ..Config::default()
    });
    let client = scene.client();
    let host = scene.host(7);
    let start = |count| FromClient::StartEngines {
        query: QueryId(1),
        count,
    };
    scene.say(client, start(3));
    scene.answer(client);
    scene.task(client, 1, 0);
    scene.exited(host, 70, "exit status 1");
    assert_eq!(scene.told(client), [], "two more may come");
    let engine = scene.engine_of(Some(7), 71);
    let run = scene.runs(engine);
    scene.finish(engine, run[0]);
    scene.told(client);
    scene.close(engine.connection);
    scene.exited(host, 71, "killed by signal 9");
    scene.told(client);

    scene.task(client, 2, 0);
    assert_eq!(scene.told(client), [], "one more may come");
    let failed = FromHost::StartFailed {
        reason: "no memory".to_owned(),
    };
    scene.tell(host, ToController::Host(failed), Payload::default());
    assert_eq!(scene.results(client), [(2, None, NO_ENGINE)]);

    scene.say(client, start(1));
    scene.answer(client);
    scene.task(client, 3, 0);
    scene.pass_us(59_999_999);
    assert_eq!(scene.told(client), []);
    scene.pass_us(1);
    assert_eq!(
        scene.results(client),
        [(3, None, NO_ENGINE)],
        "nobody waits for ever"
    );

    scene.say(client, start(1));
    scene.answer(client);
    scene.task(client, 4, 0);
    scene.close(host);
    assert_eq!(scene.results(client), [(4, None, NO_ENGINE)]);
    scene.take(host);
    scene.end();
}
