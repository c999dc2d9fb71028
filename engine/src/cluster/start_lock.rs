//! One start at a time: whoever looks whether a cluster runs, and then makes one,
//! holds this lock, so that of two starts of one id the second sees the first.

use crate::home;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use std::fs::File;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::time::{Duration, Instant};

/// Its name in the folder of clusters. No cluster's id begins with a dot.
const LOCK_NAME: &str = ".lock";

/// How long to wait between two tries.
const RETRY: Duration = Duration::from_millis(10);

/// Held from the look at what is there until the cluster file is written.
pub(super) struct StartLock(File);

impl StartLock {
    /// Takes the lock of this user's clusters, whose folder is there. `None`:
    /// somebody has held it for as long as `timeout`.
    ///
    /// # Errors
    /// If the file of the lock can't be made.
    pub(super) fn take(timeout: Duration) -> io::Result<Option<Self>> {
        let path = home::clusters_directory()?.join(LOCK_NAME);
        let file = File::options()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&path)
            .map_err(|error| {
                io::Error::new(
                    error.kind(),
                    format!(
                        "the file {} can't be made: {error}; set RHUMBA_HOME to a folder in which you can write",
                        path.display()
                    ),
                )
            })?;
        let deadline = Instant::now() + timeout;
        loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Err(Errno::WOULDBLOCK) if Instant::now() < deadline => std::thread::sleep(RETRY),
                Err(Errno::WOULDBLOCK) => return Ok(None),
                Err(Errno::INTR) => {}
                // On a file system without locks there is none to be had, and starts go on.
                Ok(()) | Err(_) => return Ok(Some(Self(file))),
            }
        }
    }
}

impl Drop for StartLock {
    fn drop(&mut self) {
        // Not left to the file's end: a child that was forked meanwhile has it open, too.
        let _ = flock(&self.0, FlockOperation::Unlock);
    }
}
