//! What is sent once and named afterwards.

use super::*;

fn blob(function: u8) -> BlobId {
    BlobId([function; 32])
}

impl Scene {
    fn store(&mut self, client: ConnectionId, function: u8, bytes: usize) {
        let message = FromClient::StoreBlob {
            name: "f".to_owned(),
            blob: blob(function),
        };
        self.tell(client, ToController::Client(message), payload(bytes));
    }

    fn forget(&mut self, client: ConnectionId, function: u8) {
        self.say(
            client,
            FromClient::ForgetBlob {
                blob: blob(function),
            },
        );
    }

    /// Has one engine apply the function; returns what the engine was told about blobs.
    fn apply_on(&mut self, client: ConnectionId, engine: Engine, function: u8) -> Vec<ToEngine> {
        self.request(client, 1, &[engine], apply(function));
        let mut orders = self.orders(engine);
        let Some(ToEngine::Run { ticket, .. }) = orders.pop() else {
            panic!("the work comes last")
        };
        self.finish(engine, ticket);
        assert_eq!(self.results(client), [(1, Some(engine.id.0), Ok(()))]);
        orders
    }
}

fn store(function: u8) -> ToEngine {
    ToEngine::StoreBlob {
        blob: blob(function),
    }
}

fn forget(function: u8) -> ToEngine {
    ToEngine::ForgetBlob {
        blob: blob(function),
    }
}

#[test]
fn a_function_travels_once_to_each_engine() {
    let mut scene = Scene::new();
    let [a, b] = scene.engines();
    let clients = [scene.client(), scene.client()];
    scene.store(clients[0], 1, 10);
    scene.store(clients[0], 2, 10);
    scene.store(clients[1], 1, 10);
    assert_eq!(scene.apply_on(clients[0], a, 1), [store(1)]);
    assert_eq!(scene.apply_on(clients[0], a, 2), [store(2)]);
    assert_eq!(scene.apply_on(clients[0], a, 1), []);
    assert_eq!(scene.apply_on(clients[1], a, 1), []);
    assert_eq!(scene.apply_on(clients[1], b, 1), [store(1)]);
    scene.end();
}

#[test]
fn the_function_is_there_before_the_work() {
    let mut scene = Scene::new();
    let engine = scene.engine();
    let client = scene.client();
    scene.store(client, 1, 10);
    scene.task_applying(client, 1);
    let messages = scene.take_with_payloads(engine.connection);
    assert_eq!(messages[0], (FromController::Engine(store(1)), payload(10)));
    let FromController::Engine(ToEngine::Run { ticket, work }) = &messages[1].0 else {
        panic!("the work follows")
    };
    assert_eq!(*work, apply(1));
    scene.finish(engine, *ticket);
    scene.results(client);
    scene.end();
}

impl Scene {
    fn task_applying(&mut self, client: ConnectionId, function: u8) {
        let request = RequestId(u64::from(function));
        self.say(
            client,
            FromClient::Task {
                request,
                work: apply(function),
                terms: Terms::default(),
            },
        );
    }
}

#[test]
fn unknown_and_missing_functions_are_told() {
    let mut scene = Scene::new();
    let engine = scene.engine();
    let (client, other) = (scene.client(), scene.client());
    scene.store(other, 1, 10);
    scene.request(client, 1, &[engine], apply(1));
    scene.request(
        client,
        2,
        &[engine],
        Work {
            function: None,
            ..apply(1)
        },
    );
    scene.task_applying(client, 3);
    let invalid = Err(FailureKind::Invalid);
    assert_eq!(
        scene.results(client),
        [
            (1, Some(0), invalid),
            (2, Some(0), invalid),
            (3, None, invalid)
        ]
    );
    scene.end();
}

#[test]
fn forgetting_does_not_break_what_is_queued() {
    let mut scene = Scene::with(Config {
        window_requests_max: 1,
        ..Config::default()
    });
    let engine = scene.engine();
    let client = scene.client();
    scene.store(client, 1, 10);
    scene.request(client, 1, &[engine], push());
    scene.request(client, 2, &[engine], apply(1));
    let first = scene.runs(engine);
    scene.forget(client, 1);
    assert_eq!(scene.controller.unfinished().2, 10);
    scene.request(client, 3, &[engine], apply(1));
    assert_eq!(
        scene.results(client),
        [(3, Some(0), Err(FailureKind::Invalid))]
    );
    scene.finish(engine, first[0]);
    let orders = scene.orders(engine);
    let [stored, ToEngine::Run { ticket, .. }] = &orders[..] else {
        panic!("the function comes with its work, not {orders:?}")
    };
    assert_eq!(*stored, store(1));
    scene.finish(engine, *ticket);
    assert_eq!(
        scene.controller.unfinished().2,
        0,
        "nobody needs it any more"
    );
    scene.results(client);
    scene.end();
}

#[test]
fn an_engine_forgets_what_was_not_named_for_longest() {
    let config = Config {
        blob_bytes_max_per_engine: 25,
        ..Config::default()
    };
    let mut scene = Scene::with(config);
    let engine = scene.engine();
    let client = scene.client();
    for function in 1..=4 {
        scene.store(client, function, 10);
    }
    assert_eq!(scene.apply_on(client, engine, 1), [store(1)]);
    assert_eq!(scene.apply_on(client, engine, 2), [store(2)]);
    assert_eq!(scene.apply_on(client, engine, 1), []);
    assert_eq!(scene.apply_on(client, engine, 3), [forget(2), store(3)]);
    assert_eq!(scene.apply_on(client, engine, 1), []);
    assert_eq!(scene.apply_on(client, engine, 2), [forget(3), store(2)]);
    scene.end();
}

#[test]
fn an_engine_keeps_what_its_work_names() {
    let mut scene = Scene::with(Config {
        blob_bytes_max_per_engine: 15,
        ..Config::default()
    });
    let engine = scene.engine();
    let client = scene.client();
    let mut tickets = Vec::new();
    for function in 1..=3 {
        scene.store(client, function, 10);
        scene.request(client, u64::from(function), &[engine], apply(function));
        let orders = scene.orders(engine);
        let [stored, ToEngine::Run { ticket, .. }] = &orders[..] else {
            panic!("nothing is forgotten that is still needed, as in {orders:?}")
        };
        assert_eq!(*stored, store(function));
        tickets.push(*ticket);
    }
    for ticket in tickets {
        scene.finish(engine, ticket);
    }
    scene.results(client);
    scene.store(client, 4, 1);
    assert_eq!(
        scene.apply_on(client, engine, 4),
        [forget(1), forget(2), store(4)]
    );
    scene.end();
}

#[test]
fn more_than_the_limit_is_told_by_the_work() {
    let config = Config {
        blob_bytes_max_per_client: 15,
        blob_bytes_max: 20,
        ..Config::default()
    };
    let mut scene = Scene::with(config);
    let _engine = scene.engine();
    let (client, other) = (scene.client(), scene.client());
    scene.store(client, 1, 10);
    scene.store(client, 2, 10);
    scene.store(other, 3, 15);
    scene.task_applying(client, 2);
    assert_eq!(scene.results(client), [(2, None, Err(FailureKind::Limit))]);
    scene.task_applying(other, 3);
    assert_eq!(scene.results(other), [(3, None, Err(FailureKind::Limit))]);
    scene.forget(client, 1);
    scene.store(client, 2, 10);
    scene.store(client, 2, 10);
    scene.close(client);
    assert_eq!(scene.controller.unfinished().2, 0);
    scene.end();
}

#[test]
fn two_contents_under_one_address_are_a_breach() {
    let mut scene = Scene::new();
    let clients = [scene.client(), scene.client()];
    scene.store(clients[0], 1, 10);
    scene.store(clients[1], 1, 11);
    assert_eq!(scene.disconnected.len(), 1);
    assert_eq!(scene.disconnected[0].0, clients[1]);
    let reason = scene.refusal(clients[1]);
    assert!(reason.contains("under an address in use"), "{reason}");
    scene.end();
}
