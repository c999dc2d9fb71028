//! Packs the source of Python modules into an archive, for `src/library.rs` to read: a part of the
//! build scripts of all crates that freeze Python.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

/// What nobody reads from a shell: an editor with windows, and the texts of a help system.
const UNPACKED: [&str; 3] = ["idlelib", "pydoc_data", "turtledemo"];

/// Writes the source of all modules below a folder: an index of names, starts, packed lengths and
/// lengths, an empty line, and the modules, each compressed.
pub fn pack(library: &Path, archive: &Path) -> io::Result<()> {
    let mut files = Vec::new();
    find_modules(library, "", &mut files)?;
    files.sort();
    let mut index = String::new();
    let mut modules = Vec::new();
    for (name, path) in files {
        let source = std::fs::read(path)?;
        let packed = zstd::bulk::compress(&source, 19)?;
        let (start, length) = (modules.len(), source.len());
        writeln!(index, "{name} {start} {} {length}", packed.len()).map_err(io::Error::other)?;
        modules.extend(packed);
    }
    index.push('\n');
    std::fs::write(archive, [index.into_bytes(), modules].concat())
}

fn find_modules(
    folder: &Path,
    package: &str,
    found: &mut Vec<(String, PathBuf)>,
) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let Some(name) = path.file_stem().and_then(|name| name.to_str()) else {
            continue;
        };
        let full = match package {
            "" => name.to_owned(),
            _ => format!("{package}.{name}"),
        };
        if path.is_dir() {
            if !UNPACKED.contains(&name) {
                find_modules(&path, &full, found)?;
            }
        } else if path.extension().is_some_and(|extension| extension == "py") {
            let module = full.strip_suffix(".__init__").unwrap_or(&full);
            found.push((module.to_owned(), path));
        }
    }
    Ok(())
}
