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

/// One time of following others: from the answer to [`Client::watch`] to the
/// next one, or to [`Client::unwatch`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WatchId(pub QueryId);

/// What a client holds of its watch. What is told between two answers belongs
/// to the first of them, so the reader files where the next one begins.
#[derive(Default)]
pub(super) struct Watching {
    /// Will be the current one once it is answered.
    asked: Option<WatchId>,
    current: Option<WatchId>,
    /// What it was told, until it is taken.
    told: Vec<Watched>,
    /// How much was told to earlier ones that nobody has taken.
    passed_over: u32,
}

impl Watching {
    pub(super) fn on_told(&mut self, watched: Watched) {
        self.told.push(watched);
    }

    pub(super) fn on_answer(&mut self, query: QueryId, answer: &Answer) {
        if self.asked == Some(WatchId(query)) {
            self.asked = None;
            if !matches!(answer, Answer::Refused { .. }) {
                self.current = Some(WatchId(query));
                self.passed_over += self.told.len() as u32;
                self.told.clear();
            }
        }
    }
}

impl Client {
    /// Follows what others do on these engines, or on all, from here on. An
    /// earlier watch ends with that.
    ///
    /// # Errors
    /// As [`Client::query`]; an earlier watch goes on then.
    pub fn watch(&self, targets: Vec<EngineId>, timeout: Duration) -> Result<WatchId, ClientError> {
        let mut watch = None;
        let ask = |query| {
            watch = Some(WatchId(query));
            self.shared.state.lock().watching.asked = watch;
            FromClient::Watch { query, targets }
        };
        self.query(ask, timeout)?;
        let passed_over = std::mem::take(&mut self.shared.state.lock().watching.passed_over);
        self.say_seen(passed_over);
        Ok(watch.expect("a query that was answered was asked"))
    }

    /// Follows nobody any more.
    ///
    /// # Errors
    /// As [`Client::query`].
    pub fn unwatch(&self, timeout: Duration) -> Result<(), ClientError> {
        self.query(|query| FromClient::Unwatch { query }, timeout)?;
        self.shared.state.lock().watching = Watching::default();
        self.shared.changed.notify_all();
        Ok(())
    }

    /// Waits until there is something to take or the watch is over, at most for
    /// `timeout`. Returns whether it is so; `false` at once if the connection is
    /// over.
    #[must_use]
    pub fn wait_watched(&self, watch: WatchId, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        let mut state = self.shared.state.lock();
        let is_ready =
            |watching: &Watching| watching.current != Some(watch) || !watching.told.is_empty();
        while !is_ready(&state.watching) {
            let changed = &self.shared.changed;
            if state.ended.is_some() || changed.wait_until(&mut state, deadline).timed_out() {
                return is_ready(&state.watching);
            }
        }
        true
    }

    /// Takes what a watch has been told since this was called last. `None`: it
    /// is over.
    #[must_use]
    pub fn take_watched(&self, watch: WatchId) -> Option<Vec<Watched>> {
        let told = {
            let mut state = self.shared.state.lock();
            if state.watching.current != Some(watch) {
                return None;
            }
            std::mem::take(&mut state.watching.told)
        };
        self.say_seen(told.len() as u32);
        Some(told)
    }

    fn say_seen(&self, count: u32) {
        if count > 0 {
            let message = ToController::Client(FromClient::WatchSeen { count });
            // A connection that is over is seen by the reader.
            let mut writer = self.shared.writer.lock();
            let _ = writer.frames.send(&message, &Payload::default());
        }
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
