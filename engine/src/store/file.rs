//! A namespace as one file of its own: to be sent to somebody, or kept beside a script.
//!
//! # Shapes
//! A sealed manifest ([`super::manifest`], magic `rhumbaNS`), then its chunks ([`super::chunk`]) in
//! the manifest's order. The checksum in the seal is that of the whole file.

use super::assembly::{self, ChunkSource};
use super::chunk::{self, ChunkId, HEAD_BYTES, Head};
use super::error::{Problem, StoreError};
use super::folder;
use super::layout::{Cut, Layout};
use super::manifest::{self, FILE_MAGIC, Limits, Manifest, SEAL_BYTES, Seal};
use super::workers;
use super::{Checkpoint, CheckpointInfo};
use bytes::Bytes;
use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// How many chunks are compressed before they are written.
const BATCH_CHUNKS: usize = 16;

/// How much is read at once to check a file.
const CHECK_BYTES: usize = 1 << 20;

/// Writes a namespace to a file, in the place of one that may be there. The
/// checkpoint's name stays behind: the file has its own. A new file is for its owner only; one that
/// was there keeps its mode.
///
/// # Errors
/// If the file can't be written; what was there before is still there then.
pub fn write_file(path: &Path, checkpoint: &Checkpoint) -> Result<(), StoreError> {
    write_in_place(path, checkpoint).map_err(|error| StoreError::unwritten_file(path, error))
}

fn write_in_place(path: &Path, checkpoint: &Checkpoint) -> io::Result<()> {
    let path = resolve(path)?;
    let directory = path.parent().unwrap_or(Path::new("/"));
    let before = std::fs::metadata(&path).map(|metadata| metadata.permissions());
    folder::write_in_place(directory, &path, |file| {
        if let Ok(permissions) = before {
            file.set_permissions(permissions)?;
        }
        write_content(file, checkpoint)
    })
}

/// Returns the file that is meant, through links.
fn resolve(path: &Path) -> io::Result<PathBuf> {
    match std::fs::canonicalize(path) {
        Ok(path) if path.is_dir() => Err(io::Error::new(
            io::ErrorKind::IsADirectory,
            "it is a folder",
        )),
        Ok(path) if !path.is_file() => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "it is no ordinary file",
        )),
        Ok(path) => Ok(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => missing(path),
        Err(error) => Err(error),
    }
}

/// Returns the file that is meant, through links, where nothing is at their end.
fn missing(path: &Path) -> io::Result<PathBuf> {
    // As many as the system follows.
    const LINKS_MAX: usize = 40;
    let mut path = std::path::absolute(path)?;
    for _ in 0..LINKS_MAX {
        let Ok(target) = std::fs::read_link(&path) else {
            return Ok(path);
        };
        path = path.parent().unwrap_or(Path::new("/")).join(target);
    }
    Err(io::Error::from_raw_os_error(libc::ELOOP))
}

fn write_content(file: &mut File, checkpoint: &Checkpoint) -> io::Result<()> {
    let layout = Layout::new(&checkpoint.segments, Cut::STORE);
    let contents = layout.chunks.clone();
    let ids = chunk::addresses(&contents);
    let manifest = Manifest::new(checkpoint, layout, ids.clone());
    let mut head = manifest.seal_open(FILE_MAGIC);
    let mut hasher = manifest::checksum(&head);
    file.write_all(&head)?;
    // The manifest has each content once, in the order of its first use.
    let mut seen: HashSet<ChunkId> = HashSet::new();
    let once: Vec<Bytes> = ids
        .into_iter()
        .zip(contents)
        .filter(|(id, _)| seen.insert(*id))
        .map(|(_, content)| content)
        .collect();
    for batch in once.chunks(BATCH_CHUNKS) {
        let bytes = batch.iter().map(|content| content.len() as u64).sum();
        let encoded = workers::map(batch.iter().collect(), bytes, |content: &Bytes| {
            Ok::<_, io::Error>(chunk::encode(content))
        })?;
        for (head, stored) in encoded {
            for part in [&head[..], &stored] {
                hasher.update(part);
                file.write_all(part)?;
            }
        }
    }
    manifest::set_checksum(&mut head, &hasher.finalize());
    file.write_all_at(&head[..SEAL_BYTES], 0)
}

/// Reads a namespace from a file. The whole file is checked before anything of
/// it is handed out. Its name is that of the file.
///
/// # Errors
/// If it can't be read, is no such file, is damaged, or from a later version.
pub fn read_file(path: &Path) -> Result<Checkpoint, StoreError> {
    let what = described(path);
    read_checked(&what, path, open_checked(path, |_| Limits::STORE)?)
}

/// As [`read_file`], of a file that anyone may have made.
///
/// # Errors
/// As there, and if a small file would become very much.
pub fn read_file_of_anyone(path: &Path) -> Result<Checkpoint, StoreError> {
    let what = described(path);
    let checked = open_checked(path, Limits::of_anyone)?;
    checked.manifest.check_expansion(&what, checked.length)?;
    read_checked(&what, path, checked)
}

fn read_checked(what: &str, path: &Path, checked: Checked) -> Result<Checkpoint, StoreError> {
    checked.manifest.check_memory(what)?;
    let source = FileChunks {
        what,
        file: &checked.file,
        places: &checked.places,
        manifest: &checked.manifest,
    };
    let segments = assembly::assemble(&checked.manifest, &source)?;
    Ok(checked.manifest.into_checkpoint(file_name(path), segments))
}

/// Tells what is in a file, which is checked as a whole.
///
/// # Errors
/// As [`read_file`].
pub fn describe_file(path: &Path) -> Result<CheckpointInfo, StoreError> {
    let checked = open_checked(path, |_| Limits::STORE)?;
    Ok(checked.manifest.describe(file_name(path)))
}

fn described(path: &Path) -> String {
    format!("the namespace file {}", path.display())
}

fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

struct Checked {
    file: File,
    length: u64,
    manifest: Manifest,
    /// Where each chunk's bytes begin, and what is said of them.
    places: Vec<(u64, Head)>,
}

/// `limits` says what is believed of a file of so many bytes.
fn open_checked(path: &Path, limits: fn(u64) -> Limits) -> Result<Checked, StoreError> {
    // What isn't a file at all, such as a pipe without a writer, must not be waited for.
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(libc::O_NONBLOCK);
    let file = options.open(path);
    let file = file.map_err(|error| StoreError::io("read", path, error))?;
    check(file, limits).map_err(|problem| problem.about(&described(path)))
}

fn check(file: File, limits: fn(u64) -> Limits) -> Result<Checked, Problem> {
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(Problem::Foreign("it is no ordinary file".to_owned()));
    }
    let length = metadata.len();
    let mut head = Vec::with_capacity(SEAL_BYTES);
    (&file).take(SEAL_BYTES as u64).read_to_end(&mut head)?;
    let seal = Seal::read(&head, FILE_MAGIC)?;
    let body_end = (SEAL_BYTES as u64)
        .checked_add(seal.stored_bytes)
        .filter(|end| *end <= length)
        .ok_or_else(|| Problem::damaged("it ends too early"))?;
    let mut hasher = manifest::checksum(&head);
    let mut slice = vec![0; CHECK_BYTES];
    let mut reader = &file;
    loop {
        match reader.read(&mut slice) {
            Ok(0) => break,
            Ok(read) => {
                hasher.update(&slice[..read]);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    seal.check(&hasher)?;
    let mut body = vec![0; seal.stored_bytes as usize];
    file.read_exact_at(&mut body, SEAL_BYTES as u64)?;
    let manifest = seal.open(&body, limits(length))?;
    let mut places = Vec::with_capacity(manifest.chunks.len());
    let mut place = body_end;
    for chunk in &manifest.chunks {
        let mut head = [0; HEAD_BYTES];
        file.read_exact_at(&mut head, place)?;
        let head = Head::read(&head)?;
        if head.plain_bytes as u64 != chunk.bytes {
            return Err(Problem::damaged("its lengths don't agree"));
        }
        places.push((place + HEAD_BYTES as u64, head));
        place += (HEAD_BYTES + head.stored_bytes) as u64;
    }
    if place != length {
        return Err(Problem::damaged("it is not as long as it says"));
    }
    Ok(Checked {
        file,
        length,
        manifest,
        places,
    })
}

struct FileChunks<'a> {
    what: &'a str,
    file: &'a File,
    places: &'a [(u64, Head)],
    manifest: &'a Manifest,
}

impl ChunkSource for FileChunks<'_> {
    fn read_into(&self, index: usize, plain: &mut [u8]) -> Result<(), StoreError> {
        let (place, head) = self.places[index];
        let reader = ReadAt {
            file: self.file,
            place,
        };
        head.read_content(&self.manifest.chunks[index].id, reader, plain)
            .map_err(|problem| problem.about(self.what))
    }
}

/// Reads from a place of its own, so that several can read one file.
struct ReadAt<'a> {
    file: &'a File,
    place: u64,
}

impl Read for ReadAt<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.place)?;
        self.place += read as u64;
        Ok(read)
    }
}
