//! What is told in the place of an answer that can't be sent, as it exceeds a limit of frames.
//!
//! Whoever carries out [`super::Action::Send`] finds that out. Only who asked loses something
//! then, and nothing but this answer. What engines and hosts are told was received from a client
//! within the same limits, so it can be sent.

use super::failures;
use crate::frame::FrameError;
use crate::message::{Answer, Failure, FromController, Outcome, Output, ToClient};
use crate::record::StoreAnswer;

/// Returns what a client is told in the place of a message that can't be sent to it; `None` of
/// what nobody can do without.
#[must_use]
pub fn in_place_of(message: FromController, error: &FrameError) -> Option<Vec<FromController>> {
    let FromController::Client(message) = message else {
        return None;
    };
    let told = match message {
        ToClient::Result {
            request,
            engine,
            timing,
            ..
        } => vec![ToClient::Result {
            request,
            engine,
            outcome: Outcome::Failed(result(error)),
            timing,
        }],
        ToClient::Gathered { request, parts } => {
            let alone = parts.into_iter().map(|part| ToClient::Result {
                request,
                engine: part.engine,
                outcome: Outcome::Failed(result(error)),
                timing: part.timing,
            });
            alone.collect()
        }
        ToClient::Answer { query, answer } => vec![ToClient::Answer {
            query,
            answer: refusal(&answer, error),
        }],
        ToClient::Output {
            request, engine, ..
        } => {
            let text = format!("\n[output is missing here: it has {}]\n", size(error));
            let output = Output::Stderr(text);
            vec![ToClient::Output {
                request,
                engine,
                output,
            }]
        }
        // News that nobody waits for.
        _ => Vec::new(),
    };
    Some(told.into_iter().map(FromController::Client).collect())
}

fn result(error: &FrameError) -> Failure {
    failures::limit(format!(
        "the result can't be sent to this client: it has {}; ask for it in parts",
        size(error)
    ))
}

fn refusal(answer: &Answer, error: &FrameError) -> Answer {
    match answer {
        Answer::Store(_) => {
            let message = format!(
                "the answer has {}: ask for fewer keys, or for fewer records",
                size(error)
            );
            let exception = "ValueError".to_owned();
            Answer::Store(StoreAnswer::Failed(Failure {
                exception,
                ..failures::limit(message)
            }))
        }
        _ => Answer::Refused {
            reason: format!("the answer has {}: ask for less at once", size(error)),
        },
    }
}

fn size(error: &FrameError) -> String {
    match error {
        FrameError::PayloadTooLarge { bytes, limit }
        | FrameError::HeaderTooLarge { bytes, limit } => {
            format!("{bytes} bytes, and one message may have {limit}")
        }
        FrameError::TooManyBuffers { count, limit } => {
            format!("{count} separate buffers, and one message may have {limit}")
        }
        other => format!("a fault ({other})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{EngineId, QueryId, RequestId};
    use crate::message::{FailureKind, GatheredPart, Timing, ToEngine};

    const TOO_LARGE: FrameError = FrameError::PayloadTooLarge {
        bytes: 20,
        limit: 10,
    };

    fn instead(message: ToClient) -> Vec<ToClient> {
        let told = in_place_of(FromController::Client(message), &TOO_LARGE);
        let told = told.expect("a client can do without").into_iter();
        let client = |message| match message {
            FromController::Client(message) => message,
            other => panic!("it is told {other:?}"),
        };
        told.map(client).collect()
    }

    #[test]
    fn each_answer_that_can_t_be_sent_fails_by_itself() {
        let engine = Some(EngineId(3));
        let (request, timing) = (RequestId(1), Timing::default());
        let failed = ToClient::Result {
            request,
            engine,
            outcome: Outcome::Failed(result(&TOO_LARGE)),
            timing,
        };
        let alone = instead(ToClient::Result {
            request,
            engine,
            outcome: Outcome::Done,
            timing,
        });
        assert_eq!(alone, std::slice::from_ref(&failed));
        let part = GatheredPart {
            engine,
            outcome: Outcome::Done,
            timing,
            buffers: 1,
        };
        let parts = vec![part; 2];
        let together = instead(ToClient::Gathered { request, parts });
        assert_eq!(together, [failed.clone(), failed]);
        let Failure { kind, message, .. } = result(&TOO_LARGE);
        assert_eq!(kind, FailureKind::Limit);
        assert!(
            message.contains("20 bytes, and one message may have 10"),
            "{message}"
        );
    }

    #[test]
    fn a_question_whose_answer_can_t_be_sent_is_refused() {
        let query = QueryId(7);
        let answer = Answer::Store(StoreAnswer::Rows { pages: 1 });
        let told = instead(ToClient::Answer { query, answer });
        let [
            ToClient::Answer {
                query: QueryId(7),
                answer: Answer::Store(StoreAnswer::Failed(failure)),
            },
        ] = &told[..]
        else {
            panic!("the store's answer is refused as the store does: {told:?}");
        };
        assert_eq!(failure.exception, "ValueError");
        let answer = Answer::Done;
        let told = instead(ToClient::Answer { query, answer });
        assert!(matches!(
            told[..],
            [ToClient::Answer {
                answer: Answer::Refused { .. },
                ..
            }]
        ));
    }

    #[test]
    fn what_engines_are_told_can_t_be_left_out() {
        let message = FromController::Engine(ToEngine::Ping);
        assert_eq!(in_place_of(message, &TOO_LARGE), None);
    }
}
