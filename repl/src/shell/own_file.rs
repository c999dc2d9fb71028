//! A file that the shell keeps open for itself, known by its number and by which file that is.
//!
//! A cell may close any number, as `os.closerange` does, and open another file under it. None of
//! Rust's types owns the number for that reason: they would close whatever has it. What follows from
//! a file that is gone is up to who keeps it: [`super::terminal`] and [`super::history`].

use std::fs::File;
use std::os::fd::{AsRawFd, IntoRawFd};

/// An open file that a cell may have closed.
#[derive(Clone, Copy)]
pub struct OwnFile {
    number: libc::c_int,
    identity: Identity,
}

impl OwnFile {
    /// Keeps a file open until [`OwnFile::close`].
    pub fn keep(file: File) -> Option<Self> {
        let identity = Identity::of(file.as_raw_fd())?;
        let number = file.into_raw_fd();
        Some(Self { number, identity })
    }

    /// The same file under a number that programs aren't started with.
    pub fn copy_of(number: libc::c_int) -> Option<Self> {
        let identity = Identity::of(number)?;
        // SAFETY: it is told of a number.
        let copy = unsafe { libc::fcntl(number, libc::F_DUPFD_CLOEXEC, libc::STDERR_FILENO + 1) };
        (copy != -1).then_some(Self {
            number: copy,
            identity,
        })
    }

    /// The number it was given. It is another's where the file isn't there any more.
    pub fn number(&self) -> libc::c_int {
        self.number
    }

    /// Whether its number still stands for it.
    pub fn is_there(&self) -> bool {
        self.is_under(self.number)
    }

    /// Whether a number stands for the same file.
    pub fn is_under(&self, number: libc::c_int) -> bool {
        Identity::of(number) == Some(self.identity)
    }

    /// Closes it, unless somebody has.
    pub fn close(self) {
        if self.is_there() {
            // SAFETY: it was looked at just now, and is the shell's own.
            unsafe { libc::close(self.number) };
        }
    }
}

/// Which file a number stands for.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Identity {
    device: libc::dev_t,
    inode: libc::ino_t,
}

impl Identity {
    fn of(number: libc::c_int) -> Option<Self> {
        // SAFETY: the structure is filled by the call, or refused.
        unsafe {
            let mut status: libc::stat = std::mem::zeroed();
            (libc::fstat(number, &raw mut status) == 0).then_some(Self {
                device: status.st_dev,
                inode: status.st_ino,
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_file_under_its_number_is_not_it() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let open = |path| File::open(path).expect("it is there");
        let own = OwnFile::keep(open(folder.path())).expect("it is open");
        let folder_again = open(folder.path());
        assert!(own.is_there());
        // The number stays taken, so that no other test gets it meanwhile.
        let other = open(std::path::Path::new("/dev/null"));
        // SAFETY: both are open, and the first is this test's.
        unsafe { libc::dup2(other.as_raw_fd(), own.number()) };
        assert!(!own.is_there() && own.is_under(folder_again.as_raw_fd()));
        own.close();
        let other_is_there = OwnFile::copy_of(own.number()).expect("it is open still");
        other_is_there.close();
        // SAFETY: as above.
        unsafe { libc::close(own.number()) };
    }
}
