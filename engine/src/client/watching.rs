//! What a client follows of others: the work of those it watches, and who has
//! engines to itself.
//!
//! What it is told is kept here until it is taken. That it was taken is said to
//! the controller, which tells only so much that wasn't.

use super::{Client, ClientError};
use crate::socket::ConnectionError;
use rhumba_proto::id::{EngineId, QueryId};
use rhumba_proto::message::{Activity, Answer, FromClient, Payload, TaskName, ToController};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Something that those who watch are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Watched {
    Seen {
        engine: EngineId,
        task: TaskName,
        activity: Activity,
    },
    /// So much was not told, as it wasn't taken in time.
    Lost { count: u64 },
}

impl Client {
    /// Follows what others do on these engines, or on all, from here on.
    ///
    /// # Errors
    /// As [`Client::query`].
    pub fn watch(&self, targets: Vec<EngineId>, timeout: Duration) -> Result<(), ClientError> {
        self.query(|query| FromClient::Watch { query, targets }, timeout)
            .map(drop)
    }

    /// Follows nobody any more.
    ///
    /// # Errors
    /// As [`Client::query`].
    pub fn unwatch(&self, timeout: Duration) -> Result<(), ClientError> {
        self.query(|query| FromClient::Unwatch { query }, timeout)?;
        self.shared.state.lock().watched.clear();
        Ok(())
    }

    /// Waits until there is something to take, at most for `timeout`. Returns
    /// whether there is; `false` at once if the connection is over.
    #[must_use]
    pub fn wait_watched(&self, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        let mut state = self.shared.state.lock();
        while state.watched.is_empty() {
            let changed = &self.shared.changed;
            if state.ended.is_some() || changed.wait_until(&mut state, deadline).timed_out() {
                return !state.watched.is_empty();
            }
        }
        true
    }

    /// Takes what has been told since this was called last.
    #[must_use]
    pub fn take_watched(&self) -> Vec<Watched> {
        let watched = std::mem::take(&mut self.shared.state.lock().watched);
        if !watched.is_empty() {
            let count = watched.len() as u32;
            let message = ToController::Client(FromClient::WatchSeen { count });
            // A connection that is over is seen by the reader.
            let mut writer = self.shared.writer.lock();
            let _ = writer.frames.send(&message, &Payload::default());
        }
        watched
    }

    /// Asks the controller something whose answer may take long; it is taken
    /// with [`Client::take_answer`].
    ///
    /// # Errors
    /// If the connection is over.
    pub fn ask(&self, ask: impl FnOnce(QueryId) -> FromClient) -> Result<QueryId, ClientError> {
        let query = QueryId(self.shared.next_id.fetch_add(1, Ordering::Relaxed));
        self.shared.state.lock().queries.insert(query, None);
        let message = ToController::Client(ask(query));
        let mut writer = self.shared.writer.lock();
        if let Err(error) = writer.frames.send(&message, &Payload::default()) {
            self.shared.state.lock().queries.remove(&query);
            return Err(error.into());
        }
        Ok(query)
    }

    /// Waits for an answer that was asked for, at most for `timeout`, and takes it.
    ///
    /// # Errors
    /// If the connection is over.
    pub fn take_answer(
        &self,
        query: QueryId,
        timeout: Duration,
    ) -> Result<Option<Answer>, ClientError> {
        let deadline = Instant::now() + timeout;
        let mut state = self.shared.state.lock();
        loop {
            if let Some(Some((answer, _))) = state.queries.get_mut(&query).map(Option::take) {
                state.queries.remove(&query);
                return Ok(Some(answer));
            }
            if let Some(cause) = state.ended.clone() {
                return Err(ConnectionError::Closed { cause }.into());
            }
            let changed = &self.shared.changed;
            if changed.wait_until(&mut state, deadline).timed_out() {
                return Ok(None);
            }
        }
    }

    /// Waits for the answer to a query no longer.
    pub fn forget_answer(&self, query: QueryId) {
        self.shared.state.lock().queries.remove(&query);
    }
}
