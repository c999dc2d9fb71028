//! How the command line says that something went wrong: one sentence, and what to do about it.
//!
//! It knows nothing of what failed. The commands make these; `cli::main` prints them.

use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;

/// The exit status of a command line that can't be understood, as for Python.
const STATUS_USAGE: u8 = 2;
/// The exit status of everything else that goes wrong in rhumba itself.
const STATUS_FAILURE: u8 = 1;

/// One thing that went wrong, in words for the person who typed the command.
#[derive(Debug)]
pub struct Failure {
    status: u8,
    message: String,
    hint: Option<String>,
}

impl Failure {
    /// Something that rhumba could not do.
    pub fn new(message: impl Display) -> Self {
        Self {
            status: STATUS_FAILURE,
            message: message.to_string(),
            hint: None,
        }
    }

    /// What a crate below says went wrong: its sentences carry what to do after a semicolon.
    pub fn from_error(error: impl Display) -> Self {
        let text = error.to_string();
        match text.split_once("; ") {
            Some((message, hint)) => Self::new(message).hint(hint),
            None => Self::new(text),
        }
    }

    /// A command line that can't be understood, or that names what isn't there.
    pub fn usage(message: impl Display) -> Self {
        Self {
            status: STATUS_USAGE,
            ..Self::new(message)
        }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Display) -> Self {
        self.hint = Some(hint.to_string());
        self
    }

    /// Prints the sentence and the hint on stderr and gives the exit status.
    pub fn report(&self) -> ExitCode {
        // Nobody is left to be told when stderr is closed.
        let _ = std::io::stderr().write_all(self.text().as_bytes());
        ExitCode::from(self.status)
    }

    fn text(&self) -> String {
        let mut text = format!("rhumba: {}\n", self.message.trim_end());
        if let Some(hint) = &self.hint {
            text.push_str("hint: ");
            text.push_str(hint.trim_end());
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_one_sentence_and_a_hint() {
        let failure = Failure::usage("the script 'a.py' isn't there\n").hint("check the name");
        assert_eq!(
            failure.text(),
            "rhumba: the script 'a.py' isn't there\nhint: check the name\n"
        );
        assert_eq!(failure.status, 2);
        assert_eq!(Failure::new("no").text(), "rhumba: no\n");
        assert_eq!(
            Failure::from_error("no cluster is running; start one").text(),
            "rhumba: no cluster is running\nhint: start one\n"
        );
    }
}
