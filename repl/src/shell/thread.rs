//! Threads of the shell beside the one that runs Python.

use std::io;
use std::thread::{Builder, JoinHandle};

/// Starts a thread that leaves every signal to the one that runs Python.
///
/// # Errors
/// The system gives no more threads.
pub fn start(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    Builder::new().name(name.to_owned()).spawn(move || {
        // SAFETY: the set is filled before it is read, and only this thread's mask changes.
        unsafe {
            let mut all: libc::sigset_t = std::mem::zeroed();
            libc::sigfillset(&raw mut all);
            libc::pthread_sigmask(libc::SIG_BLOCK, &raw const all, std::ptr::null_mut());
        }
        work();
    })
}
