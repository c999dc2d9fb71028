//! What the shell shows: output as it is written, results under their number, failures.
//!
//! It writes to the process's stdout and stderr and knows no Python. It remembers one thing:
//! whether the last output ended its line, so that a prompt never starts in the middle of one.

use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use rhumba_interpreter::failure::ErrorReport;
use rhumba_interpreter::output::{OutputSink, Stream};

use super::colour::{Colours, Style};
use super::traceback;

pub struct Screen {
    colours: Colours,
    /// Whether the cursor stands at the start of a line, as far as output through here tells.
    at_line_start: AtomicBool,
}

impl Screen {
    pub fn new(colours: Colours) -> Self {
        Self {
            colours,
            at_line_start: AtomicBool::new(true),
        }
    }

    /// Ends a line that output left unfinished.
    pub fn start_line(&self) {
        if !self.at_line_start.load(Ordering::Relaxed) {
            self.write(Stream::Stdout, "\n");
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
        self.start_line();
        self.write(
            Stream::Stderr,
            &traceback::paint(self.colours, &report.traceback),
        );
        if !report.traceback.ends_with('\n') {
            self.write(Stream::Stderr, "\n");
        }
    }

    fn result_text(&self, count: u32, text: &str) -> String {
        let prompt = self
            .colours
            .paint(Style::OutPrompt, &format!("Out[{count}]:"));
        // Aligned text, as that of a table, must start in the first column.
        let gap = if text.contains('\n') { "\n" } else { " " };
        format!("{prompt}{gap}{text}\n")
    }
}

impl OutputSink for Screen {
    fn write(&self, stream: Stream, text: &str) {
        if text.is_empty() {
            return;
        }
        // Nobody is left to be told when the terminal is gone; the shell then reads its end.
        let _ = match stream {
            Stream::Stdout => {
                let mut stdout = std::io::stdout().lock();
                stdout
                    .write_all(text.as_bytes())
                    .and_then(|()| stdout.flush())
            }
            Stream::Stderr => {
                // What was printed before on stdout must stand before it.
                let mut stdout = std::io::stdout().lock();
                let _ = stdout.flush();
                std::io::stderr().lock().write_all(text.as_bytes())
            }
        };
        self.at_line_start
            .store(text.ends_with('\n'), Ordering::Relaxed);
    }

    fn display(&self, data: &[(String, String)]) {
        let plain = data.iter().find(|(kind, _)| kind == "text/plain");
        if let Some((_, text)) = plain.or_else(|| data.first()) {
            self.start_line();
            self.write(Stream::Stdout, text);
            self.write(Stream::Stdout, "\n");
        }
    }

    fn cell_result(&self, count: u32, text: &str) {
        self.start_line();
        self.write(Stream::Stdout, &self.result_text(count, text));
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
}
