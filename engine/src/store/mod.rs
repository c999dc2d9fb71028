//! The store: namespaces on disk, as checkpoints that share what they have in common.
//!
//! A checkpoint is the segments of a namespace's snapshot under a name. Its bytes are cut into
//! chunks that are filed by their content, so that what did not change since the last checkpoint,
//! and what many engines have in common, is there once. Everything is written beside what is
//! there and put in its place in one step: a crash or a full disk leaves the old state whole.
//!
//! It knows no Python: what the bytes mean is the interpreter's affair (`snapshot`). It keeps to
//! one folder of one machine, and to one user: the folder is private.
//!
//! # Shapes
//! | path | is |
//! |---|---|
//! | `checkpoints/NAME` | the manifest of a checkpoint: [`manifest`] |
//! | `chunks/ab/cdef…` | a chunk, named by the BLAKE3 hash of its plain bytes: [`chunk`] |
//! | `temporary/…` | what is being written |
//! | `dropped` | how much may be garbage: [`dropped`] |
//! | `lock` | shared by all who read or write, held alone by [`Store::clean`] |
//!
//! Read next: [`layout`] for what becomes a chunk, [`folder`] for how files get their place,
//! [`file`] for a namespace as one file of its own, [`payload`] for one on its way.

mod assembly;
mod checked;
mod chunk;
mod dropped;
mod encoding;
mod error;
pub mod file;
mod folder;
mod layout;
mod manifest;
pub mod payload;
#[cfg(test)]
mod tests;
mod workers;

pub use error::StoreError;

use crate::home;
use assembly::ChunkSource;
use bytes::Bytes;
use chunk::ChunkId;
use folder::Folder;
use layout::{Cut, Layout};
use manifest::Manifest;
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

/// The longest name of a checkpoint, in bytes.
const NAME_BYTES_MAX: usize = 200;

/// Where checkpoints are kept.
#[derive(Clone, Debug)]
pub struct Store {
    folder: Folder,
}

/// A namespace under a name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checkpoint {
    pub name: String,
    /// When it was taken, in microseconds since 1970-01-01 UTC.
    pub created_us: u64,
    /// Whose namespace it is, such as `engine 2`.
    pub origin: String,
    /// The version of the bytecode in it.
    pub bytecode: u32,
    /// One part for each name of the namespace, in order.
    pub segments: Vec<SegmentData>,
    /// What could not be carried: path and reason.
    pub left_out: Vec<(String, String)>,
}

/// One name's part of a namespace's snapshot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SegmentData {
    pub name: String,
    /// The table, then the large buffers that it refers to.
    pub buffers: Vec<Bytes>,
    /// What it refers to in earlier segments: segment and node.
    pub externals: Vec<(u32, u32)>,
}

impl Checkpoint {
    /// Returns the bytes of all buffers together.
    #[must_use]
    pub fn bytes_total(&self) -> u64 {
        let buffers = self.segments.iter().flat_map(|segment| &segment.buffers);
        buffers.map(|buffer| buffer.len() as u64).sum()
    }

    /// Returns what it says of itself and its names, without their content.
    #[must_use]
    pub fn without_content(&self) -> Self {
        let segments = self.segments.iter().map(|segment| SegmentData {
            name: segment.name.clone(),
            ..SegmentData::default()
        });
        Self {
            name: self.name.clone(),
            created_us: self.created_us,
            origin: self.origin.clone(),
            bytecode: self.bytecode,
            segments: segments.collect(),
            left_out: self.left_out.clone(),
        }
    }
}

/// What writing a checkpoint came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WriteReport {
    /// The namespace's bytes.
    pub bytes_total: u64,
    /// The bytes that went to disk: what was not there before, compressed.
    pub bytes_written: u64,
    pub chunks_total: u64,
    pub chunks_written: u64,
}

/// A checkpoint as a list shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckpointInfo {
    pub name: String,
    pub created_us: u64,
    /// The namespace's bytes; on disk it may take fewer, and share them.
    pub size_bytes: u64,
    pub origin: String,
    pub names: Vec<String>,
    pub left_out: Vec<(String, String)>,
    /// Why it can't be used, where it can't; only its name is known then.
    pub problem: Option<String>,
}

/// What cleaning the store came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CleanReport {
    pub chunks_removed: u64,
    pub bytes_removed: u64,
    pub chunks_kept: u64,
    pub bytes_kept: u64,
}

/// What a store holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    pub checkpoints: u64,
    pub chunks: u64,
    /// What all of it takes on disk.
    pub bytes: u64,
}

impl Store {
    /// Returns the store in a folder, which is made when something is written.
    #[must_use]
    pub fn open(directory: &Path) -> Self {
        Self {
            folder: Folder::new(directory.to_owned()),
        }
    }

    /// Returns the folder of this user's store.
    ///
    /// # Errors
    /// If there is no folder for state, see [`home::home_directory`].
    pub fn default_directory() -> Result<PathBuf, StoreError> {
        let home = home::home_directory().map_err(StoreError::Home)?;
        Ok(home.join("store"))
    }

    /// Returns this user's store.
    ///
    /// # Errors
    /// As [`Store::default_directory`].
    pub fn open_default() -> Result<Self, StoreError> {
        Ok(Self::open(&Self::default_directory()?))
    }

    #[must_use]
    pub fn directory(&self) -> &Path {
        self.folder.root()
    }

    /// Writes a checkpoint, in the place of one of the same name.
    ///
    /// # Errors
    /// If the name can't be used or the disk can't be written. What was there
    /// under this name is still there then.
    pub fn write(&self, checkpoint: &Checkpoint) -> Result<WriteReport, StoreError> {
        check_name(&checkpoint.name)?;
        let failed = |source| StoreError::unwritten(&checkpoint.name, source);
        self.folder.create().map_err(failed)?;
        let lock = self.folder.lock_shared().map_err(failed)?;
        let written = self.write_locked(checkpoint);
        drop(lock);
        match written {
            Ok((report, is_time_to_clean)) => {
                if is_time_to_clean {
                    self.clean_if_alone();
                }
                Ok(report)
            }
            Err(error) => {
                // A full disk should not be full of what a failed write left.
                self.clean_if_alone();
                Err(failed(error))
            }
        }
    }

    /// Returns what it came to, and whether it is time to clean.
    fn write_locked(&self, checkpoint: &Checkpoint) -> std::io::Result<(WriteReport, bool)> {
        let layout = Layout::new(&checkpoint.segments, Cut::STORE);
        let ids = chunk::addresses(&layout.chunks);
        let chunks = ids.iter().copied().zip(layout.chunks.iter().cloned());
        let once: HashMap<ChunkId, Bytes> = chunks.collect();
        let bytes: u64 = once.values().map(|content| content.len() as u64).sum();
        let stored = workers::map(
            once.into_iter().collect(),
            bytes,
            |(id, content)| match self.folder.has_chunk(&id) {
                true => Ok(0),
                false => self.folder.write_chunk(&id, &content),
            },
        )?;
        self.folder.sync_chunk_folders(&ids)?;
        let report = WriteReport {
            bytes_total: checkpoint.bytes_total(),
            bytes_written: stored.iter().sum(),
            chunks_total: ids.len() as u64,
            chunks_written: stored.iter().filter(|bytes| **bytes > 0).count() as u64,
        };
        let manifest = Manifest::new(checkpoint, layout, ids);
        let sealed = manifest.seal(manifest::CHECKPOINT_MAGIC);
        let replaced = self.manifest(&checkpoint.name).ok();
        self.folder.write_manifest(&checkpoint.name, &sealed)?;
        let report = WriteReport {
            bytes_written: report.bytes_written + sealed.len() as u64,
            ..report
        };
        let bytes_dropped = replaced.map_or(0, |replaced| dropped::between(&replaced, &manifest));
        if bytes_dropped == 0 {
            return Ok((report, false));
        }
        // The checkpoint is written; what can't be noted is noted another time.
        let is_time_to_clean = dropped::note(&self.folder.dropped_path(), bytes_dropped);
        Ok((report, is_time_to_clean.unwrap_or(false)))
    }

    /// Cleans, unless others are at work in the store: who writes after them
    /// will do it.
    fn clean_if_alone(&self) {
        if let Ok(Some(_lock)) = self.folder.try_lock_alone() {
            // What was asked for was to write; nothing is lost if this fails.
            let _ = self.clean_locked();
        }
    }

    /// Reads a checkpoint; every byte is checked.
    ///
    /// # Errors
    /// If there is none of this name, or it is damaged, or from a later version.
    pub fn read(&self, name: &str) -> Result<Checkpoint, StoreError> {
        check_name(name)?;
        let _lock = self.lock_to_read(name)?;
        let manifest = self.manifest(name)?;
        manifest.check_memory(&described(name))?;
        let source = StoredChunks {
            store: self,
            name,
            manifest: &manifest,
        };
        let segments = assembly::assemble(&manifest, &source)?;
        Ok(manifest.into_checkpoint(name.to_owned(), segments))
    }

    /// Lists all checkpoints, ordered by name. One that can't be used is listed
    /// with its problem.
    ///
    /// # Errors
    /// If the store's folder can't be read.
    pub fn list(&self) -> Result<Vec<CheckpointInfo>, StoreError> {
        let names = self.names()?;
        let infos = names.into_iter().filter_map(|name| self.describe(name));
        Ok(infos.collect())
    }

    /// Tells what a list shows of one checkpoint, with its problem if it can't be used; `None` if
    /// there is none of this name.
    #[must_use]
    pub fn describe(&self, name: String) -> Option<CheckpointInfo> {
        match self.manifest(&name) {
            Ok(manifest) => {
                let mut ids = manifest.chunk_ids();
                let is_whole = ids.all(|id| self.folder.may_have_chunk(&id));
                drop(ids);
                let problem = (!is_whole).then(|| {
                    let missing = error::Problem::damaged("a part of it is missing");
                    missing.about(&described(&name)).to_string()
                });
                let info = manifest.describe(name);
                Some(CheckpointInfo { problem, ..info })
            }
            Err(StoreError::Unknown { .. }) => None,
            Err(error) => Some(CheckpointInfo {
                name,
                problem: Some(error.to_string()),
                ..CheckpointInfo::default()
            }),
        }
    }

    /// Removes a checkpoint. What it alone needed goes with the next
    /// [`Store::clean`], or when the store cleans itself.
    ///
    /// # Errors
    /// If there is none of this name, or it can't be removed.
    pub fn remove(&self, name: &str) -> Result<(), StoreError> {
        check_name(name)?;
        let path = self.folder.checkpoint_path(name);
        match std::fs::remove_file(&path) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(self.unknown(name)),
            Err(error) => Err(StoreError::io("remove", &path, error)),
        }
    }

    /// Removes chunks that no checkpoint needs and what crashes left half
    /// written. Waits for those who read and write at this moment, in other
    /// processes too.
    ///
    /// # Errors
    /// If something can't be read or removed; or if a checkpoint can't be read,
    /// as what it needs is not known: nothing is removed then.
    pub fn clean(&self) -> Result<CleanReport, StoreError> {
        if !self.folder.exists() {
            return Ok(CleanReport::default());
        }
        let _lock = self
            .folder
            .lock_alone()
            .map_err(|error| StoreError::io("lock", self.folder.root(), error))?;
        self.clean_locked()
    }

    fn clean_locked(&self) -> Result<CleanReport, StoreError> {
        let mut needed: BTreeSet<ChunkId> = BTreeSet::new();
        for name in self.names()? {
            match self.manifest(&name) {
                Ok(manifest) => needed.extend(manifest.chunk_ids()),
                // It was removed meanwhile, for which nobody waits.
                Err(StoreError::Unknown { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        self.folder.remove_temporary_files()?;
        let mut report = CleanReport::default();
        self.folder.for_each_chunk(|id, path, bytes| {
            if id.is_some_and(|id| needed.contains(&id)) {
                report.chunks_kept += 1;
                report.bytes_kept += bytes;
                return Ok(());
            }
            std::fs::remove_file(path)?;
            report.chunks_removed += 1;
            report.bytes_removed += bytes;
            Ok(())
        })?;
        Ok(report)
    }

    /// Tells how much there is.
    ///
    /// # Errors
    /// If the store's folder can't be read.
    pub fn usage(&self) -> Result<Usage, StoreError> {
        let mut usage = Usage::default();
        for name in self.names()? {
            usage.checkpoints += 1;
            let metadata = std::fs::metadata(self.folder.checkpoint_path(&name));
            usage.bytes += metadata.map_or(0, |metadata| metadata.len());
        }
        self.folder.for_each_chunk(|_, _, bytes| {
            usage.chunks += 1;
            usage.bytes += bytes;
            Ok(())
        })?;
        Ok(usage)
    }

    /// Returns the names of all checkpoints, in order.
    ///
    /// # Errors
    /// If the store's folder can't be read.
    pub fn names(&self) -> Result<Vec<String>, StoreError> {
        self.folder.checkpoint_names()
    }

    fn lock_to_read(&self, name: &str) -> Result<std::fs::File, StoreError> {
        match self.folder.lock_shared() {
            Ok(lock) => Ok(lock),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(self.unknown(name)),
            Err(error) => Err(StoreError::io("lock", self.folder.root(), error)),
        }
    }

    fn manifest(&self, name: &str) -> Result<Manifest, StoreError> {
        let path = self.folder.checkpoint_path(name);
        let sealed = match std::fs::read(&path) {
            Ok(sealed) => sealed,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(self.unknown(name));
            }
            Err(error) => return Err(StoreError::io("read", &path, error)),
        };
        Manifest::unseal(&sealed, manifest::CHECKPOINT_MAGIC)
            .map_err(|problem| problem.about(&described(name)))
    }

    fn unknown(&self, name: &str) -> StoreError {
        StoreError::Unknown {
            name: name.to_owned(),
            there: self.names().unwrap_or_default(),
        }
    }
}

fn described(name: &str) -> String {
    format!("the checkpoint {name:?}")
}

/// The chunks of one checkpoint, in the store.
struct StoredChunks<'a> {
    store: &'a Store,
    name: &'a str,
    manifest: &'a Manifest,
}

impl ChunkSource for StoredChunks<'_> {
    fn read_into(&self, index: usize, plain: &mut [u8]) -> Result<(), StoreError> {
        let id = &self.manifest.chunks[index].id;
        self.store
            .folder
            .read_chunk(id, plain)
            .map_err(|problem| problem.about(&described(self.name)))
    }
}

/// Checks that a name can be a file name and reads as one word.
///
/// # Errors
/// If it can't; the error says what is allowed.
pub fn check_name(name: &str) -> Result<(), StoreError> {
    let lawful = !name.is_empty()
        && name.len() <= NAME_BYTES_MAX
        && !name.starts_with('.')
        && !name.contains(['/', '\\'])
        && !name.chars().any(char::is_control);
    if lawful {
        Ok(())
    } else {
        Err(StoreError::BadName(name.to_owned()))
    }
}
