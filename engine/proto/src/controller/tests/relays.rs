use super::super::relays::RECIPIENTS_MAX;
use super::*;
use crate::arrivals::Arrivals;
use crate::frame::{Decoder, HEADER_BYTES_MAX, Kind, Limits, encode_head};
use crate::message::{Recipient, Relayed, Turn};

fn relay(scene: &mut Scene, client: ConnectionId, request: u64, targets: &[Engine], work: Work) {
    let request = FromClient::Request {
        request: RequestId(request),
        targets: targets.iter().map(|engine| engine.id).collect(),
        work,
        manner: Manner {
            relays: true,
            ..Manner::default()
        },
    };
    scene.tell(client, ToController::Client(request), payload(8));
}

fn store(scene: &mut Scene, client: ConnectionId, function: u8) {
    let message = FromClient::StoreBlob {
        blob: BlobId([function; 32]),
        name: "f".to_owned(),
    };
    scene.tell(client, ToController::Client(message), payload(5));
}

/// Takes the work that a host was told to pass on: to whom, at what turn, and by which tickets.
fn passed_on(scene: &mut Scene, host: ConnectionId) -> Vec<(u32, Turn, Ticket)> {
    match &scene.take(host)[..] {
        [FromController::Host(ToHost::RelayRun { to, .. })] => to
            .iter()
            .map(|(recipient, ticket)| (recipient.pid, recipient.turn, *ticket))
            .collect(),
        other => panic!("one relayed request was expected, not {other:?}"),
    }
}

/// Takes the work that an engine was sent behind what is relayed to it.
fn runs_behind(scene: &mut Scene, engine: Engine) -> Vec<Ticket> {
    let orders = scene.orders(engine).into_iter();
    orders
        .filter_map(|order| match order {
            ToEngine::Run { ticket, .. } => Some(ticket),
            ToEngine::Await { .. } => None,
            other => panic!("only work was expected, not {other:?}"),
        })
        .collect()
}

fn turn(number: u64, after: u64) -> Turn {
    Turn { number, after }
}

#[test]
fn a_request_goes_to_each_host_once_and_alone_where_it_is_alone() {
    let mut scene = Scene::new();
    let hosts = [10, 20].map(|pid| scene.host(pid));
    let near = [11, 12].map(|pid| scene.engine_of(Some(10), pid));
    let far = scene.engine_of(Some(20), 21);
    let free = scene.engine();
    let client = scene.client();
    relay(
        &mut scene,
        client,
        1,
        &[near[0], near[1], far, free],
        push(),
    );
    let sent = passed_on(&mut scene, hosts[0]);
    let [first, second] = [sent[0].2, sent[1].2];
    assert_eq!(sent, [(11, turn(1, 0), first), (12, turn(1, 0), second)]);
    assert_eq!(scene.take(hosts[1]), [], "its only engine is told itself");
    let [
        ToEngine::Relayed {
            turn: alone,
            message: Relayed::Run { ticket, .. },
        },
    ] = scene.orders(far)[..]
    else {
        panic!("it has what it was sent");
    };
    assert_eq!(alone, turn(1, 0));
    let runs = scene.runs(free);
    for (engine, ticket) in [
        (near[0], first),
        (near[1], second),
        (far, ticket),
        (free, runs[0]),
    ] {
        scene.finish(engine, ticket);
    }
    assert_eq!(scene.results(client).len(), 4);
    scene.end();
}

/// The longest cell that a client can send, to as many engines as one message to a host names.
#[test]
fn what_a_client_can_send_can_be_passed_on() {
    let limits = Limits::default();
    let cell = |bytes: usize| Work {
        operation: Operation::Execute {
            code: "#".repeat(bytes).into(),
            silent: false,
            stop_on_error: true,
        },
        function: None,
    };
    let can_be_sent = |bytes: &usize| {
        let message = ToController::Client(FromClient::Request {
            request: RequestId(0),
            targets: vec![EngineId(0), EngineId(1)],
            work: cell(*bytes),
            manner: Manner::default(),
        });
        encode_head(Kind::ToController, &message, &Payload::default(), &limits).is_ok()
    };
    let mut lengths = (HEADER_BYTES_MAX - 100..HEADER_BYTES_MAX).rev();
    let longest = lengths.find(can_be_sent).expect("what is around is short");
    assert!(!can_be_sent(&(longest + 1)));

    let last = turn(u64::MAX, u64::MAX);
    let recipient = Recipient {
        pid: u32::MAX,
        turn: last,
    };
    let ticket = Ticket(u64::MAX);
    let work = cell(longest);
    let to_host = FromController::Host(ToHost::RelayRun {
        work: work.clone(),
        to: vec![(recipient, ticket); RECIPIENTS_MAX],
    });
    let to_engine = FromController::Engine(ToEngine::Relayed {
        turn: last,
        message: Relayed::Run { ticket, work },
    });
    for message in [to_host, to_engine] {
        let kind = Kind::FromController;
        let head = encode_head(kind, &message, &Payload::default(), &limits).unwrap();
        let mut decoder = Decoder::new(kind, limits);
        let mut rest = &head[..];
        let mut received = None;
        while !rest.is_empty() {
            let space = decoder.space();
            let count = space.len().min(rest.len());
            space[..count].copy_from_slice(&rest[..count]);
            decoder.filled(count);
            rest = &rest[count..];
            received = decoder.next::<FromController>().unwrap();
        }
        assert!(received.is_some_and(|(received, _)| received == message));
    }
}

#[test]
fn what_is_sent_after_waits_for_what_is_relayed() {
    let mut scene = Scene::new();
    let host = scene.host(10);
    let engines = [11, 12].map(|pid| scene.engine_of(Some(10), pid));
    let client = scene.client();
    scene.request(client, 1, &engines[..1], push());
    let before = scene.runs(engines[0]);
    relay(&mut scene, client, 2, &engines, push());
    let sent = passed_on(&mut scene, host);
    assert_eq!((sent[0].1, sent[1].1), (turn(1, 1), turn(1, 0)));
    scene.request(client, 3, &engines, push());
    let [
        ToEngine::Await { relayed: 1 },
        ToEngine::Run { ticket: after, .. },
    ] = scene.orders(engines[0])[..]
    else {
        panic!("it waits for what is relayed");
    };
    scene.request(client, 4, &engines[..1], push());
    let last = scene.runs(engines[0]);
    for ticket in [before[0], sent[0].2, after, last[0]] {
        scene.finish(engines[0], ticket);
    }
    let [_, ToEngine::Run { ticket: after, .. }] = scene.orders(engines[1])[..] else {
        panic!("it waits for what is relayed, too");
    };
    for ticket in [sent[1].2, after] {
        scene.finish(engines[1], ticket);
    }
    assert_eq!(scene.results(client).len(), 6);
    scene.end();
}

#[test]
fn a_function_is_relayed_to_those_who_don_t_have_it() {
    let mut scene = Scene::new();
    let host = scene.host(10);
    let engines = [11, 12, 13].map(|pid| scene.engine_of(Some(10), pid));
    let client = scene.client();
    store(&mut scene, client, 7);
    scene.request(client, 1, &engines[..1], apply(7));
    let [
        ToEngine::StoreBlob { .. },
        ToEngine::Run { ticket: before, .. },
    ] = scene.orders(engines[0])[..]
    else {
        panic!("it gets the function");
    };
    relay(&mut scene, client, 2, &engines, apply(7));
    let messages = scene.take_with_payloads(host);
    let [
        (FromController::Host(ToHost::RelayBlob { to, .. }), content),
        (run, _),
    ] = &messages[..]
    else {
        panic!("the function goes first: {messages:?}");
    };
    let recipient = |pid| Recipient {
        pid,
        turn: turn(1, 0),
    };
    assert_eq!(to, &[recipient(12), recipient(13)]);
    assert_eq!(content.bytes(), 5);
    let FromController::Host(ToHost::RelayRun { to, .. }) = run else {
        panic!("then the work: {run:?}");
    };
    let turns: Vec<_> = to.iter().map(|(recipient, _)| recipient.turn).collect();
    assert_eq!(turns, [turn(1, 2), turn(2, 0), turn(2, 0)]);
    scene.finish(engines[0], before);
    for (engine, (_, ticket)) in engines.into_iter().zip(to) {
        scene.finish(engine, *ticket);
    }
    assert_eq!(scene.results(client).len(), 4);
    scene.say(
        client,
        FromClient::ForgetBlob {
            blob: BlobId([7; 32]),
        },
    );
    scene.end();
}

#[test]
fn what_a_dead_host_may_have_kept_comes_again_and_is_taken_once() {
    let mut scene = Scene::new();
    let host = scene.host(10);
    let engines = [11, 12].map(|pid| scene.engine_of(Some(10), pid));
    let client = scene.client();
    store(&mut scene, client, 7);
    relay(&mut scene, client, 1, &engines, apply(7));
    let messages = scene.take(host);
    let FromController::Host(ToHost::RelayRun { work, to }) = &messages[1] else {
        panic!("the work is relayed: {messages:?}");
    };
    scene.request(client, 2, &engines[..1], push());
    // The first engine has got and answered it; the second nothing.
    scene.finish(engines[0], to[0].1);
    scene.close(host);
    let mut arrivals = Arrivals::default();
    let orders = scene.orders(engines[0]);
    assert_eq!(orders[0], ToEngine::Await { relayed: 2 });
    assert_eq!(orders.len(), 2, "what was answered had arrived");
    let again = scene.orders(engines[1]);
    let run = Relayed::Run {
        ticket: to[1].1,
        work: work.clone(),
    };
    let blob = Relayed::StoreBlob {
        blob: BlobId([7; 32]),
    };
    let relayed = |number, message| ToEngine::Relayed {
        turn: turn(number, 0),
        message,
    };
    assert_eq!(again, [relayed(1, blob.clone()), relayed(2, run.clone())]);
    for message in again {
        arrivals.on_direct(message, Payload::default());
    }
    let taken = |arrivals: &mut Arrivals| std::iter::from_fn(|| arrivals.poll()).count();
    assert_eq!(taken(&mut arrivals), 2);
    arrivals.on_relayed(turn(1, 0), blob, Payload::default());
    arrivals.on_relayed(turn(2, 0), run, Payload::default());
    assert_eq!(
        taken(&mut arrivals),
        0,
        "the host had passed it on after all"
    );
    // From here on everything comes from the controller.
    relay(&mut scene, client, 3, &engines, push());
    let runs = engines.map(|engine| runs_behind(&mut scene, engine));
    let ToEngine::Run { ticket, .. } = orders[1] else {
        panic!("the request follows: {orders:?}");
    };
    for (engine, ticket) in [
        (engines[0], ticket),
        (engines[0], runs[0][0]),
        (engines[1], to[1].1),
        (engines[1], runs[1][0]),
    ] {
        scene.finish(engine, ticket);
    }
    assert_eq!(scene.results(client).len(), 5);
    scene.say(
        client,
        FromClient::ForgetBlob {
            blob: BlobId([7; 32]),
        },
    );
    scene.end();
}

#[test]
fn a_host_says_whom_it_can_t_reach() {
    let mut scene = Scene::new();
    let host = scene.host(10);
    let engines = [11, 12].map(|pid| scene.engine_of(Some(10), pid));
    let client = scene.client();
    relay(&mut scene, client, 1, &engines, push());
    let sent = passed_on(&mut scene, host);
    let message = FromHost::NotRelayed { pid: 12 };
    scene.tell(
        host,
        ToController::Host(message.clone()),
        Payload::default(),
    );
    scene.tell(host, ToController::Host(message), Payload::default());
    let [ToEngine::Relayed { turn: again, .. }] = scene.orders(engines[1])[..] else {
        panic!("it comes again, once");
    };
    assert_eq!(again, sent[1].1);
    for (engine, (_, _, ticket)) in engines.into_iter().zip(sent) {
        scene.finish(engine, ticket);
    }
    relay(&mut scene, client, 2, &engines, push());
    let [
        ToEngine::Relayed {
            message: Relayed::Run { ticket, .. },
            ..
        },
    ] = scene.orders(engines[0])[..]
    else {
        panic!("the host's only engine within reach is told itself");
    };
    let runs = runs_behind(&mut scene, engines[1]);
    scene.finish(engines[0], ticket);
    scene.finish(engines[1], runs[0]);
    assert_eq!(scene.results(client).len(), 4);
    scene.end();
}

#[test]
fn what_must_wait_goes_alone_when_its_time_comes() {
    let mut scene = Scene::with(Config {
        window_requests_max: 1,
        ..Config::default()
    });
    let host = scene.host(10);
    let engines = [11, 12].map(|pid| scene.engine_of(Some(10), pid));
    let client = scene.client();
    scene.request(client, 1, &engines, push());
    let first = engines.map(|engine| scene.runs(engine));
    relay(&mut scene, client, 2, &engines, push());
    assert_eq!(scene.take(host), [], "both are busy");
    for (engine, runs) in engines.into_iter().zip(first) {
        scene.finish(engine, runs[0]);
        let next = scene.runs(engine);
        scene.finish(engine, next[0]);
    }
    assert_eq!(scene.results(client).len(), 4);
    scene.end();
}
