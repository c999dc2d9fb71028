//! One suite in one process; another goes on behind a case that ends or stops it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rhumba_tests::bounded::last_lines;
use rhumba_tests::outcomes::{Ending, Outcome, Suite};
use serde_json::Value;

const SCRIPT: &str = "run_cases.py";
/// The longest case takes some 20 s, with processes of its own.
const CASE_TIME_MAX: Duration = Duration::from_secs(180);

#[derive(Clone, Copy)]
pub enum Serializer {
    Snapshot,
    /// What the suite was written for.
    Control,
}

/// What is run and where.
pub struct Runs {
    pub folder: PathBuf,
    pub rhumba: PathBuf,
    pub sources: PathBuf,
    pub scripts: PathBuf,
}

/// How a process that runs cases stopped telling.
enum Stopped {
    Done,
    /// It ended or fell silent while this case ran, or between cases.
    During(Option<String>, Outcome),
}

impl Runs {
    /// Runs every case of a suite and tells how each ended.
    pub fn run(&self, suite: Suite, serializer: Serializer) -> Result<BTreeMap<String, Ending>> {
        let mut endings = BTreeMap::new();
        let mut after: Option<String> = None;
        loop {
            let log = self.log(suite, serializer);
            let mut child = self.start(suite, serializer, after.as_deref(), &log)?;
            let lines = lines_of(&mut child)?;
            let stopped = follow(&lines, &mut endings)?;
            // SIGKILL to the whole group: cases start processes of their own.
            let _ = Command::new("kill")
                .args(["-KILL", "--", &format!("-{}", child.id())])
                .stderr(Stdio::null())
                .status();
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
                    "{} ({}) could not be run; the last it said:\n{}",
                    suite.name,
                    suite.way,
                    last_lines(&log)
                ),
            }
        }
    }

    fn log(&self, suite: Suite, serializer: Serializer) -> PathBuf {
        let name = format!("{}-{}-{}.log", suite.name, suite.way, serializer.name());
        self.folder.join(name)
    }

    fn start(
        &self,
        suite: Suite,
        serializer: Serializer,
        after: Option<&str>,
        log: &PathBuf,
    ) -> Result<Child> {
        let mut command = Command::new(&self.rhumba);
        command
            .arg(self.scripts.join(SCRIPT))
            .args([suite.name, suite.way, serializer.name()])
            .arg(&self.sources)
            .args(after)
            .current_dir(&self.folder)
            .env("RHUMBA_HOME", self.folder.join("home"))
            .env_remove("PYTHONPATH")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(log).with_context(|| format!("making {}", log.display()))?)
            .process_group(0);
        command.spawn().context("starting rhumba")
    }
}

impl Serializer {
    fn name(self) -> &'static str {
        match self {
            Serializer::Snapshot => "snapshot",
            Serializer::Control => "control",
        }
    }
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
