//! Who gets Ctrl-C: the program, or Python while a console is open.
//!
//! An interpreter installs its handler when it starts. It is put in force only while Python runs;
//! before and after, SIGINT does what the program wants.

use std::sync::atomic::{AtomicBool, Ordering};

/// Whether SIGINT came while it was caught for the program.
static CAUGHT: AtomicBool = AtomicBool::new(false);

pub(super) struct Interrupts {
    host: libc::sigaction,
    python: libc::sigaction,
}

impl Interrupts {
    /// Notes what the program does about SIGINT; to be called before the interpreter starts.
    pub(super) fn of_host() -> Self {
        let host = current();
        Self { host, python: host }
    }

    /// Notes what the interpreter has installed, and puts the program's own back.
    pub(super) fn and_of_python(self) -> Self {
        let python = current();
        install(&self.host);
        Self { python, ..self }
    }

    /// Makes SIGINT set a flag in place of what the program did about it.
    pub(super) fn catch(&mut self) {
        // SAFETY: a zeroed structure is valid; the handler only stores to an atomic.
        self.host = unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = on_interrupt as extern "C" fn(libc::c_int) as usize;
            action.sa_flags = libc::SA_RESTART;
            action
        };
        install(&self.host);
    }

    /// Whether one was caught since this was asked last.
    pub(super) fn take(&self) -> bool {
        CAUGHT.swap(false, Ordering::Relaxed)
    }

    /// Gives SIGINT to Python until what is returned is dropped.
    pub(super) fn give_to_python(&self) -> Given {
        let before = current();
        install(&self.python);
        Given { before }
    }
}

/// While it lives, SIGINT is Python's.
pub(super) struct Given {
    before: libc::sigaction,
}

impl Drop for Given {
    fn drop(&mut self) {
        install(&self.before);
    }
}

extern "C" fn on_interrupt(_signal: libc::c_int) {
    CAUGHT.store(true, Ordering::Relaxed);
}

fn current() -> libc::sigaction {
    // SAFETY: sigaction fills the structure, and a zeroed one is valid where it refuses.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        libc::sigaction(libc::SIGINT, std::ptr::null(), &raw mut action);
        action
    }
}

fn install(action: &libc::sigaction) {
    // SAFETY: the structure lives through the call, and what it names is a handler of this process.
    unsafe { libc::sigaction(libc::SIGINT, action, std::ptr::null_mut()) };
}
