//! Waits for whichever comes first: a signal that asks this process to end, or the end of
//! another process.
//!
//! No thread and no polling: the signal's handler writes one byte to a pipe, and the process is
//! watched through a pidfd. Handlers, unlike a blocked signal, are not inherited by children.

use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicI32, Ordering};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::Failure;

/// The writing end of the pipe, for the handler; -1 before it is installed.
static PIPE: AtomicI32 = AtomicI32::new(-1);

/// What ended the wait.
#[derive(Debug, PartialEq, Eq)]
pub enum Wakeup {
    Signal,
    ProcessEnded,
}

/// SIGINT, SIGTERM and SIGHUP, kept until they are waited for.
pub struct StopSignal {
    arrived: OwnedFd,
    /// Kept open for the handler, which runs until the process ends.
    _pipe: OwnedFd,
}

impl StopSignal {
    /// Starts to keep the signals.
    ///
    /// # Errors
    /// The process can't open more files.
    pub fn install() -> Result<Self, Failure> {
        let flags = rustix::pipe::PipeFlags::CLOEXEC | rustix::pipe::PipeFlags::NONBLOCK;
        let (arrived, pipe) = rustix::pipe::pipe_with(flags).map_err(no_files)?;
        PIPE.store(pipe.as_raw_fd(), Ordering::Release);
        for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
            // SAFETY: the handler only loads an atomic and calls write(2), both of which are
            // allowed in a signal handler; the zeroed structure is a valid empty sigaction.
            unsafe {
                let mut action: libc::sigaction = std::mem::zeroed();
                action.sa_sigaction = on_signal as extern "C" fn(libc::c_int) as usize;
                action.sa_flags = libc::SA_RESTART;
                libc::sigaction(signal, &raw const action, std::ptr::null_mut());
            }
        }
        Ok(Self {
            arrived,
            _pipe: pipe,
        })
    }

    /// Whether one has arrived; it stays for whoever waits.
    pub fn has_arrived(&self) -> bool {
        let mut watched = [PollFd::new(&self.arrived, PollFlags::IN)];
        let at_once = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        poll(&mut watched, Some(&at_once)).is_ok_and(|ready| ready > 0)
    }

    /// Waits without a limit, since a cluster runs for as long as it is wanted.
    ///
    /// # Errors
    /// The process can't open more files.
    pub fn wait_for_signal_or_end_of(&self, pid: u32) -> Result<Wakeup, Failure> {
        let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else {
            return Ok(Wakeup::ProcessEnded);
        };
        let process = match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(process) => process,
            Err(Errno::SRCH) => return Ok(Wakeup::ProcessEnded),
            Err(error) => return Err(no_files(error)),
        };
        loop {
            let mut watched = [
                PollFd::new(&self.arrived, PollFlags::IN),
                PollFd::new(&process, PollFlags::IN),
            ];
            match poll(&mut watched, None) {
                Ok(_) => {}
                Err(Errno::INTR) => continue,
                Err(error) => return Err(no_files(error)),
            }
            if !watched[0].revents().is_empty() {
                return Ok(Wakeup::Signal);
            }
            if !watched[1].revents().is_empty() {
                return Ok(Wakeup::ProcessEnded);
            }
        }
    }
}

extern "C" fn on_signal(_signal: libc::c_int) {
    // SAFETY: write(2) is async-signal-safe, and the pipe stays open as long as the process.
    // A full pipe already holds what the reader waits for. errno is put back for whom it is.
    unsafe {
        let errno = *libc::__errno_location();
        libc::write(PIPE.load(Ordering::Acquire), [1_u8].as_ptr().cast(), 1);
        *libc::__errno_location() = errno;
    }
}

fn no_files(error: Errno) -> Failure {
    Failure::new(format_args!("can't wait for signals: {error}"))
        .hint("`ulimit -n` says how many files a process may open")
}
