//! What a cluster leaves when it ends: whose it is, what it says, and how it is
//! removed without touching anything of somebody else's.

use super::ProcessHandle;
use super::start_lock::StartLock;
use crate::cluster_file::{CLUSTER_FILE_NAME, ClusterFile, ClusterFileError};
use crate::home;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The logs in a cluster's folder `log`: the controller's, the engines'.
pub(super) const LOG_NAMES: [&str; 2] = ["controller.log", "engines.log"];

/// How long a start may keep others from tidying up.
const LOCK_TIMEOUT: Duration = Duration::from_secs(2);

/// How long the logs of a private cluster stay when it has ended, so that who is
/// told of them can read them.
const LOGS_STAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The largest process id that Linux gives.
const PID_MAX: u32 = 1 << 22;

/// Removes the files of a controller that has ended, and the folder of its
/// cluster with the logs if nothing was logged. Leaves those of a successor.
pub(crate) fn remove_remains(cluster_file: &Path, controller_pid: u32) {
    // Without the lock, where somebody holds it for long or it can't be had.
    let _lock = is_in_own_folder(cluster_file)
        .then(|| StartLock::take(LOCK_TIMEOUT))
        .and_then(Result::ok)
        .flatten();
    remove_remains_locked(cluster_file, controller_pid);
}

/// Does what [`remove_remains`] does, for who holds the lock.
pub(super) fn remove_remains_locked(cluster_file: &Path, controller_pid: u32) {
    // Whatever is gone already is what is wanted; what stays is harmless and
    // removed by the next cluster of this id.
    match ClusterFile::read(cluster_file) {
        Ok(cluster) if cluster.controller_pid == controller_pid => {
            remove_files(cluster_file, &cluster);
        }
        Err(ClusterFileError::Missing { .. }) => {}
        // Another controller's, or not such that it may be removed.
        Ok(_) | Err(_) => return,
    }
    if is_in_own_folder(cluster_file)
        && let Some(directory) = cluster_file.parent()
    {
        remove_logs(directory, |log| log.len() == 0);
    }
}

fn remove_files(cluster_file: &Path, cluster: &ClusterFile) {
    let is_socket = std::fs::symlink_metadata(&cluster.socket)
        .is_ok_and(|metadata| metadata.file_type().is_socket());
    if is_socket {
        let _ = std::fs::remove_file(&cluster.socket);
    }
    let _ = std::fs::remove_file(cluster_file);
}

/// Whether a cluster file is in a folder that was made for it: beside one
/// elsewhere lies what isn't rhumba's.
fn is_in_own_folder(cluster_file: &Path) -> bool {
    let clusters = cluster_file.parent().and_then(Path::parent);
    clusters.is_some_and(|clusters| home::clusters_directory().is_ok_and(|own| own == clusters))
}

/// Removes the logs that nobody needs, and then the folders if nothing is in them.
fn remove_logs(directory: &Path, is_needless: impl Fn(&std::fs::Metadata) -> bool) {
    let log_directory = directory.join("log");
    for name in LOG_NAMES {
        let path = log_directory.join(name);
        if std::fs::symlink_metadata(&path).is_ok_and(|metadata| is_needless(&metadata)) {
            let _ = std::fs::remove_file(path);
        }
    }
    let _ = std::fs::remove_dir(&log_directory);
    let _ = std::fs::remove_dir(directory);
}

/// Removes what clusters have left that belonged to one process, when that
/// process and the cluster are gone.
pub(super) fn remove_orphans() {
    let Ok(clusters) = home::clusters_directory() else {
        return;
    };
    let Ok(entries) = std::fs::read_dir(clusters) else {
        return;
    };
    for directory in entries.flatten().map(|entry| entry.path()) {
        let cluster_file = directory.join(CLUSTER_FILE_NAME);
        match ClusterFile::read(&cluster_file) {
            Ok(cluster) if is_orphan(&cluster) => remove_files(&cluster_file, &cluster),
            Err(ClusterFileError::Missing { .. }) if owner_is_gone(&directory) => {}
            Ok(_) | Err(_) => continue,
        }
        remove_logs(&directory, |log| {
            let age = log.modified().ok().and_then(|at| at.elapsed().ok());
            log.len() == 0 || age.is_some_and(|age| age >= LOGS_STAY)
        });
    }
}

/// Whether a cluster belonged to one process, and nothing of the two is left here.
fn is_orphan(cluster: &ClusterFile) -> bool {
    // A home may be shared with machines whose processes can't be seen from here.
    cluster.owner_pid.is_some_and(|owner| !lives(owner))
        && cluster.machine == machine()
        && !lives(cluster.controller_pid)
        && UnixStream::connect(&cluster.socket).is_err()
}

/// Whether a folder without a cluster file has an id that was made up by a
/// process that is gone, as [`made_up_id`] does it.
fn owner_is_gone(directory: &Path) -> bool {
    let name = directory.file_name().and_then(OsStr::to_str);
    let Some((pid, rest)) = name.and_then(|name| name.split_once('-')) else {
        return false;
    };
    let is_made_up = rest.len() == 8 && rest.bytes().all(|byte| byte.is_ascii_hexdigit());
    let pid = pid.parse::<u32>().ok().filter(|&pid| pid <= PID_MAX);
    is_made_up && pid.is_some_and(|pid| !lives(pid))
}

/// Makes up an id for a cluster that nobody named.
pub(super) fn made_up_id(nanoseconds: u32) -> String {
    format!("{}-{nanoseconds:08x}", std::process::id())
}

/// Returns the name of this machine, as far as it has one.
pub(crate) fn machine() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    name.trim().to_owned()
}

fn lives(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

/// Returns the controller of a cluster if it runs, be its socket there or not.
/// Its command line tells it from a process that has its number by now.
pub(super) fn running_controller(
    cluster_file: &Path,
    controller_pid: u32,
) -> Option<ProcessHandle> {
    let process = ProcessHandle::open(controller_pid)?;
    // Looked at when it is held, so that it is the same process.
    let line = std::fs::read(format!("/proc/{controller_pid}/cmdline")).ok()?;
    let folder = std::fs::read_link(format!("/proc/{controller_pid}/cwd")).ok()?;
    let words: Vec<&[u8]> = line.split(|&byte| byte == 0).collect();
    let own = std::fs::canonicalize(cluster_file).ok()?;
    let names_it = words.iter().any(|&word| {
        let path = word.strip_prefix(b"--cluster-file=").unwrap_or(word);
        let path = folder.join(OsStr::from_bytes(path));
        !word.is_empty() && std::fs::canonicalize(path).is_ok_and(|path| path == own)
    });
    (names_it && words.contains(&b"controller".as_slice())).then_some(process)
}

/// Returns how long the logs of a cluster are.
pub(super) fn log_lengths(log_directory: &Path) -> [u64; 2] {
    LOG_NAMES.map(|name| {
        std::fs::metadata(log_directory.join(name)).map_or(0, |metadata| metadata.len())
    })
}

/// Says what the logs end with, as far as they have grown since they had these
/// lengths: that of the controller, or else that of the engines; or the other way round.
pub(super) fn last_words(
    log_directory: &Path,
    lengths: [u64; 2],
    controller_first: bool,
) -> String {
    let paths = LOG_NAMES.map(|name| log_directory.join(name));
    let mut logs: Vec<(PathBuf, u64)> = paths.into_iter().zip(lengths).collect();
    if !controller_first {
        logs.reverse();
    }
    for (path, length) in logs {
        let text = std::fs::read(&path).unwrap_or_default();
        let start = usize::try_from(length).map_or(text.len(), |start| start.min(text.len()));
        let said = String::from_utf8_lossy(&text[start..]).into_owned();
        let line = said
            .lines()
            .map(str::trim)
            .rfind(|line| !line.is_empty() && !line.starts_with("hint: "));
        if let Some(line) = line {
            return format!("the log {} ends with: {line}", path.display());
        }
    }
    "its processes have logged nothing".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster_file::CLUSTER_FILE_VERSION;
    use std::os::unix::net::UnixListener;

    fn cluster(folder: &Path, controller_pid: u32) -> ClusterFile {
        ClusterFile {
            version: CLUSTER_FILE_VERSION,
            cluster_id: "north".into(),
            socket: folder.join("controller.socket"),
            controller_pid,
            started_s: 7,
            working_directory: folder.to_owned(),
            log_directory: folder.join("log"),
            owner_pid: None,
            machine: machine(),
        }
    }

    #[test]
    fn a_controller_that_ends_leaves_its_successor_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(CLUSTER_FILE_NAME);
        let successor = cluster(folder.path(), 2);
        successor.write(&file).unwrap();
        let _listener = UnixListener::bind(&successor.socket).unwrap();
        remove_remains(&file, 1);
        assert_eq!(ClusterFile::read(&file).unwrap(), successor);
        assert!(successor.socket.exists());
        remove_remains(&file, 2);
        assert!(!file.exists());
        assert!(!successor.socket.exists());
    }

    #[test]
    fn beside_a_cluster_file_elsewhere_nothing_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("by-hand.json");
        let log = folder.path().join("log");
        std::fs::create_dir(&log).unwrap();
        std::fs::write(log.join("controller.log"), "").unwrap();
        let cluster = cluster(folder.path(), 1);
        // A file of somebody's in the place of the socket is none of rhumba's.
        std::fs::write(&cluster.socket, "").unwrap();
        cluster.write(&file).unwrap();
        remove_remains(&file, 1);
        assert!(!file.exists());
        assert!(log.join("controller.log").exists());
        assert!(cluster.socket.exists());
    }

    #[test]
    fn only_ids_that_were_made_up_name_their_owner() {
        let gone = PID_MAX;
        assert!(owner_is_gone(Path::new(&format!("/c/{gone}-0a1b2c3d"))));
        let own = made_up_id(5);
        for name in ["north", "2024-11", "20240101-12345678", "x-0a1b2c3d", &own] {
            assert!(!owner_is_gone(&Path::new("/c").join(name)), "{name}");
        }
    }

    #[test]
    fn another_process_is_no_controller() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(CLUSTER_FILE_NAME);
        cluster(folder.path(), 1).write(&file).unwrap();
        assert!(running_controller(&file, std::process::id()).is_none());
    }

    #[test]
    fn the_last_words_are_those_of_this_cluster() {
        let folder = tempfile::tempdir().unwrap();
        let log = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        log("controller.log", "of an earlier one\n");
        let lengths = log_lengths(folder.path());
        let said = |first| last_words(folder.path(), lengths, first);
        assert_eq!(said(true), "its processes have logged nothing");
        log("engines.log", "one\nrhumba: two\nhint: three\n");
        assert!(said(true).ends_with("engines.log ends with: rhumba: two"));
        log("controller.log", "of an earlier one\nof this one\n");
        assert!(said(true).ends_with("controller.log ends with: of this one"));
        assert!(said(false).ends_with("rhumba: two"));
    }
}
