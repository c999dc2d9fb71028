//! The work that an engine has been sent and not begun, and the one piece that
//! runs: shared by the network thread and Python's.
//!
//! An interrupt is delivered under the same lock under which work begins and
//! ends, so it can't reach the piece after the one it was meant for.

use parking_lot::{Condvar, Mutex};
use rhumba_proto::id::{BlobId, Ticket};
use rhumba_proto::message::{Operation, Payload};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// One piece of work, with the function it calls.
pub(super) struct Job {
    pub ticket: Ticket,
    pub operation: Operation,
    /// `None` within: the controller never sent that content.
    pub function: Option<(BlobId, Option<Payload>)>,
    pub payload: Payload,
}

/// A thread that signals can be sent to.
#[derive(Clone, Copy)]
pub(super) struct Thread(libc::pthread_t);

impl Thread {
    pub(super) fn current() -> Self {
        // SAFETY: always succeeds.
        Self(unsafe { libc::pthread_self() })
    }

    fn interrupt(self) {
        // SAFETY: the thread is the main thread, which lasts as long as the
        // process; SIGINT's handler is Python's, which only sets flags.
        unsafe {
            libc::pthread_kill(self.0, libc::SIGINT);
        }
    }
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Job>,
    running: Option<Ticket>,
    closed: bool,
}

pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    /// The engine was started by hand: Ctrl-C ends it when nothing runs.
    ends_on_interrupt: bool,
}

/// Nothing came within the time that there was for it.
#[derive(Debug)]
pub(super) struct TimedOut;

impl Queue {
    pub(super) fn new() -> Self {
        Self {
            state: Mutex::new(State::default()),
            changed: Condvar::new(),
            ends_on_interrupt: false,
        }
    }

    /// As [`new`](Self::new), of an engine that Ctrl-C ends when nothing runs.
    pub(super) fn of_engine_by_hand() -> Self {
        Self {
            ends_on_interrupt: true,
            ..Self::new()
        }
    }

    pub(super) fn ends_on_interrupt(&self) -> bool {
        self.ends_on_interrupt
    }

    pub(super) fn push(&self, job: Job) {
        self.state.lock().waiting.push_back(job);
        self.changed.notify_all();
    }

    /// Waits for the next piece, which is running from here on. `None`: closed.
    pub(super) fn next(&self) -> Option<Job> {
        let mut state = self.state.lock();
        loop {
            if state.closed {
                return None;
            }
            if let Some(job) = state.waiting.pop_front() {
                state.running = Some(job.ticket);
                return Some(job);
            }
            self.changed.wait(&mut state);
        }
    }

    /// As [`next`](Self::next), at most for `timeout`.
    pub(super) fn next_within(&self, timeout: Duration) -> Result<Option<Job>, TimedOut> {
        let deadline = Instant::now() + timeout;
        let mut state = self.state.lock();
        loop {
            if state.closed {
                return Ok(None);
            }
            if let Some(job) = state.waiting.pop_front() {
                state.running = Some(job.ticket);
                return Ok(Some(job));
            }
            if self.changed.wait_until(&mut state, deadline).timed_out() {
                return Err(TimedOut);
            }
        }
    }

    /// The next piece if one waits, which is running from here on.
    pub(super) fn next_if_there(&self) -> Option<Job> {
        let mut state = self.state.lock();
        let job = state.waiting.pop_front()?;
        state.running = Some(job.ticket);
        Some(job)
    }

    pub(super) fn is_closed(&self) -> bool {
        self.state.lock().closed
    }

    /// Notes that what ran has ended.
    pub(super) fn finish(&self) {
        let mut state = self.state.lock();
        state.running = None;
        if state.closed {
            self.changed.notify_all();
        }
    }

    /// Takes back what has not begun. Returns whether it had not.
    pub(super) fn take_back(&self, ticket: Ticket) -> bool {
        let mut state = self.state.lock();
        let position = state.waiting.iter().position(|job| job.ticket == ticket);
        position
            .and_then(|position| state.waiting.remove(position))
            .is_some()
    }

    /// Interrupts a piece if it is the one that runs.
    pub(super) fn interrupt(&self, ticket: Ticket, python_thread: Thread) {
        let state = self.state.lock();
        if state.running == Some(ticket) {
            python_thread.interrupt();
        }
    }

    /// Interrupts whatever runs, if something does.
    pub(super) fn interrupt_running(&self, python_thread: Thread) {
        let state = self.state.lock();
        if state.running.is_some() {
            python_thread.interrupt();
        }
    }

    /// Drops what waits, interrupts what runs, and waits until it has ended, at
    /// most for `timeout`. Returns whether it has.
    pub(super) fn close(&self, python_thread: Thread, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        let mut state = self.state.lock();
        state.closed = true;
        state.waiting.clear();
        self.changed.notify_all();
        while state.running.is_some() {
            python_thread.interrupt();
            // Again and again: a first interrupt may be caught by the program.
            let slice = Instant::now() + Duration::from_millis(100);
            self.changed.wait_until(&mut state, slice.min(deadline));
            if Instant::now() >= deadline {
                return state.running.is_none();
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn job(ticket: u64) -> Job {
        Job {
            ticket: Ticket(ticket),
            operation: Operation::Clear,
            function: None,
            payload: Payload::default(),
        }
    }

    #[test]
    fn work_runs_in_the_order_in_which_it_came() {
        let queue = Queue::new();
        (1..4).for_each(|ticket| queue.push(job(ticket)));
        let tickets: Vec<u64> = (0..3).map(|_| queue.next().unwrap().ticket.0).collect();
        assert_eq!(tickets, [1, 2, 3]);
    }

    #[test]
    fn only_what_has_not_begun_is_taken_back() {
        let queue = Queue::new();
        queue.push(job(1));
        queue.push(job(2));
        assert_eq!(queue.next().unwrap().ticket, Ticket(1));
        assert!(!queue.take_back(Ticket(1)), "it runs");
        assert!(queue.take_back(Ticket(2)));
        assert!(!queue.take_back(Ticket(2)), "it is gone");
    }

    #[test]
    fn a_wait_with_a_limit_ends_with_what_there_is() {
        let queue = Queue::of_engine_by_hand();
        let short = Duration::from_millis(1);
        assert!(queue.next_within(short).is_err());
        queue.push(job(1));
        assert!(matches!(queue.next_within(short), Ok(Some(_))));
        queue.finish();
        assert!(queue.close(Thread::current(), short));
        assert!(matches!(queue.next_within(short), Ok(None)));
    }

    #[test]
    fn closing_wakes_who_waits_and_drops_what_waits() {
        let queue = Arc::new(Queue::new());
        let waiting = {
            let queue = Arc::clone(&queue);
            std::thread::spawn(move || queue.next().is_none())
        };
        assert!(queue.close(Thread::current(), Duration::from_secs(60)));
        assert!(waiting.join().unwrap());
        queue.push(job(1));
        assert!(queue.next().is_none());
    }
}
