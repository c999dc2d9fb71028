//! Files that the shell holds to have their places when it needs some: a cell may have opened as many as the
//! system gives to a process, and the next one is to be typed all the same.
//!
//! They are the first that the shell opens, so their numbers are small: the line editor can't wait for files
//! of large ones.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;

use super::own_file::OwnFile;

/// As many as a prompt and the line editor open, the one that stays, and some for other threads that open files
/// at that moment.
const FILES: usize = 12;

#[derive(Default)]
pub struct Reserve {
    files: Vec<OwnFile>,
}

impl Reserve {
    /// Takes as many files as it lacks and the system gives.
    pub fn fill(&mut self) {
        // A cell may have closed some.
        self.files.retain(OwnFile::is_there);
        while self.files.len() < FILES {
            let next = match self.files.first() {
                Some(file) => OwnFile::copy_of(file.number()),
                None => own_pipe(),
            };
            let Some(next) = next else {
                return;
            };
            self.files.push(next);
        }
    }

    /// Makes room for what is opened now. One stays: it is what the others are made of again.
    pub fn make_room(&mut self) {
        while self.files.len() > 1
            && let Some(file) = self.files.pop()
        {
            file.close();
        }
    }
}

impl Drop for Reserve {
    fn drop(&mut self) {
        for file in self.files.drain(..) {
            file.close();
        }
    }
}

/// A file that is like none that anybody else has opened.
fn own_pipe() -> Option<OwnFile> {
    let (read, _) = io::pipe().ok()?;
    OwnFile::keep(File::from(OwnedFd::from(read)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_holds_files_but_while_room_is_made() {
        let mut reserve = Reserve::default();
        for _ in 0..3 {
            reserve.fill();
            assert_eq!(reserve.files.len(), FILES);
            assert!(reserve.files.iter().all(OwnFile::is_there));
            let files = reserve.files.clone();
            reserve.make_room();
            assert_eq!(reserve.files.len(), 1);
            assert!(reserve.files[0].is_there());
            assert!(!files.iter().skip(1).any(OwnFile::is_there));
        }
    }

    #[test]
    fn what_a_cell_has_closed_is_replaced() {
        let mut reserve = Reserve::default();
        reserve.fill();
        for file in &reserve.files {
            file.close();
        }
        reserve.fill();
        assert_eq!(reserve.files.len(), FILES);
        assert!(reserve.files.iter().all(OwnFile::is_there));
    }
}
