//! What is remembered of pieces, and how it is asked for.
//!
//! The rules tell what happens to each piece as [`Record`]s; whoever carries out
//! their orders keeps these. Clients ask in [`Question`]s, whose filters are flat
//! lists of steps, so that no peer makes anybody recurse. How and where records
//! are kept is not said here; when they are told is [`crate::controller`]'s.

use crate::id::{BlobId, ClientId, EngineId, RequestId};
use crate::message::{Failure, Outcome, Output, Payload, TaskName, Terms, Timing, Work};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Rows are cut into pages of about this size, each a buffer of its own.
const PAGE_BYTES: usize = 1 << 20;

const BINCODE: bincode::config::Configuration<
    bincode::config::LittleEndian,
    bincode::config::Varint,
    bincode::config::Limit<{ 64 << 20 }>,
> = bincode::config::standard().with_limit::<{ 64 << 20 }>();

/// Something that happened and is worth remembering.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    ClientJoined {
        client: ClientId,
        name: String,
        pid: u32,
    },
    /// A function that pieces may name. The same may be told again.
    FunctionStored {
        blob: BlobId,
        name: String,
        content: Payload,
    },
    Accepted(Box<Accepted>),
    /// Something was printed or displayed by the piece with this number.
    Printed {
        number: u64,
        output: Output,
    },
    Ended(Box<Ended>),
}

/// A piece as it was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Counts all pieces of one controller.
    pub number: u64,
    pub task: TaskName,
    /// The engine it is for; `None` for a task.
    pub target: Option<EngineId>,
    /// Its request has other pieces, so that its name has its engine in it.
    pub is_part: bool,
    /// How many pieces have the payload in common.
    pub shared_by: u32,
    pub work: Work,
    /// `None`: the usual ones.
    pub terms: Option<Box<Terms>>,
    pub label: Option<Arc<str>>,
    pub payload: Payload,
    /// So much of the payload was left out by who keeps records, all of it then.
    pub omitted_bytes: u64,
}

/// How a piece ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    pub number: u64,
    pub engine: Option<EngineId>,
    pub outcome: Outcome,
    pub timing: Timing,
    pub payload: Payload,
    /// As in [`Accepted::omitted_bytes`].
    pub omitted_bytes: u64,
    /// Its client has left, or somebody else waits for it: the result is nowhere
    /// but in its record.
    pub is_wanted: bool,
}

/// A piece as people name it. What they name may be of an earlier controller of
/// the same cluster, or not be there at all.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PieceName {
    /// The earlier controller; `None`: the one that is asked.
    pub session: Option<String>,
    pub task: TaskName,
    /// Which of several pieces of one request.
    pub engine: Option<EngineId>,
}

impl PieceName {
    /// Reads a name such as `68ab-1f3-0_17.2`: session, client, request, engine.
    #[must_use]
    pub fn parse(text: &str, own_session: &str) -> Option<Self> {
        let (session, request) = text.rsplit_once('_')?;
        let (session, client) = session.rsplit_once('-')?;
        let (request, engine) = match request.split_once('.') {
            Some((request, engine)) => (request, Some(EngineId(engine.parse().ok()?))),
            None => (request, None),
        };
        Some(Self {
            session: (session != own_session).then(|| session.to_owned()),
            task: TaskName {
                client: ClientId(client.parse().ok()?),
                request: RequestId(request.parse().ok()?),
            },
            engine,
        })
    }
}

/// What a client asks of the task store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Question {
    /// The records that pass a filter, of each the values under these keys.
    /// Answer: [`StoreAnswer::Rows`].
    Find {
        filter: Vec<Step>,
        keys: Vec<String>,
    },
    /// Forgets the records that pass a filter and have ended. Answer:
    /// [`StoreAnswer::Purged`].
    Purge { filter: Vec<Step> },
    /// All that is needed to send a piece again. Answer: [`StoreAnswer::Parcel`].
    Parcel { piece: PieceName },
    /// Takes note that a piece was sent again. Answer: [`StoreAnswer::Noted`].
    Resubmitted { piece: PieceName, by: TaskName },
    /// How much is kept. Answer: [`StoreAnswer::State`].
    State,
}

/// One step of a filter. Steps are carried out in their order; each leaves a
/// condition behind, and takes those that it combines. All that are left must
/// hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    /// What is known under the key compares so with the values: one value, but
    /// for [`Operator::In`] and [`Operator::All`] any number, and for
    /// [`Operator::Remainder`] the divisor and the remainder.
    Compare {
        key: String,
        operator: Operator,
        values: Vec<Value>,
    },
    /// The latest so many conditions all hold.
    And(u32),
    /// One of the latest so many conditions holds.
    Or(u32),
    /// The latest condition doesn't hold.
    Not,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operator {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    /// It is one of the values.
    In,
    /// Each of the values is in it.
    All,
    Remainder,
    /// It is there: the value is 1 or 0.
    Exists,
    /// It is like a pattern with `*`, `?` and `[…]`.
    Glob,
}

/// What a record holds under a key. Times are in microseconds since 1970-01-01
/// UTC; lists and mappings are JSON, as text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Value {
    None,
    Int(i64),
    Float(f64),
    Text(String),
    /// A payload that travels beside the rows: its first buffer, and how many.
    Buffers {
        first: u32,
        count: u32,
    },
}

// Floats come from people, who don't compare with what is no number.
impl Eq for Value {}

/// What the task store answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StoreAnswer {
    /// Payload: so many pages of rows, for [`decode_rows`], then the buffers that
    /// they name.
    Rows {
        pages: u32,
    },
    Purged {
        count: u64,
    },
    /// Payload: so many buffers of the function, then those of the piece.
    Parcel {
        work: Work,
        function_name: String,
        terms: Terms,
        targets: Vec<EngineId>,
        label: Option<String>,
        function_buffers: u32,
    },
    Noted,
    State(StoreState),
    /// It can't be done; the exception says what kind of mistake that is.
    Failed(Failure),
}

/// How much a task store keeps.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreState {
    /// Where its file is, empty if it is in memory only.
    pub path: String,
    pub records: u64,
    pub bytes: u64,
    pub records_max: u64,
    pub bytes_max: u64,
    /// Records that could not be kept since the controller started.
    pub lost: u64,
    /// Why nothing can be written at the moment, if it can't.
    pub problem: Option<String>,
}

/// A record, fetched to stand for the result of its piece.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    pub engine: Option<EngineId>,
    pub outcome: Outcome,
    pub timing: Timing,
    pub outputs: Vec<Output>,
}

/// Returns rows as pages.
#[must_use]
pub fn encode_rows(rows: &[Vec<Value>]) -> Vec<Bytes> {
    let mut pages = Vec::new();
    let mut page = Vec::new();
    for row in rows {
        bincode::serde::encode_into_std_write(row, &mut page, BINCODE)
            .expect("rows are plain data, and memory doesn't fail");
        if page.len() >= PAGE_BYTES {
            pages.push(Bytes::from(std::mem::take(&mut page)));
        }
    }
    if !page.is_empty() {
        pages.push(page.into());
    }
    pages
}

/// Returns the rows of pages; `None` if they aren't any.
#[must_use]
pub fn decode_rows(pages: &[Bytes]) -> Option<Vec<Vec<Value>>> {
    let mut rows = Vec::new();
    for page in pages {
        let mut rest = &page[..];
        while !rest.is_empty() {
            let (row, read) = bincode::serde::decode_from_slice(rest, BINCODE).ok()?;
            rows.push(row);
            rest = &rest[read..];
        }
    }
    Some(rows)
}

/// Returns something flat as the few bytes that a record keeps of it.
#[must_use]
pub fn encode_flat<T: Serialize>(value: &T) -> Vec<u8> {
    bincode::serde::encode_to_vec(value, BINCODE)
        .expect("it is plain data, and memory doesn't fail")
}

/// Returns what [`encode_flat`] was given; `None` if the bytes are something else.
#[must_use]
pub fn decode_flat<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    let (value, read) = bincode::serde::decode_from_slice(bytes, BINCODE).ok()?;
    (read == bytes.len()).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_people_see_them() {
        let name = |session: Option<&str>, engine| PieceName {
            session: session.map(str::to_owned),
            task: TaskName {
                client: ClientId(4),
                request: RequestId(17),
            },
            engine,
        };
        assert_eq!(
            PieceName::parse("6a-1f-4_17", "6a-1f"),
            Some(name(None, None))
        );
        let part = name(None, Some(EngineId(2)));
        assert_eq!(PieceName::parse("6a-1f-4_17.2", "6a-1f"), Some(part));
        let earlier = name(Some("6a-1f"), None);
        assert_eq!(PieceName::parse("6a-1f-4_17", "6b-1f"), Some(earlier));
        for text in [
            "",
            "no-such-id",
            "6a-1f-4",
            "6a-1f-x_17",
            "6a-1f-4_x",
            "6a-1f-4_17.x",
        ] {
            assert_eq!(PieceName::parse(text, "6a-1f"), None, "{text}");
        }
    }

    #[test]
    fn rows_survive_their_pages() {
        let row = |number: i64| {
            vec![
                Value::Int(number),
                Value::Text("x".repeat(1000)),
                Value::None,
                Value::Buffers { first: 1, count: 2 },
            ]
        };
        let rows: Vec<_> = (0..5000).map(row).collect();
        let pages = encode_rows(&rows);
        assert!(pages.len() > 3, "{} pages", pages.len());
        assert_eq!(decode_rows(&pages), Some(rows));
        assert_eq!(decode_rows(&[]), Some(Vec::new()));
        assert_eq!(decode_rows(&[Bytes::from_static(&[3, 250])]), None);
    }
}
