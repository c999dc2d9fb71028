//! The store's folder: where files are, how they get there, and who may be in it at once.
//!
//! Whatever is written is written under another name first, brought to the disk, and renamed.
//! What it holds is [`super::chunk`] and [`super::manifest`].

use super::checked::Stamp;
use super::chunk::{self, ChunkId, HEAD_BYTES, Head};
use super::error::{Problem, StoreError};
use crate::home;
use std::collections::BTreeSet;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// The mode of every file: it may hold anything that a program had in memory.
pub(super) const FILE_MODE: u32 = 0o600;

#[derive(Clone, Debug)]
pub(super) struct Folder {
    root: PathBuf,
}

impl Folder {
    pub(super) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn exists(&self) -> bool {
        self.lock_path().exists()
    }

    /// Makes what is missing of the folder.
    pub(super) fn create(&self) -> io::Result<()> {
        home::create_private_directory(&self.root)?;
        for name in ["checkpoints", "chunks", "temporary"] {
            home::create_private_directory(&self.root.join(name))?;
        }
        OpenOptions::new()
            .create(true)
            .append(true)
            .mode(FILE_MODE)
            .open(self.lock_path())
            .map(drop)
    }

    fn lock_path(&self) -> PathBuf {
        self.root.join("lock")
    }

    /// Where it is noted how much nothing may need any more.
    pub(super) fn dropped_path(&self) -> PathBuf {
        self.root.join("dropped")
    }

    pub(super) fn checkpoint_path(&self, name: &str) -> PathBuf {
        self.root.join("checkpoints").join(name)
    }

    fn chunk_path(&self, id: &ChunkId) -> PathBuf {
        let hex = id.to_hex();
        let (shard, rest) = hex.split_at(2);
        self.root.join("chunks").join(shard).join(rest)
    }

    /// Keeps [`Folder::lock_alone`] out, until what is returned is dropped.
    pub(super) fn lock_shared(&self) -> io::Result<File> {
        self.lock(File::lock_shared)
    }

    /// Waits until nobody else is in the folder, and keeps everybody out.
    pub(super) fn lock_alone(&self) -> io::Result<File> {
        self.lock(File::lock)
    }

    fn lock(&self, lock: impl Fn(&File) -> io::Result<()>) -> io::Result<File> {
        let file = File::open(self.lock_path())?;
        loop {
            match lock(&file) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                locked => return locked.map(|()| file),
            }
        }
    }

    /// As [`Folder::lock_alone`]; `None`: somebody else is there.
    pub(super) fn try_lock_alone(&self) -> io::Result<Option<File>> {
        let file = File::open(self.lock_path())?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Returns whether there is a chunk of this name, whatever is in it.
    pub(super) fn may_have_chunk(&self, id: &ChunkId) -> bool {
        self.chunk_path(id).exists()
    }

    /// Returns whether a chunk is there and whole. Its bytes are read, unless this process has done
    /// so before: a new checkpoint will need them.
    pub(super) fn has_chunk(&self, id: &ChunkId) -> bool {
        let opened = File::open(self.chunk_path(id)).map_err(Problem::from);
        let checked = opened.and_then(|file| {
            let head = open_chunk(&file)?;
            let stamp = Stamp::of(&file)?;
            if !stamp.is_known() {
                head.read_content(id, &file, &mut vec![0_u8; head.plain_bytes])?;
                stamp.remember();
            }
            Ok(())
        });
        checked.is_ok()
    }

    /// Files a chunk. Returns the bytes that it takes; 0 if somebody else has filed it meanwhile,
    /// as engines do that hold the same.
    pub(super) fn write_chunk(&self, id: &ChunkId, plain: &[u8]) -> io::Result<u64> {
        let path = self.chunk_path(id);
        let shard = path.parent().expect("a chunk is in a folder");
        match std::fs::DirBuilder::new().mode(0o700).create(shard) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        let (head, stored) = chunk::encode(plain);
        let file_it = |temporary: &Path| match std::fs::hard_link(temporary, &path) {
            Ok(()) => std::fs::remove_file(temporary).map(|()| true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && self.has_chunk(id) => {
                std::fs::remove_file(temporary).map(|()| false)
            }
            // What is there is damaged, or there are no links here.
            Err(_) => std::fs::rename(temporary, &path).map(|()| true),
        };
        let is_new = self.write_aside(&[&head, &stored], file_it)?;
        Ok(if is_new {
            (head.len() + stored.len()) as u64
        } else {
            0
        })
    }

    /// Reads a chunk into `plain`, and checks it. One that is damaged is put
    /// aside, so that it is written anew when it is needed again.
    pub(super) fn read_chunk(&self, id: &ChunkId, plain: &mut [u8]) -> Result<(), Problem> {
        let path = self.chunk_path(id);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(Problem::damaged("a part of it is missing"));
            }
            Err(error) => return Err(error.into()),
        };
        let read = open_chunk(&file).and_then(|head| head.read_content(id, &file, plain));
        if let Err(Problem::Damaged(_)) = &read {
            // Where this can't be done, the store can't be written either.
            let _ = std::fs::rename(&path, path.with_extension("damaged"));
        }
        read
    }

    /// Brings to the disk which chunks there are. Those that were there before
    /// may have been filed a moment ago, by somebody who has not done so yet.
    pub(super) fn sync_chunk_folders(&self, ids: &[ChunkId]) -> io::Result<()> {
        let shards: BTreeSet<PathBuf> = ids
            .iter()
            .filter_map(|id| self.chunk_path(id).parent().map(Path::to_owned))
            .collect();
        for shard in &shards {
            sync_folder(shard)?;
        }
        if shards.is_empty() {
            Ok(())
        } else {
            sync_folder(&self.root.join("chunks"))
        }
    }

    pub(super) fn write_manifest(&self, name: &str, sealed: &[u8]) -> io::Result<()> {
        self.write_in_place(&self.checkpoint_path(name), &[sealed])?;
        sync_folder(&self.root.join("checkpoints"))
    }

    fn write_in_place(&self, path: &Path, parts: &[&[u8]]) -> io::Result<()> {
        self.write_aside(parts, |temporary| std::fs::rename(temporary, path))
    }

    /// Writes a file and brings it to the disk, before `file_it` gives it its place.
    fn write_aside<R>(
        &self,
        parts: &[&[u8]],
        file_it: impl FnOnce(&Path) -> io::Result<R>,
    ) -> io::Result<R> {
        let (temporary, mut file) = create_temporary(&self.root.join("temporary"), "")?;
        let written = (|| {
            for part in parts {
                file.write_all(part)?;
            }
            file.sync_all()?;
            file_it(&temporary)
        })();
        if written.is_err() {
            // The first error is the one to tell; what stays is removed by cleaning.
            let _ = std::fs::remove_file(&temporary);
        }
        written
    }

    /// Returns the names of all checkpoints, in order.
    pub(super) fn checkpoint_names(&self) -> Result<Vec<String>, StoreError> {
        let directory = self.root.join("checkpoints");
        let mut names = Vec::new();
        for entry in entries(&directory)? {
            names.extend(entry.file_name().to_str().map(str::to_owned));
        }
        names.sort();
        Ok(names)
    }

    /// Calls `visit` with every chunk's address (`None`: it is no chunk), path
    /// and length.
    pub(super) fn for_each_chunk(
        &self,
        mut visit: impl FnMut(Option<ChunkId>, &Path, u64) -> io::Result<()>,
    ) -> Result<(), StoreError> {
        for shard in entries(&self.root.join("chunks"))? {
            for entry in entries(&shard.path())? {
                let path = entry.path();
                let visited = entry.metadata().and_then(|metadata| {
                    let (shard, rest) = (shard.file_name(), entry.file_name());
                    let hex = shard.to_str().zip(rest.to_str());
                    let id =
                        hex.and_then(|(shard, rest)| ChunkId::from_hex(&format!("{shard}{rest}")));
                    visit(id, &path, metadata.len())
                });
                match visited {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => {
                        return Err(StoreError::io("remove", &path, error));
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// Removes what is left of writes that did not end, and the note of what
    /// was dropped. Nobody may be writing.
    pub(super) fn remove_temporary_files(&self) -> Result<(), StoreError> {
        for entry in entries(&self.root.join("temporary"))? {
            let path = entry.path();
            std::fs::remove_file(&path).map_err(|error| StoreError::io("remove", &path, error))?;
        }
        let dropped = self.dropped_path();
        match std::fs::remove_file(&dropped) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(StoreError::io("remove", &dropped, error))
            }
            _ => Ok(()),
        }
    }
}

/// Reads a chunk's head, and checks the file's length against it.
fn open_chunk(mut file: &File) -> Result<Head, Problem> {
    let mut head = [0; HEAD_BYTES];
    file.read_exact(&mut head)?;
    let head = Head::read(&head)?;
    let length = file.metadata()?.len();
    if length == (HEAD_BYTES + head.stored_bytes) as u64 {
        Ok(head)
    } else {
        Err(Problem::damaged("a part of it is not as long as it says"))
    }
}

/// Makes an empty file that nobody else has, in `directory`.
pub(super) fn create_temporary(directory: &Path, prefix: &str) -> io::Result<(PathBuf, File)> {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    loop {
        let count = COUNTER.fetch_add(1, Ordering::Relaxed);
        let path = directory.join(format!("{prefix}{}-{count}.temporary", std::process::id()));
        let created = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(FILE_MODE)
            .open(&path);
        match created {
            // Left by an earlier process of this number.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            created => return created.map(|file| (path, file)),
        }
    }
}

/// Writes a new file beside where it is to be, and puts it in the place of what is there. Where the
/// file system can do that, it has no name until it is whole: nothing is left of it if this process
/// is killed.
pub(super) fn write_in_place(
    directory: &Path,
    path: &Path,
    write: impl FnOnce(&mut File) -> io::Result<()>,
) -> io::Result<()> {
    const PREFIX: &str = ".rhumba-";
    let unnamed = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(libc::O_TMPFILE)
        .mode(FILE_MODE)
        .open(directory);
    let (temporary, written) = match unnamed {
        Ok(mut file) => {
            write(&mut file)?;
            file.sync_all()?;
            // A name that nobody else has; the file takes it over.
            let (temporary, placeholder) = create_temporary(directory, PREFIX)?;
            drop(placeholder);
            std::fs::remove_file(&temporary)?;
            let own = format!("/proc/self/fd/{}", file.as_raw_fd());
            let follow = rustix::fs::AtFlags::SYMLINK_FOLLOW;
            let cwd = rustix::fs::CWD;
            let linked = rustix::fs::linkat(cwd, own, cwd, &temporary, follow);
            (temporary, linked.map_err(io::Error::from))
        }
        // This file system has no files without a name.
        Err(_) => {
            let (temporary, mut file) = create_temporary(directory, PREFIX)?;
            let written = write(&mut file).and_then(|()| file.sync_all());
            (temporary, written)
        }
    };
    let placed = written.and_then(|()| std::fs::rename(&temporary, path));
    if placed.is_err() {
        // The first error is the one to tell; the file may not even be there.
        let _ = std::fs::remove_file(&temporary);
    }
    placed?;
    sync_folder(directory)
}

/// Brings to the disk which files are in a folder.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

fn entries(directory: &Path) -> Result<Vec<std::fs::DirEntry>, StoreError> {
    let unreadable = |error| StoreError::io("read", directory, error);
    match std::fs::read_dir(directory) {
        Ok(entries) => entries.collect::<io::Result<_>>().map_err(unreadable),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(unreadable(error)),
    }
}
