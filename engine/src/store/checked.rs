//! Which files this process has read and found whole: those that stand as they did then aren't read
//! again for each checkpoint that needs them.
//!
//! What is in them is [`super::chunk`]'s.

use parking_lot::Mutex;
use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;

/// More files than this are forgotten together, and read once more.
const FILES_MAX: usize = 1 << 16;

static CHECKED: Mutex<BTreeSet<Stamp>> = Mutex::new(BTreeSet::new());

/// A file in a state: the system gives it another time whenever it changes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Stamp {
    device: u64,
    inode: u64,
    length: u64,
    changed: (i64, i64),
}

impl Stamp {
    pub(super) fn of(file: &File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        Ok(Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            length: metadata.len(),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        })
    }

    /// Whether the file was found whole in this state.
    pub(super) fn is_known(&self) -> bool {
        CHECKED.lock().contains(self)
    }

    pub(super) fn remember(self) {
        let mut checked = CHECKED.lock();
        if checked.len() >= FILES_MAX {
            checked.clear();
        }
        checked.insert(self);
    }
}
