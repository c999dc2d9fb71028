//! What rustyline asks while a cell is edited: colours for the text, completions for a word, and
//! what the cell may go on with.
//!
//! The answers are the interpreter's and the history's; this file turns them into the form that
//! rustyline wants. Where a key makes an edit of its own of a completion ([`super::rewrite`]), it is
//! made here. It also holds the text as it was last seen, so that nothing that goes wrong
//! with the terminal costs what was typed.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::ops::Range;
use std::sync::atomic::Ordering;

use rhumba_interpreter::completion;
use rhumba_interpreter::highlight::{self, TokenClass};
use rhumba_interpreter::namespace::Namespace;
use rustpython_vm::VirtualMachine;
use rustyline::completion::Completer;
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::{Hint, Hinter};
use rustyline::line_buffer::LineBuffer;
use rustyline::{Changeset, Context, GraphemeClusterMode, Helper, Validator};

use super::choices::{self, Choice, Screen};
use super::colour::{Colours, Style};
use super::keys::Keys;
use super::rewrite::Edited;
use super::{looks, vi};

/// A cell longer than this is shown without colours, so that typing stays quick.
const COLOURED_BYTES_MAX: usize = 64 * 1024;

#[derive(Helper, Validator)]
pub struct CellHelper<'vm> {
    vm: &'vm VirtualMachine,
    namespace: &'vm Namespace,
    colours: Colours,
    keys: Keys,
    /// What a key makes of the cell, between the two questions in which that is done.
    edited: RefCell<Option<Edited>>,
    /// Whether what the cell may go on with is shown.
    pub suggests: bool,
    /// The mode of vi that the prompt says, if it says one.
    shown_mode: Cell<Option<&'static str>>,
    /// Whether something that it may go on with is on the screen.
    suggested: Cell<bool>,
    /// Whether the cell is shown with two brackets that belong together marked.
    marks_brackets: Cell<bool>,
    seen: RefCell<(String, usize)>,
    /// The text as it is on the screen: without its colours, and with them.
    painted: RefCell<(String, String)>,
}

impl<'vm> CellHelper<'vm> {
    pub fn new(
        vm: &'vm VirtualMachine,
        namespace: &'vm Namespace,
        colours: Colours,
        keys: Keys,
    ) -> Self {
        Self {
            vm,
            namespace,
            colours,
            keys,
            edited: RefCell::default(),
            suggests: true,
            shown_mode: Cell::new(None),
            suggested: Cell::new(false),
            marks_brackets: Cell::new(false),
            seen: RefCell::default(),
            painted: RefCell::default(),
        }
    }

    /// Whether the text is the one on the screen and one more character, which has no colour and
    /// changes that of none before it: then it needs no more than to be written.
    fn goes_on_plainly(&self, line: &str) -> bool {
        let mut painted = self.painted.borrow_mut();
        let added = line.strip_prefix(painted.0.as_str());
        let Some(added) = added.filter(|added| added.chars().count() == 1) else {
            return false;
        };
        if line.len() > COLOURED_BYTES_MAX {
            return false;
        }
        let text = paint(self.colours, line, &highlight::tokens(line), None);
        if text.strip_prefix(painted.1.as_str()) != Some(added) {
            return false;
        }
        *painted = (line.to_owned(), text);
        true
    }

    /// The text as it was last shown, before the cursor and after it.
    pub fn seen(&self) -> (String, String) {
        let seen = self.seen.borrow();
        let (before, after) = seen.0.split_at_checked(seen.1).unwrap_or((&seen.0, ""));
        (before.to_owned(), after.to_owned())
    }
}

impl Completer for CellHelper<'_> {
    type Candidate = Choice;

    fn complete(
        &self,
        line: &str,
        position: usize,
        _context: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Choice>)> {
        let edited = self.keys.rewriter.take(line, position);
        let is_edit = edited.is_some();
        *self.edited.borrow_mut() = edited;
        if is_edit {
            return Ok((position, vec![Choice::default()]));
        }
        let found = self
            .vm
            .attach_for_callback(|| completion::complete(self.vm, self.namespace, line, position));
        let typed = line.get(found.start..position).unwrap_or_default();
        let offered = choices::offered(found.matches, typed, Screen::of_terminal());
        Ok((found.start, offered))
    }

    fn update(&self, line: &mut LineBuffer, start: usize, chosen: &str, changes: &mut Changeset) {
        match self.edited.take() {
            Some(edited) => edited.apply(line, changes),
            None => {
                let end = line.pos();
                line.replace(start..end, chosen, changes);
            }
        }
    }
}

/// What the cell may go on with.
pub struct Suggestion {
    whole: String,
    shown: String,
}

impl Hint for Suggestion {
    fn display(&self) -> &str {
        &self.shown
    }

    fn completion(&self) -> Option<&str> {
        Some(&self.whole)
    }
}

impl Hinter for CellHelper<'_> {
    type Hint = Suggestion;

    fn hint(&self, line: &str, position: usize, _context: &Context<'_>) -> Option<Suggestion> {
        let mut seen = self.seen.borrow_mut();
        line.clone_into(&mut seen.0);
        seen.1 = position;
        drop(seen);
        let typed = position == line.len() && !line.trim().is_empty();
        self.suggested.set(false);
        if !self.suggests || !typed || line.contains('\n') || !self.colours.enabled() {
            return None;
        }
        // What was brought back is whole: it goes on with nothing.
        if self.keys.recent.shown_as(line).is_some() {
            return None;
        }
        let whole = self.keys.recent.continuation(line)?;
        let shown = match whole.split_once('\n') {
            Some((first, _)) => format!("{first} …"),
            None => whole.clone(),
        };
        self.suggested.set(true);
        Some(Suggestion { whole, shown })
    }
}

impl Highlighter for CellHelper<'_> {
    fn highlight<'l>(&self, line: &'l str, position: usize) -> Cow<'l, str> {
        if !self.colours.enabled() || line.len() > COLOURED_BYTES_MAX {
            return harmless(line);
        }
        let tokens = highlight::tokens(line);
        let brackets = self
            .marks_brackets
            .get()
            .then(|| brackets_at(line, &tokens, position))
            .flatten();
        let text = paint(self.colours, line, &tokens, brackets);
        *self.painted.borrow_mut() = (line.to_owned(), text.clone());
        Cow::Owned(text)
    }

    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(
        &'s self,
        prompt: &'p str,
        is_own: bool,
    ) -> Cow<'b, str> {
        // Another is shown while one searches.
        self.keys.is_searching.store(!is_own, Ordering::Relaxed);
        if !is_own || !looks::tell_vi_mode() {
            self.shown_mode.set(None);
            return Cow::Borrowed(prompt);
        }
        let mode = self.keys.vi.mode();
        self.shown_mode.set(Some(mode));
        // One of a person's own may say it in any place.
        Cow::Owned(prompt.replacen(vi::TYPING, mode, 1))
    }

    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        Cow::Owned(self.colours.paint(Style::Quiet, hint))
    }

    fn highlight_char(&self, line: &str, position: usize, kind: CmdKind) -> bool {
        let is_repainted = self.changes_colours(line, position, kind);
        let is_other_mode = |shown: &str| shown != self.keys.vi.mode();
        // What it may go on with is shown behind it, and only from there.
        let has_left_suggestion = position < line.len() && self.suggested.replace(false);
        is_repainted || has_left_suggestion || self.shown_mode.get().is_some_and(is_other_mode)
    }
}

impl CellHelper<'_> {
    /// Whether what has been done changes the colours of what is on the screen already.
    fn changes_colours(&self, line: &str, position: usize, kind: CmdKind) -> bool {
        if !self.colours.enabled() {
            return false;
        }
        let marked = self.marks_brackets.get();
        let marks = kind != CmdKind::ForcedRefresh && touches_bracket(line, position);
        self.marks_brackets.set(marks);
        match kind {
            _ if marks || marked => true,
            CmdKind::MoveCursor => false,
            // One more character can change the colour of all of them: a quote, for one.
            CmdKind::Other => position != line.len() || !self.goes_on_plainly(line),
            CmdKind::ForcedRefresh => true,
        }
    }
}

/// Whether there is a bracket under the cursor or before it.
fn touches_bracket(line: &str, position: usize) -> bool {
    let bytes = line.as_bytes();
    [position.checked_sub(1), Some(position)]
        .into_iter()
        .flatten()
        .any(|place| {
            bytes
                .get(place)
                .is_some_and(|byte| b"()[]{}".contains(byte))
        })
}

/// The two brackets that belong together, of which one is at the cursor, or else before it.
fn brackets_at(
    line: &str,
    tokens: &[(Range<usize>, TokenClass)],
    position: usize,
) -> Option<(usize, usize)> {
    let bytes = line.as_bytes();
    // Brackets in a string or a comment are text.
    let places = tokens.iter().filter(|(range, class)| {
        *class == TokenClass::Operator
            && range.len() == 1
            && b"()[]{}".contains(&bytes[range.start])
    });
    let mut open = Vec::new();
    let mut pairs = Vec::new();
    for (range, _) in places {
        let place = range.start;
        match bytes[place] {
            b'(' | b'[' | b'{' => open.push(place),
            closing => {
                let opening = match closing {
                    b')' => b'(',
                    b']' => b'[',
                    _ => b'{',
                };
                if let Some(at) = open.iter().rposition(|at| bytes[*at] == opening) {
                    pairs.push((open[at], place));
                    open.truncate(at);
                }
            }
        }
    }
    [Some(position), position.checked_sub(1)]
        .into_iter()
        .flatten()
        .find_map(|at| pairs.iter().find(|(from, to)| *from == at || *to == at))
        .copied()
}

/// The cell with colours; its characters stay the same.
fn paint(
    colours: Colours,
    cell: &str,
    tokens: &[(Range<usize>, TokenClass)],
    brackets: Option<(usize, usize)>,
) -> String {
    let is_marked = |place: usize| brackets.is_some_and(|(from, to)| place == from || place == to);
    let mut painted = String::with_capacity(cell.len() * 2);
    let mut end = 0;
    for (range, class) in tokens {
        let (Some(before), Some(token)) = (cell.get(end..range.start), cell.get(range.clone()))
        else {
            continue;
        };
        painted.push_str(&harmless(before));
        let style = if is_marked(range.start) {
            Style::Bracket
        } else {
            style_of(*class)
        };
        // A colour that runs over the end of a line would colour the terminal's margin.
        for line in token.split_inclusive('\n') {
            let text = line.strip_suffix('\n').unwrap_or(line);
            painted.push_str(&colours.paint(style, &harmless(text)));
            painted.push_str(&line[text.len()..]);
        }
        end = range.end;
    }
    painted.push_str(&harmless(cell.get(end..).unwrap_or_default()));
    painted
}

/// Text as it may go to a terminal: what a paste has of control characters would do there what it
/// pleases, and show something else than what is run.
fn harmless(text: &str) -> Cow<'_, str> {
    let is_control = |character: char| character.is_control() && !"\n\t".contains(character);
    if !text.contains(is_control) {
        return Cow::Borrowed(text);
    }
    // The editor takes them to be as wide as its idea of the terminal says: what stands for them has
    // to be no wider.
    let has_column = GraphemeClusterMode::from_env().width("\u{1}") > 0;
    let stand_in = |character: char| match character {
        // A line under the character before.
        _ if !has_column => '\u{332}',
        '\u{7f}' => '␡',
        _ => char::from_u32(0x2400 + u32::from(character))
            .filter(|_| character < ' ')
            .unwrap_or('\u{fffd}'),
    };
    let characters = text.chars();
    let shown = characters.map(|character| match is_control(character) {
        true => stand_in(character),
        false => character,
    });
    Cow::Owned(shown.collect())
}

fn style_of(class: TokenClass) -> Style {
    match class {
        TokenClass::Keyword => Style::Keyword,
        TokenClass::Builtin => Style::Builtin,
        TokenClass::Definition => Style::Definition,
        TokenClass::Decorator | TokenClass::Magic => Style::Magic,
        TokenClass::String => Style::Text,
        TokenClass::Number => Style::Number,
        TokenClass::Comment => Style::Comment,
        TokenClass::Operator => Style::Operator,
        TokenClass::Error => Style::Failure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CELLS: [&str; 5] = [
        "def f(x):\n    return '''a\nb''' + x  # π",
        "%px 1",
        "x = !ls",
        "f('",
        "\u{1F40D}",
    ];

    fn painted(enabled: bool, cell: &str) -> String {
        let brackets = brackets_at(cell, &highlight::tokens(cell), cell.len());
        paint(
            Colours::with(enabled),
            cell,
            &highlight::tokens(cell),
            brackets,
        )
    }

    #[test]
    fn painting_changes_no_character() {
        for cell in CELLS {
            assert_eq!(painted(false, cell), cell);
            let painted = painted(true, cell);
            let mut stripped = String::new();
            let mut rest = painted.as_str();
            while let Some((before, after)) = rest.split_once('\x1b') {
                stripped.push_str(before);
                rest = after.split_once('m').expect("an escape code ends with m").1;
            }
            assert_eq!(stripped + rest, cell);
        }
    }

    #[test]
    fn control_characters_do_nothing_to_the_terminal() {
        let painted = painted(true, "x = 'a\u{8}b\u{9b}31mc\u{1b}]0;t\u{7}'\n\ty");
        let own = painted.replace("\u{1b}[", "");
        let left: Vec<char> = own.chars().filter(|it| it.is_control()).collect();
        assert_eq!(left, ['\n', '\t'], "{painted:?}");
        assert!(own.contains("31m") && own.contains("]0;t"), "{painted:?}");
        assert!(matches!(harmless("plain\n"), Cow::Borrowed(_)));
    }

    #[test]
    fn no_colour_runs_over_the_end_of_a_line() {
        let painted = painted(true, "x = '''a\nb'''");
        assert!(painted.contains("a\x1b[0m\n\x1b[33mb'''"), "{painted:?}");
    }

    #[test]
    fn brackets_belong_together_outside_of_text() {
        let pair = |cell: &str, position| brackets_at(cell, &highlight::tokens(cell), position);
        assert_eq!(pair("f(a[1])", 7), Some((1, 6)));
        assert_eq!(pair("f(a[1])", 6), Some((1, 6)));
        assert_eq!(pair("f(a[1])", 3), Some((3, 5)));
        assert_eq!(pair("f(')')", 6), Some((1, 5)));
        assert_eq!(pair("f(')')", 4), None);
        assert_eq!(pair("f(1", 2), None);
        assert_eq!(pair("", 0), None);
    }
}
