//! A home and a working folder for one test, and ways to run the executable in it.

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use super::{Process, STEP_TIMEOUT};

/// A temporary `RHUMBA_HOME` and working folder. Clusters left in it are stopped with it.
pub struct TestHome {
    folder: tempfile::TempDir,
}

/// What a run of the executable gave.
#[derive(Debug)]
pub struct Finished {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl TestHome {
    pub fn new() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("rhumba-test-")
            .tempdir()
            .expect("a temporary folder can be made");
        for name in ["home", "work"] {
            std::fs::create_dir(folder.path().join(name)).expect("it is empty and ours");
        }
        Self { folder }
    }

    /// `RHUMBA_HOME`.
    pub fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// The folder in which commands run.
    pub fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    /// Writes a file into the working folder and gives its path.
    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.work().join(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).expect("the working folder is ours");
        }
        std::fs::write(&path, text).expect("the working folder is ours");
        path
    }

    /// The executable with these arguments, not yet started.
    pub fn command<I: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = I>) -> Command {
        let mut command = Command::new(executable());
        command
            .args(arguments)
            .current_dir(self.work())
            .env("RHUMBA_HOME", self.home())
            .env("HOME", self.folder.path())
            .env("NO_COLOR", "1")
            .env_remove("RHUMBA_CLUSTER_FILE")
            .env_remove("XDG_STATE_HOME")
            .env_remove("PYTHONPATH")
            .env_remove("PYTHONSTARTUP");
        command
    }

    /// Writes a file of the configuration.
    pub fn configure(&self, name: &str, text: &str) {
        let path = self.home().join("config").join(name);
        let folder = path.parent().expect("it is in a folder");
        std::fs::create_dir_all(folder).expect("the home is ours");
        std::fs::write(path, text).expect("the home is ours");
    }

    /// Runs the executable to its end, with nothing on its stdin.
    pub fn run<I: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = I>) -> Finished {
        finish(self.command(arguments), "")
    }

    /// Runs the executable to its end, with this text on its stdin.
    pub fn run_with_input<I: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = I>,
        input: &str,
    ) -> Finished {
        finish(self.command(arguments), input)
    }
}

impl Drop for TestHome {
    fn drop(&mut self) {
        if self.home().join("clusters").exists() {
            let mut stop = self.command(["cluster", "stop", "--all"]);
            // A test that fails has said more than this could.
            let _ = stop.stdout(Stdio::null()).stderr(Stdio::null()).status();
        }
    }
}

impl Finished {
    /// The exit status, for a process that no signal ended.
    pub fn code(&self) -> i32 {
        self.status
            .code()
            .unwrap_or_else(|| panic!("ended by a signal: {self:?}"))
    }

    /// Checks that it went well, and gives what it printed.
    #[track_caller]
    pub fn success(self) -> String {
        assert_eq!(self.code(), 0, "{self:?}");
        self.stdout
    }

    /// Checks that it failed with one sentence of rhumba's own, and gives that sentence.
    #[track_caller]
    pub fn failure(self, code: i32) -> String {
        assert_eq!(self.code(), code, "{self:?}");
        let sentence = self
            .stderr
            .lines()
            .next()
            .and_then(|line| line.strip_prefix("rhumba: "))
            .unwrap_or_else(|| panic!("not a sentence of rhumba's: {self:?}"))
            .to_owned();
        for word in ["panicked", "unwrap", "Error {", "Os {", "::"] {
            assert!(
                !self.stderr.contains(word),
                "{word:?} reached a user: {self:?}"
            );
        }
        sentence
    }
}

/// The executable as built beside this test executable.
pub fn executable() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its own path");
    let folder = test
        .parent()
        .and_then(Path::parent)
        .expect("tests are built in a folder under the profile's");
    let executable = folder.join("rhumba");
    assert!(
        executable.exists(),
        "{} isn't there; build it with: cargo build --ignore-rust-version --package rhumba",
        executable.display()
    );
    executable
}

/// Runs a command to its end, and ends it when it takes too long.
#[track_caller]
pub fn finish(mut command: Command, input: &str) -> Finished {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let shown = format!("{command:?}");
    let mut child = command.spawn().expect("the executable can be started");
    let process = Process::hold(child.id());
    let mut stdin = child.stdin.take().expect("it was asked for");
    let input = input.to_owned();
    let writer = std::thread::spawn(move || {
        // A program need not read its input.
        let _ = stdin.write_all(input.as_bytes());
    });
    let finished = finish_started(child, STEP_TIMEOUT);
    writer.join().expect("writing doesn't panic");
    finished.unwrap_or_else(|| {
        process.signal(libc::SIGKILL);
        panic!("took longer than {STEP_TIMEOUT:?}: {shown}")
    })
}

/// Collects what a started process prints until it ends, or `None` when it takes too long.
pub fn finish_started(child: Child, timeout: Duration) -> Option<Finished> {
    let (done, outcome) = mpsc::channel();
    std::thread::spawn(move || {
        let output = child.wait_with_output();
        // The receiver is gone when this took too long.
        let _ = done.send(output);
    });
    let output = outcome.recv_timeout(timeout).ok()?;
    let output = output.expect("a child can be waited for");
    Some(Finished {
        status: output.status,
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}
