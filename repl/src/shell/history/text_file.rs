//! The history of versions before the one in SQLite: a JSON string a line. It is only read.

use std::path::Path;

/// The cells of such a file, oldest first; none where there is no file. Lines that can't be
/// understood are passed over.
pub fn load(path: &Path) -> Vec<String> {
    let Ok(text) = std::fs::read(path) else {
        return Vec::new();
    };
    text.split(|byte| *byte == b'\n')
        .filter_map(|line| serde_json::from_slice(line).ok())
        .collect()
}
