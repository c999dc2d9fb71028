//! Where a controller listens: the path of its socket, and the socket itself.

use super::ClusterError;
use crate::home;
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

/// The longest path that a Unix socket can have, in bytes.
const SOCKET_PATH_BYTES_MAX: usize = 107;

/// Returns where the cluster's socket is made: in its folder, or, where that
/// path is too long for a socket, in a private folder for temporary files.
pub(crate) fn socket_path(directory: &Path) -> Result<PathBuf, ClusterError> {
    let preferred = directory.join("controller.socket");
    if fits_a_socket(&preferred) {
        return Ok(preferred);
    }
    short_socket_path(directory)
}

/// Returns where the socket of something is made whose own folder won't do: in a
/// private folder for temporary files, under a name that no other path gives.
pub(crate) fn short_socket_path(of: &Path) -> Result<PathBuf, ClusterError> {
    let uid = rustix::process::geteuid().as_raw();
    let short = std::env::temp_dir().join(format!("rhumba-{uid}"));
    home::create_private_directory(&short)?;
    let name = blake3::hash(of.as_os_str().as_encoded_bytes()).to_hex();
    let socket = short.join(&name.as_str()[..32]);
    if fits_a_socket(&socket) {
        return Ok(socket);
    }
    let text = format!(
        "{} is too long a path for a socket; set RHUMBA_HOME to a shorter one",
        of.display()
    );
    Err(io::Error::new(io::ErrorKind::InvalidInput, text).into())
}

pub(crate) fn fits_a_socket(path: &Path) -> bool {
    path.as_os_str().len() <= SOCKET_PATH_BYTES_MAX
}

/// Listens at a socket, in the place of a dead one that may be there.
pub(crate) fn bind(socket: &Path) -> io::Result<UnixListener> {
    if let Ok(metadata) = std::fs::symlink_metadata(socket) {
        if !metadata.file_type().is_socket() {
            return Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                format!(
                    "{} is where the controller's socket is to be, and is none; move it away",
                    socket.display()
                ),
            ));
        }
        std::fs::remove_file(socket)?;
    }
    UnixListener::bind(socket).map_err(|error| {
        io::Error::new(
            error.kind(),
            format!("the socket {} can't be made: {error}", socket.display()),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_socket_gives_way_to_a_socket() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("controller.socket");
        drop(bind(&socket).unwrap());
        drop(bind(&socket).unwrap());
        std::fs::remove_file(&socket).unwrap();
        std::fs::write(&socket, "mine").unwrap();
        let error = bind(&socket).unwrap_err();
        assert!(error.to_string().contains("move it away"), "{error}");
        assert_eq!(std::fs::read_to_string(&socket).unwrap(), "mine");
    }
}
