//! The cluster file: all that is needed to join a cluster, in one private file.
//!
//! It is JSON, mode 0600, written atomically. It names the controller's socket
//! and process; it says nothing of engines, which come and go. Whether the
//! controller is alive is found out by connecting ([`crate::client`]).

use crate::home;
use serde::{Deserialize, Serialize};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The version of the file's own fields.
pub const CLUSTER_FILE_VERSION: u32 = 1;

/// The name of the cluster file in its cluster's folder.
pub const CLUSTER_FILE_NAME: &str = "cluster.json";

/// The environment variable that names the cluster file to use.
pub const CLUSTER_FILE_VARIABLE: &str = "RHUMBA_CLUSTER_FILE";

/// The id of a cluster that nobody named.
pub const DEFAULT_CLUSTER_ID: &str = "default";

/// What a cluster file says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterFile {
    pub version: u32,
    pub cluster_id: String,
    /// The Unix socket that engines and clients dial.
    pub socket: PathBuf,
    pub controller_pid: u32,
    /// When the cluster was started, in seconds since 1970-01-01 UTC.
    pub started_s: u64,
    pub working_directory: PathBuf,
    pub log_directory: PathBuf,
    /// The process to which the cluster belongs alone, if it belongs to one:
    /// others find it only by its id or its file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner_pid: Option<u32>,
    /// The name of the machine on which it runs; a home may be shared with others.
    #[serde(default)]
    pub machine: String,
}

/// Why a cluster file can't be used. Each is a sentence with what to do.
#[derive(Debug, thiserror::Error)]
pub enum ClusterFileError {
    #[error("no cluster is running{named}; start one with: rhumba cluster start -n 4{option}")]
    NoCluster { named: String, option: String },
    #[error("the cluster file {path} does not exist; {hint}")]
    Missing { path: String, hint: &'static str },
    #[error("{path} is not a file, so it is no cluster file; `rhumba cluster list` shows clusters")]
    NotAFile { path: String },
    #[error("the cluster file {path} can't be read: {source}")]
    Unreadable { path: String, source: io::Error },
    #[error(
        "the cluster file {path} can be read by others, and whoever reads it can run code as you; close it with: chmod 600 {path}"
    )]
    Open { path: String },
    #[error("the cluster file {path} belongs to another user (uid {uid}), so it is not used")]
    Foreign { path: String, uid: u32 },
    #[error(
        "the cluster file {path} is not one that rhumba wrote ({detail}); remove it, and start the cluster again"
    )]
    Damaged { path: String, detail: String },
    #[error(
        "the cluster file {path} is of version {found}, this rhumba reads version {CLUSTER_FILE_VERSION}; use the rhumba that started the cluster, or remove the file, and start it again with this one"
    )]
    OtherVersion { path: String, found: u64 },
    #[error("several clusters are running ({ids}); say which one with its cluster id")]
    Ambiguous { ids: String },
    #[error(
        "{0:?} can't name a cluster; use letters, digits, '-', '_' and '.', at most 64 of them, not starting with '.'"
    )]
    BadId(String),
    #[error(transparent)]
    Home(#[from] io::Error),
}

impl ClusterFile {
    /// Returns what the names of all that this controller is asked begin with.
    #[must_use]
    pub fn session(&self) -> String {
        format!("{:x}-{:x}", self.started_s, self.controller_pid)
    }

    /// Reads and checks a cluster file.
    ///
    /// # Errors
    /// If it is missing, damaged, of another version, or not private to this user.
    pub fn read(path: &Path) -> Result<Self, ClusterFileError> {
        let shown = || path.display().to_string();
        let unreadable = |source| ClusterFileError::Unreadable {
            path: shown(),
            source,
        };
        // Before it is opened, which waits for a writer where it is a named pipe.
        match std::fs::metadata(path) {
            Ok(metadata) if !metadata.is_file() => {
                return Err(ClusterFileError::NotAFile { path: shown() });
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(missing(path)),
            _ => {}
        }
        let file = match std::fs::File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(missing(path)),
            Err(error) => return Err(unreadable(error)),
        };
        let metadata = file.metadata().map_err(unreadable)?;
        if metadata.uid() != rustix::process::geteuid().as_raw() {
            return Err(ClusterFileError::Foreign {
                path: shown(),
                uid: metadata.uid(),
            });
        }
        if metadata.mode() & 0o077 != 0 {
            return Err(ClusterFileError::Open { path: shown() });
        }
        let text = io::read_to_string(file).map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData => ClusterFileError::Damaged {
                path: shown(),
                detail: "it is not UTF-8 text".into(),
            },
            _ => unreadable(error),
        })?;
        let damaged = |error: serde_json::Error| ClusterFileError::Damaged {
            path: shown(),
            detail: error.to_string(),
        };
        let value: serde_json::Value = serde_json::from_str(&text).map_err(damaged)?;
        match value.get("version").and_then(serde_json::Value::as_u64) {
            Some(version) if version == u64::from(CLUSTER_FILE_VERSION) => {}
            Some(found) => {
                return Err(ClusterFileError::OtherVersion {
                    path: shown(),
                    found,
                });
            }
            None => {
                return Err(ClusterFileError::Damaged {
                    path: shown(),
                    detail: "it has no version".into(),
                });
            }
        }
        serde_json::from_value(value).map_err(damaged)
    }

    /// Writes the file with mode 0600, so that readers see the old one or the
    /// new one, never half of it.
    ///
    /// # Errors
    /// If the disk is full or the folder can't be written; nothing is left behind.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let temporary = path.with_extension(format!("json.{}", std::process::id()));
        let written = (|| {
            let mut file = std::fs::OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&temporary)?;
            file.write_all(serde_json::to_string_pretty(self)?.as_bytes())?;
            file.write_all(b"\n")?;
            file.sync_all()?;
            std::fs::rename(&temporary, path)
        })();
        if written.is_err() {
            // The first error is the one to tell; the file may not even exist.
            let _ = std::fs::remove_file(&temporary);
        }
        written.map_err(|error| {
            io::Error::new(
                error.kind(),
                format!(
                    "the cluster file {} can't be written: {error}",
                    path.display()
                ),
            )
        })
    }
}

/// Says of a cluster file that isn't there what to do, by who named it.
fn missing(path: &Path) -> ClusterFileError {
    let named = std::env::var_os(CLUSTER_FILE_VARIABLE);
    let hint = if named.is_some_and(|named| Path::new(&named) == path) {
        "RHUMBA_CLUSTER_FILE names it: unset that variable to use another cluster"
    } else {
        "start a cluster with: rhumba cluster start -n 4"
    };
    ClusterFileError::Missing {
        path: path.display().to_string(),
        hint,
    }
}

/// Returns whether a cluster belongs to another process alone.
#[must_use]
pub fn belongs_to_another(cluster_file: &Path) -> bool {
    let owner = ClusterFile::read(cluster_file).map(|cluster| cluster.owner_pid);
    // One that can't be read is told of, not passed over.
    matches!(owner, Ok(Some(pid)) if pid != std::process::id())
}

/// Returns the folder of the cluster with this id.
///
/// # Errors
/// If the id can't be a file name, or there is no folder for state.
pub fn cluster_directory(cluster_id: &str) -> Result<PathBuf, ClusterFileError> {
    let lawful = !cluster_id.is_empty()
        && cluster_id.len() <= 64
        && !cluster_id.starts_with('.')
        && cluster_id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if !lawful {
        return Err(ClusterFileError::BadId(cluster_id.to_owned()));
    }
    Ok(home::clusters_directory()?.join(cluster_id))
}

/// Returns where the cluster with this id has its cluster file.
///
/// # Errors
/// As [`cluster_directory`].
pub fn cluster_file_path(cluster_id: &str) -> Result<PathBuf, ClusterFileError> {
    Ok(cluster_directory(cluster_id)?.join(CLUSTER_FILE_NAME))
}

/// Returns the paths of all cluster files, ordered by cluster id.
///
/// # Errors
/// If the folder of clusters exists but can't be listed.
pub fn all_cluster_files() -> Result<Vec<PathBuf>, ClusterFileError> {
    let directory = home::clusters_directory()?;
    let entries = match std::fs::read_dir(&directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => {
            let text = format!(
                "the folder {} can't be read: {error}; set RHUMBA_HOME to a folder of your own",
                directory.display()
            );
            return Err(io::Error::new(error.kind(), text).into());
        }
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry?.path().join(CLUSTER_FILE_NAME);
        if path.exists() {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// Finds the cluster file to use: that of the named cluster, else the one in
/// `$RHUMBA_CLUSTER_FILE`, else the default cluster's, else the only one. One
/// that belongs to another process is found by its id and by the variable only.
///
/// # Errors
/// If there is none, or several and nothing says which.
pub fn find_cluster_file(cluster_id: Option<&str>) -> Result<PathBuf, ClusterFileError> {
    if let Some(id) = cluster_id {
        let path = cluster_file_path(id)?;
        if path.exists() {
            return Ok(path);
        }
        return Err(ClusterFileError::NoCluster {
            named: format!(" under the id {id:?}"),
            option: format!(" --cluster-id {id}"),
        });
    }
    if let Some(path) = std::env::var_os(CLUSTER_FILE_VARIABLE).filter(|path| !path.is_empty()) {
        return Ok(PathBuf::from(path));
    }
    let default = cluster_file_path(DEFAULT_CLUSTER_ID)?;
    if default.exists() {
        return Ok(default);
    }
    let (others, mut paths): (Vec<_>, Vec<_>) = all_cluster_files()?
        .into_iter()
        .partition(|path| belongs_to_another(path));
    match paths.len() {
        0 if others.is_empty() => Err(ClusterFileError::NoCluster {
            named: String::new(),
            option: String::new(),
        }),
        0 => Err(ClusterFileError::NoCluster {
            named: format!(" but those that belong to one process ({})", ids(&others)),
            option: String::new(),
        }),
        1 => Ok(paths.remove(0)),
        _ => Err(ClusterFileError::Ambiguous { ids: ids(&paths) }),
    }
}

/// Returns the ids of clusters by their files, as a person reads them.
fn ids(paths: &[PathBuf]) -> String {
    paths
        .iter()
        .filter_map(|path| path.parent()?.file_name()?.to_str())
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn example() -> ClusterFile {
        ClusterFile {
            version: CLUSTER_FILE_VERSION,
            cluster_id: "north".into(),
            socket: "/run/north".into(),
            controller_pid: 42,
            started_s: 7,
            working_directory: "/home".into(),
            log_directory: "/log".into(),
            owner_pid: None,
            machine: "here".into(),
        }
    }

    #[test]
    fn what_is_written_is_read_and_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(CLUSTER_FILE_NAME);
        example().write(&path).unwrap();
        assert_eq!(ClusterFile::read(&path).unwrap(), example());
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        let files = std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(files, 1, "nothing temporary is left");
    }

    #[test]
    fn what_can_not_be_used_is_refused_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(CLUSTER_FILE_NAME);
        let error = |path: &Path| ClusterFile::read(path).unwrap_err().to_string();
        assert!(
            error(&path).contains("rhumba cluster start"),
            "{}",
            error(&path)
        );
        example().write(&path).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(error(&path).contains("chmod 600"), "{}", error(&path));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::write(&path, "{\"version\": 99}").unwrap();
        assert!(error(&path).contains("version 99"), "{}", error(&path));
        assert!(error(&path).contains("remove the file"), "{}", error(&path));
        std::fs::write(&path, "{\"version\"").unwrap();
        assert!(error(&path).contains("remove it"), "{}", error(&path));
        std::fs::write(&path, b"\xff\xfe").unwrap();
        assert!(error(&path).contains("remove it"), "{}", error(&path));
        let device = error(Path::new("/dev/null"));
        assert!(device.contains("is not a file"), "{device}");
        assert!(!device.contains("chmod"), "{device}");
    }

    #[test]
    fn a_file_that_names_no_owner_is_read_and_one_that_does_belongs_to_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(CLUSTER_FILE_NAME);
        example().write(&path).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(!text.contains("owner"), "{text}");
        assert!(!belongs_to_another(&path));
        // As it was written before a machine was named.
        let text = text
            .replace("\"/log\",", "\"/log\"")
            .replace("\"machine\": \"here\"", "");
        std::fs::write(&path, &text).unwrap();
        assert_eq!(ClusterFile::read(&path).unwrap().machine, "", "{text}");
        for (owner, is_other) in [(std::process::id(), false), (1, true)] {
            let cluster = ClusterFile {
                owner_pid: Some(owner),
                ..example()
            };
            cluster.write(&path).unwrap();
            assert_eq!(ClusterFile::read(&path).unwrap(), cluster);
            assert_eq!(belongs_to_another(&path), is_other);
        }
    }

    #[test]
    fn ids_that_are_not_file_names_are_refused() {
        for id in ["", "..", "a/b", ".hidden", "a b", &"x".repeat(65)] {
            assert!(
                matches!(cluster_directory(id), Err(ClusterFileError::BadId(_))),
                "{id}"
            );
        }
    }
}
