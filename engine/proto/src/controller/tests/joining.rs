//! Who may join, and who is told.

use super::*;

#[test]
fn everyone_sees_the_same_engines() {
    let mut scene = Scene::new();
    let early = scene.client();
    let [a, b] = scene.engines();
    let late = scene.open();
    scene.hello(
        late,
        51,
        Role::Client {
            name: "late".to_owned(),
        },
    );

    let info = |engine: Engine, pid| EngineInfo {
        engine: engine.id,
        pid,
    };
    assert_eq!((a.id, b.id), (EngineId(0), EngineId(1)));
    assert_eq!(
        scene.told(early),
        [
            ToClient::EngineJoined {
                engine: info(a, 1001)
            },
            ToClient::EngineJoined {
                engine: info(b, 1002)
            },
        ]
    );
    let welcome = scene.take(late);
    let [
        FromController::Welcome(Welcome::Client {
            engines,
            engine_next,
            ..
        }),
    ] = &welcome[..]
    else {
        panic!("a client is welcomed, not {welcome:?}")
    };
    assert_eq!(*engines, [info(a, 1001), info(b, 1002)]);
    assert_eq!(*engine_next, EngineId(2));

    scene.close(a.connection);
    let left = ToClient::EngineLeft {
        engine: a.id,
        cause: "it closed the connection".to_owned(),
    };
    for client in [early, late] {
        assert_eq!(scene.told(client), std::slice::from_ref(&left));
    }
    let c = scene.engine();
    assert_eq!(c.id, EngineId(2), "numbers are never used twice");
    scene.told(early);
    scene.told(late);
    scene.end();
}

#[test]
fn another_version_is_refused_with_a_sentence() {
    let mut scene = Scene::new();
    for (protocol, runtime, words) in [
        (
            PROTOCOL_VERSION + 1,
            RUNTIME,
            "version 9 of the protocol and you speak version 10",
        ),
        (
            PROTOCOL_VERSION,
            "rhumba old",
            "runs rhumba test and you run rhumba old",
        ),
    ] {
        let connection = scene.open();
        let role = Role::Engine { host: None };
        let hello = Hello {
            protocol,
            runtime: runtime.to_owned(),
            pid: 1,
            role,
        };
        scene.tell(connection, ToController::Hello(hello), Payload::default());
        let messages = scene.take(connection);
        let [FromController::Refused { reason }] = &messages[..] else {
            panic!("it is refused, not {messages:?}")
        };
        assert!(reason.contains(words), "{reason}");
        assert_eq!(scene.disconnected.pop().unwrap().0, connection);
    }
    scene.end();
}

#[test]
fn who_says_what_only_others_may_say_is_disconnected() {
    let mut scene = Scene::new();
    let (client, engine, host) = (scene.client(), scene.engine(), scene.host(7));
    scene.told(client);
    let stranger = scene.open();
    let pong = ToController::Engine(FromEngine::Pong);
    for (connection, words) in [
        (client, "an engine's message though it is a client"),
        (host, "an engine's message though it is a host"),
        (stranger, "an engine's message though it is still unknown"),
    ] {
        scene.tell(connection, pong.clone(), Payload::default());
        if connection == client {
            scene.refusal(client);
        }
        let (disconnected, reason) = scene.disconnected.pop().unwrap();
        assert_eq!(disconnected, connection);
        assert!(reason.contains(words), "{reason}");
        // What comes after that is of no interest.
        scene.tell(connection, pong.clone(), Payload::default());
        scene.close(connection);
    }
    scene.hello(engine.connection, 1, Role::Host);
    assert_eq!(
        scene.disconnected.pop().unwrap().1,
        "it sent a greeting though it is an engine"
    );
    scene.end();
}

#[test]
fn who_does_not_say_who_it_is_is_disconnected() {
    let mut scene = Scene::new();
    let silent = scene.open();
    let _client = scene.client();
    scene.pass_us(9_999_999);
    assert_eq!(scene.disconnected, []);
    scene.pass_us(1);
    assert_eq!(
        scene.disconnected,
        [(silent, "it did not say who it is".to_owned())]
    );
    scene.pass_us(60_000_000);
    assert_eq!(scene.disconnected.len(), 1);
    scene.end();
}

#[test]
fn a_full_cluster_takes_no_more() {
    let mut scene = Scene::with(Config {
        engines_max: 1,
        clients_max: 1,
        ..Config::default()
    });
    let (client, _engine) = (scene.client(), scene.engine());
    scene.told(client);
    for role in [
        Role::Client {
            name: String::new(),
        },
        Role::Engine { host: None },
    ] {
        let connection = scene.open();
        scene.hello(connection, 1, role);
        let messages = scene.take(connection);
        assert!(
            matches!(messages[..], [FromController::Refused { .. }]),
            "{messages:?}"
        );
        assert_eq!(scene.disconnected.pop().unwrap().0, connection);
    }
    scene.end();
}

#[test]
fn the_cluster_tells_who_is_there() {
    let mut scene = Scene::new();
    let client = scene.client();
    scene.host(77);
    let engine = scene.engine();
    scene.told(client);
    scene.say(client, FromClient::ClusterStatus { query: QueryId(4) });
    let Answer::Cluster {
        engines,
        clients,
        hosts,
    } = scene.answer(client)
    else {
        panic!("the status is told")
    };
    assert_eq!(
        engines,
        [EngineInfo {
            engine: engine.id,
            pid: 1002
        }]
    );
    assert_eq!(clients.len(), 1);
    assert_eq!(
        (clients[0].name.as_str(), clients[0].pid),
        ("ada@example", 50)
    );
    assert_eq!(hosts, [77]);
    scene.end();
}

#[test]
fn engines_are_started_by_the_host() {
    let mut scene = Scene::with(Config {
        engines_max: 10,
        ..Config::default()
    });
    let client = scene.client();
    let start = |count| FromClient::StartEngines {
        query: QueryId(1),
        count,
    };
    scene.say(client, start(2));
    let Answer::Refused { reason } = scene.answer(client) else {
        panic!("no host is there")
    };
    assert!(reason.contains("no host"), "{reason}");

    let host = scene.host(7);
    scene.say(client, start(2));
    assert_eq!(scene.answer(client), Answer::Done);
    assert_eq!(
        scene.take(host),
        [FromController::Host(ToHost::StartEngines { count: 2 })]
    );
    scene.say(client, start(9));
    let Answer::Refused { reason } = scene.answer(client) else {
        panic!("that is too many")
    };
    assert!(reason.contains("limit of 10"), "{reason}");
    scene.say(client, start(8));
    assert_eq!(scene.answer(client), Answer::Done);
    scene.take(host);
    scene.end();
}

#[test]
fn engines_are_started_by_a_host_that_is_on_its_way() {
    let mut scene = Scene::with(Config {
        awaits_host: true,
        engines_max: 10,
        start_timeout_us: 1_000_000,
        ..Config::default()
    });
    let client = scene.client();
    let start = |count| FromClient::StartEngines {
        query: QueryId(1),
        count,
    };
    for count in [2, 3] {
        scene.say(client, start(count));
        assert_eq!(scene.answer(client), Answer::Done);
    }
    scene.say(client, start(6));
    let Answer::Refused { reason } = scene.answer(client) else {
        panic!("that is too many")
    };
    assert!(reason.contains("limit of 10"), "{reason}");
    let host = scene.open();
    scene.hello(host, 7, Role::Host);
    assert_eq!(
        scene.take(host),
        [
            FromController::Welcome(Welcome::Host {
                host: HostId(0),
                payload_bytes_max: Config::default().payload_bytes_max,
            }),
            FromController::Host(ToHost::StartEngines { count: 5 }),
        ]
    );

    // One that has left isn't waited for.
    scene.close(host);
    scene.say(client, start(1));
    let Answer::Refused { reason } = scene.answer(client) else {
        panic!("no host is there")
    };
    assert!(reason.contains("no host"), "{reason}");
    scene.end();
}

#[test]
fn nobody_waits_for_ever_for_a_host_that_does_not_come() {
    let mut scene = Scene::with(Config {
        awaits_host: true,
        start_timeout_us: 1_000_000,
        ..Config::default()
    });
    let client = scene.client();
    scene.say(
        client,
        FromClient::StartEngines {
            query: QueryId(1),
            count: 1,
        },
    );
    assert_eq!(scene.answer(client), Answer::Done);
    scene.task(client, 1, 0);
    assert!(scene.told(client).is_empty(), "engines may still come");
    scene.pass_us(1_000_000);
    let told = scene.told(client);
    assert!(
        matches!(&told[..], [ToClient::Result { outcome: Outcome::Failed(failure), .. }]
            if failure.kind == FailureKind::NoEngine),
        "{told:?}"
    );
    let host = scene.host(7);
    assert!(scene.take(host).is_empty(), "it was given up");
    scene.end();
}

#[test]
fn the_cluster_ends_when_asked() {
    let mut scene = Scene::new();
    let (asking, other) = (scene.client(), scene.client());
    let [a, b] = scene.engines();
    let host = scene.host(7);
    scene.told(asking);
    scene.told(other);
    scene.request(other, 1, &[a], push());
    for request in 2..8 {
        scene.task(other, request, 3);
    }
    let shutdown = FromClient::Shutdown {
        query: QueryId(9),
        targets: vec![],
        cluster: true,
    };
    scene.say(asking, shutdown);

    assert!(scene.stopped);
    let told = scene.told(asking);
    assert_eq!(
        told[0],
        ToClient::Answer {
            query: QueryId(9),
            answer: Answer::Done
        }
    );
    let results = scene
        .told(other)
        .into_iter()
        .filter(|message| matches!(message, ToClient::Result { .. }))
        .count();
    assert_eq!(results, 7, "everyone who waits is answered");
    for engine in [a, b] {
        assert_eq!(scene.orders(engine).last(), Some(&ToEngine::Shutdown));
    }
    assert_eq!(scene.take(host), [FromController::Host(ToHost::Shutdown)]);
    scene.close(a.connection);
    assert_eq!(scene.controller.poll_timeout(), None);
    scene.end();
}
