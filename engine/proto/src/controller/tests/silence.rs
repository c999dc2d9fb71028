//! Heartbeats: who is silent for too long is dead, who is busy isn't.

use super::*;

const INTERVAL_US: u64 = 3_000_000;

#[test]
fn who_is_silent_is_pinged_and_who_answers_lives() {
    let mut scene = Scene::new();
    let engine = scene.engine();
    let host = scene.host(7);
    for _ in 0..50 {
        scene.pass_us(INTERVAL_US);
        if !scene.orders(engine).is_empty() {
            scene.report(engine, FromEngine::Pong);
        }
        if !scene.take(host).is_empty() {
            scene.tell(host, ToController::Host(FromHost::Pong), Payload::default());
        }
    }
    assert_eq!(scene.disconnected, []);
    scene.end();
}

#[test]
fn who_talks_is_not_pinged() {
    let mut scene = Scene::new();
    let engine = scene.engine();
    for _ in 0..10 {
        scene.pass_us(INTERVAL_US - 1);
        let output = Output::Stdout("busy".to_owned());
        scene.report(
            engine,
            FromEngine::Output {
                ticket: None,
                output,
            },
        );
    }
    assert_eq!(scene.orders(engine), []);
    scene.end();
}

#[test]
fn who_never_answers_is_dead_after_all_misses() {
    let mut scene = Scene::new();
    let engine = scene.engine();
    let client = scene.client();
    scene.request(client, 1, &[engine], push());
    scene.runs(engine);
    scene.pass_us(INTERVAL_US * 10);
    assert_eq!(scene.orders(engine), [const { ToEngine::Ping }; 10]);
    assert_eq!(scene.told(client), []);
    scene.pass_us(INTERVAL_US);
    let told = scene.told(client);
    let cause = "it did not answer for 33 s".to_owned();
    assert_eq!(
        told[0],
        ToClient::EngineLeft {
            engine: engine.id,
            cause: cause.clone()
        }
    );
    assert!(matches!(told[1], ToClient::Result { .. }), "{told:?}");
    assert_eq!(scene.disconnected, [(engine.connection, cause)]);
    scene.finish(engine, Ticket(0));
    scene.end();
}

#[test]
fn a_silent_host_is_given_up_but_its_engines_stay() {
    let mut scene = Scene::new();
    let host = scene.host(7);
    let engine = scene.engine_of(Some(7), 70);
    let client = scene.client();
    for _ in 0..11 {
        scene.pass_us(INTERVAL_US);
        scene.orders(engine);
        scene.report(engine, FromEngine::Pong);
    }
    assert_eq!(scene.disconnected.len(), 1);
    assert_eq!(scene.disconnected[0].0, host);
    scene.request(client, 1, &[engine], push());
    let run = scene.runs(engine);
    scene.finish(engine, run[0]);
    assert_eq!(scene.results(client).len(), 1);
    // Without a host nobody else knows why.
    scene.close(engine.connection);
    assert_eq!(scene.told(client).len(), 1);
    scene.take(host);
    scene.end();
}

#[test]
fn a_controller_that_slept_finds_nobody_dead() {
    let mut scene = Scene::new();
    let engine = scene.engine();
    scene.now = scene.now.after_us(3_600_000_000);
    scene.handle(Event::TimeoutReached);
    assert_eq!(scene.orders(engine), [ToEngine::Ping]);
    assert_eq!(scene.disconnected, []);
    scene.end();
}

#[test]
fn time_does_not_go_back() {
    let mut scene = Scene::new();
    let engine = scene.engine();
    let first = scene.controller.poll_timeout();
    scene.now = Timestamp(0);
    scene.report(engine, FromEngine::Pong);
    scene.handle(Event::TimeoutReached);
    assert_eq!(scene.controller.poll_timeout(), first);
    scene.end();
}
