//! Engines that are one client's alone: who waits, who is told, and what ends it.

use super::*;
use crate::controller::locks::Others;
use std::cell::Cell;

fn lock(query: u64, targets: &[Engine], wait_us: Option<u64>, limit_us: Option<u64>) -> FromClient {
    FromClient::Lock {
        query: QueryId(query),
        targets: targets.iter().map(|engine| engine.id).collect(),
        label: "tuning".to_owned(),
        wait_us,
        limit_us,
    }
}

fn unlock(query: u64, lock: u64) -> FromClient {
    FromClient::Unlock {
        query: QueryId(query),
        lock: QueryId(lock),
    }
}

fn refusal(scene: &mut Scene, client: ConnectionId) -> String {
    match scene.answer(client) {
        Answer::Refused { reason } => reason,
        other => panic!("a refusal was expected, not {other:?}"),
    }
}

fn is_told_of_lock(told: &[ToClient]) -> bool {
    let [ToClient::Locked { holder, engines }] = told else {
        return false;
    };
    holder.name == "ada@example" && holder.label == "tuning" && !engines.is_empty()
}

#[test]
fn a_lock_begins_when_what_others_asked_before_has_ended() {
    let mut scene = Scene::new();
    let [a, b] = scene.engines();
    let (holder, other) = (scene.client(), scene.client());
    scene.request(other, 1, &[a], push());
    scene.request(other, 2, &[a], push());
    let runs = scene.runs(a);
    scene.say(holder, lock(1, &[a, b], None, None));
    assert_eq!(scene.told(holder), []);
    scene.request(other, 3, &[a, b], push());
    assert!(is_told_of_lock(&scene.told(other)), "once for the lock");
    scene.finish(a, runs[0]);
    assert_eq!(scene.told(holder), [], "one is still there");
    scene.finish(a, runs[1]);
    assert_eq!(scene.answer(holder), Answer::Done);
    assert_eq!((scene.runs(a).len(), scene.runs(b).len()), (0, 0));

    scene.request(holder, 4, &[a, b], push());
    let (on_a, on_b) = (scene.runs(a)[0], scene.runs(b)[0]);
    scene.say(holder, unlock(2, 1));
    assert_eq!(scene.answer(holder), Answer::Done);
    let others = (scene.runs(a), scene.runs(b));
    assert_eq!((others.0.len(), others.1.len()), (1, 1), "now they run");
    for (engine, run) in [(a, on_a), (b, on_b), (a, others.0[0]), (b, others.1[0])] {
        scene.finish(engine, run);
    }
    scene.inboxes.clear();
    scene.end();
}

#[test]
fn a_lock_ends_with_its_client_and_with_its_time() {
    let mut scene = Scene::with(Config {
        heartbeat_misses_max: 100,
        ..Config::default()
    });
    let engine = scene.engine();
    let (first, second, other) = (scene.client(), scene.client(), scene.client());
    scene.say(first, lock(1, &[engine], None, None));
    assert_eq!(scene.answer(first), Answer::Done);
    scene.say(second, lock(1, &[engine], None, Some(1_000_000)));
    scene.request(other, 1, &[engine], push());
    assert_eq!(scene.runs(engine).len(), 0);
    scene.close(first);
    assert_eq!(scene.told(second), [], "what was asked before is first");
    let run = scene.runs(engine)[0];
    scene.told(other);
    scene.request(other, 2, &[engine], push());
    assert!(is_told_of_lock(&scene.told(other)));
    scene.finish(engine, run);
    assert_eq!(scene.answer(second), Answer::Done);
    scene.pass_us(999_999);
    assert_eq!(scene.runs(engine).len(), 0);
    scene.pass_us(1);
    let runs = scene.runs(engine);
    assert_eq!(runs.len(), 1, "its time is over");
    scene.finish(engine, runs[0]);
    scene.say(second, unlock(2, 1));
    assert!(refusal(&mut scene, second).contains("not yours alone any more"));
    scene.inboxes.clear();
    scene.end();
}

#[test]
fn who_does_not_wait_is_told_by_whom() {
    let mut scene = Scene::with(Config {
        heartbeat_misses_max: 100,
        ..Config::default()
    });
    let engine = scene.engine();
    let (holder, other) = (scene.client(), scene.client());
    scene.say(holder, lock(1, &[engine], None, None));
    assert_eq!(scene.answer(holder), Answer::Done);
    let sentence = "engine 0 is used exclusively by ada@example (pid 50), for tuning";
    scene.say(other, lock(1, &[engine], Some(0), None));
    assert_eq!(refusal(&mut scene, other), sentence);
    scene.say(other, lock(2, &[engine], Some(1_000_000), None));
    scene.pass_us(1_000_000);
    assert_eq!(refusal(&mut scene, other), format!("{sentence} after 1 s"));
    let request = FromClient::Request {
        request: RequestId(1),
        targets: vec![engine.id],
        work: push(),
        manner: Manner {
            waits: false,
            ..Manner::default()
        },
    };
    scene.say(other, request);
    let told = scene.results(other);
    assert_eq!(told, [(1, Some(0), Err(FailureKind::Locked))]);
    let absent = Engine {
        id: EngineId(7),
        ..engine
    };
    scene.say(other, lock(3, &[absent], None, None));
    assert!(refusal(&mut scene, other).contains("no engine 7"));
    scene.say(other, lock(4, &[], None, None));
    refusal(&mut scene, other);
    scene.inboxes.clear();
    scene.end();
}

#[test]
fn who_has_engines_waits_for_nobody() {
    let mut scene = Scene::new();
    let [a, b, c] = scene.engines();
    let (first, second) = (scene.client(), scene.client());
    scene.say(first, lock(1, &[a], None, None));
    scene.say(second, lock(1, &[b], None, None));
    scene.told(first);
    scene.told(second);
    scene.say(first, lock(2, &[b, c], None, None));
    assert!(refusal(&mut scene, first).contains("wait for each other"));
    scene.request(second, 1, &[a], push());
    let told = scene.results(second);
    assert_eq!(told, [(1, Some(0), Err(FailureKind::Locked))]);
    let terms = Terms {
        targets: vec![b.id],
        ..Terms::default()
    };
    scene.task_under(first, 3, terms);
    assert_eq!(scene.results(first), [(3, None, Err(FailureKind::Locked))]);
    // A third one waits, and keeps nothing from anybody by that.
    let third = scene.client();
    scene.say(third, lock(1, &[a, c], None, None));
    scene.say(first, lock(4, &[a, c], None, None));
    assert_eq!(
        scene.answer(first),
        Answer::Done,
        "one's own are no obstacle"
    );
    scene.inboxes.clear();
    scene.end();
}

#[test]
fn tasks_of_others_go_elsewhere_and_one_s_own_come() {
    let mut scene = Scene::new();
    let [a, b] = scene.engines();
    let (holder, other) = (scene.client(), scene.client());
    scene.say(holder, lock(1, &[a, b], None, None));
    assert_eq!(scene.answer(holder), Answer::Done);
    scene.task(other, 1, 0);
    scene.task(holder, 1, 1);
    let runs = (scene.runs(a), scene.runs(b));
    assert_eq!(runs.0.len() + runs.1.len(), 1, "only the holder's");
    let (engine, run) = match runs.0.first() {
        Some(run) => (a, *run),
        None => (b, runs.1[0]),
    };
    scene.raise(engine, run);
    let elsewhere = if engine.id == a.id { b } else { a };
    let again = scene.runs(elsewhere);
    assert_eq!(again.len(), 1, "it is tried on the other one");
    scene.finish(elsewhere, again[0]);
    assert_eq!(scene.results(holder).len(), 1);
    scene.say(holder, unlock(2, 1));
    scene.answer(holder);
    let (on_a, on_b) = (scene.runs(a), scene.runs(b));
    assert_eq!(on_a.len() + on_b.len(), 1, "now the other's");
    for (engine, runs) in [(a, on_a), (b, on_b)] {
        for run in runs {
            scene.finish(engine, run);
        }
    }
    scene.inboxes.clear();
    scene.end();
}

#[test]
fn an_engine_that_dies_is_nobody_s() {
    let mut scene = Scene::new();
    let [a, b] = scene.engines();
    let (holder, waiting) = (scene.client(), scene.client());
    scene.request(waiting, 1, &[a], push());
    scene.say(holder, lock(1, &[a], None, None));
    scene.close(a.connection);
    let told = scene.told(holder);
    let refused = told.iter().any(|message| {
        matches!(
            message,
            ToClient::Answer {
                answer: Answer::Refused { .. },
                ..
            }
        )
    });
    assert!(refused, "{told:?}");
    scene.say(holder, lock(2, &[b], None, None));
    assert_eq!(scene.answer(holder), Answer::Done);
    scene.told(waiting);
    scene.request(waiting, 2, &[b], push());
    scene.close(b.connection);
    let told = scene.told(waiting);
    assert!(
        matches!(told.last(), Some(ToClient::Result { .. })),
        "who waits for it is answered: {told:?}"
    );
    scene.inboxes.clear();
    scene.end();
}

#[test]
fn requests_behind_those_of_others_do_not_keep_a_lock_from_its_client() {
    let mut scene = Scene::with(Config {
        window_requests_max: 1,
        ..Config::default()
    });
    let engine = scene.engine();
    let (holder, other) = (scene.client(), scene.client());
    scene.request(holder, 1, &[engine], push());
    scene.request(other, 1, &[engine], push());
    scene.request(holder, 2, &[engine], push());
    scene.request(other, 2, &[engine], push());
    scene.request(holder, 3, &[engine], push());
    scene.say(holder, lock(1, &[engine], None, None));
    let abort = FromClient::Abort {
        query: QueryId(1),
        requests: vec![RequestId(2)],
        targets: Vec::new(),
    };
    scene.say(other, abort);
    assert_eq!(scene.told(holder), [], "one of the other is still there");
    let run = scene.runs(engine)[0];
    scene.finish(engine, run);
    assert_eq!(scene.results(holder), [(1, Some(0), Ok(()))]);
    let run = scene.runs(engine)[0];
    scene.told(other);
    scene.finish(engine, run);
    assert_eq!(scene.results(other), [(1, Some(0), Ok(()))]);
    assert_eq!(scene.answer(holder), Answer::Done);
    for request in [2, 3] {
        let run = scene.runs(engine)[0];
        scene.finish(engine, run);
        assert_eq!(scene.results(holder), [(request, Some(0), Ok(()))]);
    }
    scene.end();
}

#[test]
fn who_closes_engines_looks_at_few_of_the_requests_that_wait_there() {
    const COUNT: u64 = 3000;
    let looked_at = Cell::new(0);
    // One of three is another's.
    let is_own = |order: &u64| {
        looked_at.set(looked_at.get() + 1);
        order % 3 != 1
    };
    let all = || -> BTreeMap<u64, u64> { (0..COUNT).map(|order| (order, order)).collect() };
    // They run one after the other.
    let mut waiting = all();
    let mut others = Others::default();
    while others.wait(&waiting, is_own) {
        waiting.pop_first();
    }
    assert_eq!(waiting.len(), 1, "the holder's last one");
    assert!(looked_at.get() <= 2 * COUNT, "{}", looked_at.get());
    // They are aborted, the latest first.
    let mut waiting = all();
    let mut others = Others::default();
    looked_at.set(0);
    while others.wait(&waiting, is_own) {
        let latest = waiting.keys().rfind(|order| *order % 3 == 1).copied();
        waiting.remove(&latest.unwrap());
    }
    assert_eq!(waiting.len() as u64, COUNT / 3 * 2);
    assert!(looked_at.get() <= 2 * COUNT, "{}", looked_at.get());
}
