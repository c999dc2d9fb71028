//! In which thread shells are open. A shell has names, streams and events of the whole interpreter for its own, so
//! another one can open only inside of it, in its thread, while a cell of it waits.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

/// The thread that has shells open, and how many.
static OPENED: Mutex<Option<(ThreadId, usize)>> = Mutex::new(None);
static ENDED: Condvar = Condvar::new();

/// What is said to who wants to open a shell elsewhere.
pub const ELSEWHERE: &str =
    "another thread has a shell open; one inside of it can only be opened by its cells";

/// That a shell is open in this thread, until it is dropped.
pub struct Opened {
    _private: (),
}

impl Opened {
    /// `None` while another thread has a shell open.
    pub fn begin() -> Option<Self> {
        Self::add(&mut opened())
    }

    /// The same when the shells of other threads have ended.
    pub fn wait() -> Self {
        let mut opened = opened();
        loop {
            if let Some(begun) = Self::add(&mut opened) {
                return begun;
            }
            opened = ENDED.wait(opened).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn add(opened: &mut Option<(ThreadId, usize)>) -> Option<Self> {
        let own = thread::current().id();
        let (thread, count) = opened.unwrap_or((own, 0));
        if thread != own {
            return None;
        }
        *opened = Some((own, count + 1));
        Some(Self { _private: () })
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        let mut opened = opened();
        *opened = opened
            .map(|(thread, count)| (thread, count - 1))
            .filter(|(_, count)| *count > 0);
        ENDED.notify_all();
    }
}

fn opened() -> MutexGuard<'static, Option<(ThreadId, usize)>> {
    OPENED.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn shells_are_open_in_one_thread_at_a_time() {
        let outer = Opened::begin().expect("none is open");
        let inner = Opened::begin().expect("it is inside of the other");
        let (tell, told) = mpsc::channel();
        let other = thread::spawn(move || {
            tell.send(Opened::begin().is_some()).expect("it listens");
            drop(Opened::wait());
            Opened::begin().is_some()
        });
        assert!(!told.recv().expect("it tells"));
        drop(inner);
        drop(outer);
        assert!(other.join().expect("it doesn't panic"));
        assert!(Opened::begin().is_some(), "the other's have ended");
    }
}
