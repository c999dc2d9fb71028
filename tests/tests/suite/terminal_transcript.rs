//! The shell as README shows it: what stands there is what these cells give on a terminal.
//!
//! `RHUMBA_BLESS=1 cargo suite the_transcript` writes it anew.

use std::path::Path;

use super::support::{Screen, TerminalKind, TestHome};

const BEGIN: &str = "<!-- What `RHUMBA_BLESS=1 cargo suite the_transcript` writes. -->\n```\n";
const END: &str = "```\n";

/// The cells, with the keys that end each.
const CELLS: [&str; 8] = [
    "import statistics\r",
    "def spread(values):\r\"How far apart the values are.\"\rreturn max(values) - min(values)\r\r",
    "spread?\r",
    "temperatures = [11.5, 14.0, 9.25]\r",
    "statistics.mean(temperatures), spread(temperatures)\r",
    "lines = !printf 'one\\ntwo'\r",
    "lines.grep('t')\r",
    "spread([])\r",
];

#[test]
fn the_transcript_in_the_readme_is_what_a_terminal_shows() {
    let home = TestHome::new();
    // It is another one each time.
    home.configure(
        "config.toml",
        "[TerminalInteractiveShell]\nenable_tip = false\n",
    );
    let kind = TerminalKind {
        rows: 200,
        ..TerminalKind::default()
    };
    let mut screen = Screen::start_on(&home, &[], &kind);
    for (index, cell) in CELLS.iter().enumerate() {
        screen.prompt(u32::try_from(index).expect("few") + 1);
        screen.send(cell);
    }
    screen.prompt(u32::try_from(CELLS.len()).expect("few") + 1);
    let mut lines = screen.lines();
    // The prompt that nobody typed at.
    lines.pop();
    screen.leave();
    let shown = format!("$ rhumba\n{}\n", lines.join("\n"));
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let text = std::fs::read_to_string(&readme).expect("README is there");
    let (before, rest) = text.split_once(BEGIN).expect("README has a transcript");
    let (written, after) = rest.split_once(END).expect("it ends");
    if std::env::var_os("RHUMBA_BLESS").is_some() {
        std::fs::write(&readme, format!("{before}{BEGIN}{shown}{END}{after}"))
            .expect("README can be written");
    } else {
        assert_eq!(written, shown, "{BEGIN}");
    }
}
