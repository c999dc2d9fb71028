//! Following what others do: who is told what, and how much of it.

use super::*;
use crate::message::{Activity, Output};

fn watch(targets: &[Engine]) -> FromClient {
    FromClient::Watch {
        query: QueryId(1),
        targets: targets.iter().map(|engine| engine.id).collect(),
    }
}

fn print(scene: &mut Scene, engine: Engine, ticket: Ticket, text: &str) {
    let output = Output::Stdout(text.to_owned());
    let ticket = Some(ticket);
    scene.report(engine, FromEngine::Output { ticket, output });
}

/// Takes what a watcher was told, in short.
fn seen(scene: &mut Scene, watcher: ConnectionId) -> Vec<String> {
    let told = scene.told(watcher).into_iter();
    let told = told.filter_map(|message| match message {
        ToClient::Watched {
            engine,
            task,
            activity,
        } => Some(match activity {
            Activity::Started {
                by,
                operation,
                what,
            } => format!(
                "{engine}: {} starts {} {operation} {what}",
                by.name, task.request
            ),
            Activity::Output(Output::Stdout(text)) => format!("{engine}: {text}"),
            Activity::Output(other) => format!("{engine}: {other:?}"),
            Activity::Ended { failure: None, .. } => format!("{engine}: {} is done", task.request),
            Activity::Ended { failure, .. } => {
                format!(
                    "{engine}: {}",
                    failure.map_or(String::new(), |(name, _)| name)
                )
            }
        }),
        ToClient::WatchLost { count } => Some(format!("{count} lost")),
        _ => None,
    });
    told.collect()
}

#[test]
fn who_watches_is_told_what_others_do() {
    let mut scene = Scene::new();
    let [a, b] = scene.engines();
    let (watcher, other) = (scene.client(), scene.client());
    scene.request(other, 1, &[a], push());
    scene.request(other, 2, &[a], push());
    scene.say(watcher, watch(&[]));
    let begun = seen(&mut scene, watcher);
    assert_eq!(
        begun,
        ["0: ada@example starts 1 push "],
        "what runs already, too"
    );
    let runs = scene.runs(a);
    print(&mut scene, a, runs[0], "hello");
    scene.finish(a, runs[0]);
    scene.raise(a, runs[1]);
    scene.request(watcher, 1, &[b], push());
    let run = scene.runs(b)[0];
    scene.finish(b, run);
    let told = [
        "0: hello",
        "0: 1 is done",
        "0: ada@example starts 2 push ",
        "0: ValueError",
    ];
    assert_eq!(seen(&mut scene, watcher), told, "and nothing of one's own");

    scene.say(watcher, watch(&[b]));
    scene.request(other, 3, &[a], push());
    scene.request(other, 4, &[b], push());
    scene.told(other);
    assert_eq!(seen(&mut scene, watcher), ["1: ada@example starts 4 push "]);
    scene.close(b.connection);
    assert_eq!(seen(&mut scene, watcher), ["1: EngineError"]);
    scene.say(watcher, FromClient::Unwatch { query: QueryId(2) });
    let run = scene.runs(a)[0];
    scene.finish(a, run);
    assert_eq!(seen(&mut scene, watcher), [""; 0]);
    scene.inboxes.clear();
    scene.end();
}

#[test]
fn who_is_slow_loses_the_oldest_and_is_told_how_much() {
    let mut scene = Scene::new();
    let engine = scene.engine();
    let (watcher, other) = (scene.client(), scene.client());
    scene.say(watcher, watch(&[]));
    scene.told(watcher);
    scene.request(other, 1, &[engine], push());
    let run = scene.runs(engine)[0];
    for number in 0..2000 {
        print(&mut scene, engine, run, &number.to_string());
    }
    let told = seen(&mut scene, watcher);
    assert_eq!(told.len(), 256, "so much without having seen any of it");
    assert_eq!(told[255], "0: 254");
    scene.say(watcher, FromClient::WatchSeen { count: 10 });
    let told = seen(&mut scene, watcher);
    let lost = 2000 - 255 - 1024;
    assert_eq!(told.len(), 10);
    assert_eq!(told[0], format!("{lost} lost"));
    assert_eq!(told[1], format!("0: {}", 255 + lost), "the oldest is gone");
    for _ in 0..10 {
        scene.say(watcher, FromClient::WatchSeen { count: u32::MAX });
    }
    let told = seen(&mut scene, watcher);
    assert_eq!(told.last().unwrap(), "0: 1999", "the newest is there");
    scene.finish(engine, run);
    scene.inboxes.clear();
    scene.end();
}

#[test]
fn who_turns_to_other_engines_is_told_nothing_of_the_ones_before() {
    let mut scene = Scene::new();
    let [a, b] = scene.engines();
    let (watcher, other) = (scene.client(), scene.client());
    scene.say(watcher, watch(&[a]));
    scene.request(other, 1, &[a], push());
    let run = scene.runs(a)[0];
    for number in 0..2000 {
        print(&mut scene, a, run, &number.to_string());
    }
    assert_eq!(seen(&mut scene, watcher).len(), 256, "the rest is kept");
    scene.say(watcher, watch(&[b]));
    scene.request(other, 2, &[b], push());
    scene.say(watcher, FromClient::WatchSeen { count: 256 });
    assert_eq!(seen(&mut scene, watcher), ["1: ada@example starts 2 push "]);
    for engine in [a, b] {
        for run in scene.runs(engine) {
            scene.finish(engine, run);
        }
    }
    scene.finish(a, run);
    scene.inboxes.clear();
    scene.end();
}

#[test]
fn who_stops_watching_and_begins_again_has_still_to_see_what_it_was_sent() {
    let mut scene = Scene::new();
    let engine = scene.engine();
    let (watcher, other) = (scene.client(), scene.client());
    scene.say(watcher, watch(&[]));
    scene.request(other, 1, &[engine], push());
    let run = scene.runs(engine)[0];
    for number in 0..200 {
        print(&mut scene, engine, run, &number.to_string());
    }
    assert_eq!(seen(&mut scene, watcher).len(), 201);
    scene.say(watcher, FromClient::Unwatch { query: QueryId(2) });
    scene.say(watcher, FromClient::WatchSeen { count: 100 });
    scene.say(watcher, watch(&[]));
    for number in 200..400 {
        print(&mut scene, engine, run, &number.to_string());
    }
    let told = seen(&mut scene, watcher);
    assert_eq!(told.len(), 256 - 101);
    assert_eq!(told[0], "0: ada@example starts 1 push ");
    scene.finish(engine, run);
    scene.inboxes.clear();
    scene.end();
}

#[test]
fn who_watches_later_than_others_is_told_what_runs() {
    let mut scene = Scene::new();
    let engine = scene.engine();
    let (first, other) = (scene.client(), scene.client());
    scene.say(first, watch(&[]));
    scene.request(other, 1, &[engine], push());
    let begun = ["0: ada@example starts 1 push "];
    assert_eq!(seen(&mut scene, first), begun);
    let second = scene.client();
    scene.say(second, watch(&[]));
    scene.say(other, watch(&[]));
    assert_eq!(seen(&mut scene, second), begun);
    assert_eq!(seen(&mut scene, first), [""; 0], "it knows");
    assert_eq!(seen(&mut scene, other), [""; 0], "it is its own");
    let run = scene.runs(engine)[0];
    scene.finish(engine, run);
    for watcher in [first, second] {
        assert_eq!(seen(&mut scene, watcher), ["0: 1 is done"]);
    }
    scene.inboxes.clear();
    scene.end();
}

#[test]
fn answers_are_told_together_where_that_is_asked() {
    let mut scene = Scene::new();
    let [a, b] = scene.engines();
    let client = scene.client();
    scene.say(
        client,
        FromClient::Request {
            request: RequestId(1),
            targets: vec![a.id, b.id],
            work: push(),
            manner: Manner {
                gathers: true,
                ..Manner::default()
            },
        },
    );
    let (on_a, on_b) = (scene.runs(a)[0], scene.runs(b)[0]);
    scene.finish(b, on_b);
    assert_eq!(scene.told(client), []);
    scene.raise(a, on_a);
    let told = scene.told(client);
    let [ToClient::Gathered { request, parts }] = &told[..] else {
        panic!("one message was expected, not {told:?}")
    };
    assert_eq!(*request, RequestId(1));
    let engines: Vec<_> = parts.iter().map(|part| part.engine).collect();
    assert_eq!(engines, [Some(b.id), Some(a.id)]);
    assert!(matches!(parts[1].outcome, Outcome::Failed(_)));
    scene.inboxes.clear();
    scene.end();
}

fn gather(scene: &mut Scene, client: ConnectionId, targets: &[Engine]) -> Vec<Ticket> {
    scene.say(
        client,
        FromClient::Request {
            request: RequestId(1),
            targets: targets.iter().map(|engine| engine.id).collect(),
            work: push(),
            manner: Manner {
                gathers: true,
                ..Manner::default()
            },
        },
    );
    targets
        .iter()
        .map(|engine| scene.runs(*engine)[0])
        .collect()
}

fn answer(scene: &mut Scene, engine: Engine, ticket: Ticket, outcome: Outcome, data: Payload) {
    let message = FromEngine::Finished {
        ticket,
        outcome,
        timing: Timing::default(),
    };
    scene.tell(engine.connection, ToController::Engine(message), data);
}

/// Takes how many answers each message has that a client was told, 0 for one that is told alone.
fn counts(scene: &mut Scene, client: ConnectionId) -> Vec<usize> {
    let told = scene.told(client).into_iter();
    told.map(|message| match message {
        ToClient::Gathered { parts, .. } => parts.len(),
        ToClient::Result { .. } => 0,
        other => panic!("only answers were expected, not {other:?}"),
    })
    .collect()
}

#[test]
fn answers_told_together_are_never_more_than_a_message_may_be() {
    let mut scene = Scene::new();
    let engines: [Engine; 3] = scene.engines();
    let client = scene.client();
    let tickets = gather(&mut scene, client, &engines);
    let long = Failure {
        message: "x".repeat(600_000),
        ..raised("ValueError")
    };
    for (engine, ticket) in engines.into_iter().zip(tickets) {
        let outcome = Outcome::Failed(long.clone());
        answer(&mut scene, engine, ticket, outcome, Payload::default());
    }
    assert_eq!(counts(&mut scene, client), [1, 1, 1]);

    let tickets = gather(&mut scene, client, &engines);
    let many = Payload::from(vec![bytes::Bytes::new(); 20_000]);
    for (engine, ticket) in engines.into_iter().zip(tickets) {
        answer(&mut scene, engine, ticket, Outcome::Done, many.clone());
    }
    assert_eq!(counts(&mut scene, client), [0, 0, 0]);
    scene.end();
}

#[test]
fn answers_told_together_keep_to_the_limit_of_payloads() {
    let mut scene = Scene::with(Config {
        payload_bytes_max: 300,
        ..Config::default()
    });
    let engines: [Engine; 3] = scene.engines();
    let client = scene.client();
    let tickets = gather(&mut scene, client, &engines);
    for ((engine, ticket), bytes) in engines.into_iter().zip(tickets).zip([250, 20, 20]) {
        answer(&mut scene, engine, ticket, Outcome::Done, payload(bytes));
    }
    assert_eq!(counts(&mut scene, client), [0, 2], "the largest goes alone");
    scene.end();
}
