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
}

impl Queue {
    pub(super) fn new() -> Self {
        Self {
            state: Mutex::new(State::default()),
            changed: Condvar::new(),
        }
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
