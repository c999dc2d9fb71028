//! Where rhumba keeps its state: `$RHUMBA_HOME`, or the XDG state folder.
//!
//! Nothing is created by looking; [`create_private_directory`] makes folders
//! that only their owner can enter. See [`crate::cluster_file`] for what is there.

use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Returns the folder of everything that outlives a process: `$RHUMBA_HOME`,
/// else `$XDG_STATE_HOME/rhumba`, else `~/.local/state/rhumba`.
///
/// # Errors
/// If none of these variables, nor `$HOME`, is set.
pub fn home_directory() -> io::Result<PathBuf> {
    let variable = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    if let Some(home) = variable("RHUMBA_HOME") {
        return std::path::absolute(home);
    }
    if let Some(state) = variable("XDG_STATE_HOME") {
        return std::path::absolute(state.join("rhumba"));
    }
    match variable("HOME") {
        Some(home) => std::path::absolute(home.join(".local/state/rhumba")),
        None => Err(io::Error::new(
            io::ErrorKind::NotFound,
            "neither RHUMBA_HOME nor HOME is set, so there is no folder for state; set RHUMBA_HOME",
        )),
    }
}

/// Returns the folder that holds one folder per cluster.
///
/// # Errors
/// As [`home_directory`].
pub fn clusters_directory() -> io::Result<PathBuf> {
    Ok(home_directory()?.join("clusters"))
}

/// Creates a folder with mode 0700, parents included, or checks that an
/// existing one belongs to this user and is closed to others.
///
/// # Errors
/// If it can't be created, belongs to somebody else, or can't be closed.
pub fn create_private_directory(path: &Path) -> io::Result<()> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|error| {
            io::Error::new(
                error.kind(),
                format!("the folder {} can't be created: {error}", path.display()),
            )
        })?;
    let metadata = std::fs::metadata(path)?;
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            format!(
                "the folder {} belongs to another user; set RHUMBA_HOME to one of your own",
                path.display()
            ),
        ));
    }
    if metadata.mode() & 0o077 != 0 {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}
