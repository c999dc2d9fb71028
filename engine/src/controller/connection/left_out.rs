//! What is printed for a client that doesn't read: left out beyond a limit, and told.
//!
//! Whoever is stopped, or hangs, must not cost the controller memory for as long as an engine prints.
//! Answers are never left out: their limit is that of the connection. What others do, for those who
//! watch, has limits of its own (`watchers` in the rules).

use std::collections::BTreeMap;

use rhumba_proto::id::{EngineId, RequestId};
use rhumba_proto::message::{FromController, Output, ToClient};

/// Bytes that may wait for a client before output is left out. It is kept again when half of them have
/// been read, so that what is missing is missing in few places.
const QUEUED_BYTES_MAX: u64 = 64 << 20;

/// The output that one client wasn't sent.
#[derive(Debug, Default)]
pub(super) struct LeftOut {
    is_full: bool,
    /// How much it was, in bytes, since that was told last.
    bytes: BTreeMap<(RequestId, EngineId), u64>,
}

impl LeftOut {
    /// Whether this message is left out, with so many bytes waiting before it.
    pub(super) fn takes(&mut self, message: &FromController, queued_bytes: u64) -> bool {
        let FromController::Client(ToClient::Output {
            request,
            engine,
            output,
        }) = message
        else {
            return false;
        };
        let limit = if self.is_full {
            QUEUED_BYTES_MAX / 2
        } else {
            QUEUED_BYTES_MAX
        };
        self.is_full = queued_bytes > limit;
        if self.is_full {
            *self.bytes.entry((*request, *engine)).or_default() += length(output);
        }
        self.is_full
    }

    /// What has to be told before this message, which isn't left out.
    pub(super) fn told_before(&mut self, message: &FromController) -> Vec<FromController> {
        if self.bytes.is_empty() || !matches!(message, FromController::Client(_)) {
            return Vec::new();
        }
        let missing = std::mem::take(&mut self.bytes).into_iter();
        missing
            .map(|((request, engine), bytes)| {
                let text = format!(
                    "\n[{bytes} bytes of output are missing here: this client did not read them in time]\n"
                );
                FromController::Client(ToClient::Output {
                    request,
                    engine,
                    output: Output::Stderr(text),
                })
            })
            .collect()
    }
}

/// The bytes of text in it.
fn length(output: &Output) -> u64 {
    let length = match output {
        Output::Stdout(text) | Output::Stderr(text) => text.len(),
        Output::Display(forms) | Output::CellResult { data: forms, .. } => {
            forms.iter().map(|(_, text)| text.len()).sum()
        }
    };
    length as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use rhumba_proto::message::{Answer, Outcome, Timing};

    const FULL: u64 = QUEUED_BYTES_MAX + 1;

    fn output(request: u64, text: &str) -> FromController {
        FromController::Client(ToClient::Output {
            request: RequestId(request),
            engine: EngineId(0),
            output: Output::Stdout(text.to_owned()),
        })
    }

    fn result(request: u64) -> FromController {
        FromController::Client(ToClient::Result {
            request: RequestId(request),
            engine: Some(EngineId(0)),
            outcome: Outcome::Done,
            timing: Timing::default(),
        })
    }

    fn texts(messages: &[FromController]) -> Vec<&str> {
        let texts = messages.iter().map(|message| match message {
            FromController::Client(ToClient::Output {
                output: Output::Stderr(text),
                ..
            }) => text.as_str(),
            other => panic!("told {other:?}"),
        });
        texts.collect()
    }

    #[test]
    fn output_is_left_out_until_half_of_what_waits_is_read() {
        let mut left_out = LeftOut::default();
        assert!(!left_out.takes(&output(1, "kept"), QUEUED_BYTES_MAX));
        assert!(left_out.takes(&output(1, "12345"), FULL));
        assert!(left_out.takes(&output(1, "678"), QUEUED_BYTES_MAX / 2 + 1));
        let next = output(1, "kept again");
        assert!(!left_out.takes(&next, QUEUED_BYTES_MAX / 2));
        let told = left_out.told_before(&next);
        assert!(texts(&told)[0].contains("8 bytes"), "{told:?}");
        assert_eq!(told.len(), 1);
        assert!(left_out.told_before(&next).is_empty(), "it is told once");
    }

    #[test]
    fn answers_are_never_left_out_and_come_after_what_is_missing() {
        let mut left_out = LeftOut::default();
        assert!(left_out.takes(&output(1, "ab"), FULL));
        assert!(left_out.takes(&output(2, "abc"), FULL));
        assert!(!left_out.takes(&result(1), FULL));
        let told = left_out.told_before(&result(1));
        assert_eq!(texts(&told).len(), 2, "{told:?}");
        let answer = FromController::Client(ToClient::Answer {
            query: rhumba_proto::id::QueryId(1),
            answer: Answer::Done,
        });
        assert!(!left_out.takes(&answer, FULL));
        assert!(left_out.told_before(&answer).is_empty());
    }
}
