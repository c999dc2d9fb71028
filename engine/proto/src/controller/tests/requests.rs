//! Work for named engines.

use super::*;

#[test]
fn a_request_is_answered_once_per_engine() {
    let mut scene = Scene::new();
    let [a, b] = scene.engines();
    let client = scene.client();
    scene.request(client, 5, &[b, a, b], push());
    let (ticket_a, ticket_b) = (scene.runs(a), scene.runs(b));
    assert_eq!((ticket_a.len(), ticket_b.len()), (1, 1));
    let result = payload(3);
    let timing = Timing {
        started_us: 10,
        completed_us: 12,
    };
    let finished = FromEngine::Finished {
        ticket: ticket_b[0],
        outcome: Outcome::Done,
        timing,
    };
    scene.tell(
        b.connection,
        ToController::Engine(finished.clone()),
        result.clone(),
    );
    let expected = ToClient::Result {
        request: RequestId(5),
        engine: Some(b.id),
        outcome: Outcome::Done,
        timing,
    };
    let messages = scene.take_with_payloads(client);
    assert_eq!(
        messages,
        [(FromController::Client(expected), result.clone())]
    );

    // The same answer once more is stale.
    scene.tell(b.connection, ToController::Engine(finished), result);
    scene.finish(a, ticket_a[0]);
    assert_eq!(scene.results(client), [(5, Some(0), Ok(()))]);
    scene.end();
}

#[test]
fn requests_of_all_clients_reach_an_engine_in_the_order_of_arrival() {
    let mut scene = Scene::new();
    let engine = scene.engine();
    let clients = [scene.client(), scene.client()];
    for request in 0..200 {
        scene.request(clients[request as usize % 2], request, &[engine], push());
    }
    let mut sent = scene.runs(engine);
    assert_eq!(sent.len(), 64, "the rest waits in the controller");
    let mut answered = Vec::new();
    while !sent.is_empty() {
        scene.finish(engine, sent.remove(0));
        sent.extend(scene.runs(engine));
        for client in clients {
            answered.extend(
                scene
                    .results(client)
                    .into_iter()
                    .map(|(request, ..)| request),
            );
        }
    }
    assert_eq!(answered, (0..200).collect::<Vec<_>>());
    scene.end();
}

#[test]
fn large_requests_wait_in_the_controller() {
    let mut scene = Scene::with(Config {
        window_bytes_max: 100,
        ..Config::default()
    });
    let engine = scene.engine();
    let client = scene.client();
    for (request, bytes) in [(1, 60), (2, 40), (3, 1), (4, 500)] {
        let targets = vec![engine.id];
        let request = FromClient::Request {
            request: RequestId(request),
            targets,
            work: push(),
            manner: Manner::default(),
        };
        scene.tell(client, ToController::Client(request), payload(bytes));
    }
    let first = scene.runs(engine);
    assert_eq!(first.len(), 2);
    scene.finish(engine, first[0]);
    let third = scene.runs(engine);
    assert_eq!(third.len(), 1);
    scene.finish(engine, first[1]);
    assert_eq!(scene.runs(engine), [], "the largest travels alone");
    scene.finish(engine, third[0]);
    let fourth = scene.runs(engine);
    scene.finish(engine, fourth[0]);
    assert_eq!(scene.results(client).len(), 4);
    scene.end();
}

#[test]
fn an_engine_that_is_not_there_is_named() {
    let mut scene = Scene::new();
    let [a, b] = scene.engines();
    let client = scene.client();
    scene.close(b.connection);
    scene.told(client);
    let ghost = Engine {
        connection: ConnectionId(99),
        id: EngineId(9),
    };
    scene.request(client, 1, &[a, b, ghost], push());
    let failures: Vec<_> = scene
        .told(client)
        .into_iter()
        .map(|message| match message {
            ToClient::Result {
                outcome: Outcome::Failed(failure),
                ..
            } => failure.message,
            other => panic!("failures were expected, not {other:?}"),
        })
        .collect();
    assert_eq!(
        failures,
        [
            "engine 1 is no longer there: it closed the connection",
            "there is no engine 9: the client's `ids` tell which there are",
        ]
    );
    let runs = scene.runs(a);
    scene.finish(a, runs[0]);
    assert_eq!(scene.results(client), [(1, Some(0), Ok(()))]);
    scene.end();
}

#[test]
fn a_failed_cell_aborts_what_its_client_queued_behind_it() {
    let mut scene = Scene::new();
    let [engine, elsewhere] = scene.engines();
    let (client, other) = (scene.client(), scene.client());
    scene.request(client, 1, &[engine], execute(true));
    scene.request(other, 2, &[engine], execute(false));
    scene.request(client, 3, &[engine, elsewhere], push());
    scene.request(client, 4, &[engine], execute(true));
    let first = scene.runs(engine);
    assert_eq!(first.len(), 1, "nothing may start that may be aborted");
    scene.raise(engine, first[0]);
    assert_eq!(
        scene.results(client),
        [
            (1, Some(0), Err(FailureKind::Raised)),
            (3, Some(0), ABORTED),
            (4, Some(0), ABORTED)
        ]
    );
    let second = scene.runs(engine);
    scene.finish(engine, second[0]);
    assert_eq!(scene.results(other), [(2, Some(0), Ok(()))]);
    let third = scene.runs(elsewhere);
    scene.finish(elsewhere, third[0]);
    assert_eq!(scene.results(client), [(3, Some(1), Ok(()))]);
    scene.end();
}

#[test]
fn a_cell_that_succeeds_or_may_fail_aborts_nothing() {
    let mut scene = Scene::new();
    let engine = scene.engine();
    let client = scene.client();
    scene.request(client, 1, &[engine], execute(true));
    scene.request(client, 2, &[engine], execute(false));
    scene.request(client, 3, &[engine], push());
    let first = scene.runs(engine);
    scene.finish(engine, first[0]);
    let rest = scene.runs(engine);
    assert_eq!(rest.len(), 2);
    scene.raise(engine, rest[0]);
    scene.finish(engine, rest[1]);
    let results = scene.results(client);
    assert_eq!(
        results,
        [
            (1, Some(0), Ok(())),
            (2, Some(0), Err(FailureKind::Raised)),
            (3, Some(0), Ok(()))
        ]
    );
    scene.end();
}

#[test]
fn output_reaches_whose_work_printed_it() {
    let mut scene = Scene::new();
    let engine = scene.engine();
    let (client, other) = (scene.client(), scene.client());
    scene.request(client, 1, &[engine], push());
    scene.request(other, 2, &[engine], push());
    let runs = scene.runs(engine);
    let say = |text: &str| Output::Stdout(text.to_owned());
    let output = |ticket, text: &str| FromEngine::Output {
        ticket,
        output: say(text),
    };
    let told = |request, text: &str| ToClient::Output {
        request: RequestId(request),
        engine: engine.id,
        output: say(text),
    };
    scene.report(engine, output(None, "nobody's"));
    scene.report(engine, output(Some(runs[0]), "one"));
    assert_eq!(scene.told(client), [told(1, "one")]);
    scene.finish(engine, runs[0]);
    scene.told(client);
    // From a thread that the first started.
    scene.report(engine, output(None, "between"));
    assert_eq!(scene.told(client), [told(1, "between")]);
    scene.report(engine, output(Some(runs[1]), "two"));
    assert_eq!(scene.told(other), [told(2, "two")]);
    scene.report(engine, output(Some(runs[0]), "stale"));
    scene.finish(engine, runs[1]);
    scene.results(other);
    scene.end();
}

#[test]
fn a_number_that_is_in_use_ends_the_connection() {
    let mut scene = Scene::new();
    let engine = scene.engine();
    let client = scene.client();
    scene.request(client, 1, &[engine], push());
    scene.task(client, 1, 0);
    assert_eq!(scene.disconnected.len(), 1);
    let reason = scene.refusal(client);
    assert!(reason.contains("two requests at once"), "{reason}");
    let runs = scene.runs(engine);
    scene.finish(engine, runs[0]);
    scene.end();
}

#[test]
fn a_signal_goes_through_the_host_if_there_is_one() {
    let mut scene = Scene::new();
    let host = scene.host(7);
    let forked = scene.engine_of(Some(7), 70);
    let alone = scene.engine();
    let client = scene.client();
    let signal = |targets: Vec<EngineId>, signal| FromClient::Signal {
        query: QueryId(1),
        targets,
        signal,
    };
    scene.say(client, signal(vec![forked.id, alone.id], 2));
    assert_eq!(scene.answer(client), Answer::Done);
    let through_host = FromController::Host(ToHost::Signal { pid: 70, signal: 2 });
    assert_eq!(scene.take(host), [through_host]);
    assert_eq!(scene.orders(alone), [ToEngine::Signal { signal: 2 }]);

    scene.close(host);
    scene.say(client, signal(vec![forked.id, EngineId(9)], 9));
    let Answer::Refused { reason } = scene.answer(client) else {
        panic!("there is no 9")
    };
    assert!(reason.contains("no engine 9"), "{reason}");
    assert_eq!(scene.orders(forked), [ToEngine::Signal { signal: 9 }]);
    scene.say(client, signal(vec![forked.id], 0));
    assert_eq!(
        scene.answer(client),
        Answer::Refused {
            reason: "there is no signal 0".to_owned()
        }
    );
    scene.end();
}

#[test]
fn only_what_is_at_an_engine_is_interrupted() {
    let mut scene = Scene::with(Config {
        window_requests_max: 1,
        ..Config::default()
    });
    let engine = scene.engine();
    let (client, other) = (scene.client(), scene.client());
    scene.request(client, 1, &[engine], push());
    scene.request(client, 2, &[engine], push());
    let run = scene.runs(engine)[0];
    let interrupt = |requests: &[u64]| FromClient::Interrupt {
        query: QueryId(1),
        requests: requests.iter().copied().map(RequestId).collect(),
    };
    scene.say(other, interrupt(&[1]));
    assert_eq!(scene.answer(other), Answer::Done);
    scene.say(client, interrupt(&[1, 2, 3]));
    assert_eq!(scene.answer(client), Answer::Done);
    assert_eq!(scene.orders(engine), [ToEngine::Interrupt { ticket: run }]);
    scene.finish(engine, run);
    let run = scene.runs(engine)[0];
    scene.finish(engine, run);
    scene.results(client);
    scene.end();
}

#[test]
fn queues_are_told() {
    let mut scene = Scene::new();
    let [a, b] = scene.engines();
    let client = scene.client();
    scene.request(client, 1, &[a], push());
    scene.request(client, 2, &[a], push());
    for request in 3..10 {
        scene.task(client, request, 0);
    }
    let run = scene.runs(a)[0];
    scene.finish(a, run);
    scene.results(client);
    let ask = |targets| FromClient::QueueStatus {
        query: QueryId(1),
        targets,
        verbose: false,
    };
    scene.say(client, ask(vec![]));
    let info = |engine: Engine, queue, tasks, completed| QueueInfo {
        engine: engine.id,
        queue,
        tasks,
        completed,
        holder: None,
        by_client: Vec::new(),
        names: Vec::new(),
    };
    assert_eq!(
        scene.answer(client),
        Answer::Queues {
            engines: vec![info(a, 1, 1, 1), info(b, 0, 2, 0)],
            unassigned: 4,
            unassigned_names: Vec::new(),
        }
    );
    scene.say(client, ask(vec![b.id]));
    assert_eq!(
        scene.answer(client),
        Answer::Queues {
            engines: vec![info(b, 0, 2, 0)],
            unassigned: 4,
            unassigned_names: Vec::new(),
        }
    );
    scene.close(client);
}

#[test]
fn what_is_queued_is_told_by_its_name_where_that_is_asked() {
    let mut scene = Scene::new();
    let [a, b] = scene.engines();
    let (asks, other) = (scene.client(), scene.client());
    scene.request(other, 1, &[a, b], push());
    scene.request(asks, 1, &[a], push());
    for request in 2..9 {
        scene.task(other, request, 0);
    }
    scene.say(
        asks,
        FromClient::QueueStatus {
            query: QueryId(1),
            targets: vec![a.id],
            verbose: true,
        },
    );
    let Answer::Queues {
        engines,
        unassigned,
        unassigned_names,
    } = scene.answer(asks)
    else {
        panic!("it tells of queues");
    };
    let [info] = &engines[..] else {
        panic!("of one engine alone: {engines:?}");
    };
    let requests: Vec<(u64, bool)> = info
        .names
        .iter()
        .filter(|name| !name.is_task)
        .map(|name| (name.name.request.0, name.is_part))
        .collect();
    assert_eq!(requests, [(1, true), (1, false)], "as they came");
    let tasks = info.names.iter().filter(|name| name.is_task).count();
    assert_eq!(tasks, info.tasks as usize);
    let whose: Vec<u32> = info.by_client.iter().map(|(_, count)| *count).collect();
    assert_eq!(whose.iter().sum::<u32>(), info.queue + info.tasks);
    assert_eq!(unassigned_names.len(), unassigned as usize);
    let waiting: Vec<u64> = unassigned_names.iter().map(|name| name.request.0).collect();
    let last: Vec<u64> = (9 - u64::from(unassigned)..9).collect();
    assert_eq!(waiting, last, "the oldest went first");
    // What a client left behind has no name any more.
    scene.close(other);
    scene.close(asks);
}
