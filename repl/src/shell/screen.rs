//! What the shell shows: output as it is written, results under their number, failures.
//!
//! It writes to the process's stdout and stderr and knows no Python. It remembers one thing:
//! whether the last output ended its line, so that a prompt never starts in the middle of one.

use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use rhumba_interpreter::failure::ErrorReport;
use rhumba_interpreter::history::CellOutput;
use rhumba_interpreter::interrupt;
use rhumba_interpreter::output::{DisplayItem, OutputSink, Stream};

use super::above::Above;
use super::colour::Colours;
use super::history::History;
use super::picture::Pictures;
use super::{looks, terminal, traceback};

/// The forms that are ever shown here: text, and what [`Pictures`] shows.
const SHOWN_KINDS: [&str; 4] = ["text/plain", "image/png", "image/svg+xml", "image/jpeg"];

/// As much text is written before a Ctrl-C is looked for: a terminal may take minutes for all of it.
const PART_BYTES_MAX: usize = 16 * 1024;

/// Ends all colours.
const PLAIN: &str = "\x1b[0m";

pub struct Screen {
    colours: Colours,
    /// Whether the cursor stands at the start of a line, as far as output through here tells.
    at_line_start: AtomicBool,
    above: Above,
    /// What remembers what is shown.
    history: OnceLock<Arc<History>>,
    pictures: Pictures,
}

impl Screen {
    pub fn new(colours: Colours) -> Self {
        Self {
            colours,
            at_line_start: AtomicBool::new(true),
            above: Above::default(),
            history: OnceLock::new(),
            pictures: Pictures::default(),
        }
    }

    /// Where output goes while a cell is edited.
    pub fn above(&self) -> &Above {
        &self.above
    }

    /// Remembers from now on what is shown.
    pub fn remember_outputs(&self, history: Arc<History>) {
        // The first one stays: a shell has one history.
        let _ = self.history.set(history);
    }

    /// Ends a line that output left unfinished.
    pub fn start_line(&self) {
        if !self.at_line_start.load(Ordering::Relaxed) {
            self.put(Stream::Stdout, "\n");
        }
        self.flush();
    }

    /// Leaves the line in which a terminal has shown the key that interrupts, `^C`.
    pub fn leave_echoed_key(&self) {
        if std::io::stdin().is_terminal() && std::io::stdout().is_terminal() {
            self.at_line_start.store(false, Ordering::Relaxed);
        }
    }

    /// Shows what a cell failed with, on stderr.
    pub fn show_failure(&self, report: &ErrorReport) {
        // A handler of the person's own has told of it.
        if report.traceback.is_empty() {
            return;
        }
        self.note(|| CellOutput::Failure(report.clone()));
        self.start_line();
        self.put_long(
            Stream::Stderr,
            &traceback::paint(self.colours, &report.traceback),
        );
        if !report.traceback.ends_with('\n') {
            self.put(Stream::Stderr, "\n");
        }
    }

    /// What shows the picture that is among the forms, if there is one.
    fn picture(&self, data: &[(String, String)]) -> Option<String> {
        // While a cell is edited, what the terminal answers would be taken for keys.
        let may_ask = !self.above.is_edited();
        self.pictures.shown(data, self.colours, may_ask)
    }

    fn show_result(&self, count: u32, text: &str) {
        if let Some(history) = self.history.get() {
            history.remember_output(count, text);
        }
        self.start_line();
        self.put_long(Stream::Stdout, &self.result_text(count, text));
    }

    fn result_text(&self, count: u32, text: &str) -> String {
        let Some(prompt) = looks::out_prompt(count, self.colours) else {
            return format!("{text}\n");
        };
        // Aligned text, as that of a table, must start in the first column.
        let gap = if text.contains('\n') { "\n" } else { " " };
        format!("{prompt}{gap}{text}\n")
    }

    /// Remembers something that is shown.
    fn note(&self, output: impl FnOnce() -> CellOutput) {
        if let Some(history) = self.history.get() {
            history.outputs().add(output());
        }
    }

    /// Writes text that may be long, in parts: a Ctrl-C ends it between two of them.
    fn put_long(&self, stream: Stream, text: &str) {
        let mut rest = text;
        while rest.len() > PART_BYTES_MAX {
            let (part, behind) = rest.split_at(rest.floor_char_boundary(PART_BYTES_MAX));
            self.put(stream, part);
            if interrupt::is_stopped() {
                if self.colours.enabled() {
                    self.put(stream, PLAIN);
                }
                return;
            }
            rest = behind;
        }
        self.put(stream, rest);
    }

    /// Writes what the shell itself says: nobody counts it among what a cell has shown.
    pub fn put(&self, stream: Stream, text: &str) {
        if text.is_empty() {
            return;
        }
        // Errors that are kept elsewhere are never shown.
        let is_kept = stream == Stream::Stderr && !terminal::is_terminal(libc::STDERR_FILENO);
        let direct = match is_kept {
            true => Some(self.above.keep_out()),
            false => self.above.take(text),
        };
        let Some(_direct) = direct else {
            return;
        };
        // What was printed before stands before it. Nobody is left to be told when the terminal is gone; the
        // shell then reads its end.
        let _ = std::io::stdout().flush();
        terminal::write(number_of(stream), text);
        if !is_kept {
            self.at_line_start
                .store(ends_at_line_start(text), Ordering::Relaxed);
        }
    }
}

fn number_of(stream: Stream) -> libc::c_int {
    match stream {
        Stream::Stdout => libc::STDOUT_FILENO,
        Stream::Stderr => libc::STDERR_FILENO,
    }
}

/// Whether what is written next stands at the start of a line that has nothing in it: a new one, or
/// one that was erased, as that of a progress bar is.
fn ends_at_line_start(text: &str) -> bool {
    const ERASED: [&str; 3] = ["\r\x1b[K", "\r\x1b[2K", "\x1b[2K\r"];
    text.ends_with('\n') || ERASED.iter().any(|erased| text.ends_with(erased))
}

impl OutputSink for Screen {
    fn write(&self, stream: Stream, text: &str) {
        if let Some(history) = self.history.get() {
            history.outputs().add_text(stream, text);
        }
        self.put(stream, text);
    }

    /// What leads to a file or a program gets the bytes; a terminal that is written to in parts of characters has
    /// other text between them.
    fn write_bytes(&self, stream: Stream, bytes: &[u8], text: &str) {
        if self.is_terminal(stream) {
            if !text.is_empty() {
                self.write(stream, text);
            }
            return;
        }
        if let Some(history) = self.history.get()
            && !text.is_empty()
        {
            history.outputs().add_text(stream, text);
        }
        // What was printed before stands before it.
        self.flush();
        terminal::write_bytes(number_of(stream), bytes);
        if stream == Stream::Stdout && !bytes.is_empty() {
            self.at_line_start
                .store(bytes.ends_with(b"\n"), Ordering::Relaxed);
        }
    }

    fn display(&self, data: &[(String, String)]) {
        if let Some(picture) = self.picture(data) {
            self.start_line();
            self.put(Stream::Stdout, &picture);
            return;
        }
        let plain = data.iter().find(|(kind, _)| kind == "text/plain");
        if let Some((_, text)) = plain.or_else(|| data.first()) {
            self.start_line();
            self.put_long(Stream::Stdout, text);
            self.put(Stream::Stdout, "\n");
        }
    }

    fn display_item(&self, item: &DisplayItem) {
        self.note(|| CellOutput::Shown(item.clone()));
        self.display(&item.data);
    }

    fn cell_result(&self, count: u32, text: &str) {
        let plain = || vec![("text/plain".to_owned(), text.to_owned())];
        self.note(|| {
            CellOutput::Result(DisplayItem {
                data: plain(),
                ..DisplayItem::default()
            })
        });
        self.show_result(count, text);
    }

    fn cell_result_item(&self, count: u32, item: &DisplayItem) {
        self.note(|| CellOutput::Result(item.clone()));
        let Some(picture) = self.picture(&item.data) else {
            return self.show_result(count, item.plain_text());
        };
        if let Some(history) = self.history.get() {
            history.remember_output(count, item.plain_text());
        }
        self.start_line();
        let prompt = looks::out_prompt(count, self.colours);
        let prompt = prompt.map(|prompt| prompt + "\n").unwrap_or_default();
        self.put(Stream::Stdout, &format!("{prompt}{picture}"));
    }

    /// What was written on a terminal stays there; in what is kept of the cell it is gone.
    fn clear(&self, _wait: bool) {
        if let Some(history) = self.history.get() {
            history.outputs().clear();
        }
    }

    fn shown_kinds(&self) -> Option<&'static [&'static str]> {
        Some(&SHOWN_KINDS)
    }

    fn flush(&self) {
        let _ = std::io::stdout().lock().flush();
    }

    fn is_terminal(&self, stream: Stream) -> bool {
        match stream {
            Stream::Stdout => std::io::stdout().is_terminal(),
            Stream::Stderr => std::io::stderr().is_terminal(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_of_many_lines_starts_under_its_number() {
        let screen = Screen::new(Colours::with(false));
        assert_eq!(screen.result_text(3, "42"), "Out[3]: 42\n");
        assert_eq!(screen.result_text(3, "a\nb"), "Out[3]:\na\nb\n");
    }

    #[test]
    fn an_erased_line_is_as_good_as_a_new_one() {
        for text in ["a\n", "\rbar\r\x1b[K", "bar\r\x1b[2K", "bar\x1b[2K\r"] {
            assert!(ends_at_line_start(text), "{text:?}");
        }
        for text in ["a", "50 %\r", "\rbar\x1b[K", "\x1b[K"] {
            assert!(!ends_at_line_start(text), "{text:?}");
        }
    }
}
