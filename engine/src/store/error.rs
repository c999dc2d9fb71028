//! What can be wrong with the store, as sentences that say what to do.

use std::io;
use std::path::Path;

/// How many names an error lists of what there is.
const NAMES_SHOWN_MAX: usize = 20;

/// Why something can't be saved or brought back. Each is a sentence.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error(transparent)]
    Home(io::Error),
    #[error(
        "{0:?} can't name a checkpoint; use at most 200 bytes, no '/', no '\\', and no '.' at the start"
    )]
    BadName(String),
    #[error("there is no checkpoint named {name:?}; {}", listed(there))]
    Unknown { name: String, there: Vec<String> },
    #[error("{what} is damaged ({detail}), so nothing of it was used")]
    Damaged { what: String, detail: String },
    #[error("{what} is not a namespace that rhumba saved ({detail})")]
    Foreign { what: String, detail: String },
    #[error(
        "{what} was written by a later rhumba (version {found} of its format, this one reads up to version {known}); use that rhumba"
    )]
    Newer {
        what: String,
        found: u32,
        known: u32,
    },
    #[error("{what} holds {bytes} bytes, more than the {memory} bytes of memory of this machine")]
    TooLarge {
        what: String,
        bytes: u64,
        memory: u64,
    },
    #[error(
        "{what} has {stored} bytes and would become {bytes}: so much more is read only from whom you trust"
    )]
    Expands {
        what: String,
        bytes: u64,
        stored: u64,
    },
    #[error("{what} could not be saved: {}; {kept}", reason(source))]
    Unwritten {
        what: String,
        kept: &'static str,
        source: io::Error,
    },
    #[error("{path} can't be {done}: {}", reason(source))]
    Io {
        done: &'static str,
        path: String,
        source: io::Error,
    },
}

impl StoreError {
    /// A checkpoint could not be written.
    pub(super) fn unwritten(name: &str, source: io::Error) -> Self {
        Self::Unwritten {
            what: format!("the checkpoint {name:?}"),
            kept: "what was saved under this name before, if anything, is still there",
            source,
        }
    }

    /// A file could not be written.
    pub(super) fn unwritten_file(path: &Path, source: io::Error) -> Self {
        Self::Unwritten {
            what: format!("the namespace file {}", path.display()),
            kept: "what was there before, if anything, is still there",
            source,
        }
    }

    /// `verb` is what failed: `read`, `remove`, `lock`.
    pub(super) fn io(verb: &'static str, path: &Path, source: io::Error) -> Self {
        let done = match verb {
            "remove" => "removed",
            "lock" => "locked",
            _ => "read",
        };
        Self::Io {
            done,
            path: path.display().to_string(),
            source,
        }
    }
}

/// What is wrong with bytes, before it is known to whom they belong.
#[derive(Debug)]
pub(crate) enum Problem {
    Damaged(String),
    Foreign(String),
    Newer { found: u32, known: u32 },
    Expands { bytes: u64, stored: u64 },
    Io(io::Error),
}

impl Problem {
    pub(crate) fn damaged(detail: impl Into<String>) -> Self {
        Self::Damaged(detail.into())
    }

    /// Says what it is that has this problem.
    pub(crate) fn about(self, what: &str) -> StoreError {
        let what = what.to_owned();
        match self {
            Self::Damaged(detail) => StoreError::Damaged { what, detail },
            Self::Foreign(detail) => StoreError::Foreign { what, detail },
            Self::Newer { found, known } => StoreError::Newer { what, found, known },
            Self::Expands { bytes, stored } => StoreError::Expands {
                what,
                bytes,
                stored,
            },
            Self::Io(source) => StoreError::Io {
                done: "read",
                path: what,
                source,
            },
        }
    }
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::UnexpectedEof {
            Self::damaged("it ends too early")
        } else {
            Self::Io(error)
        }
    }
}

fn listed(there: &[String]) -> String {
    if there.is_empty() {
        return "none has been saved yet".to_owned();
    }
    let shown = there
        .iter()
        .take(NAMES_SHOWN_MAX)
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(", ");
    match there.len().saturating_sub(NAMES_SHOWN_MAX) {
        0 => format!("there are: {shown}"),
        more => format!("there are: {shown}, and {more} more"),
    }
}

/// Says in plain words what the system said, where people meet it.
fn reason(error: &io::Error) -> String {
    let plain = match error.kind() {
        io::ErrorKind::StorageFull => "the disk is full; free some space, then try again",
        io::ErrorKind::QuotaExceeded => {
            "your quota of the disk is used up; free some space, then try again"
        }
        io::ErrorKind::FileTooLarge => {
            "a file would be larger than this system allows you (see `ulimit -f`)"
        }
        io::ErrorKind::PermissionDenied => "you are not allowed to",
        io::ErrorKind::ReadOnlyFilesystem => "the disk can only be read",
        _ => return error.to_string(),
    };
    // Some of ours say more than the system does.
    if error.raw_os_error().is_none() {
        return error.to_string();
    }
    plain.to_owned()
}
