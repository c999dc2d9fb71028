//! The title of the terminal's window: which folder this shell is in.
//!
//! Only where the terminal says that it is like xterm, as others show the code for it. The title that
//! was there comes back when the shell ends.

use std::io::{IsTerminal, Write};

/// Saves the title and brings it back.
const SAVE: &str = "\x1b[22;0t";
const RESTORE: &str = "\x1b[23;0t";

pub struct Title {
    can_show: bool,
    shown: Option<String>,
}

impl Title {
    pub fn new() -> Self {
        let term = std::env::var_os("TERM").unwrap_or_default();
        let is_like_xterm = term.as_encoded_bytes().starts_with(b"xterm");
        Self {
            can_show: is_like_xterm && std::io::stdout().is_terminal(),
            shown: None,
        }
    }

    /// Shows where the shell is, by this format, in which `{cwd}` stands for the folder.
    pub fn show(&mut self, format: &str) {
        if !self.can_show {
            return;
        }
        let title = format.replace("{cwd}", &working_folder());
        if self.shown.as_ref() == Some(&title) {
            return;
        }
        let text: String = title.chars().filter(|each| !each.is_control()).collect();
        let save = if self.shown.is_none() { SAVE } else { "" };
        write(&format!("{save}\x1b]0;{text}\x07"));
        self.shown = Some(title);
    }

    /// Brings back the title of before.
    pub fn restore(&mut self) {
        if self.shown.take().is_some() {
            write(RESTORE);
        }
    }
}

impl Drop for Title {
    fn drop(&mut self) {
        self.restore();
    }
}

/// The folder as a person writes it.
fn working_folder() -> String {
    let Ok(folder) = std::env::current_dir() else {
        return String::new();
    };
    let home = std::env::var_os("HOME").filter(|home| !home.is_empty());
    match home.and_then(|home| folder.strip_prefix(home).ok().map(ToOwned::to_owned)) {
        Some(below) if below.as_os_str().is_empty() => "~".to_owned(),
        Some(below) => format!("~/{}", below.display()),
        None => folder.display().to_string(),
    }
}

/// A title that can't be written is none.
fn write(text: &str) {
    let mut stdout = std::io::stdout();
    let _ = stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush());
}
