//! Where standard output leads while a cell is edited: aside, so that nothing runs through the cell.
//!
//! rustyline writes to descriptor 1, and so may code of the program around the shell and commands in the
//! background. What rustyline writes is not wanted, as [`super`] shows the cell itself; all else is, above
//! the cell. Meanwhile descriptor 1 is one end of a terminal of our own (or of a pipe, where there is none to
//! be had), and so is descriptor 2 where it leads to the same terminal. What comes out of the other end is
//! told apart here.

use std::fs::File;
use std::io;
use std::os::fd::{FromRawFd, OwnedFd};

use crate::shell::own_file::OwnFile;

/// A line of others that doesn't end is shown when it is this long.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// The two ends of what stands in for standard output.
#[derive(Clone, Copy)]
pub struct Aside {
    written: OwnFile,
    read: OwnFile,
}

impl Aside {
    /// # Errors
    /// The system gives no more files.
    pub fn new() -> io::Result<Self> {
        let (read, written) = own_terminal().or_else(|_| {
            let (read, written) = io::pipe()?;
            Ok::<_, io::Error>((OwnedFd::from(read), OwnedFd::from(written)))
        })?;
        Ok(Self {
            written: kept(written)?,
            read: kept(read)?,
        })
    }

    /// Whether nobody has closed it.
    pub fn is_there(&self) -> bool {
        self.written.is_there() && self.read.is_there()
    }

    /// The end that what was written comes out of.
    pub fn read_end(&self) -> OwnFile {
        self.read
    }

    /// Puts it in the place of a file.
    ///
    /// # Errors
    /// The system refuses.
    pub fn put_in_place(&self, number: libc::c_int) -> io::Result<()> {
        // SAFETY: it is told of numbers.
        match unsafe { libc::dup2(self.written.number(), number) } {
            -1 => Err(io::Error::last_os_error()),
            _ => Ok(()),
        }
    }

    /// Whether standard output leads here.
    pub fn is_in_place(&self) -> bool {
        self.written.is_under(libc::STDOUT_FILENO)
    }

    /// Has it be as large as the terminal, for who asks how large standard output is.
    pub fn set_size(&self, size: &libc::winsize) {
        // SAFETY: the structure lives through the call. A pipe has no size.
        unsafe { libc::ioctl(self.written.number(), libc::TIOCSWINSZ, size) };
    }

    /// Closes the shell's own of the end that is written to.
    pub fn close_written(&self) {
        self.written.close();
    }
}

/// Keeps an end of something open for the shell.
///
/// # Errors
/// It was closed meanwhile.
pub fn kept(end: OwnedFd) -> io::Result<OwnFile> {
    OwnFile::keep(File::from(end)).ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
}

/// A terminal that hands on what is written as it is: the end that reads, and that which is written to.
fn own_terminal() -> io::Result<(OwnedFd, OwnedFd)> {
    let (mut read, mut written) = (-1, -1);
    // SAFETY: the numbers live through the call, nothing else is asked for, and what was opened is
    // nobody else's. A zeroed structure is one, and is filled before it is read.
    unsafe {
        let (name, size) = (std::ptr::null_mut(), std::ptr::null_mut());
        let modes = std::ptr::null_mut::<libc::termios>();
        if libc::openpty(&raw mut read, &raw mut written, name, modes, size) != 0 {
            return Err(io::Error::last_os_error());
        }
        let ends = (OwnedFd::from_raw_fd(read), OwnedFd::from_raw_fd(written));
        for end in [read, written] {
            libc::fcntl(end, libc::F_SETFD, libc::FD_CLOEXEC);
        }
        let mut modes: libc::termios = std::mem::zeroed();
        if libc::tcgetattr(written, &raw mut modes) == 0 {
            libc::cfmakeraw(&raw mut modes);
            libc::tcsetattr(written, libc::TCSANOW, &raw const modes);
        }
        Ok(ends)
    }
}

/// What others have written, told apart from what rustyline writes: that is nothing but blanks, line ends
/// and codes that move the cursor or erase.
#[derive(Default)]
pub struct Others {
    /// The line that is coming in.
    line: Vec<u8>,
    /// Lines with nothing in them since a line of others: they are theirs if one more follows.
    empty_lines: usize,
    /// Whether nothing but that has come since a line of others.
    is_among_others: bool,
}

impl Others {
    /// Takes what was written; gives the lines of others that have come to their end.
    pub fn take(&mut self, bytes: &[u8]) -> String {
        let mut lines = String::new();
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(piece);
            if piece.ends_with(b"\n") || self.line.len() > LINE_BYTES_MAX {
                lines.push_str(&self.take_line());
            }
        }
        lines
    }

    /// Whether there is the beginning of a line.
    pub fn has_begun(&self) -> bool {
        !self.line.is_empty()
    }

    /// Gives the line as far as it has come, without an end, where it is surely of others.
    pub fn take_begun(&mut self) -> String {
        // A letter or a code that hasn't come whole would be torn apart; what the editor writes has nothing to be seen.
        let Ok(line) = std::str::from_utf8(&self.line) else {
            return String::new();
        };
        if ends_in_code(line) || is_blank(&without_moves(line)) {
            return String::new();
        }
        let mut line = self.take_line();
        line.truncate(line.trim_end_matches('\n').len());
        line
    }

    /// Gives the line as far as it has come, if it is of others.
    pub fn take_line(&mut self) -> String {
        let line = std::mem::take(&mut self.line);
        let line = String::from_utf8_lossy(&line);
        let line = line.trim_end_matches('\n');
        if self.is_among_others && line.trim().is_empty() {
            self.empty_lines += 1;
            return String::new();
        }
        let text = without_moves(line);
        // What is before a carriage return was written over.
        let seen = text.rsplit('\r').find(|part| !is_blank(part));
        let empty_lines = std::mem::take(&mut self.empty_lines);
        self.is_among_others = seen.is_some();
        seen.map_or_else(String::new, |seen| {
            format!("{}{seen}\n", "\n".repeat(empty_lines))
        })
    }
}

/// The text without the escape codes that move the cursor, erase, or set modes of the terminal.
fn without_moves(text: &str) -> String {
    let mut rest = text;
    let mut left = String::with_capacity(text.len());
    while let Some((before, behind)) = rest.split_once("\x1b[") {
        left.push_str(before);
        let length = behind.find(|end: char| ('\x40'..'\x7f').contains(&end));
        let (code, after) = behind.split_at(length.map_or(behind.len(), |at| at + 1));
        if code.ends_with('m') {
            left.push_str("\x1b[");
            left.push_str(code);
        }
        rest = after;
    }
    left.push_str(rest);
    left
}

/// Whether a text ends within an escape code.
fn ends_in_code(text: &str) -> bool {
    let Some((_, code)) = text.rsplit_once('\x1b') else {
        return false;
    };
    match code.strip_prefix('[') {
        Some(parameters) => !parameters.contains(|end: char| ('\x40'..'\x7f').contains(&end)),
        None => code.is_empty(),
    }
}

/// Whether nothing of it would be seen.
fn is_blank(text: &str) -> bool {
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("\x1b[") {
        if !before.trim().is_empty() {
            return false;
        }
        rest = behind.split_once('m').map_or("", |(_, after)| after);
    }
    rest.trim().is_empty()
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    /// What is shown of pieces that come one after the other.
    fn shown(pieces: &[&str]) -> String {
        let mut others = Others::default();
        pieces
            .iter()
            .map(|piece| others.take(piece.as_bytes()))
            .collect()
    }

    #[test]
    fn what_the_editor_writes_is_not_shown() {
        let refresh =
            "\x1b[?2026h\x1b[2B\r\x1b[K\x1b[A\r\x1b[K\x1b[A\r\x1b[K\n\x1b[1A\r\x1b[12C\x1b[?2026l";
        assert_eq!(shown(&[refresh, "\x1b[B\x1b[3C", "\n", "        \n"]), "");
        assert_eq!(
            shown(&[refresh, "\x1b[H\x1b[J", refresh, "\x07\n"]),
            "\x07\n"
        );
    }

    #[test]
    fn lines_of_others_are_shown() {
        assert_eq!(shown(&["one\ntwo", "\n"]), "one\ntwo\n");
        assert_eq!(shown(&["\r\x1b[K\x1b[A\r\x1b[Kone\n"]), "one\n");
        assert_eq!(shown(&["on", "\r\x1b[3C", "e\n"]), "e\n");
        assert_eq!(shown(&["10 %\r50 %\r100 %\n"]), "100 %\n");
        assert_eq!(shown(&["100 %\r\n"]), "100 %\n");
        assert_eq!(shown(&["\x1b[31mred\x1b[0m\n"]), "\x1b[31mred\x1b[0m\n");
        assert_eq!(shown(&["\x1b[31m \x1b[0m\n"]), "");
        // Empty lines between lines are theirs, but not those that the editor ends a cell with.
        assert_eq!(shown(&["one\n\n  \n", "two\n\n"]), "one\n\n\ntwo\n");
        let refresh = "\r\x1b[K\r\x1b[12C\n";
        assert_eq!(shown(&["one\n", "\n", refresh, "\ntwo\n"]), "one\ntwo\n");
        let mut others = Others::default();
        assert_eq!(others.take("no end".as_bytes()), "");
        assert!(others.has_begun());
        assert_eq!(others.take_line(), "no end\n");
        assert!(!others.has_begun());
        // What isn't whole, or isn't seen, stays until more has come.
        for begun in ["\r\x1b[12C", "two\x1b", "two\x1b[1", "", "  \r"] {
            let mut others = Others::default();
            assert_eq!(others.take(begun.as_bytes()), "");
            assert_eq!(others.take_begun(), "", "{begun:?}");
            assert_eq!(others.has_begun(), !begun.is_empty(), "{begun:?}");
        }
        assert_eq!(others.take(b"\r\x1b[12Conly \xc3"), "");
        assert_eq!(others.take_begun(), "");
        assert_eq!(others.take(b"\xa9"), "");
        assert_eq!(others.take_begun(), "only é");
        assert!(!others.has_begun());
        let long = "x".repeat(LINE_BYTES_MAX + 1);
        assert_eq!(shown(&[&long]), format!("{long}\n"));
    }

    #[test]
    fn what_is_written_at_one_end_comes_out_of_the_other() {
        for (read, written) in [
            own_terminal().expect("there are terminals"),
            io::pipe()
                .map(|(read, written)| (read.into(), written.into()))
                .expect("there are pipes"),
        ] {
            let (mut read, mut written) = (File::from(read), File::from(written));
            written.write_all(b"a\nb\x03c\r").expect("it is open");
            let mut buffer = [0; 6];
            read.read_exact(&mut buffer).expect("it comes out");
            assert_eq!(&buffer, b"a\nb\x03c\r");
        }
    }
}
