//! Where rhumba keeps its state: `$RHUMBA_HOME`, or the XDG state folder.
//!
//! Nothing is created by looking; [`create_directory`] makes folders that only
//! their owner can enter, and leaves those of the user as they are. See
//! [`crate::cluster_file`] for what is there.

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

/// Creates a folder of rhumba's own with mode 0700, parents included, or closes
/// one that is there to others. Not for folders that somebody else may have made.
///
/// # Errors
/// If it can't be created, belongs to somebody else, or can't be closed.
pub fn create_private_directory(path: &Path) -> io::Result<()> {
    create_directory(path)?;
    if is_private(path)? {
        return Ok(());
    }
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700)).map_err(|error| {
        io::Error::new(
            error.kind(),
            format!(
                "the folder {} is open to others and can't be closed: {error}",
                path.display()
            ),
        )
    })
}

/// Returns whether only its owner, this user, can enter a folder.
///
/// # Errors
/// If it can't be looked at.
pub fn is_private(path: &Path) -> io::Result<bool> {
    let metadata = std::fs::metadata(path)?;
    Ok(metadata.uid() == rustix::process::geteuid().as_raw() && metadata.mode() & 0o077 == 0)
}

/// Creates a folder with mode 0700, parents included, or checks that one that is
/// there belongs to this user. Who else may enter that one stays as it is.
///
/// # Errors
/// If it can't be created, or belongs to somebody else.
pub fn create_directory(path: &Path) -> io::Result<()> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|error| {
            let hint = if is_in_home(path) {
                "; set RHUMBA_HOME to a folder in which you can write"
            } else {
                ""
            };
            let text = format!(
                "the folder {} can't be created: {error}{hint}",
                path.display()
            );
            io::Error::new(error.kind(), text)
        })?;
    let metadata = std::fs::metadata(path)?;
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            format!(
                "the folder {} belongs to another user; {}",
                path.display(),
                if is_in_home(path) {
                    "set RHUMBA_HOME to one of your own"
                } else {
                    "name one of your own"
                }
            ),
        ));
    }
    Ok(())
}

fn is_in_home(path: &Path) -> bool {
    home_directory().is_ok_and(|home| path.starts_with(home))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().mode() & 0o777
    }

    #[test]
    fn only_folders_of_its_own_are_closed() {
        let folder = tempfile::tempdir().unwrap();
        let open = folder.path().join("open");
        std::fs::create_dir(&open).unwrap();
        std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o755)).unwrap();
        create_directory(&open).unwrap();
        assert_eq!(mode(&open), 0o755);
        create_directory(&open.join("new")).unwrap();
        assert_eq!(mode(&open.join("new")), 0o700);
        create_private_directory(&open).unwrap();
        assert_eq!(mode(&open), 0o700);
    }

    #[test]
    fn a_file_in_the_place_of_a_folder_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        let error = create_directory(&file.join("clusters")).unwrap_err();
        assert!(error.to_string().contains("file/clusters"), "{error}");
    }
}
