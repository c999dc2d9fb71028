//! What rustyline asks while a cell is edited: colours for the text, completions for a word, and
//! what the cell may go on with.
//!
//! It asks for colours each time that something is to be seen: then the cell is shown, by
//! [`super::view`], and what rustyline is given is nothing.
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
use rustyline::config::CompletionType;
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::{Hint, Hinter};
use rustyline::line_buffer::LineBuffer;
use rustyline::{Changeset, Context, Helper, Validator};

use super::choices::{self, Choice};
use super::colour::{Colours, Style};
use super::keys::Keys;
use super::rewrite::Edited;
use super::signals::{self, Interrupt};
use super::terminal::Size;
use super::view::CellText;
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
    /// The number of the cell.
    number: u32,
    /// What stands before further lines.
    further: String,
    /// The prompts of a person's own as they were made again, for another mode of vi.
    remade: RefCell<Option<Remade>>,
    /// What a person wants to stand before the prompt of each line.
    numbers: RefCell<Numbers>,
    /// Whether brackets that belong together are marked at all.
    pub has_bracket_marks: bool,
    /// What stands before the first line, and what stands there in place of it while one searches.
    prompt: RefCell<(String, Option<String>)>,
    /// What the cell may go on with where it ends, if it is this.
    suggested: RefCell<Option<(String, String)>>,
    /// What was found to complete a word, and whether it is to be shown.
    choices: RefCell<(Vec<Choice>, bool)>,
    /// Whether the cell is shown with two brackets that belong together marked.
    marks_brackets: Cell<bool>,
    /// Whether the cell is shown as it is entered.
    is_entered: Cell<bool>,
    /// What Ctrl-C does in a person's own code.
    interrupt: Option<Interrupt>,
    seen: RefCell<(String, usize)>,
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
            number: 0,
            further: String::new(),
            remade: RefCell::default(),
            numbers: RefCell::default(),
            has_bracket_marks: true,
            prompt: RefCell::default(),
            suggested: RefCell::default(),
            choices: RefCell::default(),
            marks_brackets: Cell::new(false),
            is_entered: Cell::new(false),
            interrupt: None,
            seen: RefCell::default(),
        }
    }

    /// Begins the cell of this number, with what stands before its further lines.
    pub fn begin(&mut self, number: u32, further: String) {
        self.number = number;
        self.further = further;
        self.remade = RefCell::default();
        self.numbers = RefCell::default();
        self.interrupt = Interrupt::now();
    }

    /// Has a person's own code run: Ctrl-C ends it, and leaves the cell as it is.
    fn asked<R>(&self, asks: impl FnOnce() -> R) -> R {
        self.vm.attach_for_callback(|| {
            let reaching = self.interrupt.map(Interrupt::reach);
            let answer = asks();
            drop(reaching);
            signals::run_handlers(self.vm, self.keys.view.take_wake());
            answer
        })
    }

    /// What stands before the first line in the mode of vi. A person's own prompts are made again when
    /// that changes.
    fn prompt_in_mode(&self, prompt: &str) -> String {
        let mode = self.keys.vi.mode();
        let made_for = self.remade.borrow().as_ref().map(|remade| remade.mode);
        if made_for.is_none() && !looks::are_own() {
            return prompt.replacen(vi::TYPING, mode, 1);
        }
        if made_for.unwrap_or(vi::TYPING) != mode {
            self.asked(|| looks::follow_mode(self.vm, mode));
            let (_, styled) = looks::edited_in_prompt(self.number, self.colours);
            let prompt = match looks::are_own() {
                true => styled,
                // They failed, and the usual ones are back.
                false => styled.replacen(vi::TYPING, mode, 1),
            };
            let further = looks::edited_further_prompt(self.number, self.colours);
            *self.remade.borrow_mut() = Some(Remade {
                mode,
                prompt,
                further,
            });
        }
        let remade = self.remade.borrow();
        let remade = remade.as_ref().map(|remade| remade.prompt.clone());
        remade.unwrap_or_else(|| prompt.to_owned())
    }

    /// What stands before further lines now.
    fn further_now(&self) -> String {
        let remade = self.remade.borrow();
        let further = remade.as_ref().map(|remade| &remade.further);
        further.unwrap_or(&self.further).clone()
    }

    /// What a person wants to stand before the prompt of each line.
    fn numbers(&self, cell: &str, before_cursor: &str) -> Vec<String> {
        if !looks::numbers_lines() {
            return Vec::new();
        }
        let count = cell.split('\n').count();
        let row = before_cursor.matches('\n').count();
        let is_known = {
            let numbers = self.numbers.borrow();
            numbers.texts.len() == count && numbers.row == row
        };
        if !is_known {
            let made = self.asked(|| looks::line_numbers(self.vm, count, row));
            let painted = made
                .iter()
                .map(|text| self.colours.paint(Style::InPrompt, &harmless(text)));
            let texts = painted.collect();
            *self.numbers.borrow_mut() = Numbers { texts, row };
        }
        self.numbers.borrow().texts.clone()
    }

    /// The cell in its colours, with the lines reversed that are selected.
    fn painted(&self, line: &str, position: usize) -> String {
        let painted = self.coloured(line, position);
        match self.keys.vi.selected(line, position) {
            Some(selected) => with_reversed(line, &painted, &selected),
            None => painted,
        }
    }

    fn coloured(&self, line: &str, position: usize) -> String {
        if !self.colours.enabled() || line.len() > COLOURED_BYTES_MAX {
            return harmless(line).into_owned();
        }
        let tokens = highlight::tokens(line);
        let brackets = self
            .marks_brackets
            .get()
            .then(|| brackets_at(line, &tokens, position))
            .flatten();
        paint(self.colours, line, &tokens, brackets)
    }

    /// What stands behind the cell as it is.
    fn suggestion(&self, line: &str, position: usize) -> String {
        let suggested = self.suggested.borrow();
        let shown = suggested
            .as_ref()
            .filter(|(typed, _)| !self.is_entered.get() && position == line.len() && typed == line);
        shown.map_or_else(String::new, |(_, shown)| {
            self.colours.paint(Style::Quiet, &harmless(shown))
        })
    }

    /// What is listed below the cell, once.
    fn listed(&self) -> Vec<String> {
        let mut choices = self.choices.borrow_mut();
        if !std::mem::take(&mut choices.1) {
            return Vec::new();
        }
        let rows = choices::rows(&choices.0, Size::of(libc::STDOUT_FILENO).columns);
        rows.iter().map(|row| harmless(row).into_owned()).collect()
    }

    /// The text as it was last shown, before the cursor and after it.
    pub fn seen(&self) -> (String, String) {
        let seen = self.seen.borrow();
        let (before, after) = seen.0.split_at_checked(seen.1).unwrap_or((&seen.0, ""));
        (before.to_owned(), after.to_owned())
    }
}

/// Prompts of a person's own, made for a mode of vi.
struct Remade {
    mode: &'static str,
    prompt: String,
    further: String,
}

/// What stands before the prompt of each line, with the cursor in the line of this index.
#[derive(Default)]
struct Numbers {
    texts: Vec<String>,
    row: usize,
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
        let found = self.asked(|| completion::complete(self.vm, self.namespace, line, position));
        let typed = line.get(found.start..position).unwrap_or_default();
        let offered = choices::offered(found.matches, typed, Size::of(libc::STDOUT_FILENO));
        *self.choices.borrow_mut() = (offered.clone(), false);
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
        *self.suggested.borrow_mut() = None;
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
        *self.suggested.borrow_mut() = Some((line.to_owned(), shown.clone()));
        Some(Suggestion { whole, shown })
    }
}

impl Highlighter for CellHelper<'_> {
    fn highlight<'l>(&self, line: &'l str, position: usize) -> Cow<'l, str> {
        self.vm.attach_for_callback(|| {
            signals::run_handlers(self.vm, self.keys.view.take_wake());
        });
        let (prompt, search) = self.prompt.borrow().clone();
        let before = line.get(..position).unwrap_or(line);
        let suggestion = match search {
            None => self.suggestion(line, position),
            Some(_) => String::new(),
        };
        self.keys.view.draw(CellText {
            prompt,
            search,
            further: self.further_now(),
            numbers: self.numbers(line, before),
            text: self.painted(line, position),
            cursor: before.chars().count(),
            suggestion,
            below: self.listed(),
        });
        Cow::Borrowed("")
    }

    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(
        &'s self,
        prompt: &'p str,
        is_own: bool,
    ) -> Cow<'b, str> {
        // Another is shown while one searches, with what is searched for.
        self.keys.is_searching.store(!is_own, Ordering::Relaxed);
        let own = is_own.then(|| match looks::tell_vi_mode() {
            true => self.prompt_in_mode(prompt),
            false => prompt.to_owned(),
        });
        let mut prompts = self.prompt.borrow_mut();
        prompts.1 = (!is_own).then(|| harmless(prompt).into_owned());
        if let Some(own) = own {
            prompts.0 = own;
        }
        Cow::Borrowed("")
    }

    fn highlight_hint<'h>(&self, _: &'h str) -> Cow<'h, str> {
        Cow::Borrowed("")
    }

    fn highlight_candidate<'c>(&self, _: &'c str, _: CompletionType) -> Cow<'c, str> {
        self.choices.borrow_mut().1 = true;
        Cow::Borrowed("")
    }

    /// Says what is shown next; it is always shown by what is above.
    fn highlight_char(&self, line: &str, position: usize, kind: CmdKind) -> bool {
        let is_entered = kind == CmdKind::ForcedRefresh;
        self.is_entered.set(is_entered);
        let may_mark = self.has_bracket_marks && self.colours.enabled();
        self.marks_brackets
            .set(!is_entered && may_mark && touches_bracket(line, position));
        true
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

/// The painted cell with some of its lines reversed, in place of their colours.
fn with_reversed(cell: &str, painted: &str, reversed: &Range<usize>) -> String {
    let mut start = 0;
    let mut lines = Vec::new();
    for (line, painted) in cell.split('\n').zip(painted.split('\n')) {
        let is_reversed = reversed.start <= start && start <= reversed.end;
        lines.push(match is_reversed {
            true => Cow::Owned(format!("\x1b[7m{}\x1b[0m", harmless(line))),
            false => Cow::Borrowed(painted),
        });
        start += line.len() + 1;
    }
    lines.join("\n")
}

/// Text as it may go to a terminal: what a paste has of control characters would do there what it
/// pleases, and show something else than what is run.
fn harmless(text: &str) -> Cow<'_, str> {
    let is_control = |character: char| character.is_control() && !"\n\t".contains(character);
    if !text.contains(is_control) {
        return Cow::Borrowed(text);
    }
    let stand_in = |character: char| match character {
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
    fn selected_lines_are_reversed() {
        let cell = "one\n\n'two'\nthree";
        let shown = |range| with_reversed(cell, &painted(true, cell), &range);
        assert_eq!(
            shown(0..4),
            "\x1b[7mone\x1b[0m\n\x1b[7m\x1b[0m\n\x1b[33m'two'\x1b[0m\nthree"
        );
        assert_eq!(shown(5..10), "one\n\n\x1b[7m'two'\x1b[0m\nthree");
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
