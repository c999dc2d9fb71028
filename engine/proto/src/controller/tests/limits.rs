//! Overload is answered, not absorbed.

use super::*;
use crate::id::ClientId;
use crate::message::{Dependency, Manner, TaskName};

#[test]
fn too_many_requests_are_answered() {
    let config = Config {
        queued_requests_max_per_client: 3,
        ..Config::default()
    };
    let mut scene = Scene::with(config);
    let [a, b] = scene.engines();
    let (client, other) = (scene.client(), scene.client());
    scene.request(client, 1, &[a, b], push());
    scene.request(client, 2, &[a, b], push());
    let limit = Err(FailureKind::Limit);
    assert_eq!(
        scene.results(client),
        [(2, Some(0), limit), (2, Some(1), limit)]
    );
    scene.request(other, 2, &[a], push());
    assert_eq!(scene.results(other), [], "the limit is each client's own");
    let (on_a, on_b) = (scene.runs(a), scene.runs(b));
    for (engine, ticket) in [(a, on_a[0]), (a, on_a[1]), (b, on_b[0])] {
        scene.finish(engine, ticket);
    }
    scene.results(client);
    scene.results(other);
    scene.task(client, 3, 0);
    assert_eq!(scene.results(client), []);
    scene.close(client);
}

#[test]
fn too_many_bytes_are_answered() {
    let mut scene = Scene::with(Config {
        queued_bytes_max: 100,
        ..Config::default()
    });
    let [a, b] = scene.engines();
    let client = scene.client();
    let request = |request, bytes| {
        let targets = vec![a.id, b.id];
        let message = FromClient::Request {
            request: RequestId(request),
            targets,
            work: push(),
            manner: Manner::default(),
        };
        (ToController::Client(message), payload(bytes))
    };
    let (message, data) = request(1, 90);
    scene.tell(client, message, data);
    assert_eq!(
        scene.controller.unfinished(),
        (2, 90, 0),
        "sent to two, it is held once"
    );
    let (message, data) = request(2, 11);
    scene.tell(client, message, data);
    let limit = Err(FailureKind::Limit);
    assert_eq!(
        scene.results(client),
        [(2, Some(0), limit), (2, Some(1), limit)]
    );
    let (on_a, on_b) = (scene.runs(a), scene.runs(b));
    scene.finish(a, on_a[0]);
    assert_eq!(scene.controller.unfinished(), (1, 90, 0));
    scene.finish(b, on_b[0]);
    assert_eq!(scene.controller.unfinished(), (0, 0, 0));
    scene.results(client);
    scene.end();
}

#[test]
fn a_cells_source_counts_too() {
    let mut scene = Scene::with(Config {
        queued_bytes_max: 4,
        ..Config::default()
    });
    let engine = scene.engine();
    let client = scene.client();
    scene.request(client, 1, &[engine], execute(false));
    assert_eq!(
        scene.results(client),
        [(1, Some(0), Err(FailureKind::Limit))]
    );
    scene.end();
}

#[test]
fn what_a_task_depends_on_counts_too() {
    let mut scene = Scene::with(Config {
        queued_bytes_max: 1000,
        ..Config::default()
    });
    let engine = scene.engine();
    let client = scene.client();
    scene.task(client, 1, 0);
    let first = TaskName {
        client: ClientId(0),
        request: RequestId(1),
    };
    for (task, names) in [(2, 10), (3, 10)] {
        let after = Dependency {
            tasks: vec![first; names],
            all: true,
            success: true,
            failure: false,
        };
        let terms = Terms {
            after: Some(Box::new(after)),
            ..Terms::default()
        };
        scene.task_under(client, task, terms);
    }
    assert_eq!(scene.results(client), [(3, None, Err(FailureKind::Limit))]);
    let runs = scene.runs(engine);
    scene.finish(engine, runs[0]);
    let runs = scene.runs(engine);
    scene.finish(engine, runs[0]);
    assert_eq!(scene.results(client).len(), 2);
    scene.end();
}

#[test]
fn many_tasks_leave_no_memory_behind() {
    let mut scene = Scene::new();
    let engine = scene.engine();
    let client = scene.client();
    for task in 0..3000 {
        scene.task(client, task, 0);
    }
    let say = FromClient::Abort {
        query: QueryId(0),
        requests: vec![],
        targets: vec![],
    };
    scene.say(client, say);
    let orders = scene.orders(engine);
    let [
        ToEngine::Run { ticket: first, .. },
        ToEngine::Run { ticket: second, .. },
        _,
    ] = orders[..]
    else {
        panic!("two were sent and one is asked back, not {orders:?}")
    };
    scene.finish(engine, first);
    scene.give_back(engine, second, true);
    assert_eq!(scene.told(client).len(), 3001);
    scene.end();
}
