//! Processes that a test didn't start itself: watched through a pidfd, killed by their pid.

use std::fs::File;
use std::os::fd::{AsRawFd, FromRawFd};
use std::path::Path;
use std::time::{Duration, Instant};

use super::STEP_TIMEOUT;

/// A process held by a pidfd, so that its pid can't come to mean another one.
#[derive(Debug)]
pub struct Process {
    pub pid: u32,
    descriptor: File,
}

impl Process {
    /// Holds on to a process that lives.
    pub fn hold(pid: u32) -> Self {
        // SAFETY: the call takes two numbers; the descriptor it gives is new and ours.
        let descriptor = unsafe {
            let number = libc::syscall(libc::SYS_pidfd_open, pid, 0);
            assert!(
                number >= 0,
                "process {pid} can't be held: {}",
                std::io::Error::last_os_error()
            );
            File::from_raw_fd(i32::try_from(number).expect("a descriptor is a small number"))
        };
        Self { pid, descriptor }
    }

    /// Sends a signal to this process and to no other.
    pub fn signal(&self, signal: i32) {
        // SAFETY: the descriptor is a pidfd and the other arguments are none.
        let sent = unsafe {
            libc::syscall(
                libc::SYS_pidfd_send_signal,
                self.descriptor.as_raw_fd(),
                signal,
                std::ptr::null::<libc::siginfo_t>(),
                0,
            )
        };
        assert_eq!(sent, 0, "{}", std::io::Error::last_os_error());
    }

    /// Whether the process has ended, at the latest after this long.
    pub fn ends_within(&self, timeout: Duration) -> bool {
        readable_within(self.descriptor.as_raw_fd(), timeout)
    }
}

/// Waits until a descriptor has something to tell.
pub fn readable_within(descriptor: i32, timeout: Duration) -> bool {
    let deadline = Instant::now() + timeout;
    loop {
        let left_ms = deadline
            .saturating_duration_since(Instant::now())
            .as_millis();
        let mut watched = libc::pollfd {
            fd: descriptor,
            events: libc::POLLIN,
            revents: 0,
        };
        let left_ms = i32::try_from(left_ms).unwrap_or(i32::MAX);
        // SAFETY: one structure is given and one is announced.
        let ready = unsafe { libc::poll(&raw mut watched, 1, left_ms) };
        if ready > 0 {
            return true;
        }
        let interrupted = std::io::Error::last_os_error().kind() == std::io::ErrorKind::Interrupted;
        if ready == 0 || !interrupted {
            return false;
        }
    }
}

/// Whether a terminal keeps what is typed until Enter, as it does outside of an editor.
pub fn collects_lines(terminal: i32) -> bool {
    // SAFETY: tcgetattr fills the structure it is given, and a zeroed one is valid.
    let modes = unsafe {
        let mut modes: libc::termios = std::mem::zeroed();
        let got = libc::tcgetattr(terminal, &raw mut modes);
        assert_eq!(got, 0, "{}", std::io::Error::last_os_error());
        modes
    };
    modes.c_lflag & libc::ICANON != 0
}

/// Waits until the main thread of a process is in a read of its standard input: what it waits for shows nowhere else.
#[track_caller]
pub fn wait_for_read(pid: i32) {
    let deadline = Instant::now() + STEP_TIMEOUT;
    let reads = format!("{} 0x0 ", libc::SYS_read);
    loop {
        let call = std::fs::read_to_string(format!("/proc/{pid}/syscall"));
        if call.expect("it runs").starts_with(&reads) {
            return;
        }
        assert!(Instant::now() < deadline, "process {pid} reads nothing");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Waits until a file is there. It is looked for again and again, for want of anything that could
/// be waited for before it exists.
#[track_caller]
pub fn wait_for_file(path: &Path) {
    let deadline = Instant::now() + STEP_TIMEOUT;
    while !path.exists() {
        assert!(Instant::now() < deadline, "{} isn't made", path.display());
        std::thread::sleep(Duration::from_millis(2));
    }
}
