//! Tasks that wait for others, follow them, or have no patience.

use super::*;
use crate::id::ClientId;
use crate::message::{Dependency, TaskName};

const IMPOSSIBLE: &str = "ImpossibleDependency";
const INVALID: &str = "InvalidDependency";

fn on(requests: &[u64]) -> Dependency {
    let name = |request: &u64| TaskName {
        client: ClientId(0),
        request: RequestId(*request),
    };
    Dependency {
        tasks: requests.iter().map(name).collect(),
        all: true,
        success: true,
        failure: false,
    }
}

fn after(dependency: Dependency) -> Terms {
    Terms {
        after: Some(Box::new(dependency)),
        ..Terms::default()
    }
}

fn follow(dependency: Dependency) -> Terms {
    Terms {
        follow: Some(Box::new(dependency)),
        ..Terms::default()
    }
}

/// Takes the failures that a client was told: of what, and as which exception.
fn failures(scene: &mut Scene, client: ConnectionId) -> Vec<(u64, String)> {
    let told = scene.told(client).into_iter();
    let failures = told.filter_map(|told| match told {
        ToClient::Result {
            request,
            outcome: Outcome::Failed(failure),
            ..
        } => Some((request.0, failure.exception)),
        _ => None,
    });
    failures.collect()
}

fn failed(requests: &[(u64, &str)]) -> Vec<(u64, String)> {
    let failed = requests.iter();
    failed
        .map(|(request, name)| (*request, (*name).to_owned()))
        .collect()
}

#[test]
fn a_task_runs_after_what_it_depends_on() {
    let mut scene = Scene::new();
    let [a, b] = scene.engines();
    let client = scene.client();
    scene.task(client, 1, 0);
    scene.request(client, 2, &[b], push());
    scene.task_under(client, 3, after(on(&[1, 2])));
    let (on_a, on_b) = (scene.runs(a), scene.runs(b));
    assert_eq!((on_a.len(), on_b.len()), (1, 1));
    scene.finish(a, on_a[0]);
    assert_eq!(scene.runs(a), [], "one of two isn't enough");
    scene.finish(b, on_b[0]);
    let runs = [scene.runs(a), scene.runs(b)].concat();
    assert_eq!(runs.len(), 1);
    scene.task_under(client, 4, after(on(&[1])));
    let more = [scene.runs(a), scene.runs(b)].concat();
    assert_eq!(more.len(), 1, "what has ended already counts");
    scene.close(client);
}

#[test]
fn any_one_is_enough_if_that_is_asked() {
    let mut scene = Scene::new();
    let engine = scene.engine();
    let client = scene.client();
    scene.task(client, 1, 0);
    scene.task(client, 2, 0);
    let any = Dependency {
        all: false,
        ..on(&[1, 2])
    };
    scene.task_under(client, 3, after(any.clone()));
    scene.task_under(client, 4, after(any));
    let runs = scene.runs(engine);
    scene.raise(engine, runs[0]);
    assert_eq!(scene.runs(engine), [], "failures don't count");
    scene.finish(engine, runs[1]);
    assert_eq!(scene.runs(engine).len(), 2);
    scene.close(client);
}

#[test]
fn what_cant_come_true_is_answered_and_what_depends_on_that() {
    let mut scene = Scene::new();
    let engine = scene.engine();
    let client = scene.client();
    scene.task(client, 0, 0);
    for task in 1..20_000 {
        scene.controller.handle(
            scene.now,
            Event::MessageReceived {
                connection: client,
                message: ToController::Client(FromClient::Task {
                    request: RequestId(task),
                    work: push(),
                    terms: after(on(&[task - 1])),
                }),
                payload: Payload::default(),
            },
        );
    }
    let or_else = Dependency {
        success: false,
        failure: true,
        ..on(&[19_999])
    };
    scene.task_under(client, 20_000, after(or_else));
    let runs = scene.runs(engine);
    scene.raise(engine, runs[0]);
    let failures = failures(&mut scene, client);
    assert_eq!(failures.len(), 20_000);
    assert_eq!(failures[1].1, IMPOSSIBLE);
    let runs = scene.runs(engine);
    assert_eq!(runs.len(), 1, "this one waited for a failure");
    scene.finish(engine, runs[0]);
    assert_eq!(scene.results(client), [(20_000, Some(0), Ok(()))]);
    scene.end();
}

#[test]
fn nonsense_is_told_as_such() {
    let mut scene = Scene::new();
    let engine = scene.engine();
    let client = scene.client();
    scene.task_under(client, 1, after(on(&[1])));
    scene.task_under(client, 2, after(on(&[700])));
    let nothing = Dependency {
        success: false,
        ..on(&[1])
    };
    scene.task_under(client, 3, after(nothing));
    let nobody = TaskName {
        client: ClientId(9),
        request: RequestId(1),
    };
    let of_nobody = Dependency {
        tasks: vec![nobody],
        ..on(&[])
    };
    scene.task_under(client, 4, follow(of_nobody));
    let expected = failed(&[(1, INVALID), (2, INVALID), (3, INVALID), (4, INVALID)]);
    assert_eq!(failures(&mut scene, client), expected);
    scene.task_under(client, 5, after(on(&[])));
    assert_eq!(scene.runs(engine).len(), 1, "nothing is there to wait for");
    scene.close(client);
}

#[test]
fn a_task_follows_to_the_engine_of_the_others() {
    let mut scene = Scene::new();
    let engines: [Engine; 4] = scene.engines();
    let client = scene.client();
    for task in 0..4 {
        scene.task(client, task, 0);
    }
    let runs = engines.map(|engine| scene.runs(engine)[0]);
    for (engine, ticket) in engines.iter().zip(runs) {
        scene.finish(*engine, ticket);
    }
    assert_eq!(scene.results(client).len(), 4);
    for task in 4..7 {
        scene.task_under(client, task, follow(on(&[2])));
    }
    assert_eq!(scene.runs(engines[2]).len(), 2, "one runs and one waits");
    for other in [0, 1, 3] {
        assert_eq!(scene.orders(engines[other]), []);
    }
    scene.task_under(client, 7, follow(on(&[1, 2])));
    let expected = failed(&[(7, IMPOSSIBLE)]);
    assert_eq!(
        failures(&mut scene, client),
        expected,
        "they ran on two engines"
    );
    let any = Dependency {
        all: false,
        ..on(&[1, 3])
    };
    scene.task_under(client, 8, follow(any.clone()));
    scene.task_under(client, 9, follow(any));
    assert_eq!(
        scene.runs(engines[1]).len() + scene.runs(engines[3]).len(),
        2
    );
    scene.close(engines[2].connection);
    let told = failures(&mut scene, client);
    assert_eq!(told[0].1, "EngineError", "it may have started there");
    let expected = failed(&[(5, IMPOSSIBLE), (6, IMPOSSIBLE)]);
    assert_eq!(told[1..], expected, "the place that they follow to is gone");
    scene.close(client);
}

#[test]
fn what_is_impatient_fails_in_time() {
    let mut scene = Scene::with(Config {
        heartbeat_misses_max: 100,
        ..Config::default()
    });
    let engine = scene.engine();
    let client = scene.client();
    let impatient = |mut terms: Terms| {
        terms.timeout_us = Some(1_000_000);
        terms
    };
    for task in 0..3 {
        scene.task_under(client, task, impatient(Terms::default()));
    }
    scene.task_under(client, 3, impatient(after(on(&[0]))));
    let runs = scene.runs(engine);
    assert_eq!(runs.len(), 2);
    scene.pass_us(999_999);
    assert_eq!(scene.told(client), []);
    scene.pass_us(1);
    let late = failed(&[(2, "TaskTimeout"), (3, "DependencyTimeout")]);
    assert_eq!(failures(&mut scene, client), late);
    // Of what was sent, one runs, and the other is asked back.
    let asked = scene.take(engine.connection);
    let back = FromController::Engine(ToEngine::Recall { ticket: runs[1] });
    assert_eq!(asked, [back]);
    scene.give_back(engine, runs[1], true);
    assert_eq!(failures(&mut scene, client), failed(&[(1, "TaskTimeout")]));
    scene.finish(engine, runs[0]);
    assert_eq!(scene.results(client).len(), 1, "what runs goes on");
    scene.end();
}

#[test]
fn what_failed_late_is_told_as_it_failed() {
    let mut scene = Scene::with(Config {
        heartbeat_misses_max: 100,
        ..Config::default()
    });
    let engine = scene.engine();
    let client = scene.client();
    let terms = Terms {
        timeout_us: Some(1_000_000),
        retries: 3,
        ..Terms::default()
    };
    scene.task_under(client, 1, terms);
    let run = scene.runs(engine)[0];
    scene.pass_us(1_000_000);
    scene.raise(engine, run);
    assert_eq!(failures(&mut scene, client), failed(&[(1, "ValueError")]));
    scene.end();
}

#[test]
fn a_client_that_leaves_takes_its_part_in_dependencies_along() {
    let mut scene = Scene::new();
    let engine = scene.engine();
    let [first, second] = [scene.client(), scene.client()];
    scene.task(first, 1, 0);
    scene.task_under(second, 2, after(on(&[1])));
    scene.task_under(first, 3, after(on(&[1])));
    let runs = scene.runs(engine);
    scene.close(first);
    assert_eq!(failures(&mut scene, second), failed(&[(2, IMPOSSIBLE)]));
    scene.finish(engine, runs[0]);
    scene.end();
}

#[test]
fn a_task_goes_where_what_it_needs_is() {
    let mut scene = Scene::new();
    let engines: [Engine; 3] = scene.engines();
    let client = scene.client();
    scene.task(client, 1, 0);
    scene.task(client, 2, 0);
    let refuse = |scene: &mut Scene, engine: Engine, ticket| {
        let outcome = Outcome::Failed(raised("ipyparallel.error.UnmetDependency"));
        let timing = Timing::default();
        let finished = FromEngine::Finished {
            ticket,
            outcome,
            timing,
        };
        scene.report(engine, finished);
    };
    let (on_a, on_b) = (scene.runs(engines[0]), scene.runs(engines[1]));
    refuse(&mut scene, engines[0], on_a[0]);
    let on_c = scene.runs(engines[2]);
    assert_eq!(on_c.len(), 1, "without using up a retry");
    refuse(&mut scene, engines[2], on_c[0]);
    let waits = scene.runs(engines[1]);
    assert_eq!(waits.len(), 1, "one is left");
    scene.finish(engines[1], on_b[0]);
    refuse(&mut scene, engines[1], waits[0]);
    assert_eq!(failures(&mut scene, client), failed(&[(1, IMPOSSIBLE)]));
    scene.end();
}
