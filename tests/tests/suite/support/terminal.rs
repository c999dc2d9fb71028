//! The shell on a real terminal: a pseudo-terminal that a test types into and reads from.
//!
//! expectrl starts the process and matches; the waiting is done here, so that it takes no
//! processor time while the shell works.

use std::os::fd::AsRawFd;
use std::time::Instant;

use expectrl::process::unix::WaitStatus;
use expectrl::session::{OsSession, Session};
use expectrl::{Error, Expect};

use super::process::{collects_lines, readable_within};
use super::{STEP_TIMEOUT, TestHome};

pub struct Terminal {
    session: OsSession,
    /// All that was matched so far, for the report of a failure.
    transcript: String,
}

impl Terminal {
    /// Starts the executable on a terminal of 100 columns and 30 lines.
    pub fn start(home: &TestHome, arguments: &[&str]) -> Self {
        Self::start_with(home, arguments, &[("TERM", "xterm")], &[])
    }

    /// The same with variables set and taken away.
    pub fn start_with(
        home: &TestHome,
        arguments: &[&str],
        variables: &[(&str, &str)],
        removed: &[&str],
    ) -> Self {
        let mut command = home.command(arguments);
        for (name, value) in variables {
            command.env(name, value);
        }
        for name in removed {
            command.env_remove(name);
        }
        let mut session = Session::spawn(command).expect("the executable can be started");
        session
            .get_process_mut()
            .set_window_size(100, 30)
            .expect("a terminal has a size");
        Self {
            session,
            transcript: String::new(),
        }
    }

    pub fn pid(&self) -> u32 {
        u32::try_from(self.session.get_process().pid().as_raw()).expect("a pid is positive")
    }

    /// Types text as it is: `\r` is Enter, `\x03` Ctrl-C, `\x04` Ctrl-D.
    #[track_caller]
    pub fn send(&mut self, text: &str) {
        self.session.send(text).expect("the terminal takes input");
    }

    /// Waits for the prompt of this number and types a line and Enter.
    #[track_caller]
    pub fn enter(&mut self, number: u32, line: &str) {
        self.prompt(number);
        self.send(line);
        self.send("\r");
    }

    /// Waits for the prompt of this number.
    #[track_caller]
    pub fn prompt(&mut self, number: u32) {
        self.expect(&format!("In [{number}]: "));
    }

    /// Waits for the first prompt, coloured or not.
    #[track_caller]
    pub fn prompt_any(&mut self) {
        self.expect("In [1]: ");
    }

    /// Whether the terminal keeps what is typed until Enter, as it does outside of an editor.
    pub fn collects_lines(&self) -> bool {
        collects_lines(self.session.as_raw_fd())
    }

    /// Waits until the text is shown, and gives what was shown before it.
    #[track_caller]
    pub fn expect(&mut self, text: &str) -> String {
        let deadline = Instant::now() + STEP_TIMEOUT;
        loop {
            match self.session.check(text) {
                Ok(found) => {
                    if let Some(before) = found.as_bytes().strip_suffix(text.as_bytes()) {
                        let before = String::from_utf8_lossy(before).into_owned();
                        self.transcript.push_str(&before);
                        self.transcript.push_str(text);
                        return before;
                    }
                }
                Err(error) => self.give_up(text, &error),
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if !readable_within(self.session.as_raw_fd(), left) {
                self.give_up(text, &Error::ExpectTimeout);
            }
        }
    }

    #[track_caller]
    fn give_up(&mut self, text: &str, error: &Error) -> ! {
        let rest = self
            .session
            .check(expectrl::Regex("(?s).+"))
            .map(|found| String::from_utf8_lossy(found.as_bytes()).into_owned())
            .unwrap_or_default();
        panic!(
            "{text:?} was not shown ({error}).\n--- shown before\n{}\n--- not matched\n{rest:?}",
            self.transcript
        );
    }

    /// Reads until the process has closed the terminal; gives the rest and how it ended.
    #[track_caller]
    pub fn end(mut self) -> (String, WaitStatus) {
        let deadline = Instant::now() + STEP_TIMEOUT;
        let mut rest = String::new();
        while let Ok(found) = self.session.check(expectrl::Regex("(?s).+")) {
            rest.push_str(&String::from_utf8_lossy(found.as_bytes()));
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(
                readable_within(self.session.as_raw_fd(), left),
                "the shell didn't end.\n--- shown before\n{}\n{rest}",
                self.transcript
            );
        }
        let status = self.session.get_process().wait().expect("it is our child");
        (rest, status)
    }
}
