//! What is run and where: the peer's Python environment, the rhumba executable, the machine.
//!
//! Everything it makes is under `target/bench-peers`, the state of rhumba's clusters excepted: a
//! Unix socket's path must be short, so that goes into the temporary folder, and is removed.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::table::Side;

/// What is measured, each in a cluster of its own. Their figures have different names.
const SCRIPTS: [&str; 2] = ["bench_ipyparallel.py", "bench_memory.py"];
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
        let own = std::env::current_exe().context("finding this executable")?;
        let beside = own.parent().context("this executable is in no folder")?;
        let target = beside
            .parent()
            .context("this executable is in no target folder")?;
        let folder = target.join("bench-peers");
        fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
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
            rhumba: rhumba(beside)?,
            python: python(&folder)?,
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
        let finished = self.finish(command, name);
        // What is left there is of no use to anyone; that it can't be removed is no fault of the run.
        let _ = fs::remove_dir_all(&state);
        finished.with_context(|| format!("running {script}"))?;
        Ok(fs::read_to_string(
            self.folder.join(format!("{name}.json")),
        )?)
    }

    /// Runs a command to its end, its output into files, within [`RUN_TIME_MAX`].
    fn finish(&self, mut command: Command, name: &str) -> Result<()> {
        let errors = self.folder.join(format!("{name}.log"));
        let mut child = command
            .stdin(Stdio::null())
            .stdout(File::create(self.folder.join(format!("{name}.json")))?)
            .stderr(File::create(&errors)?)
            .process_group(0)
            .spawn()
            .with_context(|| format!("starting {}", command.get_program().display()))?;
        let group = child.id();
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || sender.send(child.wait()));
        let Ok(status) = receiver.recv_timeout(RUN_TIME_MAX) else {
            Command::new("kill")
                .args(["-KILL", "--", &format!("-{group}")])
                .status()
                .context("ending the run that is stuck")?;
            bail!(
                "it took more than {} s and was ended; its log is {}",
                RUN_TIME_MAX.as_secs(),
                errors.display()
            );
        };
        ended_well(status?, &errors)
    }

    /// One line that says where the figures were measured.
    pub fn machine(&self) -> String {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let field = |text: &str, name: &str| {
            text.lines()
                .find(|line| line.starts_with(name))
                .and_then(|line| line.split_once(':'))
                .map_or_else(
                    || "unknown".to_owned(),
                    |(_, value)| value.trim().to_owned(),
                )
        };
        let memory_kb: u64 = field(&read("/proc/meminfo"), "MemTotal")
            .trim_end_matches(" kB")
            .parse()
            .unwrap_or(0);
        format!(
            "{} × {}, {} GB of memory, Linux {}",
            thread::available_parallelism().map_or(1, usize::from),
            field(&read("/proc/cpuinfo"), "model name"),
            (memory_kb + (1 << 19)) >> 20,
            read("/proc/sys/kernel/osrelease").trim(),
        )
    }
}

/// The rhumba executable beside this one, built where cargo is at hand.
fn rhumba(beside: &Path) -> Result<PathBuf> {
    let executable = beside.join("rhumba");
    if let Some(cargo) = std::env::var_os("CARGO") {
        let mut build = Command::new(cargo);
        // What cargo tells the program it runs is not for another cargo: build
        // scripts that look at it would run again, and the runtime after them.
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            if [
                "CARGO_PKG_",
                "CARGO_MANIFEST_",
                "CARGO_BIN_",
                "CARGO_CRATE_",
            ]
            .iter()
            .any(|prefix| name.starts_with(prefix))
            {
                build.env_remove(name);
            }
        }
        let built = build
            .args(["build", "--quiet", "--locked", "--ignore-rust-version"])
            .args(["--package", "rhumba", "--bin", "rhumba"])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status()
            .context("starting cargo to build rhumba")?;
        if !built.success() {
            bail!("rhumba could not be built; what cargo says is above");
        }
    }
    if !executable.is_file() {
        bail!(
            "there is no {}; run `cargo rhumba --version` first, which builds it",
            executable.display()
        );
    }
    Ok(executable)
}

/// The Python of an environment that holds the peer, made the first time.
fn python(folder: &Path) -> Result<PathBuf> {
    let environment = folder.join("venv");
    let python = environment.join("bin").join("python");
    let ready = environment.join("installed");
    let packages = PACKAGES.join("\n");
    if fs::read_to_string(&ready).is_ok_and(|installed| installed == packages) {
        return Ok(python);
    }
    eprintln!("making a Python environment with {}", PACKAGES.join(", "));
    let made = Command::new("python3")
        .args(["-m", "venv", "--clear"])
        .arg(&environment)
        .status();
    if !made.is_ok_and(|status| status.success()) {
        bail!(
            "python3 could not make an environment for ipyparallel; \
             install it with its venv module, on Debian and Ubuntu: apt-get install -y python3 python3-venv"
        );
    }
    let installed = Command::new(&python)
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ])
        .args(PACKAGES)
        .status()
        .context("starting pip")?;
    if !installed.success() {
        bail!(
            "pip could not install {}; it needs a package index that it can reach",
            PACKAGES.join(", ")
        );
    }
    fs::write(&ready, packages).with_context(|| format!("writing {}", ready.display()))?;
    Ok(python)
}

fn ended_well(status: ExitStatus, errors: &Path) -> Result<()> {
    if status.success() {
        return Ok(());
    }
    let said = fs::read_to_string(errors).unwrap_or_default();
    let lines: Vec<&str> = said.lines().collect();
    let last = lines[lines.len().saturating_sub(20)..].join("\n");
    bail!("it ended with {status}; the last it said:\n{last}");
}
