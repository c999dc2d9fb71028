//! Taking back what has not started.

use super::*;

fn abort(query: u64, requests: &[u64], targets: &[Engine]) -> FromClient {
    FromClient::Abort {
        query: QueryId(query),
        requests: requests.iter().copied().map(RequestId).collect(),
        targets: targets.iter().map(|engine| engine.id).collect(),
    }
}

fn recall(ticket: Ticket) -> ToEngine {
    ToEngine::Recall { ticket }
}

#[test]
fn what_waits_in_the_controller_is_aborted_at_once() {
    let mut scene = Scene::with(Config {
        window_requests_max: 1,
        ..Config::default()
    });
    let engine = scene.engine();
    let (client, other) = (scene.client(), scene.client());
    scene.request(client, 1, &[engine], push());
    scene.request(other, 2, &[engine], push());
    scene.request(client, 3, &[engine], push());
    for task in 4..7 {
        scene.task(client, task, 2);
    }
    let runs = scene.runs(engine);
    assert_eq!(runs.len(), 2, "a request and a task");
    scene.say(client, abort(1, &[3, 6, 6, 77], &[]));
    assert_eq!(
        scene.told(client).pop(),
        Some(ToClient::Answer {
            query: QueryId(1),
            answer: Answer::Aborted { count: 2 }
        })
    );
    scene.finish(engine, runs[0]);
    let second = scene.runs(engine);
    assert_eq!(second.len(), 1, "another client's request stays");
    for ticket in [runs[1], second[0]] {
        scene.finish(engine, ticket);
    }
    let last = scene.runs(engine);
    scene.finish(engine, last[0]);
    assert_eq!(scene.results(other), [(2, Some(0), Ok(()))]);
    assert_eq!(
        scene.results(client),
        [
            (1, Some(0), Ok(())),
            (4, Some(0), Ok(())),
            (5, Some(0), Ok(()))
        ]
    );
    scene.end();
}

#[test]
fn what_is_at_an_engine_is_asked_back_and_the_engine_decides() {
    let mut scene = Scene::new();
    let engine = scene.engine();
    let client = scene.client();
    for request in 0..4 {
        scene.request(client, request, &[engine], push());
    }
    let runs = scene.runs(engine);
    scene.say(client, abort(1, &[], &[]));
    assert_eq!(
        scene.orders(engine),
        [recall(runs[1]), recall(runs[2]), recall(runs[3])]
    );
    scene.finish(engine, runs[0]);
    // The second had started, and its result overtakes the answer to the recall.
    scene.finish(engine, runs[1]);
    scene.give_back(engine, runs[1], false);
    scene.give_back(engine, runs[2], true);
    assert_eq!(
        scene.results(client),
        [
            (0, Some(0), Ok(())),
            (1, Some(0), Ok(())),
            (2, Some(0), ABORTED)
        ]
    );
    scene.give_back(engine, runs[3], true);
    let told = scene.told(client);
    assert!(
        matches!(
            told[0],
            ToClient::Result {
                request: RequestId(3),
                ..
            }
        ),
        "{told:?}"
    );
    let answer = Answer::Aborted { count: 2 };
    assert_eq!(
        told[1..],
        [ToClient::Answer {
            query: QueryId(1),
            answer
        }]
    );
    scene.end();
}

#[test]
fn only_the_named_engines_are_touched() {
    let mut scene = Scene::new();
    let [a, b] = scene.engines();
    let client = scene.client();
    for request in 0..2 {
        scene.request(client, request, &[a, b], push());
    }
    let (on_a, on_b) = (scene.runs(a), scene.runs(b));
    scene.say(client, abort(1, &[], &[b]));
    assert_eq!(scene.orders(b), [recall(on_b[1])]);
    scene.give_back(b, on_b[1], true);
    let told = scene.told(client);
    assert_eq!(told.len(), 2, "{told:?}");
    for (engine, ticket) in [(a, on_a[0]), (a, on_a[1]), (b, on_b[0])] {
        scene.finish(engine, ticket);
    }
    assert_eq!(scene.results(client).len(), 3);
    scene.end();
}

#[test]
fn an_aborted_task_that_runs_is_not_tried_again() {
    let mut scene = Scene::new();
    let [a, b] = scene.engines();
    let client = scene.client();
    scene.task(client, 1, 5);
    let run = scene.runs(a);
    scene.say(client, abort(1, &[1], &[]));
    assert_eq!(scene.answer(client), Answer::Aborted { count: 0 });
    scene.raise(a, run[0]);
    assert_eq!(
        scene.results(client),
        [(1, Some(0), Err(FailureKind::Raised))]
    );
    assert_eq!(scene.orders(b), []);
    scene.end();
}

#[test]
fn an_abort_takes_over_a_recall_for_an_idle_engine() {
    let mut scene = Scene::new();
    let [a, b] = scene.engines();
    let client = scene.client();
    for task in 0..4 {
        scene.task(client, task, 0);
    }
    let (on_a, on_b) = (scene.runs(a), scene.runs(b));
    scene.finish(b, on_b[0]);
    scene.finish(b, on_b[1]);
    assert_eq!(scene.orders(a), [recall(on_a[1])]);
    scene.results(client);
    scene.say(client, abort(1, &[2], &[]));
    assert_eq!(scene.orders(a), [], "it is asked back already");
    scene.say(client, abort(2, &[2], &[]));
    assert_eq!(
        scene.answer(client),
        Answer::Aborted { count: 0 },
        "the first abort has it"
    );
    scene.give_back(a, on_a[1], true);
    let told = scene.told(client);
    assert!(
        matches!(
            told[0],
            ToClient::Result {
                request: RequestId(2),
                ..
            }
        ),
        "{told:?}"
    );
    let answer = Answer::Aborted { count: 1 };
    assert_eq!(
        told[1..],
        [ToClient::Answer {
            query: QueryId(1),
            answer
        }]
    );
    scene.finish(a, on_a[0]);
    scene.results(client);
    scene.end();
}

#[test]
fn an_abort_is_answered_even_if_the_engine_dies() {
    let mut scene = Scene::new();
    let [a, _b] = scene.engines();
    let client = scene.client();
    scene.request(client, 0, &[a], push());
    scene.request(client, 1, &[a], push());
    scene.request(client, 2, &[a], push());
    let runs = scene.runs(a);
    scene.say(client, abort(1, &[1, 2], &[]));
    assert_eq!(scene.orders(a), [recall(runs[1]), recall(runs[2])]);
    scene.finish(a, runs[0]);
    scene.results(client);
    scene.close(a.connection);
    let told = scene.told(client);
    let kinds: Vec<_> = told
        .iter()
        .filter_map(|message| match message {
            ToClient::Result {
                request,
                outcome: Outcome::Failed(failure),
                ..
            } => Some((request.0, failure.kind)),
            _ => None,
        })
        .collect();
    // Whether they had started, only the engine could have told.
    assert_eq!(
        kinds,
        [(1, FailureKind::EngineDied), (2, FailureKind::EngineDied)]
    );
    let answer = ToClient::Answer {
        query: QueryId(1),
        answer: Answer::Aborted { count: 0 },
    };
    assert!(told.contains(&answer), "{told:?}");
    scene.end();
}

#[test]
fn an_aborted_task_does_not_outlive_its_engine() {
    let mut scene = Scene::new();
    let [a, b] = scene.engines();
    let client = scene.client();
    for task in 0..4 {
        scene.task(client, task, 5);
    }
    let (on_a, on_b) = (scene.runs(a), scene.runs(b));
    scene.say(client, abort(1, &[2], &[]));
    assert_eq!(scene.orders(a), [recall(on_a[1])]);
    scene.close(a.connection);
    let told = scene.told(client);
    assert_eq!(told.len(), 3, "the engine left, the answer, and task 2");
    scene.finish(b, on_b[0]);
    scene.finish(b, on_b[1]);
    let first = scene.runs(b);
    assert_eq!(first.len(), 1, "task 0 is tried again, task 2 isn't");
    scene.finish(b, first[0]);
    assert_eq!(scene.results(client).len(), 3);
    scene.end();
}

/// Has engine `a` finish what is before a task that is asked back for `b`.
fn asked_back_and_first(scene: &mut Scene, client: ConnectionId) -> (Engine, Ticket) {
    let [a, b] = scene.engines();
    scene.told(client);
    for task in 0..4 {
        scene.task(client, task, 0);
    }
    let (on_a, on_b) = (scene.runs(a), scene.runs(b));
    scene.finish(b, on_b[0]);
    scene.finish(b, on_b[1]);
    assert_eq!(scene.orders(a), [recall(on_a[1])]);
    scene.finish(a, on_a[0]);
    assert_eq!(scene.results(client).len(), 3);
    (a, on_a[1])
}

#[test]
fn an_abort_takes_over_a_recall_even_of_what_is_first() {
    let mut scene = Scene::new();
    let client = scene.client();
    let (engine, ticket) = asked_back_and_first(&mut scene, client);
    scene.say(client, abort(1, &[2], &[]));
    scene.give_back(engine, ticket, true);
    let told = scene.told(client);
    assert!(
        matches!(
            told[0],
            ToClient::Result {
                request: RequestId(2),
                ..
            }
        ),
        "{told:?}"
    );
    scene.end();
}

#[test]
fn what_comes_back_for_a_client_that_left_is_dropped() {
    let mut scene = Scene::new();
    let client = scene.client();
    let (engine, ticket) = asked_back_and_first(&mut scene, client);
    scene.close(client);
    scene.give_back(engine, ticket, true);
    scene.end();
}

#[test]
fn a_query_number_in_use_is_refused() {
    let mut scene = Scene::new();
    let engine = scene.engine();
    let client = scene.client();
    scene.request(client, 0, &[engine], push());
    scene.request(client, 1, &[engine], push());
    let runs = scene.runs(engine);
    scene.say(client, abort(1, &[1], &[]));
    assert_eq!(scene.told(client), []);
    scene.say(client, abort(1, &[0], &[]));
    assert!(matches!(scene.answer(client), Answer::Refused { .. }));
    scene.orders(engine);
    scene.finish(engine, runs[0]);
    scene.give_back(engine, runs[1], true);
    scene.told(client);
    scene.end();
}

#[test]
fn what_a_client_leaves_behind_is_dropped_or_runs_unread() {
    let mut scene = Scene::new();
    let [a, b] = scene.engines();
    let (client, other) = (scene.client(), scene.client());
    for request in 0..70 {
        scene.request(client, request, &[a], push());
    }
    scene.request(other, 1, &[a], push());
    for task in 100..110 {
        scene.task(client, task, 3);
    }
    let (on_a, on_b) = (scene.runs(a), scene.runs(b));
    scene.close(client);
    let recalled = scene.orders(a);
    assert_eq!(
        recalled.len(),
        on_a.len() - 1,
        "everything but what may run"
    );
    assert_eq!(scene.orders(b), [recall(on_b[1])]);
    scene.raise(b, on_b[0]);
    scene.give_back(b, on_b[1], true);
    scene.finish(a, on_a[0]);
    for ticket in &on_a[1..] {
        scene.give_back(a, *ticket, true);
    }
    let rest = scene.runs(a);
    scene.finish(a, rest[0]);
    assert_eq!(scene.results(other), [(1, Some(0), Ok(()))]);
    scene.end();
}
