//! What a client asks of the task store: records, and results that others have
//! asked for, or this user in an earlier process.

use super::asking::Patience;
use super::{Client, ClientError, FunctionBlob, Group, Piece, Waiting};
use crate::socket::ConnectionError;
use rhumba_proto::id::RequestId;
use rhumba_proto::message::{Answer, Failure, FromClient, Manner, Payload, TaskName};
use rhumba_proto::record::{
    PieceName, Question, Step, StoreAnswer, StoreState, Value, decode_rows,
};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// So many pieces one message names: what they are called may be of any length, but isn't.
const PIECES_MAX: usize = 100_000;

/// Why the task store can't answer.
#[derive(Debug, thiserror::Error)]
pub enum RecordsError {
    #[error(transparent)]
    Client(#[from] ClientError),
    /// What it says itself; the exception tells what kind of mistake it is.
    #[error("{}", .0.message)]
    Refused(Failure),
    #[error("the controller answered something else than was asked")]
    Nonsense,
}

/// A record, and what is kept beside it.
pub struct Rows {
    pub rows: Vec<Vec<Value>>,
    /// What [`Value::Buffers`] counts in.
    pub buffers: Payload,
}

impl Client {
    /// Returns the piece that goes by this name, whoever asked for it.
    #[must_use]
    pub fn piece_named(&self, message_id: &str) -> Option<PieceName> {
        PieceName::parse(message_id, &self.cluster().session())
    }

    /// Returns the name by which people see a piece.
    #[must_use]
    pub fn name_of(&self, piece: &PieceName) -> String {
        let own = self.cluster().session();
        let session = piece.session.as_ref().unwrap_or(&own);
        let TaskName { client, request } = piece.task;
        match piece.engine {
            Some(engine) => format!("{session}-{client}_{request}.{engine}"),
            None => format!("{session}-{client}_{request}"),
        }
    }

    /// Asks for the results of pieces, whoever sent them: at once, or when they
    /// end. Each is a part of the group.
    ///
    /// # Errors
    /// If the connection is over.
    pub fn fetch<'a>(
        &self,
        pieces: &[PieceName],
        patience: impl Into<Patience<'a>>,
    ) -> Result<Arc<Group>, ClientError> {
        let count = pieces.len() as u64;
        let first = self.shared.next_id.fetch_add(count, Ordering::Relaxed);
        let mut group = Group::new(pieces.len());
        for (offset, piece) in (0..).zip(pieces) {
            group.add_fetch(RequestId(first + offset), self.name_of(piece));
        }
        let group = Arc::new(group);
        {
            let mut state = self.shared.state.lock();
            if let Some(cause) = &state.ended {
                let cause = cause.clone();
                return Err(ConnectionError::Closed { cause }.into());
            }
            for offset in 0..pieces.len() {
                let request = RequestId(first + offset as u64);
                let waiting = Waiting::new(&group, offset, &[]);
                state.waiting.insert(request, waiting);
            }
        }
        let patience: &mut Patience<'a> = &mut patience.into();
        for (offset, some) in (0_u64..).step_by(PIECES_MAX).zip(pieces.chunks(PIECES_MAX)) {
            let message = FromClient::Fetch {
                first: RequestId(first + offset),
                pieces: some.to_vec(),
            };
            if let Err(error) = self.send(message, patience) {
                let mut state = self.shared.state.lock();
                for offset in 0..count {
                    state.waiting.remove(&RequestId(first + offset));
                }
                return Err(error);
            }
        }
        Ok(group)
    }

    fn ask_store(
        &self,
        question: Question,
        patience: &mut Patience<'_>,
    ) -> Result<(StoreAnswer, Payload), RecordsError> {
        let ask = |query| FromClient::AskStore { query, question };
        match self.query_with_payload(ask, patience)? {
            (Answer::Store(StoreAnswer::Failed(failure)), _) => Err(RecordsError::Refused(failure)),
            (Answer::Store(answer), payload) => Ok((answer, payload)),
            _ => Err(RecordsError::Nonsense),
        }
    }

    /// Returns what is known under these keys of the records that pass a filter.
    ///
    /// # Errors
    /// If the filter or a key makes no sense, or the store can't be used.
    pub fn find_records<'a>(
        &self,
        filter: Vec<Step>,
        keys: Vec<String>,
        patience: impl Into<Patience<'a>>,
    ) -> Result<Rows, RecordsError> {
        match self.ask_store(Question::Find { filter, keys }, &mut patience.into())? {
            (StoreAnswer::Rows { pages }, mut payload) => {
                let pages = (pages as usize).min(payload.buffers.len());
                let buffers = payload.buffers.split_off(pages);
                let rows = decode_rows(&payload.buffers).ok_or(RecordsError::Nonsense)?;
                Ok(Rows {
                    rows,
                    buffers: buffers.into(),
                })
            }
            _ => Err(RecordsError::Nonsense),
        }
    }

    /// Forgets the records that pass a filter and have ended. Returns how many
    /// that were.
    ///
    /// # Errors
    /// As [`Client::find_records`].
    pub fn purge_records<'a>(
        &self,
        filter: Vec<Step>,
        patience: impl Into<Patience<'a>>,
    ) -> Result<u64, RecordsError> {
        match self.ask_store(Question::Purge { filter }, &mut patience.into())? {
            (StoreAnswer::Purged { count }, _) => Ok(count),
            _ => Err(RecordsError::Nonsense),
        }
    }

    /// Returns how much the store keeps.
    ///
    /// # Errors
    /// If there is no store.
    pub fn store_state<'a>(
        &self,
        patience: impl Into<Patience<'a>>,
    ) -> Result<StoreState, RecordsError> {
        match self.ask_store(Question::State, &mut patience.into())? {
            (StoreAnswer::State(state), _) => Ok(state),
            _ => Err(RecordsError::Nonsense),
        }
    }

    /// Sends a piece again, as it was: its result is this client's.
    ///
    /// # Errors
    /// If there is no record of it, or not all that it takes.
    pub fn resubmit<'a>(
        &self,
        piece: &PieceName,
        patience: impl Into<Patience<'a>>,
    ) -> Result<Arc<Group>, RecordsError> {
        let patience: &mut Patience<'a> = &mut patience.into();
        let question = Question::Parcel {
            piece: piece.clone(),
        };
        let (answer, mut content) = self.ask_store(question, patience)?;
        let StoreAnswer::Parcel {
            mut work,
            function_name,
            terms,
            targets,
            label,
            function_buffers,
        } = answer
        else {
            return Err(RecordsError::Nonsense);
        };
        let function_buffers = (function_buffers as usize).min(content.buffers.len());
        let payload = content.buffers.split_off(function_buffers).into();
        let function = work
            .function
            .map(|_| FunctionBlob::new(function_name, content));
        work.function = function.as_ref().map(|function| function.blob);
        let again = Piece {
            targets,
            work,
            payload,
            terms,
            manner: Manner::default(),
        };
        let label = label.as_deref();
        let group = self.submit_labelled(&[again], function.as_ref(), label, patience)?;
        let by = TaskName {
            client: self.id(),
            request: group.parts()[0].request,
        };
        let piece = piece.clone();
        self.ask_store(Question::Resubmitted { piece, by }, patience)?;
        Ok(group)
    }
}
