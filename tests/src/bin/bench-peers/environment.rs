//! What is run and where: the peer's Python environment and the rhumba executable.
//!
//! Everything it makes is under `target/bench-peers`, the state of rhumba's clusters excepted: a
//! Unix socket's path must be short, so that goes into the temporary folder, and is removed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rhumba_tests::bounded::{self, Printed};
use rhumba_tests::{executable, python};
use serde_json::Value;

use crate::table::Side;

/// What is measured, each in a cluster of its own. Their figures have different names.
const SCRIPTS: [&str; 3] = ["bench_ipyparallel.py", "bench_memory.py", "bench_large.py"];
/// The peer is pinned: the targets were set against this version.
const PACKAGES: [&str; 3] = ["ipyparallel==9.2.0", "numpy", "cloudpickle"];
/// A run takes some 20 s with the peer; one that takes this long is stuck.
const RUN_TIME_MAX: Duration = Duration::from_secs(300);

pub struct Environment {
    folder: PathBuf,
    python: PathBuf,
    rhumba: PathBuf,
    scripts: PathBuf,
}

impl Environment {
    /// Makes what is missing: the peer's packages and an up-to-date rhumba.
    pub fn prepare() -> Result<Self> {
        let folder = rhumba_tests::target_folder("bench-peers")?;
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("bench");
        for script in SCRIPTS {
            if !scripts.join(script).is_file() {
                bail!(
                    "{script} isn't in {}; run this in the repository it was built from",
                    scripts.display()
                );
            }
        }
        Ok(Self {
            rhumba: executable::rhumba()?,
            python: python::environment(&folder, &PACKAGES)?,
            folder,
            scripts,
        })
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Runs every script once and returns the figures they printed.
    pub fn run(&self, side: Side, engines: usize, round: usize) -> Result<Value> {
        let mut figures = serde_json::Map::new();
        for script in SCRIPTS {
            let name = format!("{}-{round}-{script}", side.name());
            let printed = self.print(side, script, engines, &name)?;
            let Ok(Value::Object(found)) = serde_json::from_str(&printed) else {
                bail!("what {script} printed is not its figures: {printed}");
            };
            figures.extend(found);
        }
        Ok(Value::Object(figures))
    }

    /// Runs one script and returns what it printed.
    fn print(&self, side: Side, script: &str, engines: usize, name: &str) -> Result<String> {
        let state = std::env::temp_dir().join(format!("rhumba-bench-{}", std::process::id()));
        fs::create_dir_all(&state).with_context(|| format!("making {}", state.display()))?;
        let mut command = match side {
            Side::Peer => Command::new(&self.python),
            Side::Rhumba => Command::new(&self.rhumba),
        };
        command
            .arg(self.scripts.join(script))
            .arg(engines.to_string())
            .current_dir(&self.folder)
            .env("IPYTHONDIR", self.folder.join("ipython"))
            .env("RHUMBA_HOME", &state)
            .env_remove("RHUMBA_CLUSTER_FILE")
            .env_remove("PYTHONPATH");
        let printed = Printed::in_folder(&self.folder, name);
        let finished = bounded::run_well(command, &printed, RUN_TIME_MAX);
        // What is left there is of no use to anyone; that it can't be removed is no fault of the run.
        let _ = fs::remove_dir_all(&state);
        finished.with_context(|| format!("running {script}"))
    }
}
