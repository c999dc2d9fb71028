//! What the terminal can show a picture with: told by the environment, else by the terminal.
//!
//! `RHUMBA_PICTURES` decides where it is set. A terminal that nothing is known of is asked once,
//! for as long as [`ANSWER_TIMEOUT`]; the question that every terminal answers comes last, so
//! that most need not wait that long.

use std::io::{IsTerminal, Write};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use super::Size;
use crate::shell::colour::Colours;
use crate::shell::terminal;

/// How long a terminal may take to tell what it can.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(300);
/// A picture of one pixel that is asked about and not shown, and what terminal it is.
const QUESTIONS: &[u8] = b"\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\\x1b[c";
/// The size of a character where the terminal doesn't say.
const CELL_WIDTH_PX: usize = 8;
const CELL_HEIGHT_PX: usize = 16;

/// How pictures are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Kitty,
    Iterm,
    Sixel,
    /// Two pixels a character, one over the other, in its two colours.
    Blocks,
    /// Saved, and the file named.
    File,
    /// The object's text is shown instead.
    Nothing,
}

impl Way {
    /// The way of the terminal that stdout is; `None` if only asking could tell, and can't be done.
    pub fn of_this_terminal(colours: Colours, may_ask: bool) -> Option<Self> {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        if let Some(way) = Self::told(&variable, std::io::stdout().is_terminal()) {
            return Some(way);
        }
        let plain = if colours.enabled() {
            Self::Blocks
        } else {
            Self::File
        };
        if !may_ask {
            return None;
        }
        Some(asked().unwrap_or(plain))
    }

    /// What the environment tells, or `None` if it leaves the question open.
    fn told(variable: &impl Fn(&str) -> Option<String>, is_terminal: bool) -> Option<Self> {
        match variable("RHUMBA_PICTURES").as_deref() {
            Some("kitty") => return Some(Self::Kitty),
            Some("iterm" | "iterm2") => return Some(Self::Iterm),
            Some("sixel") => return Some(Self::Sixel),
            Some("blocks") => return Some(Self::Blocks),
            Some("file") => return Some(Self::File),
            Some("none" | "off") => return Some(Self::Nothing),
            _ => {}
        }
        let term = variable("TERM").unwrap_or_default();
        if !is_terminal || term.is_empty() || term == "dumb" {
            return Some(Self::File);
        }
        // What is under a multiplexer says nothing of what comes through it.
        if variable("TMUX").is_some() || term.starts_with("screen") || term.starts_with("tmux") {
            return None;
        }
        let program = variable("TERM_PROGRAM").unwrap_or_default();
        if variable("KITTY_WINDOW_ID").is_some()
            || matches!(term.as_str(), "xterm-kitty" | "xterm-ghostty")
            || program == "ghostty"
        {
            return Some(Self::Kitty);
        }
        if matches!(program.as_str(), "iTerm.app" | "WezTerm" | "mintty")
            || variable("LC_TERMINAL").as_deref() == Some("iTerm2")
        {
            return Some(Self::Iterm);
        }
        if matches!(
            term.as_str(),
            "foot" | "foot-extra" | "mlterm" | "yaft-256color"
        ) {
            return Some(Self::Sixel);
        }
        None
    }

    /// What the answers of a terminal tell.
    fn answered(answers: &[u8]) -> Option<Self> {
        if answers.windows(3).any(|window| window == b"\x1b_G")
            && answers.windows(3).any(|window| window == b";OK")
        {
            return Some(Self::Kitty);
        }
        let text = String::from_utf8_lossy(answers);
        let features = text.split("\x1b[?").nth(1)?.split('c').next()?;
        features
            .split(';')
            .skip(1)
            .any(|feature| feature == "4")
            .then_some(Self::Sixel)
    }
}

/// The size of the terminal now.
pub fn size() -> Size {
    let window = terminal::window_size(libc::STDOUT_FILENO);
    let terminal::Size { rows, columns } = terminal::Size::of(libc::STDOUT_FILENO);
    let (width_px, height_px) = (usize::from(window.ws_xpixel), usize::from(window.ws_ypixel));
    let usual = |cell: usize, usual: usize| if cell == 0 { usual } else { cell };
    Size {
        columns,
        rows,
        cell_width_px: usual(width_px / columns, CELL_WIDTH_PX),
        cell_height_px: usual(height_px / rows, CELL_HEIGHT_PX),
    }
}

/// Asks the terminal, and gives what it answers; nothing where stdin isn't the terminal.
fn asked() -> Option<Way> {
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        return None;
    }
    let input = stdin.as_raw_fd();
    // SAFETY: the structures are filled before they are read, and the buffer is as long as is said.
    unsafe {
        let mut before: libc::termios = std::mem::zeroed();
        if libc::tcgetattr(input, &raw mut before) != 0 {
            return None;
        }
        let mut raw = before;
        raw.c_lflag &= !(libc::ICANON | libc::ECHO);
        libc::tcsetattr(input, libc::TCSANOW, &raw const raw);
        let answers = answers(input);
        libc::tcsetattr(input, libc::TCSANOW, &raw const before);
        Way::answered(&answers?)
    }
}

fn answers(input: libc::c_int) -> Option<Vec<u8>> {
    let mut stdout = std::io::stdout().lock();
    stdout
        .write_all(QUESTIONS)
        .and_then(|()| stdout.flush())
        .ok()?;
    let deadline = Instant::now() + ANSWER_TIMEOUT;
    let mut answers = Vec::new();
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let mut watched = libc::pollfd {
            fd: input,
            events: libc::POLLIN,
            revents: 0,
        };
        let left_ms = i32::try_from(left.as_millis()).unwrap_or(i32::MAX);
        let mut buffer = [0_u8; 256];
        // SAFETY: one structure is given and one announced; the buffer is as long as is said.
        let count = unsafe {
            if libc::poll(&raw mut watched, 1, left_ms) <= 0 {
                return Some(answers);
            }
            libc::read(input, buffer.as_mut_ptr().cast(), buffer.len())
        };
        let count = usize::try_from(count).ok().filter(|count| *count > 0)?;
        answers.extend_from_slice(&buffer[..count]);
        let last = answers.windows(3).rposition(|window| window == b"\x1b[?");
        if last.is_some_and(|start| answers[start..].contains(&b'c')) {
            return Some(answers);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(variables: &[(&str, &str)], is_terminal: bool) -> Option<Way> {
        let variable = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Way::told(&variable, is_terminal)
    }

    #[test]
    fn the_environment_tells() {
        let xterm = ("TERM", "xterm-256color");
        assert_eq!(told(&[xterm], false), Some(Way::File));
        assert_eq!(told(&[("TERM", "dumb")], true), Some(Way::File));
        assert_eq!(told(&[xterm], true), None);
        assert_eq!(told(&[("TERM", "xterm-kitty")], true), Some(Way::Kitty));
        assert_eq!(
            told(&[xterm, ("KITTY_WINDOW_ID", "1")], true),
            Some(Way::Kitty)
        );
        assert_eq!(
            told(&[xterm, ("TERM_PROGRAM", "iTerm.app")], true),
            Some(Way::Iterm)
        );
        assert_eq!(told(&[("TERM", "foot")], true), Some(Way::Sixel));
        let through = [("TERM", "screen-256color"), ("KITTY_WINDOW_ID", "1")];
        assert_eq!(told(&through, true), None);
        assert_eq!(
            told(&[xterm, ("RHUMBA_PICTURES", "blocks")], false),
            Some(Way::Blocks)
        );
        assert_eq!(
            told(&[xterm, ("RHUMBA_PICTURES", "none")], true),
            Some(Way::Nothing)
        );
    }

    #[test]
    fn the_answers_tell() {
        assert_eq!(
            Way::answered(b"\x1b_Gi=31;OK\x1b\\\x1b[?62;c"),
            Some(Way::Kitty)
        );
        assert_eq!(Way::answered(b"\x1b[?62;4;22c"), Some(Way::Sixel));
        assert_eq!(Way::answered(b"\x1b[?4;22c"), None);
        assert_eq!(Way::answered(b"\x1b[?1;2c"), None);
        assert_eq!(Way::answered(b""), None);
        assert_eq!(Way::answered(b"typed ahead"), None);
    }
}
