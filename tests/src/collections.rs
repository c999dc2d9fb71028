//! The collections of test suites that others wrote: where the material of each is, and what its programs are called.
//!
//! The folder of a collection has a README, `outcomes.txt` (see [`crate::outcomes`]), and `run_cases.py`, which runs
//! the cases of one suite with one of two programs: what is tried, and `control`, what the suite was written for.
//! How sources are fetched and who runs them is told in `src/bin/conformance`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// What a collection calls the program that its suites were written for.
pub const CONTROL: &str = "control";

/// Which suites these are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Collection {
    /// CPython's tests of pickle and of what it needs, and cloudpickle's, with snapshots.
    Snapshots,
    /// IPython's tests, with the shell.
    Ipython,
    /// ipyparallel's tests, with the package of that name.
    Ipyparallel,
}

impl Collection {
    pub const ALL: [Self; 3] = [Self::Snapshots, Self::Ipython, Self::Ipyparallel];

    pub fn name(self) -> &'static str {
        match self {
            Self::Snapshots => "snapshots",
            Self::Ipython => "ipython",
            Self::Ipyparallel => "ipyparallel",
        }
    }

    pub fn names() -> String {
        Self::ALL.map(Self::name).join(", ")
    }

    /// The collection of this name.
    ///
    /// # Errors
    /// When there is none.
    pub fn named(name: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|one| one.name() == name);
        found.with_context(|| format!("{name} is not one of the collections ({})", Self::names()))
    }

    /// The folder with its README, its outcomes and the script that runs its cases.
    pub fn folder(self) -> PathBuf {
        let conformance = Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance");
        match self {
            Self::Snapshots => conformance.join("snapshots"),
            Self::Ipython | Self::Ipyparallel => conformance.join("peers").join(self.name()),
        }
    }

    /// What it calls the program that is tried.
    pub fn tried(self) -> &'static str {
        match self {
            Self::Snapshots => "snapshot",
            Self::Ipython | Self::Ipyparallel => "rhumba",
        }
    }

    /// In which way a suite is run that outcomes.txt doesn't tell of.
    pub fn usual_way(self) -> &'static str {
        match self {
            Self::Ipython => "shell",
            Self::Snapshots | Self::Ipyparallel => "imported",
        }
    }
}
