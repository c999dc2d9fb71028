//! What the commands of this crate share: the executable, a Python environment, bounded runs.
//!
//! It holds no test and no measure itself: those are in `tests/` and `src/bin/`. It links nothing
//! of rhumba: whatever is tried or measured is the executable, as a person would run it.

pub mod bounded;
pub mod collections;
pub mod executable;
pub mod figures;
pub mod machine;
pub mod outcomes;
pub mod python;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// A folder of this name under the target folder this executable was built in, made if need be.
///
/// # Errors
/// When the executable isn't in a target folder, or the folder can't be made.
pub fn target_folder(name: &str) -> Result<PathBuf> {
    let own = std::env::current_exe().context("finding this executable")?;
    let folder = own
        .parent()
        .and_then(Path::parent)
        .context("this executable is in no target folder")?
        .join(name);
    std::fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
    Ok(folder)
}
