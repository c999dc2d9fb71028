//! Records, what goes on without its client, and results that others fetch.

use super::*;
use crate::id::ClientId;
use crate::message::TaskName;
use crate::record::{Fetched, PieceName, Question, StoreAnswer};
use std::sync::Arc;

fn scene() -> Scene {
    Scene::with(Config {
        keeps_records: true,
        ..Config::default()
    })
}

fn name(client: u32, request: u64) -> PieceName {
    PieceName {
        session: None,
        task: TaskName {
            client: ClientId(client),
            request: RequestId(request),
        },
        engine: None,
    }
}

/// What is recorded of pieces, in short.
fn told(scene: &mut Scene) -> Vec<String> {
    let records = std::mem::take(&mut scene.records).into_iter();
    let words = records.map(|record| match record {
        Record::ClientJoined { client, .. } => format!("client {client}"),
        Record::FunctionStored { name, .. } => format!("function {name}"),
        Record::Accepted(accepted) => format!(
            "accepted {} of {}.{} {}",
            accepted.number,
            accepted.task.client,
            accepted.task.request,
            accepted.work.operation.name(),
        ),
        Record::Printed { number, output } => format!("printed {number} {output:?}"),
        Record::Ended(ended) => {
            let wanted = if ended.is_wanted { " wanted" } else { "" };
            match ended.outcome {
                Outcome::Done => format!("done {}{wanted}", ended.number),
                Outcome::Failed(failure) => {
                    format!("failed {}{wanted}: {}", ended.number, failure.exception)
                }
            }
        }
    });
    words.collect()
}

fn fetch(scene: &mut Scene, client: ConnectionId, first: u64, pieces: Vec<PieceName>) {
    let first = RequestId(first);
    let message = FromClient::Fetch { first, pieces };
    scene.say(client, message);
}

fn fetched(scene: &mut Scene, client: u32, request: u64) {
    let fetched = Fetched {
        engine: Some(EngineId(0)),
        outcome: Outcome::Done,
        timing: Timing::default(),
        outputs: vec![Output::Stdout("hello".to_owned())],
    };
    scene.handle(Event::RecordFetched {
        client: ClientId(client),
        request: RequestId(request),
        fetched: Ok(fetched),
        payload: Payload::default(),
    });
}

#[test]
fn a_piece_is_recorded_from_its_begin_to_its_end() {
    let mut scene = scene();
    let client = scene.client();
    let engine = scene.engine();
    let label = Some("first".to_owned());
    let message = FromClient::SetLabel { label };
    scene.say(client, message);
    scene.request(client, 1, &[engine], execute(false));
    let labels = scene.records.iter().filter_map(|record| match record {
        Record::Accepted(accepted) => accepted.label.as_deref(),
        _ => None,
    });
    assert_eq!(labels.collect::<Vec<_>>(), ["first"]);
    let ticket = scene.runs(engine)[0];
    let output = Output::Stdout("hello".to_owned());
    let message = FromEngine::Output {
        ticket: Some(ticket),
        output,
    };
    scene.report(engine, message);
    scene.finish(engine, ticket);
    let expected = [
        "client 0",
        "accepted 0 of 0.1 execute",
        "printed 0 Stdout(\"hello\")",
        "done 0",
    ];
    assert_eq!(told(&mut scene), expected);
}

#[test]
fn without_a_store_nothing_is_recorded_or_fetched() {
    let mut scene = Scene::new();
    let client = scene.client();
    let engine = scene.engine();
    scene.request(client, 1, &[engine], execute(false));
    let ticket = scene.runs(engine)[0];
    scene.finish(engine, ticket);
    assert_eq!(told(&mut scene), [""; 0]);
    scene.take(client);
    fetch(&mut scene, client, 2, vec![name(0, 1)]);
    let told = scene.told(client);
    let refused = matches!(
        &told[..],
        [ToClient::Result { outcome: Outcome::Failed(failure), .. }]
            if failure.exception == "TaskStoreError"
    );
    assert!(refused, "{told:?}");
}

#[test]
fn what_a_client_leaves_goes_on_and_is_kept() {
    let mut scene = scene();
    let client = scene.client();
    let engine = scene.engine();
    scene.request(client, 1, &[engine], execute(false));
    scene.task(client, 2, 0);
    told(&mut scene);
    scene.close(client);
    let tickets = scene.runs(engine);
    scene.finish(engine, tickets[0]);
    assert_eq!(told(&mut scene), ["done 0 wanted"]);
    let mut rest = tickets[1..].to_vec();
    rest.extend(scene.runs(engine));
    scene.finish(engine, rest[0]);
    assert_eq!(told(&mut scene), ["done 1 wanted"]);
    assert_eq!(scene.controller.unfinished(), (0, 0, 0));
}

#[test]
fn a_result_of_somebody_else_is_told_when_it_is_there() {
    let mut scene = scene();
    let (owner, other) = (scene.client(), scene.client());
    let engine = scene.engine();
    scene.request(owner, 1, &[engine], execute(false));
    let ticket = scene.runs(engine)[0];
    scene.take(other);
    fetch(&mut scene, other, 5, vec![name(0, 1), name(0, 9)]);
    // What isn't known here is looked for at once.
    let asked = std::mem::take(&mut scene.asked_of_store);
    let [Action::FetchRecord { request, .. }] = &asked[..] else {
        panic!("{asked:?}")
    };
    assert_eq!(*request, RequestId(6));
    assert_eq!(scene.told(other), []);
    told(&mut scene);
    scene.finish(engine, ticket);
    assert_eq!(told(&mut scene), ["done 0 wanted"]);
    let asked = std::mem::take(&mut scene.asked_of_store);
    let [Action::FetchRecord { request, piece, .. }] = &asked[..] else {
        panic!("{asked:?}")
    };
    assert_eq!((*request, piece.task), (RequestId(5), name(0, 1).task));
    fetched(&mut scene, 1, 5);
    let told = scene.told(other);
    let is_told = matches!(
        &told[..],
        [
            ToClient::Output { .. },
            ToClient::Result {
                outcome: Outcome::Done,
                ..
            }
        ]
    );
    assert!(is_told, "{told:?}");
    // An answer that nobody waits for any more is nothing to anybody.
    fetched(&mut scene, 1, 5);
    assert_eq!(scene.told(other), []);
}

#[test]
fn who_fetches_may_abort_and_may_leave() {
    let mut scene = scene();
    let (owner, other) = (scene.client(), scene.client());
    let engine = scene.engine();
    scene.request(owner, 1, &[engine], execute(false));
    scene.request(owner, 2, &[engine], execute(false));
    let tickets = scene.runs(engine);
    fetch(&mut scene, other, 1, vec![name(0, 2)]);
    scene.close(owner);
    let message = FromClient::Abort {
        query: QueryId(3),
        requests: vec![RequestId(1)],
        targets: Vec::new(),
    };
    told(&mut scene);
    scene.say(other, message);
    scene.give_back(engine, tickets[1], true);
    assert_eq!(told(&mut scene), ["failed 1 wanted: TaskAborted"]);
    fetch(&mut scene, other, 4, vec![name(0, 1)]);
    scene.close(other);
    scene.finish(engine, tickets[0]);
    assert_eq!(told(&mut scene), ["done 0 wanted"]);
    assert_eq!(scene.controller.unfinished(), (0, 0, 0));
}

#[test]
fn what_the_store_is_asked_is_answered_once() {
    let mut scene = scene();
    let client = scene.client();
    let query = QueryId(7);
    let question = Question::State;
    let message = FromClient::AskStore { query, question };
    scene.say(client, message);
    assert_eq!(scene.asked_of_store.len(), 1);
    assert_eq!(scene.told(client), []);
    scene.handle(Event::StoreAnswered {
        client: ClientId(0),
        query,
        answer: StoreAnswer::Noted,
        payload: Payload::default(),
    });
    let answer = Answer::Store(StoreAnswer::Noted);
    assert_eq!(scene.told(client), [ToClient::Answer { query, answer }]);
}

#[test]
fn code_is_there_once_however_many_engines_run_it() {
    let mut scene = scene();
    let engines = scene.engines::<3>();
    let client = scene.client();
    scene.request(client, 1, &engines, execute(false));
    let code = |work: Work| match work.operation {
        Operation::Execute { code, .. } => code,
        other => panic!("only code was sent, not {other:?}"),
    };
    let mut codes = Vec::new();
    for record in std::mem::take(&mut scene.records) {
        if let Record::Accepted(accepted) = record {
            assert_eq!(accepted.shared_by, 3);
            codes.push(code(accepted.work));
        }
    }
    for engine in engines {
        for order in scene.orders(engine) {
            match order {
                ToEngine::Run { ticket, work } => {
                    codes.push(code(work));
                    scene.finish(engine, ticket);
                }
                other => panic!("only work was expected, not {other:?}"),
            }
        }
    }
    assert_eq!(codes.len(), 6);
    assert!(codes.iter().all(|code| Arc::ptr_eq(code, &codes[0])));
    scene.inboxes.clear();
    scene.end();
}
