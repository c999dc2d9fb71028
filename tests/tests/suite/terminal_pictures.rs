//! Pictures on terminals of several kinds, and where there is none.

use super::support::{Screen, TerminalKind, TestHome, finish};

/// Makes `wide`, a picture of 32 by 32 pixels, red above and blue below, and a PNG of one pixel.
const PICTURES: &str = r##"
from IPython.display import SVG
wide = SVG('<svg xmlns="http://www.w3.org/2000/svg" width="32" height="32"><rect width="32" height="16" fill="#ff0000"/><rect y="16" width="32" height="16" fill="#0000ff"/></svg>')

class Dot:
    def _repr_png_(self):
        import base64
        return base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGP4z8DwHwAFAAH/iZk9HQAAAABJRU5ErkJggg==")

    def __repr__(self):
        return "a dot"

class Broken(Dot):
    def _repr_png_(self):
        return b"\x89PNG\r\n\x1a\nand no more"
"##;

fn shell(home: &TestHome, variables: &[(&str, &str)], answers: &[(&str, &str)]) -> Screen {
    home.write("pictures.py", PICTURES);
    let kind = TerminalKind {
        variables,
        removed: &[
            "NO_COLOR",
            "TERM_PROGRAM",
            "TMUX",
            "KITTY_WINDOW_ID",
            "LC_TERMINAL",
        ],
        answers,
        ..TerminalKind::default()
    };
    let mut screen = Screen::start_on(home, &[], &kind);
    screen.enter(1, "from pictures import *");
    screen.prompt(2);
    screen
}

#[test]
fn half_blocks_have_the_colours_of_the_picture() {
    let home = TestHome::new();
    let variables = [("TERM", "xterm-256color"), ("COLORTERM", "truecolor")];
    // A terminal that only says what it is, and that is nothing special.
    let mut screen = shell(&home, &variables, &[("\x1b[c", "\x1b[?1;2c")]);
    screen.send("wide\r");
    screen.prompt(3);
    let lines = screen.lines();
    let result = lines.iter().position(|line| line == "Out[2]:");
    let result = result.unwrap_or_else(|| panic!("{lines:#?}"));
    assert_eq!(lines[result + 1..result + 3], ["▀▀▀▀", "▀▀▀▀"]);
    assert_eq!(lines[result + 3], "In [3]:");
    let row = u16::try_from(result).expect("a row is a small number") + 1;
    let at = |row, column| screen.at(row, column);
    assert_eq!(at(row, 0).fgcolor(), vt100::Color::Rgb(255, 0, 0));
    assert_eq!(at(row + 1, 3).bgcolor(), vt100::Color::Rgb(0, 0, 255));
    screen.leave();
}

#[test]
fn a_terminal_is_asked_once_what_it_can_show() {
    let home = TestHome::new();
    let variables = [("TERM", "xterm-256color")];
    let mut screen = shell(&home, &variables, &[("\x1b[c", "\x1b[?62;4;22c")]);
    for number in 2..4 {
        screen.send("display(wide)\r");
        screen.prompt(number + 1);
    }
    let count = |wanted: &[u8]| {
        let windows = screen.written().windows(wanted.len());
        windows.filter(|window| *window == wanted).count()
    };
    assert_eq!(count(b"\x1b[c"), 1, "one question");
    assert_eq!(count(b"\x1bP"), 2, "two pictures in sixels");
    screen.leave();
}

#[test]
fn kitty_is_given_the_png_itself() {
    let home = TestHome::new();
    let variables = [("TERM", "xterm-kitty")];
    let mut screen = shell(&home, &variables, &[]);
    screen.send("Dot()\r");
    screen.prompt(3);
    let written = String::from_utf8_lossy(screen.written()).into_owned();
    assert!(
        written.contains("\x1b_Ga=T,q=2,f=100,m=0;iVBORw0KGgo"),
        "{written:?}"
    );
    screen.leave();
}

#[test]
fn a_picture_that_cannot_be_shown_is_saved_and_named() {
    let home = TestHome::new();
    let mut screen = shell(
        &home,
        &[("TERM", "xterm"), ("RHUMBA_PICTURES", "blocks")],
        &[],
    );
    screen.send("Broken()\r");
    screen.shows("[picture: ");
    screen.prompt(3);
    screen.leave();
    let mut piped = home.command(["-i", "-c", "from pictures import *"]);
    piped.env("TMPDIR", home.work());
    let printed = finish(piped, "Dot()\ndisplay(wide)\n").success();
    let mut saved = printed.split("[picture: ").skip(1).map(|rest| {
        let path = rest.split(']').next().expect("split gives something");
        std::fs::read(path).expect("the file that is named is there")
    });
    assert!(saved.next().expect("a dot").starts_with(b"\x89PNG"));
    assert!(saved.next().expect("a wide one").starts_with(b"<svg"));
    assert!(!printed.contains('\x1b'), "{printed:?}");
}

/// Shows pictures of an engine as they come, from another thread, and at the end.
const OF_ENGINES: &str = r##"
import ipyparallel as ipp
view = ipp.Client()[:]
view.execute("from pictures import *", block=True)
%px display(Dot())
with view.execute("display(wide)").stream_output(): view.client.wait()

ar = view.execute("display(1); display(Dot())")
ar.get() and ar.display_outputs()
"##;

#[test]
fn pictures_of_engines_are_shown_below_their_label() {
    let home = TestHome::new();
    home.write("pictures.py", PICTURES);
    let mut piped = home.command(["-n", "1", "-i", "-c", "from pictures import *"]);
    piped.env("TMPDIR", home.work());
    let printed = finish(piped, OF_ENGINES).success();
    let shown: Vec<&str> = printed.split("[output:0]").skip(1).collect();
    assert_eq!(shown.len(), 3, "{printed}");
    for (index, begin) in [(0, b"\x89PNG"), (1, b"<svg"), (2, b"\x89PNG")] {
        let before = if index == 2 { "\n1\n" } else { "\n" };
        let path = shown[index]
            .strip_prefix(before)
            .and_then(|rest| rest.strip_prefix("[picture: "))
            .and_then(|rest| rest.split_once(']'))
            .unwrap_or_else(|| panic!("no picture: {printed}"))
            .0;
        let saved = std::fs::read(path).expect("the file that is named is there");
        assert!(saved.starts_with(begin), "{path}");
    }
    let mut piped = home.command(["-n", "1", "-i", "-c", "from pictures import *"]);
    piped.env("RHUMBA_PICTURES", "none");
    let printed = finish(piped, OF_ENGINES).success();
    for text in ["[output:0]\na dot\n", "[output:0]\n1\na dot\n"] {
        assert_eq!(printed.matches(text).count(), 1, "{printed}");
    }
}

#[test]
fn a_picture_that_is_the_value_of_an_engines_cell_is_shown_below_its_number() {
    let home = TestHome::new();
    home.write("pictures.py", PICTURES);
    let mut piped = home.command(["-n", "1", "-i", "-c", "from pictures import *"]);
    piped.env("TMPDIR", home.work());
    let cells = "import ipyparallel as ipp\n\
                 view = ipp.Client()[:]\n\
                 view.execute('from pictures import *', block=True)\n\
                 %px Dot()\n\
                 ar = view.execute('wide', silent=False); forms = ar.get()[0].data\n\
                 print(sorted(forms), ar.get()[0].execute_result['execution_count'])\n";
    let printed = finish(piped, cells).success();
    let (_, shown) = printed
        .split_once("Out[0:1]:\n[picture: ")
        .unwrap_or_else(|| panic!("no picture: {printed}"));
    let (path, after) = shown.split_once(']').expect("the file is named");
    let saved = std::fs::read(path).expect("the file that is named is there");
    assert!(saved.starts_with(b"\x89PNG"), "{path}");
    assert!(
        after.contains("['image/svg+xml', 'text/plain'] 2\n"),
        "{printed}"
    );
}

#[test]
fn who_wants_no_pictures_gets_text() {
    let home = TestHome::new();
    let mut screen = shell(
        &home,
        &[("TERM", "xterm"), ("RHUMBA_PICTURES", "none")],
        &[],
    );
    screen.send("Dot()\r");
    screen.shows("Out[2]: a dot");
    screen.prompt(3);
    screen.leave();
}
