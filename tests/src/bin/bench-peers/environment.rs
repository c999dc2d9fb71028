//! What is run and where: the peers' Python environments and the rhumba executable.
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

/// Calls, data and memory: the interface that ipyparallel has too.
const CALLS: [&str; 4] = [
    "bench_ipyparallel.py",
    "bench_memory.py",
    "bench_large.py",
    "bench_broadcast.py",
];
/// Tasks in their thousands.
const TASKS: [&str; 3] = ["bench_tasks.py", "bench_graph.py", "bench_queued.py"];
const TASKS_IN_DASK: &str = "bench_dask.py";
const SOAK: &str = "soak.py";
/// The peers are pinned: the targets were set against these versions.
const IPYPARALLEL: [&str; 3] = ["ipyparallel==9.2.0", "numpy", "cloudpickle"];
const DASK: [&str; 1] = ["distributed==2026.8.0"];
/// A run takes some 20 s, one of tasks with a peer some minutes; one that takes this long is stuck.
const RUN_TIME_MAX: Duration = Duration::from_secs(900);

/// What can be measured, each in clusters of its own. Figures have different names.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Calls,
    Tasks,
}

impl Part {
    /// Who takes part.
    pub fn sides(self) -> &'static [Side] {
        match self {
            Part::Calls => &[Side::Ipyparallel, Side::Rhumba],
            Part::Tasks => &[Side::Ipyparallel, Side::Dask, Side::Rhumba],
        }
    }

    fn scripts(self, side: Side) -> &'static [&'static str] {
        match (self, side) {
            (Part::Calls, Side::Dask) => &[],
            (Part::Calls, _) => &CALLS,
            (Part::Tasks, Side::Dask) => std::slice::from_ref(&TASKS_IN_DASK),
            // A million tasks at once are rhumba's own.
            (Part::Tasks, Side::Ipyparallel) => &TASKS[..2],
            (Part::Tasks, Side::Rhumba) => &TASKS,
        }
    }
}

pub struct Environment {
    folder: PathBuf,
    ipyparallel: Option<PathBuf>,
    dask: Option<PathBuf>,
    rhumba: PathBuf,
    scripts: PathBuf,
}

impl Environment {
    /// Makes what is missing: the packages of these peers and an up-to-date rhumba.
    pub fn prepare(sides: &[Side]) -> Result<Self> {
        let folder = rhumba_tests::target_folder("bench-peers")?;
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("bench");
        for script in CALLS.iter().chain(&TASKS).chain([&TASKS_IN_DASK, &SOAK]) {
            if !scripts.join(script).is_file() {
                bail!(
                    "{script} isn't in {}; run this in the repository it was built from",
                    scripts.display()
                );
            }
        }
        let python = |side, folder: &Path, packages: &[&str]| {
            let is_wanted = sides.contains(&side);
            is_wanted
                .then(|| python::environment(folder, packages))
                .transpose()
        };
        let dask_folder = folder.join("dask");
        fs::create_dir_all(&dask_folder)
            .with_context(|| format!("making {}", dask_folder.display()))?;
        Ok(Self {
            rhumba: executable::rhumba()?,
            ipyparallel: python(Side::Ipyparallel, &folder, &IPYPARALLEL)?,
            dask: python(Side::Dask, &dask_folder, &DASK)?,
            folder,
            scripts,
        })
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Runs every script of a part once and returns the figures they printed.
    pub fn run(&self, part: Part, side: Side, engines: usize, round: usize) -> Result<Value> {
        let mut figures = serde_json::Map::new();
        for script in part.scripts(side) {
            let name = format!("{}-{round}-{script}", side.name());
            let found = self.print(side, script, &[engines.to_string()], &name)?;
            figures.extend(found);
        }
        Ok(Value::Object(figures))
    }

    /// Lets rhumba work while its engines are killed, and returns the figures of that.
    pub fn soak(&self, tasks: usize) -> Result<serde_json::Map<String, Value>> {
        self.print(Side::Rhumba, SOAK, &[tasks.to_string()], "soak")
    }

    /// Runs one script and returns the figures it printed.
    fn print(
        &self,
        side: Side,
        script: &str,
        arguments: &[String],
        name: &str,
    ) -> Result<serde_json::Map<String, Value>> {
        let state = std::env::temp_dir().join(format!("rhumba-bench-{}", std::process::id()));
        fs::create_dir_all(&state).with_context(|| format!("making {}", state.display()))?;
        let program = match side {
            Side::Ipyparallel => self.ipyparallel.as_ref(),
            Side::Dask => self.dask.as_ref(),
            Side::Rhumba => Some(&self.rhumba),
        };
        let mut command = Command::new(program.context("its environment was not asked for")?);
        command
            .arg(self.scripts.join(script))
            .args(arguments)
            .current_dir(&self.folder)
            .env("PYTHONWARNINGS", "ignore")
            .env("IPYTHONDIR", self.folder.join("ipython"))
            .env("RHUMBA_HOME", &state)
            .env_remove("RHUMBA_CLUSTER_FILE")
            .env_remove("PYTHONPATH");
        let printed = Printed::in_folder(&self.folder, name);
        let finished = bounded::run_well(command, &printed, RUN_TIME_MAX);
        // What is left there is of no use to anyone; that it can't be removed is no fault of the run.
        let _ = fs::remove_dir_all(&state);
        let printed = finished.with_context(|| format!("running {script}"))?;
        let Ok(Value::Object(figures)) = serde_json::from_str(&printed) else {
            bail!("what {script} printed is not its figures: {printed}");
        };
        Ok(figures)
    }
}
