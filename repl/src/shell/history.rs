//! The cells that were entered, over runs and over several shells at once.
//!
//! A file of one JSON string per line, private to its owner. Every shell appends each cell at
//! once, under a lock, with one write, so that two shells never mix their lines and a shell that
//! is killed has lost nothing. When it has grown long its older half is dropped.
//!
//! History is a comfort: whatever fails here never stops the shell.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// How many cells a shell remembers.
pub const CELLS_MAX: usize = 10_000;
/// When the file is shortened to [`CELLS_MAX`]; twice that, so that it happens rarely.
const FILE_CELLS_MAX: usize = 2 * CELLS_MAX;
/// A cell longer than this is not remembered: it was pasted, not typed.
const CELL_BYTES_MAX: usize = 256 * 1024;
/// How often to start over where another shell replaced the file meanwhile.
const ATTEMPTS_MAX: u32 = 10;

pub struct HistoryFile {
    path: PathBuf,
}

impl HistoryFile {
    /// The history kept at `path`, which need not exist yet.
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// The cells remembered, oldest first. Lines that can't be understood are passed over.
    pub fn load(&self) -> Vec<String> {
        let Ok(Some(mut file)) = self.open_locked(false) else {
            return Vec::new();
        };
        let mut text = Vec::new();
        if file.read_to_end(&mut text).is_err() {
            return Vec::new();
        }
        let mut cells = cells_in(&text);
        if cells.len() > FILE_CELLS_MAX {
            cells.drain(..cells.len() - CELLS_MAX);
            // Still under the lock. The file as it is serves as well, only longer.
            let _ = self.replace(&cells);
        }
        let surplus = cells.len().saturating_sub(CELLS_MAX);
        cells.drain(..surplus);
        cells
    }

    /// Remembers one cell.
    ///
    /// # Errors
    /// The file or its folder can't be written.
    pub fn append(&self, cell: &str) -> io::Result<()> {
        if cell.len() > CELL_BYTES_MAX {
            return Ok(());
        }
        let Some(mut file) = self.open_locked(true)? else {
            return Ok(());
        };
        let mut line = serde_json::to_string(cell)?;
        line.push('\n');
        file.write_all(line.as_bytes())
    }

    /// Opens and locks the file that is at the path now; closing it unlocks it.
    fn open_locked(&self, create: bool) -> io::Result<Option<File>> {
        if create && let Some(folder) = self.path.parent() {
            rhumba_engine::home::create_private_directory(folder)?;
        }
        for _ in 0..ATTEMPTS_MAX {
            let opened = OpenOptions::new()
                .read(true)
                .append(true)
                .create(create)
                .mode(0o600)
                .open(&self.path);
            let file = match opened {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                other => other?,
            };
            file.lock()?;
            // Another shell may have put a shorter file in its place before the lock was ours.
            if self.is_at_path(&file) {
                return Ok(Some(file));
            }
        }
        Ok(None)
    }

    fn is_at_path(&self, file: &File) -> bool {
        let at_path = std::fs::metadata(&self.path);
        match (file.metadata(), at_path) {
            (Ok(open), Ok(named)) => open.ino() == named.ino() && open.dev() == named.dev(),
            _ => false,
        }
    }

    /// Puts a file of these cells in the place of the one that is locked.
    fn replace(&self, cells: &[String]) -> io::Result<()> {
        let temporary = self.path.with_extension(std::process::id().to_string());
        let written =
            write_all(&temporary, cells).and_then(|()| std::fs::rename(&temporary, &self.path));
        if written.is_err() {
            let _ = std::fs::remove_file(&temporary);
        }
        written
    }
}

fn write_all(path: &Path, cells: &[String]) -> io::Result<()> {
    let mut text = String::new();
    for cell in cells {
        text.push_str(&serde_json::to_string(cell)?);
        text.push('\n');
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn cells_in(text: &[u8]) -> Vec<String> {
    text.split(|byte| *byte == b'\n')
        .filter_map(|line| serde_json::from_slice(line).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(folder: &tempfile::TempDir) -> HistoryFile {
        HistoryFile::new(folder.path().join("state").join("history"))
    }

    #[test]
    fn cells_come_back_whole_and_in_order() {
        let folder = tempfile::tempdir().expect("a folder");
        let history = history(&folder);
        assert!(history.load().is_empty());
        for cell in ["x = 1", "def f():\n    return '\\n'", "π = \"\u{1F40D}\""] {
            history.append(cell).expect("the folder can be written");
        }
        assert_eq!(
            history.load(),
            ["x = 1", "def f():\n    return '\\n'", "π = \"\u{1F40D}\""]
        );
        let mode = std::fs::metadata(&history.path)
            .expect("it is there")
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn half_a_line_costs_only_itself() {
        let folder = tempfile::tempdir().expect("a folder");
        let history = history(&folder);
        history.append("first").expect("written");
        let mut file = OpenOptions::new()
            .append(true)
            .open(&history.path)
            .expect("there");
        file.write_all(b"\"torn\n\xff\xfe\n").expect("written");
        history.append("last").expect("written");
        assert_eq!(history.load(), ["first", "last"]);
    }

    #[test]
    fn several_shells_lose_nothing_while_the_file_is_shortened() {
        let folder = tempfile::tempdir().expect("a folder");
        let history = history(&folder);
        history.append("first").expect("written");
        let old: Vec<String> = (0..=FILE_CELLS_MAX)
            .map(|index| index.to_string())
            .collect();
        history.replace(&old).expect("written");
        std::thread::scope(|scope| {
            for shell in 0..4 {
                let history = &history;
                scope.spawn(move || {
                    for cell in 0..50 {
                        history.append(&format!("{shell}:{cell}")).expect("written");
                    }
                });
            }
            assert_eq!(history.load().len(), CELLS_MAX);
        });
        let cells = history.load();
        for shell in 0..4 {
            let own: Vec<&String> = cells
                .iter()
                .filter(|cell| cell.starts_with(&format!("{shell}:")))
                .collect();
            assert_eq!(own.len(), 50, "cells of shell {shell}");
            assert!(own.is_sorted_by_key(|cell| {
                cell[2..].parse::<u32>().expect("the test's own numbers")
            }));
        }
    }
}
