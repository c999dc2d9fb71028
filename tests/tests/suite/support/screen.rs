//! The shell on a terminal whose screen is known: what a person sees, not what was written.
//!
//! Everything that the shell writes goes through a model of a terminal (vt100), and tests ask
//! for what stands on its screen, where, and where the cursor is. Each wait ends when that is so;
//! no test depends on in how many pieces, or how often, it was drawn.

use std::io::Write;
use std::os::fd::AsRawFd;
use std::time::Instant;

use expectrl::process::unix::{Signal, WaitStatus};
use expectrl::session::{OsSession, Session};

use super::process::{collects_lines, readable_within, wait_for_read};
use super::{STEP_TIMEOUT, TestHome};

/// What a terminal is like.
pub struct TerminalKind<'k> {
    pub columns: u16,
    pub rows: u16,
    /// Variables that are set, beside those of [`TestHome`].
    pub variables: &'k [(&'k str, &'k str)],
    pub removed: &'k [&'k str],
    /// What the terminal says when it is asked something: the question, and the answer.
    pub answers: &'k [(&'k str, &'k str)],
}

impl Default for TerminalKind<'_> {
    fn default() -> Self {
        Self {
            columns: 100,
            rows: 30,
            variables: &[("TERM", "xterm")],
            removed: &[],
            answers: &[],
        }
    }
}

pub struct Screen {
    session: OsSession,
    model: vt100::Parser,
    answers: Vec<(Vec<u8>, Vec<u8>)>,
    /// The end of what was written, in which a question may have begun.
    tail: Vec<u8>,
    /// All that was written.
    written: Vec<u8>,
    closed: bool,
}

impl Screen {
    /// Starts the executable on a terminal of 100 columns and 30 lines, without colours.
    pub fn start(home: &TestHome, arguments: &[&str]) -> Self {
        Self::start_on(home, arguments, &TerminalKind::default())
    }

    pub fn start_on(home: &TestHome, arguments: &[&str], kind: &TerminalKind<'_>) -> Self {
        let mut command = home.command(arguments);
        for (name, value) in kind.variables {
            command.env(name, value);
        }
        for name in kind.removed {
            command.env_remove(name);
        }
        Self::start_command(command, kind)
    }

    /// Starts any command there.
    pub fn start_command(command: std::process::Command, kind: &TerminalKind<'_>) -> Self {
        let mut session = Session::spawn(command).expect("the executable can be started");
        session
            .get_process_mut()
            .set_window_size(kind.columns, kind.rows)
            .expect("a terminal has a size");
        let bytes = |text: &str| text.as_bytes().to_vec();
        Self {
            session,
            model: vt100::Parser::new(kind.rows, kind.columns, 10_000),
            answers: kind
                .answers
                .iter()
                .map(|(question, answer)| (bytes(question), bytes(answer)))
                .collect(),
            tail: Vec::new(),
            written: Vec::new(),
            closed: false,
        }
    }

    /// Types text as it is: `\r` is Enter, `\x03` Ctrl-C, `\x04` Ctrl-D.
    #[track_caller]
    pub fn send(&mut self, text: &str) {
        self.send_bytes(text.as_bytes());
    }

    /// The same with any bytes. Output is read meanwhile, so that neither side waits for ever.
    #[track_caller]
    pub fn send_bytes(&mut self, bytes: &[u8]) {
        for piece in bytes.chunks(512) {
            self.session
                .get_stream_mut()
                .write_all(piece)
                .expect("the terminal takes input");
            self.read_what_is_there();
        }
    }

    /// Pastes text the way a terminal does that marks it.
    #[track_caller]
    pub fn paste(&mut self, text: &str) {
        self.send(&format!("\x1b[200~{}\x1b[201~", text.replace('\n', "\r")));
    }

    /// Waits for the prompt of this number, with nothing behind it.
    #[track_caller]
    pub fn prompt(&mut self, number: u32) {
        let prompt = format!("In [{number}]:");
        self.wait(&format!("the prompt {prompt:?}"), |screen| {
            screen.line_of_cursor() == prompt
        });
    }

    /// Waits for the prompt of this number and types a line and Enter.
    #[track_caller]
    pub fn enter(&mut self, number: u32, line: &str) {
        self.prompt(number);
        self.send(line);
        self.send("\r");
    }

    /// Waits until the screen has the text somewhere.
    #[track_caller]
    pub fn shows(&mut self, text: &str) {
        self.wait(&format!("{text:?}"), |screen| {
            screen.contents().contains(text)
        });
    }

    /// Waits until the line with the cursor is this.
    #[track_caller]
    pub fn shows_line(&mut self, line: &str) {
        self.wait(&format!("the line {line:?}"), |screen| {
            screen.line_of_cursor() == line
        });
    }

    /// Waits until the last lines are these; blanks at their ends don't count.
    #[track_caller]
    pub fn ends_with(&mut self, lines: &[&str]) {
        self.wait(&format!("the last lines {lines:#?}"), |screen| {
            let rows = screen.lines();
            rows.len() >= lines.len() && rows[rows.len() - lines.len()..] == *lines
        });
    }

    /// Waits until something is so on the screen.
    #[track_caller]
    pub fn wait(&mut self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + STEP_TIMEOUT;
        loop {
            self.read_what_is_there();
            if is_so(self) {
                return;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if self.closed || !readable_within(self.session.as_raw_fd(), left) {
                let (row, column) = self.cursor();
                panic!(
                    "{what} isn't on the screen.\n--- the screen, the cursor at line {row}, column {column}\n{}\n---{}",
                    self.contents(),
                    if self.closed { " closed" } else { "" },
                );
            }
        }
    }

    /// The text on the screen.
    pub fn contents(&self) -> String {
        self.model.screen().contents()
    }

    /// The lines down to the last that isn't empty, without blanks at their ends.
    pub fn lines(&self) -> Vec<String> {
        let (_, columns) = self.model.screen().size();
        let mut lines: Vec<String> = self
            .model
            .screen()
            .rows(0, columns)
            .map(|line| line.trim_end().to_owned())
            .collect();
        while lines.last().is_some_and(String::is_empty) {
            lines.pop();
        }
        lines
    }

    /// The line that the cursor is in, without blanks at its end.
    pub fn line_of_cursor(&self) -> String {
        let (_, columns) = self.model.screen().size();
        let (row, _) = self.cursor();
        let mut rows = self.model.screen().rows(0, columns);
        let line = rows.nth(usize::from(row)).unwrap_or_default();
        line.trim_end().to_owned()
    }

    /// The line and the column of the cursor, from 0.
    pub fn cursor(&self) -> (u16, u16) {
        self.model.screen().cursor_position()
    }

    /// How the text is drawn where it stands last.
    #[track_caller]
    pub fn drawn(&self, text: &str) -> &vt100::Cell {
        let (rows, columns) = self.model.screen().size();
        let lines = (0..rows).zip(self.model.screen().rows(0, columns));
        let found = lines.filter_map(|(row, line)| {
            let byte = line.rfind(text)?;
            Some((row, line[..byte].chars().count()))
        });
        let (row, column) = found
            .last()
            .unwrap_or_else(|| panic!("{text:?} isn't on the screen:\n{}", self.contents()));
        let column = u16::try_from(column).expect("a column is a small number");
        self.model
            .screen()
            .cell(row, column)
            .expect("it is on the screen")
    }

    /// How a place on the screen is drawn.
    pub fn at(&self, row: u16, column: u16) -> &vt100::Cell {
        let cell = self.model.screen().cell(row, column);
        cell.expect("it is on the screen")
    }

    /// All that was written to the terminal so far, escape codes and all.
    pub fn written(&self) -> &[u8] {
        &self.written
    }

    /// Makes the terminal another size, as a person does with its window.
    pub fn resize(&mut self, columns: u16, rows: u16) {
        self.session
            .get_process_mut()
            .set_window_size(columns, rows)
            .expect("a terminal has a size");
        self.model.screen_mut().set_size(rows, columns);
    }

    /// Waits until the process is in a read of the next key, and of nothing else.
    #[track_caller]
    pub fn reads_a_key(&self) {
        wait_for_read(self.session.get_process().pid().as_raw());
    }

    /// Sends a signal to the process.
    #[track_caller]
    pub fn signal(&self, signal: Signal) {
        let pid = self.session.get_process().pid().as_raw();
        // SAFETY: the process is this test's own, and nobody has waited for its end.
        let sent = unsafe { libc::kill(pid, signal as i32) };
        assert_eq!(sent, 0, "{}", std::io::Error::last_os_error());
    }

    /// Whether the process has closed the terminal.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Waits until the process has closed the terminal; gives how it ended.
    #[track_caller]
    pub fn end(mut self) -> WaitStatus {
        self.wait("the end", Self::is_closed);
        self.session.get_process().wait().expect("it is our child")
    }

    /// Leaves the shell at its prompt, and checks that it ended well. While a cell still runs, the terminal
    /// would take Ctrl-D for the end of what the cell reads, and the prompt would never see it.
    #[track_caller]
    pub fn leave(mut self) {
        self.wait("a prompt", |screen| {
            !collects_lines(screen.session.as_raw_fd())
        });
        self.send("\x04");
        let ended = self.end();
        assert!(matches!(ended, WaitStatus::Exited(_, 0)), "{ended:?}");
    }

    fn read_what_is_there(&mut self) {
        let mut buffer = [0; 8192];
        while !self.closed && readable_within(self.session.as_raw_fd(), std::time::Duration::ZERO) {
            match self.session.try_read(&mut buffer) {
                // A terminal whose last process is gone answers with an error.
                Ok(0) => self.closed = true,
                Ok(count) => self.take(&buffer[..count]),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return,
                Err(_) => self.closed = true,
            }
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        self.written.extend_from_slice(bytes);
        self.model.process(bytes);
        if self.answers.is_empty() {
            return;
        }
        self.tail.extend_from_slice(bytes);
        while let Some((end, answer)) = self.first_question() {
            self.tail.drain(..end);
            self.session
                .get_stream_mut()
                .write_all(&answer)
                .expect("the terminal takes input");
        }
        let surplus = self.tail.len().saturating_sub(256);
        self.tail.drain(..surplus);
    }

    /// The end of the first question in what was written last, and its answer.
    fn first_question(&self) -> Option<(usize, Vec<u8>)> {
        let ends = self.answers.iter().filter_map(|(question, answer)| {
            let mut windows = self.tail.windows(question.len());
            let start = windows.position(|window| window == question)?;
            Some((start + question.len(), answer.clone()))
        });
        ends.min_by_key(|(end, _)| *end)
    }
}
