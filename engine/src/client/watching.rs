//! What a client follows of others: the work of those it watches, and who has
//! engines to itself.
//!
//! What it is told is kept here until it is taken. That it was taken is said to
//! the controller, which tells only so much that wasn't.

use super::asking::Patience;
use super::{Client, ClientError};
use rhumba_proto::id::{EngineId, QueryId};
use rhumba_proto::message::{Activity, Answer, FromClient, Payload, TaskName, ToController};
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
    pub fn watch<'a>(
        &self,
        targets: Vec<EngineId>,
        patience: impl Into<Patience<'a>>,
    ) -> Result<WatchId, ClientError> {
        let mut watch = None;
        let ask = |query| {
            watch = Some(WatchId(query));
            self.shared.state.lock().watching.asked = watch;
            FromClient::Watch { query, targets }
        };
        self.query(ask, patience)?;
        self.say_seen(0);
        Ok(watch.expect("a query that was answered was asked"))
    }

    /// Follows nobody any more.
    ///
    /// # Errors
    /// As [`Client::query`].
    pub fn unwatch<'a>(&self, patience: impl Into<Patience<'a>>) -> Result<(), ClientError> {
        self.query(|query| FromClient::Unwatch { query }, patience)?;
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

    /// Says that so much was seen, and what was passed over before. Where the
    /// controller takes nothing just now, it is said the next time.
    fn say_seen(&self, count: u32) {
        let passed_over = std::mem::take(&mut self.shared.state.lock().watching.passed_over);
        let count = count + passed_over;
        if count == 0 {
            return;
        }
        let message = ToController::Client(FromClient::WatchSeen { count });
        let mut writer = self.shared.writer.lock();
        // A connection that is over is seen by the reader.
        let taken = writer.frames.try_gather(&message, &Payload::default());
        let _ = writer.frames.try_flush();
        drop(writer);
        if matches!(taken, Ok(false)) {
            self.shared.state.lock().watching.passed_over += count;
        }
    }
}
