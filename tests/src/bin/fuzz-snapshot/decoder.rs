//! A process that decodes what it is sent, and what can be told of how it ended.

use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use rhumba_tests::bounded::last_lines;

/// What a decoder may use beyond what it maps at its start.
const MEMORY_MB: usize = 3072;
/// A damaged sample is some kilobytes: this is a thousand times what one takes, on a busy machine too.
const CASE_TIME_MAX: Duration = Duration::from_secs(20);

/// What is done with a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// As from a member of the cluster.
    Loads,
    /// As from anywhere.
    LoadsData,
    /// A namespace file, as one that the user names.
    File,
    FileData,
}

impl Way {
    pub const ALL: [Self; 4] = [Self::Loads, Self::LoadsData, Self::File, Self::FileData];

    pub fn letter(self) -> u8 {
        match self {
            Way::Loads => b'l',
            Way::LoadsData => b'd',
            Way::File => b'f',
            Way::FileData => b'g',
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Way::Loads => "loads",
            Way::LoadsData => "loads, data only",
            Way::File => "file",
            Way::FileData => "file, data only",
        }
    }
}

/// How a case ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    Loaded,
    /// SnapshotError.
    Refused,
    /// Another exception.
    Raised(String),
    /// What must not be called, imported or bound was.
    Called,
    /// The process ended, and what it said last.
    Crashed(String),
    TimedOut,
}

/// A decoding process and the ends of its channels.
pub struct Decoder {
    child: Child,
    stdin: ChildStdin,
    answers: Receiver<Ended>,
    log: std::path::PathBuf,
}

impl Decoder {
    pub fn start(rhumba: &Path, script: &Path, folder: &Path, number: usize) -> Result<Self> {
        let log = folder.join(format!("decoder-{number}.log"));
        let mut child = Command::new(rhumba)
            .arg(script)
            .arg(folder.join(format!("decoder-{number}.namespace")))
            .arg(MEMORY_MB.to_string())
            .env("RHUMBA_HOME", folder)
            .env_remove("PYTHONPATH")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(&log).with_context(|| format!("making {}", log.display()))?)
            .spawn()
            .context("starting rhumba")?;
        let stdin = child.stdin.take().context("its input was asked for")?;
        let stdout = child.stdout.take().context("its output was asked for")?;
        let (sender, answers) = mpsc::channel();
        thread::spawn(move || {
            let mut stdout = BufReader::new(stdout);
            while let Some(ended) = read_answer(&mut stdout) {
                if sender.send(ended).is_err() {
                    return;
                }
            }
        });
        Ok(Self {
            child,
            stdin,
            answers,
            log,
        })
    }

    /// Sends a case; its answer comes later.
    pub fn send(&mut self, way: Way, case: &[u8]) {
        let mut bytes = vec![way.letter()];
        bytes.extend_from_slice(&(case.len() as u32).to_le_bytes());
        bytes.extend_from_slice(case);
        // If it has died, that is found when the answer doesn't come.
        let _ = self.stdin.write_all(&bytes);
        let _ = self.stdin.flush();
    }

    /// Waits for the answer to the next case that was sent.
    pub fn answer(&mut self) -> Ended {
        match self.answers.recv_timeout(CASE_TIME_MAX) {
            Ok(ended) => ended,
            Err(RecvTimeoutError::Timeout) => Ended::TimedOut,
            Err(RecvTimeoutError::Disconnected) => {
                let status = self.child.wait();
                let how = match status.map(|status| (status.signal(), status.code())) {
                    Ok((Some(signal), _)) => format!("signal {signal}"),
                    Ok((None, Some(code))) => format!("exit status {code}"),
                    _ => "unknown".to_owned(),
                };
                Ended::Crashed(format!("{how}: {}", last_lines(&self.log)))
            }
        }
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read_answer(stdout: &mut impl Read) -> Option<Ended> {
    let mut letter = [0];
    stdout.read_exact(&mut letter).ok()?;
    Some(match letter[0] {
        b'o' => Ended::Loaded,
        b's' => Ended::Refused,
        b'c' => Ended::Called,
        _ => {
            let mut length = [0; 2];
            stdout.read_exact(&mut length).ok()?;
            let mut text = vec![0; usize::from(u16::from_le_bytes(length))];
            stdout.read_exact(&mut text).ok()?;
            Ended::Raised(String::from_utf8_lossy(&text).into_owned())
        }
    })
}
