//! Takes the runtime's frozen standard library apart, for `src/frozen.rs` to put together: a part of the
//! build script. What a start imports comes into a file of its own, so that a start from the disk reads
//! nothing else of it; the runtime has all of it in the order of the names.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::io;
use std::path::Path;

/// Writes `start` and `later`, the frozen code of modules behind each other, and `index`, a line for
/// each: its name, the file, where it starts there, its length, and whether it is a package.
pub fn freeze(start_modules: &str, folder: &Path) -> io::Result<()> {
    let of_start: HashSet<&str> = start_modules.lines().collect();
    let (mut start, mut later, mut index) = (Vec::new(), Vec::new(), String::new());
    for (name, module) in rustpython_pylib::FROZEN_STDLIB.decode() {
        let (file, bytes) = match of_start.contains(name) {
            true => ("start", &mut start),
            false => ("later", &mut later),
        };
        let begin = bytes.len();
        bytes.extend_from_slice(module.code.bytes);
        let length = module.code.bytes.len();
        let package = if module.package { "package" } else { "module" };
        writeln!(index, "{name} {file} {begin} {length} {package}").map_err(io::Error::other)?;
    }
    std::fs::write(folder.join("frozen-start"), start)?;
    std::fs::write(folder.join("frozen-later"), later)?;
    std::fs::write(folder.join("frozen-index"), index)
}
