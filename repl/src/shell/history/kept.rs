//! A database that is let go of only while its files are its own.
//!
//! A cell may close all numbers, as `os.closerange` does, and open files of its own under them. SQLite
//! keeps its numbers to itself, and one that is opened beside them on the same file would take its locks
//! away when it is closed. So the folder is opened, before SQLite opens its files and after that: a
//! range of numbers that has them has one of those, too. What follows from it is decided by
//! [`super::writer`].

use std::fs::OpenOptions;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::database::{self, Database};
use crate::shell::own_file::OwnFile;

/// Why a history can't be used whose files a cell has closed.
pub const CLOSED: &str = "a cell closed its files";

/// The folders whose databases were left. SQLite takes what it has open of a file for all that this
/// process opens of it, so none of them is opened again.
static LEFT: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Tells whether files were closed that were opened since it was made.
pub struct Guard {
    folder: PathBuf,
    files: Vec<OwnFile>,
}

impl Guard {
    /// Begins to watch over what is opened of a folder.
    ///
    /// # Errors
    /// A sentence that says why it can't be opened.
    pub fn of(folder: &Path) -> Result<Self, String> {
        let left = LEFT.lock().unwrap_or_else(PoisonError::into_inner);
        if left.iter().any(|left| left == folder) {
            return Err(CLOSED.to_owned());
        }
        let mut guard = Self {
            folder: folder.to_owned(),
            files: Vec::new(),
        };
        match guard.add() {
            Ok(()) => Ok(guard),
            Err(error) => Err(format!("its folder can't be opened: {error}")),
        }
    }

    pub fn is_gone(&self) -> bool {
        !self.files.iter().all(OwnFile::is_there)
    }

    fn add(&mut self) -> std::io::Result<()> {
        let folder = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_DIRECTORY)
            .open(&self.folder)?;
        self.files.extend(OwnFile::keep(folder));
        Ok(())
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        for file in &self.files {
            file.close();
        }
    }
}

/// An open database.
pub struct Kept {
    database: ManuallyDrop<Database>,
    /// None of one in memory.
    guard: Option<Guard>,
    is_left: bool,
}

impl Kept {
    /// Keeps a database that was opened under this guard.
    pub fn new(database: Database, mut guard: Guard) -> Self {
        // Where no more files can be opened, the first has to do.
        let _ = guard.add();
        Self {
            database: ManuallyDrop::new(database),
            guard: Some(guard),
            is_left: false,
        }
    }

    pub fn in_memory() -> database::Result<Self> {
        Ok(Self {
            database: ManuallyDrop::new(Database::in_memory()?),
            guard: None,
            is_left: false,
        })
    }

    pub fn is_in_memory(&self) -> bool {
        self.guard.is_none()
    }

    /// Whether its files were closed: nothing may be asked of it any more.
    pub fn is_lost(&self) -> bool {
        self.is_left || self.guard.as_ref().is_some_and(Guard::is_gone)
    }

    /// Closes nothing of it when it goes, as its files are lost.
    pub fn leave(&mut self) {
        self.is_left = true;
        if let Some(guard) = &self.guard {
            let mut left = LEFT.lock().unwrap_or_else(PoisonError::into_inner);
            left.push(guard.folder.clone());
        }
    }
}

impl Deref for Kept {
    type Target = Database;

    fn deref(&self) -> &Database {
        &self.database
    }
}

impl DerefMut for Kept {
    fn deref_mut(&mut self) -> &mut Database {
        &mut self.database
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        if !self.is_lost() {
            // SAFETY: it goes with this structure, and nothing uses it any more.
            unsafe { ManuallyDrop::drop(&mut self.database) };
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::fd::AsRawFd;

    use super::*;

    #[test]
    fn a_database_whose_files_were_closed_is_lost_and_not_opened_again() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let open = || {
            let guard = Guard::of(folder.path())?;
            let database = Database::open(&folder.path().join("kept.sqlite"), Vec::new);
            database
                .map(|database| Kept::new(database, guard))
                .map_err(|error| database::reason(&error))
        };
        let mut kept = open().expect("it can be made");
        assert!(!kept.is_in_memory() && !kept.is_lost());
        let numbers = kept.guard.iter().flat_map(|guard| &guard.files);
        let number = numbers.map(OwnFile::number).max().expect("it is watched");
        let other = File::open("/dev/null").expect("it is there");
        // SAFETY: both are open, and the second is this test's.
        unsafe { libc::dup2(other.as_raw_fd(), number) };
        assert!(kept.is_lost());
        kept.leave();
        drop(kept);
        assert_eq!(open().err().as_deref(), Some(CLOSED));
        // SAFETY: as above: it was left to the file that took its place.
        unsafe { libc::close(number) };
    }
}
