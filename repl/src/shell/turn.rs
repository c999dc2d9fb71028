//! Whose turn it is to read the terminal: the line editor takes signals and modes of the whole
//! process for itself, so two of them can't read at once.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

/// The thread that reads now, if one does.
static READER: Mutex<Option<ThreadId>> = Mutex::new(None);
static ENDED: Condvar = Condvar::new();

/// What is said to who wants to read out of turn.
pub const TAKEN: &str = "the terminal is being read already; only one prompt at a time can be open";

/// The right to read the terminal, until it is dropped.
pub struct Turn {
    _private: (),
}

impl Turn {
    /// Takes the turn; `None` while anybody has it.
    pub fn take() -> Option<Self> {
        let mut reader = reader();
        if reader.is_some() {
            return None;
        }
        *reader = Some(thread::current().id());
        Some(Self { _private: () })
    }

    /// Takes the turn when other threads have had theirs; `None` if this thread has it itself.
    pub fn wait() -> Option<Self> {
        let own = thread::current().id();
        let mut reader = reader();
        while let Some(other) = *reader {
            if other == own {
                return None;
            }
            reader = ENDED.wait(reader).unwrap_or_else(PoisonError::into_inner);
        }
        *reader = Some(own);
        Some(Self { _private: () })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        *reader() = None;
        ENDED.notify_all();
    }
}

fn reader() -> MutexGuard<'static, Option<ThreadId>> {
    READER.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn one_reads_at_a_time() {
        let first = Turn::take().expect("nobody reads");
        assert!(Turn::take().is_none());
        assert!(Turn::wait().is_none(), "it would wait for itself");
        let (tell, told) = mpsc::channel();
        let other = thread::spawn(move || {
            tell.send(Turn::take().is_some()).expect("it listens");
            let turn = Turn::wait();
            turn.is_some()
        });
        assert!(!told.recv().expect("it tells"));
        drop(first);
        assert!(other.join().expect("it doesn't panic"));
        assert!(Turn::take().is_some(), "the other's turn is over");
    }
}
