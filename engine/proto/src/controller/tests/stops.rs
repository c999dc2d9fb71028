//! Ending what runs: cancelled, or for too long.

use super::*;

const GRACE_US: u64 = 5_000_000;

fn patient() -> Config {
    Config {
        heartbeat_misses_max: 1000,
        cancel_grace_us: GRACE_US,
        ..Config::default()
    }
}

fn cancel(requests: &[u64]) -> FromClient {
    FromClient::Cancel {
        query: QueryId(1),
        requests: requests.iter().copied().map(RequestId).collect(),
        targets: vec![],
    }
}

fn interrupted(scene: &mut Scene, engine: Engine, ticket: Ticket) {
    let outcome = Outcome::Failed(raised("KeyboardInterrupt"));
    let timing = Timing::default();
    let finished = FromEngine::Finished {
        ticket,
        outcome,
        timing,
    };
    scene.report(engine, finished);
}

/// Takes the one failure that a client was told.
fn failure(scene: &mut Scene, client: ConnectionId) -> Failure {
    match scene.told(client).as_slice() {
        [
            ToClient::Result {
                outcome: Outcome::Failed(failure),
                ..
            },
        ] => failure.clone(),
        other => panic!("one failure was expected, not {other:?}"),
    }
}

fn answered(aborted: u32, interrupted: u32) -> Answer {
    Answer::Cancelled {
        aborted,
        interrupted,
    }
}

#[test]
fn what_runs_is_interrupted_and_what_waits_is_aborted() {
    let mut scene = Scene::with(patient());
    let engine = scene.engine();
    let client = scene.client();
    for task in 0..5 {
        scene.task(client, task, 3);
    }
    let runs = scene.runs(engine);
    scene.say(client, cancel(&[0, 1, 2, 3]));
    assert_eq!(
        scene.results(client),
        [(2, None, ABORTED), (3, None, ABORTED)]
    );
    let recalls = [runs[0], runs[1]].map(|ticket| ToEngine::Recall { ticket });
    assert_eq!(
        scene.orders(engine),
        recalls,
        "what was sent may have started"
    );
    scene.give_back(engine, runs[0], false);
    let interrupt = ToEngine::Interrupt { ticket: runs[0] };
    assert_eq!(scene.orders(engine), [interrupt], "it has");
    scene.give_back(engine, runs[1], true);
    let told = scene.told(client);
    assert!(matches!(told[0], ToClient::Result { .. }), "{told:?}");
    let [_, ToClient::Answer { answer, .. }] = &told[..] else {
        panic!("the answer follows what it tells of, not {told:?}")
    };
    assert_eq!(*answer, answered(3, 1));
    assert_eq!(
        scene.runs(engine).len(),
        1,
        "the engine goes on with the next"
    );
    interrupted(&mut scene, engine, runs[0]);
    let failure = failure(&mut scene, client);
    assert_eq!(failure.exception, "TaskAborted");
    assert_eq!(
        failure.message,
        "this was cancelled while it ran on engine 0"
    );
    scene.pass_us(2 * GRACE_US);
    assert!(
        !scene
            .orders(engine)
            .iter()
            .any(|order| matches!(order, ToEngine::Interrupt { .. }))
    );
    scene.close(client);
}

#[test]
fn what_ends_by_itself_meanwhile_keeps_its_result() {
    let mut scene = Scene::with(patient());
    let engine = scene.engine();
    let client = scene.client();
    scene.task(client, 0, 0);
    let runs = scene.runs(engine);
    scene.say(client, cancel(&[0]));
    scene.finish(engine, runs[0]);
    scene.give_back(engine, runs[0], false);
    let told = scene.told(client);
    assert!(matches!(told[0], ToClient::Answer { .. }), "{told:?}");
    assert!(
        matches!(
            &told[1],
            ToClient::Result {
                outcome: Outcome::Done,
                ..
            }
        ),
        "{told:?}"
    );
    scene.orders(engine);
    scene.end();
}

#[test]
fn what_does_not_end_takes_its_engine_along() {
    let mut scene = Scene::with(patient());
    let client = scene.client();
    let host = scene.host(7);
    let engine = scene.engine_of(Some(7), 71);
    let other = scene.engine();
    scene.told(client);
    scene.request(client, 0, &[engine], execute(false));
    scene.request(client, 1, &[engine], execute(false));
    let runs = scene.runs(engine);
    scene.say(client, cancel(&[0]));
    scene.give_back(engine, runs[0], false);
    assert_eq!(scene.answer(client), answered(0, 1));
    scene.orders(engine);
    scene.pass_us(GRACE_US / 2);
    let again = ToEngine::Interrupt { ticket: runs[0] };
    assert!(
        scene.orders(engine).contains(&again),
        "a first one may be caught"
    );
    scene.pass_us(GRACE_US - GRACE_US / 2);
    let told = scene.told(client);
    let [
        ToClient::EngineLeft { cause, .. },
        ToClient::Result {
            request: first,
            outcome: Outcome::Failed(stopped),
            ..
        },
        ToClient::Result {
            request: second,
            outcome: Outcome::Failed(died),
            ..
        },
    ] = &told[..]
    else {
        panic!("the engine is gone, and what was there has failed: {told:?}")
    };
    assert!(
        cause.contains("did not end when it was interrupted"),
        "{cause}"
    );
    assert_eq!((first.0, stopped.exception.as_str()), (0, "TaskAborted"));
    assert!(
        stopped.message.contains("engine 0 ended with it"),
        "{}",
        stopped.message
    );
    assert_eq!((second.0, died.kind), (1, FailureKind::EngineDied));
    let orders = scene.take(host);
    let orders: Vec<_> = orders
        .iter()
        .filter(|order| !matches!(order, FromController::Host(ToHost::Ping)))
        .collect();
    let kill = FromController::Host(ToHost::Signal { pid: 71, signal: 9 });
    let start = FromController::Host(ToHost::StartEngines { count: 1 });
    assert_eq!(orders, [&kill, &start], "another one takes its place");
    scene.orders(other);
    scene.close(client);
}

#[test]
fn what_runs_too_long_is_stopped() {
    let mut scene = Scene::with(patient());
    let engine = scene.engine();
    let client = scene.client();
    let limited = Terms {
        retries: 2,
        time_limit_us: Some(1_000_000),
        ..Terms::default()
    };
    scene.task_under(client, 0, limited.clone());
    scene.task_under(client, 1, limited);
    let runs = scene.runs(engine);
    scene.pass_us(900_000);
    scene.finish(engine, runs[0]);
    scene.pass_us(900_000);
    assert_eq!(scene.orders(engine), [], "each has its own time");
    scene.pass_us(100_000);
    let interrupt = ToEngine::Interrupt { ticket: runs[1] };
    assert_eq!(scene.orders(engine), [interrupt]);
    assert_eq!(scene.results(client), [(0, Some(0), Ok(()))]);
    interrupted(&mut scene, engine, runs[1]);
    let failure = failure(&mut scene, client);
    assert_eq!(
        (failure.kind, failure.exception.as_str()),
        (FailureKind::Timeout, "TaskTimeout")
    );
    assert!(
        failure.message.starts_with("this ran for 1 s on engine 0"),
        "{}",
        failure.message
    );
    scene.end();
}

#[test]
fn what_was_asked_back_has_no_time_running() {
    let mut scene = Scene::with(patient());
    let [a, b] = scene.engines();
    let client = scene.client();
    let limited = Terms {
        time_limit_us: Some(1_000),
        ..Terms::default()
    };
    scene.task(client, 0, 0);
    scene.task(client, 1, 0);
    scene.task_under(client, 2, limited);
    let (on_a, on_b) = (scene.runs(a), scene.runs(b));
    scene.finish(b, on_b[0]);
    let recall = ToEngine::Recall { ticket: on_a[1] };
    assert_eq!(scene.orders(a), [recall], "for the idle one");
    scene.finish(a, on_a[0]);
    scene.pass_us(2_000);
    assert_eq!(scene.orders(a), [], "it may not have started");
    scene.give_back(a, on_a[1], true);
    let again = [scene.runs(a), scene.runs(b)].concat();
    assert_eq!(again.len(), 1);
    scene.pass_us(1_000);
    let orders = [scene.orders(a), scene.orders(b)].concat();
    assert_eq!(orders, [ToEngine::Interrupt { ticket: again[0] }]);
    scene.close(client);
}

#[test]
fn a_cancel_after_an_abort_still_stops() {
    let mut scene = Scene::with(patient());
    let engine = scene.engine();
    let client = scene.client();
    scene.task(client, 0, 0);
    scene.task(client, 1, 0);
    let runs = scene.runs(engine);
    let abort = FromClient::Abort {
        query: QueryId(7),
        requests: vec![RequestId(1)],
        targets: vec![],
    };
    scene.say(client, abort);
    scene.say(client, cancel(&[1]));
    scene.orders(engine);
    scene.finish(engine, runs[0]);
    scene.give_back(engine, runs[1], false);
    let interrupt = ToEngine::Interrupt { ticket: runs[1] };
    assert_eq!(scene.orders(engine), [interrupt]);
    interrupted(&mut scene, engine, runs[1]);
    let told = scene.told(client);
    assert_eq!(told.len(), 4, "two results and two answers: {told:?}");
    scene.end();
}
