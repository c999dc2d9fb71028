//! Questions to the controller, and how long who asks waits.
//!
//! Everything that may wait, for an answer or for room to send, does so in steps
//! of moments ([`Patience`]), so that who waits can be interrupted. What was
//! interrupted on its way is sent before anything else the next time.

use super::{Client, ClientError, Sender};
use crate::socket::ConnectionError;
use rhumba_proto::id::{QueryId, RequestId};
use rhumba_proto::message::{Answer, FromClient, Payload, ToController};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Calls what it is given, each time with how long that may block, until it says
/// that it is done. Returns `false` if it gave up before.
pub type Wait<'a> = dyn FnMut(&mut dyn FnMut(Duration) -> bool) -> bool + 'a;

/// So many requests one message names: far fewer than there may be unfinished ones, and far fewer
/// bytes than a message may have.
pub const REQUESTS_MAX: usize = 500_000;

/// Returns the requests of each message, where one can't name all of them. Where there are none it
/// is one message without any, which stands for all that there are.
pub fn in_messages(requests: &[RequestId]) -> impl Iterator<Item = Vec<RequestId>> {
    let all = requests.is_empty().then(Vec::new);
    let some = requests.chunks(REQUESTS_MAX).map(<[RequestId]>::to_vec);
    all.into_iter().chain(some)
}

/// How long one step lasts where nobody interrupts.
const STEP: Duration = Duration::from_secs(1);

/// How long, and how, something is waited for.
pub struct Patience<'a> {
    /// How long it is, and when it ends; `None`: it doesn't.
    end: Option<(Duration, Instant)>,
    wait: Option<&'a mut Wait<'a>>,
}

impl From<Duration> for Patience<'_> {
    fn from(timeout: Duration) -> Self {
        Self {
            end: end_of(timeout),
            wait: None,
        }
    }
}

impl<'a> Patience<'a> {
    /// Waits as `wait` does, at most for `timeout`.
    pub fn new(timeout: Option<Duration>, wait: &'a mut Wait<'a>) -> Self {
        Self {
            end: timeout.and_then(end_of),
            wait: Some(wait),
        }
    }

    /// Waits for ever, and is never interrupted.
    #[must_use]
    pub fn endless() -> Self {
        Self {
            end: None,
            wait: None,
        }
    }

    /// Waits until `step` returns something; it is told how long it may block.
    ///
    /// # Errors
    /// If the time is over, or whoever waits was interrupted.
    pub fn until<R>(
        &mut self,
        mut step: impl FnMut(Duration) -> Option<R>,
    ) -> Result<R, ClientError> {
        let end = self.end;
        let mut result = None;
        let mut is_over = |slice: Duration| {
            let left = end.map_or(slice, |(_, at)| {
                at.saturating_duration_since(Instant::now())
            });
            result = step(slice.min(left));
            result.is_some() || left.is_zero()
        };
        let was_waited = match &mut self.wait {
            Some(wait) => (**wait)(&mut is_over),
            None => {
                while !is_over(STEP) {}
                true
            }
        };
        match (result, end) {
            (Some(result), _) => Ok(result),
            (None, Some((timeout, _))) if was_waited => Err(ConnectionError::Timeout {
                seconds: timeout.as_secs_f64(),
                log: String::new(),
            }
            .into()),
            (None, _) => Err(ClientError::Interrupted),
        }
    }
}

fn end_of(timeout: Duration) -> Option<(Duration, Instant)> {
    Some((timeout, Instant::now().checked_add(timeout)?))
}

impl Client {
    /// Asks the controller something and waits for its answer.
    ///
    /// # Errors
    /// If it refuses, does not answer in time, or the connection is over.
    pub fn query<'a>(
        &self,
        ask: impl FnOnce(QueryId) -> FromClient,
        patience: impl Into<Patience<'a>>,
    ) -> Result<Answer, ClientError> {
        let (answer, _) = self.query_with_payload(ask, &mut patience.into())?;
        Ok(answer)
    }

    /// Does what [`Client::query`] does, and returns what came with the answer.
    ///
    /// # Errors
    /// As [`Client::query`].
    pub fn query_with_payload(
        &self,
        ask: impl FnOnce(QueryId) -> FromClient,
        patience: &mut Patience<'_>,
    ) -> Result<(Answer, Payload), ClientError> {
        let query = self.ask(ask, patience)?;
        let answered = patience.until(|slice| self.take_answer(query, slice).transpose());
        if answered.is_err() {
            self.forget_answer(query);
        }
        let about = |error| match error {
            ClientError::Connection(error) => error.about(&self.cluster_file, &self.cluster).into(),
            error => error,
        };
        match answered.map_err(about)?? {
            (Answer::Refused { reason }, _) => Err(ClientError::Refused(reason)),
            answer => Ok(answer),
        }
    }

    /// Asks the controller something whose answer may take long; it is taken
    /// with [`Client::take_answer`].
    ///
    /// # Errors
    /// If the connection is over, or the question can't be sent in time.
    pub fn ask(
        &self,
        ask: impl FnOnce(QueryId) -> FromClient,
        patience: &mut Patience<'_>,
    ) -> Result<QueryId, ClientError> {
        let query = QueryId(self.shared.next_id.fetch_add(1, Ordering::Relaxed));
        self.shared.state.lock().queries.insert(query, None);
        let sent = self.send(ask(query), patience);
        if sent.is_err() {
            self.forget_answer(query);
        }
        sent.map(|()| query)
    }

    /// Waits for an answer that was asked for, at most for `timeout`, and takes it.
    ///
    /// # Errors
    /// If the connection is over.
    pub fn take_answer(
        &self,
        query: QueryId,
        timeout: Duration,
    ) -> Result<Option<(Answer, Payload)>, ClientError> {
        let deadline = Instant::now() + timeout;
        let mut state = self.shared.state.lock();
        loop {
            if let Some(Some(answer)) = state.queries.get_mut(&query).map(Option::take) {
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

    /// Sends one message without a payload.
    pub(super) fn send(
        &self,
        message: FromClient,
        patience: &mut Patience<'_>,
    ) -> Result<(), ClientError> {
        let message = ToController::Client(message);
        let mut is_taken = false;
        self.send_in_steps(patience, |sender| {
            if !is_taken {
                is_taken = sender.frames.try_gather(&message, &Payload::default())?;
            }
            Ok(is_taken && sender.frames.try_flush()?)
        })
    }

    /// Sends something by a step that is taken again until it says that all is
    /// sent. Between two steps others may send.
    pub(super) fn send_in_steps(
        &self,
        patience: &mut Patience<'_>,
        mut step: impl FnMut(&mut Sender) -> Result<bool, ConnectionError>,
    ) -> Result<(), ClientError> {
        let sent = patience.until(|_| match step(&mut self.shared.writer.lock()) {
            Ok(is_done) => is_done.then_some(Ok(())),
            Err(error) => Some(Err(error)),
        })?;
        sent.map_err(|error| {
            // Why the connection ended says more than that it can't be written to.
            let cause = self.shared.state.lock().ended.clone();
            cause
                .map_or(error, |cause| ConnectionError::Closed { cause })
                .into()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rhumba_proto::frame::{Kind, Limits, encode_head};

    #[test]
    fn any_number_of_requests_is_named_in_messages_that_can_be_sent() {
        let requests = vec![RequestId(u64::MAX); 2 * REQUESTS_MAX + 1];
        let messages: Vec<_> = in_messages(&requests).collect();
        let counts: Vec<usize> = messages.iter().map(Vec::len).collect();
        assert_eq!(counts, [REQUESTS_MAX, REQUESTS_MAX, 1]);
        for requests in messages {
            let message = ToController::Client(FromClient::Cancel {
                query: QueryId(u64::MAX),
                requests,
                targets: Vec::new(),
            });
            let (kind, limits) = (Kind::ToController, Limits::default());
            encode_head(kind, &message, &Payload::default(), &limits).unwrap();
        }
        let all: Vec<_> = in_messages(&[]).collect();
        assert!(all.len() == 1 && all[0].is_empty(), "none are all of them");
    }
}
