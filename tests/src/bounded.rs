//! Runs of a command that end, at the latest when their time is up, with all they started.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// The files a run leaves: what it printed, and what it said beside that.
pub struct Printed {
    pub stdout: PathBuf,
    pub stderr: PathBuf,
}

impl Printed {
    /// `NAME.json` and `NAME.log` in a folder.
    pub fn in_folder(folder: &Path, name: &str) -> Self {
        Self {
            stdout: folder.join(format!("{name}.json")),
            stderr: folder.join(format!("{name}.log")),
        }
    }
}

/// Runs a command to its end, its output into files; `None` if it took too long and was ended.
///
/// # Errors
/// When it can't be started, or its files can't be made.
pub fn run(
    mut command: Command,
    printed: &Printed,
    time_max: Duration,
) -> Result<Option<ExitStatus>> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(File::create(&printed.stdout)?)
        .stderr(File::create(&printed.stderr)?)
        .process_group(0)
        .spawn()
        .with_context(|| format!("starting {}", command.get_program().display()))?;
    let group = child.id();
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || sender.send(child.wait()));
    match receiver.recv_timeout(time_max) {
        Ok(status) => Ok(Some(status?)),
        Err(_) => {
            Command::new("kill")
                .args(["-KILL", "--", &format!("-{group}")])
                .status()
                .context("ending the run that is stuck")?;
            Ok(None)
        }
    }
}

/// Runs a command to its end and gives what it printed.
///
/// # Errors
/// When it took too long or ended badly; the last it said is in the error.
pub fn run_well(command: Command, printed: &Printed, time_max: Duration) -> Result<String> {
    match run(command, printed, time_max)? {
        None => bail!(
            "it took more than {} s and was ended; its log is {}",
            time_max.as_secs(),
            printed.stderr.display()
        ),
        Some(status) if !status.success() => bail!(
            "it ended with {status}; the last it said:\n{}",
            last_lines(&printed.stderr)
        ),
        Some(_) => Ok(fs::read_to_string(&printed.stdout)?),
    }
}

/// The last twenty lines of a file.
pub fn last_lines(path: &Path) -> String {
    let said = fs::read(path).unwrap_or_default();
    let said = String::from_utf8_lossy(&said).into_owned();
    let lines: Vec<&str> = said.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}
