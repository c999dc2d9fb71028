//! What runs a collection's suites as they were written: rhumba itself, or a CPython that has the peer.
//!
//! It fetches no suite: that is [`crate::sources`]. Where this machine has no such Python, control isn't run; what
//! outcomes.txt says of it then stays.

use std::path::{Path, PathBuf};

use anyhow::Result;
use rhumba_tests::collections::Collection;
use rhumba_tests::python;

/// IPython and what its tests import.
const IPYTHON: [&str; 4] = [
    "ipython==9.18.1",
    "pytest==9.2.0",
    "pytest-asyncio==1.5.0",
    "testpath==0.6.0",
];
/// ipyparallel and what its tests import.
const IPYPARALLEL: [&str; 4] = [
    "ipyparallel==9.2.0",
    "ipython==9.18.1",
    "pytest==9.2.0",
    "pytest-asyncio==1.5.0",
];
/// Some of IPython's cases end otherwise with another Python; outcomes.txt was written with this one.
const IPYTHON_PYTHON: (u32, u32) = (3, 13);
/// The least that this IPython takes.
const IPYPARALLEL_PYTHON_MIN: (u32, u32) = (3, 11);

/// The program for `control`; `None`, with a sentence on standard error, if it can't be run here.
///
/// # Errors
/// When pip can't install what it takes.
pub fn program(collection: Collection, folder: &Path, rhumba: &Path) -> Result<Option<PathBuf>> {
    // FOLDER/venv fetches sources.
    let folder = folder.join("control");
    match collection {
        Collection::Snapshots => Ok(Some(rhumba.to_owned())),
        Collection::Ipython => {
            let (major, minor) = IPYTHON_PYTHON;
            let candidates = [format!("python{major}.{minor}"), "python3".to_owned()];
            let found = candidates
                .iter()
                .find(|one| python::version(one) == Some(IPYTHON_PYTHON));
            let Some(found) = found else {
                eprintln!(
                    "IPython isn't run beside rhumba: outcomes.txt tells of it in Python {major}.{minor}, and neither \
                     {} is one; what is told there is kept",
                    candidates.join(" nor ")
                );
                return Ok(None);
            };
            Ok(Some(python::environment_of(found, &folder, &IPYTHON)?))
        }
        Collection::Ipyparallel => {
            let (major, minor) = IPYPARALLEL_PYTHON_MIN;
            if python::version("python3").is_none_or(|found| found < IPYPARALLEL_PYTHON_MIN) {
                eprintln!(
                    "ipyparallel isn't run beside rhumba: it takes Python {major}.{minor} or later, and python3 is \
                     none; what outcomes.txt tells of it is kept"
                );
                return Ok(None);
            }
            Ok(Some(python::environment(&folder, &IPYPARALLEL)?))
        }
    }
}
