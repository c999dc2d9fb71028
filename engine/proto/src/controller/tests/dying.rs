//! What an engine's death means for everyone who waits.

use super::*;

fn left(engine: Engine, cause: &str) -> ToClient {
    ToClient::EngineLeft {
        engine: engine.id,
        cause: cause.to_owned(),
    }
}

#[test]
fn everyone_who_waits_is_answered_at_once() {
    let mut scene = Scene::with(Config {
        window_requests_max: 1,
        ..Config::default()
    });
    let engine = scene.engine();
    let clients = [scene.client(), scene.client()];
    for request in 0..4 {
        scene.request(clients[request as usize % 2], request, &[engine], push());
    }
    scene.runs(engine);
    scene.close(engine.connection);
    for (client, requests) in clients.into_iter().zip([[0, 2], [1, 3]]) {
        let messages = scene.told(client);
        assert_eq!(messages[0], left(engine, "it closed the connection"));
        let failures: Vec<_> = messages[1..]
            .iter()
            .map(|message| match message {
                ToClient::Result {
                    request,
                    engine,
                    outcome: Outcome::Failed(failure),
                    ..
                } => {
                    let words = "engine 0 ended before it finished this: it closed the connection";
                    assert_eq!(failure.message, words);
                    (request.0, engine.map(|id| id.0), failure.kind)
                }
                other => panic!("failures were expected, not {other:?}"),
            })
            .collect();
        assert_eq!(
            failures,
            requests.map(|r| (r, Some(0), FailureKind::EngineDied))
        );
    }
    scene.end();
}

#[test]
fn a_task_that_may_have_started_costs_a_retry_and_the_rest_moves_on() {
    let mut scene = Scene::new();
    let a = scene.engine();
    let client = scene.client();
    for task in 0..6 {
        scene.task(client, task, u32::from(task == 0));
    }
    assert_eq!(scene.runs(a).len(), 2);
    let b = scene.engine();
    let on_b = scene.runs(b);
    assert_eq!(on_b.len(), 2);
    scene.told(client);
    scene.close(a.connection);
    assert_eq!(
        scene.told(client),
        [left(a, "it closed the connection")],
        "nothing is lost"
    );

    let mut tickets = on_b;
    let mut finished = Vec::new();
    while !tickets.is_empty() {
        scene.finish(b, tickets.remove(0));
        tickets.extend(scene.runs(b));
        finished.extend(scene.results(client).into_iter().map(|(task, ..)| task));
    }
    assert_eq!(
        finished,
        [2, 3, 0, 1, 4, 5],
        "what came back is first in the queue"
    );
    scene.end();
}

#[test]
fn a_task_without_retries_fails_with_its_engine() {
    let mut scene = Scene::new();
    let [a, b] = scene.engines();
    let client = scene.client();
    scene.task(client, 1, 0);
    scene.runs(a);
    scene.close(a.connection);
    assert_eq!(scene.told(client).len(), 2);
    assert_eq!(scene.orders(b), []);
    scene.end();
}

#[test]
fn a_started_task_behind_a_lost_result_costs_a_retry_too() {
    let mut scene = Scene::new();
    let [a, b] = scene.engines();
    let client = scene.client();
    for task in 0..4 {
        scene.task(client, task, 0);
    }
    let (on_a, on_b) = (scene.runs(a), scene.runs(b));
    scene.finish(b, on_b[0]);
    scene.finish(b, on_b[1]);
    scene.results(client);
    assert_eq!(scene.orders(a), [ToEngine::Recall { ticket: on_a[1] }]);
    scene.give_back(a, on_a[1], false);
    scene.close(a.connection);
    let told = scene.told(client);
    assert_eq!(told.len(), 3, "both may have run: {told:?}");
    assert_eq!(scene.orders(b), []);
    scene.end();
}

#[test]
fn with_the_last_engine_the_queue_fails() {
    let mut scene = Scene::new();
    let engine = scene.engine();
    let client = scene.client();
    for task in 0..4 {
        scene.task(client, task, 1);
    }
    scene.runs(engine);
    scene.close(engine.connection);
    scene.inboxes.get_mut(&client).unwrap().remove(0);
    assert_eq!(
        scene.results(client),
        [0, 1, 2, 3].map(|task| (task, None, NO_ENGINE))
    );
    scene.end();
}

#[test]
fn the_host_tells_why() {
    let mut scene = Scene::new();
    let host = scene.host(7);
    let [a, b, c] = [70, 71, 72].map(|pid| scene.engine_of(Some(7), pid));
    let client = scene.client();

    // The connection ends first.
    scene.request(client, 1, &[a], push());
    scene.runs(a);
    scene.close(a.connection);
    assert_eq!(scene.told(client), [], "the host may know more");
    scene.pass_us(5_000);
    scene.exited(host, 70, "killed by signal 9");
    let told = scene.told(client);
    assert_eq!(told[0], left(a, "killed by signal 9"));
    assert!(matches!(told[1], ToClient::Result { .. }), "{told:?}");

    // The host is first, and the last result is still on its way.
    scene.request(client, 2, &[b], push());
    let run = scene.runs(b);
    scene.exited(host, 71, "exit status 3");
    assert_eq!(scene.told(client), []);
    scene.finish(b, run[0]);
    assert_eq!(scene.results(client), [(2, Some(1), Ok(()))]);
    scene.close(b.connection);
    assert_eq!(scene.told(client), [left(b, "exit status 3")]);

    // The host says nothing.
    scene.request(client, 3, &[c], push());
    scene.runs(c);
    scene.close(c.connection);
    scene.request(client, 4, &[c], push());
    scene.pass_us(Config::default().exit_grace_us);
    assert_eq!(scene.told(client)[0], left(c, "it closed the connection"));
    scene.end();
}

#[test]
fn a_host_may_join_after_its_engines() {
    let mut scene = Scene::new();
    let client = scene.client();
    let [early, lonely] = [70, 71].map(|pid| scene.engine_of(Some(7), pid));
    scene.told(client);
    scene.close(lonely.connection);
    let cause = "it closed the connection";
    assert_eq!(
        scene.told(client),
        [left(lonely, cause)],
        "nobody can tell more"
    );
    let host = scene.host(7);
    scene.close(early.connection);
    scene.exited(host, 70, "killed by signal 9");
    assert_eq!(scene.told(client), [left(early, "killed by signal 9")]);
    scene.end();
}

#[test]
fn an_exited_engine_whose_connection_stays_open_is_dead_too() {
    let mut scene = Scene::new();
    let host = scene.host(7);
    let engine = scene.engine_of(Some(7), 70);
    let client = scene.client();
    scene.exited(host, 70, "killed by signal 11");
    scene.pass_us(Config::default().exit_grace_us);
    assert_eq!(scene.told(client), [left(engine, "killed by signal 11")]);
    assert_eq!(scene.disconnected[0].0, engine.connection);
    scene.end();
}

#[test]
fn an_engine_is_shut_down_when_asked() {
    let mut scene = Scene::new();
    let [a, b] = scene.engines();
    let client = scene.client();
    for task in 0..4 {
        scene.task(client, task, 0);
    }
    let (on_a, on_b) = (scene.runs(a), scene.runs(b));
    let shutdown = FromClient::Shutdown {
        query: QueryId(1),
        targets: vec![a.id],
        cluster: false,
    };
    scene.say(client, shutdown);
    assert_eq!(scene.answer(client), Answer::Done);
    assert_eq!(scene.orders(a), [ToEngine::Shutdown]);
    scene.finish(a, on_a[0]);
    assert_eq!(scene.orders(a), [], "it gets no more");
    assert_eq!(scene.results(client), [(0, Some(0), Ok(()))]);
    scene.close(a.connection);
    let told = scene.told(client);
    assert_eq!(told[0], left(a, "it was shut down"));
    scene.finish(b, on_b[0]);
    scene.finish(b, on_b[1]);
    scene.told(client);
    scene.end();
}

#[test]
fn an_engine_that_does_not_end_is_killed() {
    let mut scene = Scene::new();
    let host = scene.host(7);
    let engine = scene.engine_of(Some(7), 70);
    let client = scene.client();
    let shutdown = FromClient::Shutdown {
        query: QueryId(1),
        targets: vec![engine.id],
        cluster: false,
    };
    scene.say(client, shutdown.clone());
    scene.say(client, shutdown);
    assert_eq!(scene.told(client).len(), 2);
    assert_eq!(scene.orders(engine), [ToEngine::Shutdown]);
    scene.pass_us(5_000_000);
    let signals = scene.take(host);
    assert!(signals.contains(&FromController::Host(ToHost::Signal { pid: 70, signal: 9 })));
    assert_eq!(scene.told(client), [left(engine, "it was shut down")]);
    scene.take(engine.connection);
    scene.end();
}

#[test]
fn what_an_engine_had_written_when_it_died_is_output_of_what_it_was_at() {
    let mut scene = Scene::new();
    let host = scene.host(10);
    let engine = scene.engine_of(Some(10), 11);
    let client = scene.client();
    scene.request(client, 1, &[engine], push());
    assert_eq!(scene.runs(engine).len(), 1);
    let output = Output::Stderr("out of paper".to_owned());
    let exited = FromHost::EngineExited {
        pid: 11,
        cause: "killed by SIGABRT".to_owned(),
        output: vec![output.clone()],
    };
    scene.close(engine.connection);
    scene.tell(host, ToController::Host(exited), Payload::default());
    let told = scene.told(client);
    let expected = ToClient::Output {
        request: RequestId(1),
        engine: engine.id,
        output,
    };
    assert_eq!(told[0], expected);
    let [ToClient::EngineLeft { .. }, ToClient::Result { .. }] = &told[1..] else {
        panic!("it left, and its work has an answer: {told:?}");
    };
    scene.end();
}
