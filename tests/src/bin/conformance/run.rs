//! One suite in one process; another goes on behind a case that ends or stops it.
//!
//! The process is `run_cases.py` of the collection, run by the program that is tried or by control; it tells on
//! its standard output, a line of JSON each, which case begins and how it ended. What is expected of the cases
//! isn't known here: see [`rhumba_tests::outcomes`].

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rhumba_tests::bounded::last_lines;
use rhumba_tests::collections::{CONTROL, Collection};
use rhumba_tests::outcomes::{Ending, Outcome, Suite};
use serde_json::Value;

const SCRIPT: &str = "run_cases.py";
/// What every process that cases start has in its environment, with the number of this process.
const MARK: &str = "RHUMBA_CONFORMANCE";
/// The longest case takes some 20 s, with processes of its own.
const CASE_TIME_MAX: Duration = Duration::from_secs(180);

#[derive(Clone, Copy)]
pub enum Program {
    Tried,
    /// What the suite was written for.
    Control,
}

/// What is run and where.
pub struct Runs {
    pub collection: Collection,
    pub folder: PathBuf,
    pub sources: PathBuf,
    pub tried: PathBuf,
    /// Where it can be run.
    pub control: Option<PathBuf>,
}

/// How a process that runs cases stopped telling.
enum Stopped {
    Done,
    /// It ended or fell silent while this case ran, or between cases.
    During(Option<String>, Outcome),
}

impl Runs {
    /// Runs every case of a suite and tells how each ended.
    pub fn run(&self, suite: &Suite, program: Program) -> Result<BTreeMap<String, Ending>> {
        let mut endings = BTreeMap::new();
        let mut after: Option<String> = None;
        loop {
            let log = self.log(suite, program);
            let mut child = self.start(suite, program, after.as_deref(), &log)?;
            let lines = lines_of(&mut child)?;
            let stopped = follow(&lines, &mut endings)?;
            end_all(child.id())?;
            child.wait()?;
            match stopped {
                Stopped::Done => return Ok(endings),
                Stopped::During(Some(case), outcome) => {
                    let said = last_lines(&log);
                    let said = said.lines().last().unwrap_or_default().to_owned();
                    endings.insert(case.clone(), Ending { outcome, said });
                    after = Some(case);
                }
                Stopped::During(None, _) => bail!(
                    "{suite} could not be run with {}; the last it said:\n{}",
                    self.name(program),
                    last_lines(&log)
                ),
            }
        }
    }

    fn name(&self, program: Program) -> &'static str {
        match program {
            Program::Tried => self.collection.tried(),
            Program::Control => CONTROL,
        }
    }

    fn log(&self, suite: &Suite, program: Program) -> PathBuf {
        let name = format!("{}-{}-{}.log", suite.name, suite.way, self.name(program));
        self.folder.join(name)
    }

    fn start(
        &self,
        suite: &Suite,
        program: Program,
        after: Option<&str>,
        log: &Path,
    ) -> Result<Child> {
        let executable = match program {
            Program::Tried => &self.tried,
            Program::Control => {
                let control = self.control.as_ref();
                control.context("what the suite was written for can't be run here")?
            }
        };
        let mut command = Command::new(executable);
        command
            .arg(self.collection.folder().join(SCRIPT))
            .args([&suite.name, &suite.way, self.name(program)])
            .arg(&self.sources)
            .args(after)
            .current_dir(&self.folder)
            .env("RHUMBA_HOME", self.folder.join("home"))
            .env(MARK, std::process::id().to_string())
            .env_remove("PYTHONPATH")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(log).with_context(|| format!("making {}", log.display()))?)
            .process_group(0);
        if matches!(program, Program::Control) {
            // Peers keep histories and profiles; those of whoever runs this are left alone.
            command.env("IPYTHONDIR", self.folder.join("ipython"));
        }
        let started = command.spawn();
        started.with_context(|| format!("starting {}", executable.display()))
    }
}

/// Ends a process and all that its cases started, with SIGKILL.
///
/// Clusters put their processes into groups of their own, so the mark finds what the group doesn't hold.
fn end_all(group: u32) -> Result<()> {
    kill(&format!("-{group}"));
    let mark = format!("{MARK}={}", std::process::id());
    for entry in fs::read_dir("/proc").context("looking for what cases have left")? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_process = name.bytes().all(|byte| byte.is_ascii_digit());
        // Those of others can't be read, and some end meanwhile.
        let environment = fs::read(entry.path().join("environ")).unwrap_or_default();
        let mut variables = environment.split(|byte| *byte == 0);
        if is_process && variables.any(|one| one == mark.as_bytes()) {
            kill(&name);
        }
    }
    Ok(())
}

fn kill(target: &str) {
    // It may have ended by itself.
    let _ = Command::new("kill")
        .args(["-KILL", "--", target])
        .stderr(Stdio::null())
        .status();
}

fn lines_of(child: &mut Child) -> Result<Receiver<String>> {
    let stdout = child.stdout.take().context("its output was asked for")?;
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    Ok(receiver)
}

/// Notes what is told until it is done, ends, or falls silent.
fn follow(lines: &Receiver<String>, endings: &mut BTreeMap<String, Ending>) -> Result<Stopped> {
    let mut running: Option<String> = None;
    loop {
        let line = match lines.recv_timeout(CASE_TIME_MAX) {
            Ok(line) => line,
            Err(RecvTimeoutError::Timeout) => return Ok(Stopped::During(running, Outcome::Hangs)),
            Err(RecvTimeoutError::Disconnected) => {
                return Ok(Stopped::During(running, Outcome::Crashes));
            }
        };
        let told: Value = serde_json::from_str(&line)
            .with_context(|| format!("what {SCRIPT} printed is not JSON: {line}"))?;
        let Some(case) = told["case"].as_str() else {
            return Ok(Stopped::Done);
        };
        match told["outcome"].as_str() {
            None => running = Some(case.to_owned()),
            Some(outcome) => {
                let ending = Ending {
                    outcome: outcome.parse()?,
                    said: told["said"].as_str().unwrap_or_default().to_owned(),
                };
                endings.insert(case.to_owned(), ending);
                running = None;
            }
        }
    }
}
