//! Whose turn it is to read the terminal: the line editor takes signals and modes of the whole
//! process for itself, so two of them can't read at once.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

static STATE: Mutex<State> = Mutex::new(State {
    process: 0,
    reader: None,
    is_for_cell: false,
    waiting: VecDeque::new(),
    next: 0,
});
static CHANGED: Condvar = Condvar::new();

struct State {
    /// The process that all of this is of: in one that is forked, only the thread that forks goes on.
    process: u32,
    /// The thread that reads now, if one does.
    reader: Option<ThreadId>,
    /// Whether a cell is typed in it.
    is_for_cell: bool,
    /// The numbers of those who wait, in the order in which they came.
    waiting: VecDeque<u64>,
    next: u64,
}

/// What is said to who wants to read out of turn.
pub const TAKEN: &str = "the terminal is being read already; only one prompt at a time can be open";

/// The right to read the terminal, until it is dropped.
pub struct Turn {
    _private: (),
}

impl Turn {
    /// Takes the turn; `None` while anybody has it.
    pub fn take() -> Option<Self> {
        let mut state = state();
        if state.reader.is_some() {
            return None;
        }
        state.reader = Some(thread::current().id());
        Some(Self { _private: () })
    }

    /// Takes the turn for a cell when other threads have had theirs; `None` if this thread has it itself.
    pub fn wait_for_cell() -> Option<Self> {
        let place = Place::take()?;
        loop {
            if let Some(turn) = place.wait(Duration::from_secs(3600)) {
                state().is_for_cell = true;
                return Some(turn);
            }
        }
    }
}

/// Whether whoever has the turn has it for a cell.
pub fn is_for_cell() -> bool {
    state().is_for_cell
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut state = state();
        state.reader = None;
        state.is_for_cell = false;
        drop(state);
        CHANGED.notify_all();
    }
}

/// A place among those who wait for the turn, until it is dropped: who came first reads first.
pub struct Place {
    number: u64,
}

impl Place {
    /// Takes the last place; `None` if this thread has the turn itself.
    pub fn take() -> Option<Self> {
        let mut state = state();
        if state.reader == Some(thread::current().id()) {
            return None;
        }
        let number = state.next;
        state.next += 1;
        state.waiting.push_back(number);
        Some(Self { number })
    }

    /// Takes the turn when those before have had theirs, unless that takes longer.
    pub fn wait(&self, patience: Duration) -> Option<Turn> {
        let begun = Instant::now();
        let mut state = state();
        while state.reader.is_some() || state.waiting.front() != Some(&self.number) {
            let left = patience.saturating_sub(begun.elapsed());
            if left.is_zero() {
                return None;
            }
            let waited = CHANGED.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.reader = Some(thread::current().id());
        Some(Turn { _private: () })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        state().waiting.retain(|number| *number != self.number);
        CHANGED.notify_all();
    }
}

fn state() -> MutexGuard<'static, State> {
    let mut state = STATE.lock().unwrap_or_else(PoisonError::into_inner);
    let process = std::process::id();
    if state.process != process {
        let own = thread::current().id();
        state.process = process;
        state.reader = state.reader.filter(|reader| *reader == own);
        state.waiting.clear();
    }
    state
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn one_reads_at_a_time() {
        let first = Turn::take().expect("nobody reads");
        assert!(Turn::take().is_none());
        assert!(Turn::wait_for_cell().is_none(), "it would wait for itself");
        let (tell, told) = mpsc::channel();
        let other = thread::spawn(move || {
            tell.send(Turn::take().is_some()).expect("it listens");
            let turn = Turn::wait_for_cell();
            turn.is_some()
        });
        assert!(!told.recv().expect("it tells"));
        drop(first);
        assert!(other.join().expect("it doesn't panic"));
        let first = Turn::take().expect("the other's turn is over");
        assert!(!is_for_cell(), "it was that of the other");
        who_came_first_reads_first(first);
    }

    /// A part of the only test: all of them would take the same turn.
    fn who_came_first_reads_first(first: Turn) {
        let (tell, told) = mpsc::channel();
        let (came, comes) = mpsc::channel();
        let others = ["one", "two"].map(|name| {
            let (tell, came) = (tell.clone(), came.clone());
            let other = thread::spawn(move || {
                let place = Place::take().expect("it doesn't read");
                assert!(place.wait(Duration::ZERO).is_none());
                came.send(()).expect("it listens");
                let turn = place.wait(Duration::from_secs(60));
                tell.send(name).expect("it listens");
                drop((place, turn));
            });
            comes.recv().expect("it comes");
            other
        });
        drop(first);
        assert_eq!(told.recv(), Ok("one"));
        assert_eq!(told.recv(), Ok("two"));
        for other in others {
            other.join().expect("it doesn't panic");
        }
        assert!(Turn::wait_for_cell().is_some());
    }
}
