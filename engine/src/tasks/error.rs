//! What can be wrong with a task store, as sentences that say what to do.

use rhumba_proto::message::{Failure, FailureKind};
use rusqlite::ErrorCode;

/// Why nothing can be kept or found. Each is a sentence.
#[derive(Debug, thiserror::Error)]
pub enum TaskStoreError {
    #[error(
        "the task store {path} was written by another rhumba (version {found} of its format, this one uses version {known}): use that rhumba, or move the file away and start the cluster again"
    )]
    OtherVersion {
        path: String,
        found: i64,
        known: i64,
    },
    #[error(
        "{path} is not a task store that rhumba wrote ({detail}): move it away and start the cluster again"
    )]
    Foreign { path: String, detail: String },
    #[error(
        "the task store {path} is damaged ({detail}): move it away and start the cluster again; the cluster itself goes on without records"
    )]
    Damaged { path: String, detail: String },
    #[error(
        "the task store {path} is locked by another program: close what has it open; until then nothing is recorded"
    )]
    Locked { path: String },
    #[error("the disk is full, so the task store {path} can't be written: make room")]
    Full { path: String },
    #[error(
        "the task store {path} can't be written or read just now ({detail}): see whether its disk is full or fails; it is tried again"
    )]
    Disk { path: String, detail: String },
    #[error("the task store ended when it must not: start the cluster again to have records")]
    Gone,
    #[error("the task store {path} can't be used: {detail}")]
    Unusable { path: String, detail: String },
    /// It was found out earlier.
    #[error("{0}")]
    Told(String),
    /// The question is at fault.
    #[error("{0}")]
    Question(String),
    /// There is no such record.
    #[error("{0}")]
    Unknown(String),
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl TaskStoreError {
    /// Says of what file an error is, and what it means.
    pub(super) fn about(self, path: &str) -> Self {
        let path = path.to_owned();
        let unusable = |detail: String, path| Self::Unusable { path, detail };
        match self {
            // With its text, which says nothing to anybody, it would be of any length.
            Self::Sqlite(rusqlite::Error::SqlInputError { msg, .. }) => unusable(msg, path),
            Self::Sqlite(error) => match error.sqlite_error_code() {
                Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Locked { path },
                Some(ErrorCode::DiskFull) => Self::Full { path },
                // What SQLite says of a full disk where it meets it in the files beside its own.
                Some(ErrorCode::SystemIoFailure) => Self::Disk {
                    path,
                    detail: error.to_string(),
                },
                Some(ErrorCode::NotADatabase) => Self::Foreign {
                    path,
                    detail: "it is no SQLite database".to_owned(),
                },
                Some(ErrorCode::DatabaseCorrupt) => Self::Damaged {
                    path,
                    detail: error.to_string(),
                },
                _ => unusable(error.to_string(), path),
            },
            Self::Io(error) if error.kind() == std::io::ErrorKind::StorageFull => {
                Self::Full { path }
            }
            Self::Io(error) => unusable(error.to_string(), path),
            other => other,
        }
    }

    /// Returns it as a client is told.
    pub(super) fn failure(&self) -> Failure {
        let exception = match self {
            Self::Question(_) => "ValueError",
            Self::Unknown(_) => "KeyError",
            _ => "TaskStoreError",
        };
        Failure {
            kind: FailureKind::Invalid,
            exception: exception.to_owned(),
            message: self.to_string(),
            traceback: String::new(),
        }
    }

    /// Returns whether it may pass by itself.
    pub(super) fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::Locked { .. } | Self::Full { .. } | Self::Disk { .. }
        )
    }
}
