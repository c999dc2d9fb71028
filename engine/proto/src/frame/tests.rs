//! What frames must look like, byte by byte, and what decoding must survive.

use super::*;
use crate::id::{EngineId, QueryId, RequestId, Ticket};
use crate::message::{
    FromClient, FromController, FromEngine, Manner, Operation, Outcome, Timing, ToClient,
    ToController, Work,
};
use proptest::prelude::*;

fn to_bytes<M: Serialize>(kind: Kind, message: &M, payload: &Payload) -> Vec<u8> {
    let mut bytes = encode_head(kind, message, payload, &Limits::default())
        .unwrap()
        .to_vec();
    for buffer in &payload.buffers {
        bytes.extend_from_slice(buffer);
    }
    bytes
}

/// Feeds `bytes` in pieces of the lengths in `cuts` (in turn), taking messages
/// after each, as a reader would.
fn decode_all<M: DeserializeOwned>(
    decoder: &mut Decoder,
    mut bytes: &[u8],
    cuts: &[usize],
) -> Result<Vec<(M, Payload)>, FrameError> {
    let mut messages = Vec::new();
    let mut cuts = cuts.iter().copied().cycle();
    while !bytes.is_empty() {
        let space = decoder.space();
        assert!(!space.is_empty(), "a reader must always have space");
        let n = cuts
            .next()
            .unwrap_or(usize::MAX)
            .clamp(1, bytes.len())
            .min(space.len());
        space[..n].copy_from_slice(&bytes[..n]);
        decoder.filled(n);
        bytes = &bytes[n..];
        while let Some(message) = decoder.next::<M>()? {
            messages.push(message);
        }
    }
    Ok(messages)
}

fn decode_one<M: DeserializeOwned>(kind: Kind, bytes: &[u8]) -> Result<(M, Payload), FrameError> {
    let mut decoder = Decoder::new(kind, Limits::default());
    let mut messages = decode_all(&mut decoder, bytes, &[])?;
    assert!(decoder.is_between_frames());
    assert_eq!(messages.len(), 1);
    Ok(messages.remove(0))
}

fn payload(buffers: &[&[u8]]) -> Payload {
    Payload {
        buffers: buffers
            .iter()
            .map(|buffer| Bytes::copy_from_slice(buffer))
            .collect(),
    }
}

/// One message of each enum, as the bytes that other versions would have to read.
#[test]
fn frames_are_these_bytes() {
    let run = ToController::Client(FromClient::Request {
        request: RequestId(300),
        targets: vec![EngineId(0), EngineId(7)],
        work: Work {
            operation: Operation::Execute {
                code: "a=1".into(),
                silent: false,
                stop_on_error: true,
            },
            function: None,
        },
        manner: Manner::default(),
    });
    #[rustfmt::skip]
    let golden = [
        b'R', b'H', b'M', b'B', 9, 0, 1, 0, 19, 0, 0, 0, 2, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0,
        // client, request, 300, two targets, execute, "a=1", not silent, stop on error, no function,
        // waits for locks, answers aren't gathered, goes from here to each
        1, 2, 251, 44, 1, 2, 0, 7, 0, 3, b'a', b'=', b'1', 0, 1, 0, 1, 0, 0,
        2, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0,
        b'x', b'y', 1, 2, 3,
    ];
    assert_eq!(
        to_bytes(Kind::ToController, &run, &payload(&[b"xy", &[1, 2, 3]])),
        golden
    );
}

#[test]
fn frames_to_peers_are_these_bytes() {
    let result = FromController::Client(ToClient::Result {
        request: RequestId(5),
        engine: Some(EngineId(2)),
        outcome: Outcome::Done,
        timing: Timing {
            started_us: 1,
            completed_us: 70_000,
        },
    });
    #[rustfmt::skip]
    let golden = [
        b'R', b'H', b'M', b'B', 9, 0, 2, 0, 12, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0,
        // client, result, 5, on engine 2, done, from 1 to 70000
        2, 2, 5, 1, 2, 0, 1, 252, 112, 17, 1, 0,
        1, 0, 0, 0, 0, 0, 0, 0,
        9,
    ];
    assert_eq!(
        to_bytes(Kind::FromController, &result, &payload(&[&[9]])),
        golden
    );
}

#[test]
fn an_old_peer_is_told_which_versions_met() {
    let mut bytes = to_bytes(Kind::ToController, &pong(), &Payload::default());
    bytes[4] = 10;
    let error = decode_one::<ToController>(Kind::ToController, &bytes).unwrap_err();
    assert_eq!(
        error.to_string(),
        "this process speaks version 9 of the protocol and the peer speaks version 10: \
         start the cluster and connect to it with the same rhumba"
    );
}

#[test]
fn what_is_announced_is_checked_before_it_is_allocated() {
    let limits = Limits {
        payload_bytes_max: 100,
        header_bytes_max: 50,
        buffer_count_max: 3,
    };
    let announce = |header_bytes, buffer_count, payload_bytes| {
        let prologue = Prologue {
            kind_byte: 1,
            header_bytes,
            buffer_count,
            payload_bytes,
        };
        let mut decoder = Decoder::new(Kind::ToController, limits);
        decode_all::<ToController>(&mut decoder, &prologue.to_bytes(), &[])
            .map(|_| decoder.inbox.len())
    };
    assert_eq!(announce(50, 3, 100), Ok(INBOX_BYTES));
    assert_eq!(
        announce(51, 3, 100),
        Err(FrameError::HeaderTooLarge {
            bytes: 51,
            limit: 50
        })
    );
    assert_eq!(
        announce(50, 4, 100),
        Err(FrameError::TooManyBuffers { count: 4, limit: 3 })
    );
    assert_eq!(
        announce(50, 3, 101),
        Err(FrameError::PayloadTooLarge {
            bytes: 101,
            limit: 100
        })
    );
}

#[test]
fn what_is_written_is_checked_against_the_same_limits() {
    let limits = Limits {
        payload_bytes_max: 4,
        header_bytes_max: 8,
        buffer_count_max: 2,
    };
    let encode = |code: &str, payload: &Payload| {
        let output = crate::message::Output::Stdout(code.to_owned());
        let message = ToController::Engine(FromEngine::Output {
            ticket: None,
            output,
        });
        encode_head(Kind::ToController, &message, payload, &limits).map(|head| head.len())
    };
    assert_eq!(encode("abc", &payload(&[b"ab", b"cd"])), Ok(24 + 8 + 16));
    assert_eq!(
        encode("abcd", &payload(&[])),
        Err(FrameError::HeaderTooLarge { bytes: 9, limit: 8 })
    );
    assert_eq!(
        encode("abc", &payload(&[b"ab", b"cde"])),
        Err(FrameError::PayloadTooLarge { bytes: 5, limit: 4 })
    );
    assert_eq!(
        encode("abc", &payload(&[b"", b"", b""])),
        Err(FrameError::TooManyBuffers { count: 3, limit: 2 })
    );
}

#[test]
fn lengths_that_do_not_add_up_are_refused() {
    let good = to_bytes(Kind::ToController, &pong(), &payload(&[b"abc", b"de"]));
    let lengths = good.len() - 5 - 16;
    for (at, value) in [
        (lengths, 4),
        (lengths, 2),
        (lengths + 7, 0xff),
        (lengths + 15, 0x80),
    ] {
        let mut bytes = good.clone();
        bytes[at] = value;
        let error = decode_one::<ToController>(Kind::ToController, &bytes).unwrap_err();
        assert!(matches!(error, FrameError::Malformed(_)), "{error}");
    }
}

#[test]
fn a_failed_decoder_stays_failed() {
    let mut decoder = Decoder::new(Kind::ToController, Limits::default());
    let mut bytes = b"GET / HTTP/1.1\r\nHost: rhumba\r\n\r\n".to_vec();
    let first = decode_all::<ToController>(&mut decoder, &bytes, &[]).unwrap_err();
    assert_eq!(first, FrameError::NotRhumba);
    bytes = to_bytes(Kind::ToController, &pong(), &Payload::default());
    let second = decode_all::<ToController>(&mut decoder, &bytes, &[]).unwrap_err();
    assert_eq!(second, first);
}

#[test]
fn a_message_with_something_behind_it_is_refused() {
    let mut bytes = to_bytes(Kind::ToController, &pong(), &Payload::default());
    bytes[8] += 1;
    bytes.push(0);
    let error = decode_one::<ToController>(Kind::ToController, &bytes).unwrap_err();
    assert!(matches!(error, FrameError::Malformed(_)), "{error}");
}

#[test]
fn a_frame_for_the_other_direction_is_refused() {
    let bytes = to_bytes(Kind::FromController, &pong(), &Payload::default());
    let error = decode_one::<ToController>(Kind::ToController, &bytes).unwrap_err();
    assert!(matches!(error, FrameError::Malformed(_)), "{error}");
}

#[test]
fn a_lying_length_costs_one_allocation_step() {
    let message = pong();
    let head = encode_head(
        Kind::ToController,
        &message,
        &payload(&[b""]),
        &Limits::default(),
    )
    .unwrap();
    let mut bytes = head.to_vec();
    let announced = (1_u64 << 30).to_le_bytes();
    let lengths = bytes.len() - 8;
    bytes[16..24].copy_from_slice(&announced);
    bytes[lengths..].copy_from_slice(&announced);
    let mut decoder = Decoder::new(Kind::ToController, Limits::default());
    assert_eq!(
        decode_all::<ToController>(&mut decoder, &bytes, &[]),
        Ok(vec![])
    );
    assert_eq!(decoder.space().len(), ALLOCATION_STEP_BYTES);
    assert!(!decoder.is_between_frames());
}

#[test]
fn a_buffer_of_several_allocation_steps_arrives() {
    let data: Vec<u8> = (0..ALLOCATION_STEP_BYTES as u32 + 70_001)
        .map(|i| (i % 251) as u8)
        .collect();
    let sent = payload(&[b"before", &data, b"", b"after"]);
    let bytes = to_bytes(Kind::ToController, &pong(), &sent);
    let (message, received) = decode_one::<ToController>(Kind::ToController, &bytes).unwrap();
    assert_eq!(message, pong());
    assert!(received == sent);
}

#[test]
fn a_large_buffer_is_read_in_place() {
    let sent = payload(&[&vec![7; 1 << 20]]);
    let bytes = to_bytes(Kind::ToController, &pong(), &sent);
    let mut decoder = Decoder::new(Kind::ToController, Limits::default());
    let first = bytes.len() - 1000;
    assert!(!decoder.is_within_buffer());
    assert_eq!(
        decode_all::<ToController>(&mut decoder, &bytes[..first], &[]),
        Ok(vec![])
    );
    assert!(decoder.is_within_buffer());
    let space = decoder.space();
    assert_eq!(
        space.len(),
        1000,
        "nothing of the next frame is read with it"
    );
    let place = space.as_ptr() as usize;
    space.fill(7);
    decoder.filled(1000);
    let (_, received) = decoder.next::<ToController>().unwrap().unwrap();
    assert!(!decoder.is_within_buffer());
    assert_eq!(
        received.buffers[0].as_ptr() as usize + (1 << 20) - 1000,
        place
    );
}

fn pull_result(buffers: &[&[u8]], beside: &[usize]) -> (Vec<u8>, Payload) {
    let payload = payload(buffers);
    let message = pong();
    let head = encode_head_beside(
        Kind::ToController,
        &message,
        &payload,
        beside,
        &Limits::default(),
    );
    let mut bytes = head.unwrap().to_vec();
    for (place, buffer) in payload.buffers.iter().enumerate() {
        if !beside.contains(&place) {
            bytes.extend_from_slice(buffer);
        }
    }
    (bytes, payload)
}

#[test]
fn buffers_may_come_beside_the_stream() {
    let large = vec![7; 3 * LARGE_BUFFER_BYTES];
    let buffers: [&[u8]; 5] = [b"table", &large, b"", b"beside as well", &large];
    for beside in [&[1_usize][..], &[0, 3], &[2, 4], &[0, 1, 2, 3, 4]] {
        let (bytes, payload) = pull_result(&buffers, beside);
        for cuts in [&[usize::MAX][..], &[1, 100, 70_000]] {
            let mut decoder = Decoder::new(Kind::ToController, Limits::default());
            for _ in 0..3 {
                for &place in beside {
                    decoder.attach(payload.buffers[place].clone());
                }
                let messages = decode_all::<ToController>(&mut decoder, &bytes, cuts).unwrap();
                assert_eq!(messages, [(pong(), payload.clone())]);
                assert!(decoder.is_between_frames());
            }
        }
    }
}

#[test]
fn what_comes_beside_the_stream_must_be_what_was_announced() {
    let (bytes, payload) = pull_result(&[b"table", b"beside"], &[1]);
    let decode = |attached: &[&[u8]]| {
        let mut decoder = Decoder::new(Kind::ToController, Limits::default());
        for buffer in attached {
            decoder.attach(Bytes::copy_from_slice(buffer));
        }
        decode_all::<ToController>(&mut decoder, &bytes, &[])
    };
    assert_eq!(decode(&[b"beside"]).unwrap(), [(pong(), payload)]);
    for wrong in [&[][..], &[&b"shorter"[..]], &[&b""[..], b"beside"]] {
        let refused = decode(wrong).unwrap_err().to_string();
        assert!(refused.contains("beside"), "{refused}");
    }
    let too_many = vec![&b"beside"[..]; 2 * BESIDE_COUNT_MAX + 1];
    assert!(matches!(decode(&too_many), Err(FrameError::Malformed(_))));

    let buffers = vec![&b"a"[..]; BESIDE_COUNT_MAX + 1];
    let all: Vec<usize> = (0..buffers.len()).collect();
    let (bytes, _) = pull_result(&buffers, &all);
    let mut decoder = Decoder::new(Kind::ToController, Limits::default());
    let refused = decode_all::<ToController>(&mut decoder, &bytes, &[]).unwrap_err();
    assert!(matches!(refused, FrameError::Malformed(_)));
}

#[test]
fn what_comes_beside_two_frames_may_be_there_at_once() {
    let mut buffers = vec![&b"beside"[..]; BESIDE_COUNT_MAX + 1];
    buffers[0] = b"table";
    let places: Vec<usize> = (1..buffers.len()).collect();
    let (bytes, payload) = pull_result(&buffers, &places);
    let mut decoder = Decoder::new(Kind::ToController, Limits::default());
    let attach = |decoder: &mut Decoder| {
        for buffer in &payload.buffers[1..] {
            decoder.attach(buffer.clone());
        }
    };
    // The table of the first comes with the head of the second.
    let (head, table) = bytes.split_at(bytes.len() - b"table".len());
    attach(&mut decoder);
    let first = decode_all::<ToController>(&mut decoder, head, &[]).unwrap();
    assert_eq!(first, []);
    attach(&mut decoder);
    let rest = [table, &bytes[..]].concat();
    let both = decode_all::<ToController>(&mut decoder, &rest, &[]).unwrap();
    assert_eq!(both.len(), 2);
    assert!(both.iter().all(|(_, received)| *received == payload));
    assert!(decoder.is_between_frames());
}

#[test]
fn a_frame_can_be_taken_back_into_the_stream() {
    let buffers: [&[u8]; 3] = [b"table", b"beside", b"more"];
    let all_in_stream = pull_result(&buffers, &[]).0;
    let (bytes, _) = pull_result(&buffers, &[0, 1, 2]);
    assert_ne!(bytes, all_in_stream[..bytes.len()]);
    assert_eq!(without_beside(&bytes), all_in_stream[..bytes.len()]);
}

#[test]
fn what_comes_beside_the_stream_counts_for_the_limit() {
    let (bytes, _) = pull_result(&[b"table", b"beside"], &[1]);
    let limits = Limits {
        payload_bytes_max: 10,
        ..Limits::default()
    };
    let mut decoder = Decoder::new(Kind::ToController, limits);
    decoder.attach(Bytes::from_static(b"beside"));
    let refused = decode_all::<ToController>(&mut decoder, &bytes, &[]).unwrap_err();
    assert_eq!(
        refused,
        FrameError::PayloadTooLarge {
            bytes: 11,
            limit: 10
        }
    );
}

#[test]
fn a_long_message_leaves_no_large_inbox_behind() {
    let code = "x".repeat(3 << 20);
    let message = ToController::Engine(FromEngine::Output {
        ticket: Some(Ticket(1)),
        output: crate::message::Output::Stdout(code),
    });
    let bytes = to_bytes(Kind::ToController, &message, &Payload::default());
    let mut decoder = Decoder::new(Kind::ToController, Limits::default());
    let messages = decode_all::<ToController>(&mut decoder, &bytes, &[]).unwrap();
    assert_eq!(messages, [(message, Payload::default())]);
    assert_eq!(decoder.space().len(), INBOX_BYTES);
}

/// A message of nearly as many bytes as there may be, most of them in numbers that are written in one.
#[test]
fn what_can_be_written_can_be_read() {
    let requests = vec![RequestId(1); HEADER_BYTES_MAX - 100];
    let message = ToController::Client(FromClient::Cancel {
        query: QueryId(1),
        requests,
        targets: Vec::new(),
    });
    let bytes = to_bytes(Kind::ToController, &message, &Payload::default());
    let (read, _) = decode_one::<ToController>(Kind::ToController, &bytes).unwrap();
    assert!(read == message);
}

#[test]
fn a_cell_as_long_as_a_message_may_be_arrives() {
    let request = |bytes: usize| {
        ToController::Client(FromClient::Request {
            request: RequestId(1),
            targets: vec![EngineId(0)],
            work: Work {
                operation: Operation::Execute {
                    code: "#".repeat(bytes).into(),
                    silent: false,
                    stop_on_error: true,
                },
                function: None,
            },
            manner: Manner::default(),
        })
    };
    let head = |message: &ToController| {
        let kind = Kind::ToController;
        encode_head(kind, message, &Payload::default(), &Limits::default())
    };
    let around = head(&request(1 << 20)).unwrap().len() - PROLOGUE_BYTES - (1 << 20);
    for less in 0..40 {
        let message = request(HEADER_BYTES_MAX - around - less);
        let bytes = head(&message).unwrap();
        let (read, _) = decode_one::<ToController>(Kind::ToController, &bytes).unwrap();
        assert!(read == message, "{less} bytes below the limit");
    }
    assert!(matches!(
        head(&request(HEADER_BYTES_MAX - around + 1)),
        Err(FrameError::HeaderTooLarge { .. })
    ));
}

fn pong() -> ToController {
    ToController::Engine(FromEngine::Pong)
}

fn some_message() -> impl Strategy<Value = ToController> {
    prop_oneof![
        Just(pong()),
        (any::<u64>(), ".{0,40}", any::<bool>()).prop_map(|(request, code, silent)| {
            ToController::Client(FromClient::Request {
                request: RequestId(request),
                targets: vec![EngineId(1); (request % 5) as usize],
                work: Work {
                    operation: Operation::Execute {
                        code: code.into(),
                        silent,
                        stop_on_error: !silent,
                    },
                    function: Some(crate::id::BlobId([7; 32])),
                },
                manner: Manner::default(),
            })
        }),
        any::<u64>().prop_map(|ticket| {
            ToController::Engine(FromEngine::Finished {
                ticket: Ticket(ticket),
                outcome: Outcome::Done,
                timing: Timing::default(),
            })
        }),
    ]
}

fn some_payload() -> impl Strategy<Value = Payload> {
    let length =
        prop_oneof![4 => 0..200_usize, 1 => 60_000..70_000_usize, 1 => 250_000..300_000_usize];
    proptest::collection::vec((length, any::<u8>()), 0..5).prop_map(|buffers| Payload {
        buffers: buffers
            .into_iter()
            .map(|(length, seed)| {
                (0..length)
                    .map(|i| seed.wrapping_add((i % 253) as u8))
                    .collect::<Vec<_>>()
                    .into()
            })
            .collect(),
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_the_cuts_the_same_messages_arrive(
        sent in proptest::collection::vec((some_message(), some_payload()), 1..6),
        cuts in proptest::collection::vec(prop_oneof![1..40_usize, 1000..100_000_usize], 1..20),
    ) {
        let mut bytes = Vec::new();
        for (message, payload) in &sent {
            bytes.extend(to_bytes(Kind::ToController, message, payload));
        }
        let mut decoder = Decoder::new(Kind::ToController, Limits::default());
        let received = decode_all::<ToController>(&mut decoder, &bytes, &cuts).unwrap();
        prop_assert!(received == sent);
        prop_assert!(decoder.is_between_frames());
    }

    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let mut decoder = Decoder::new(Kind::ToController, Limits::default());
        let _ = decode_all::<ToController>(&mut decoder, &bytes, &[7, 100]);
    }

    #[test]
    fn random_bytes_behind_a_good_start_never_panic(
        header_bytes in 0..64_u32,
        buffer_count in 0..4_u32,
        payload_bytes in 0..300_u64,
        bytes in proptest::collection::vec(prop_oneof![0..4_u8, any::<u8>()], 0..600),
    ) {
        let prologue = Prologue { kind_byte: 1, header_bytes, buffer_count, payload_bytes };
        let mut all = prologue.to_bytes().to_vec();
        all.extend(bytes);
        let mut decoder = Decoder::new(Kind::ToController, Limits::default());
        let _ = decode_all::<ToController>(&mut decoder, &all, &[33]);
    }

    #[test]
    fn one_wrong_byte_never_panics(
        message in some_message(), at in any::<prop::sample::Index>(), value in any::<u8>(),
    ) {
        let mut bytes = to_bytes(Kind::ToController, &message, &payload(&[b"abc", b""]));
        let at = at.index(bytes.len());
        bytes[at] = value;
        let mut decoder = Decoder::new(Kind::ToController, Limits::default());
        let _ = decode_all::<ToController>(&mut decoder, &bytes, &[]);
    }
}
