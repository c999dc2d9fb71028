//! Puts the rows of a cell on a terminal, and changes no more of it than differs.
//!
//! It knows what it has put there and where the cursor is, and gives the escape codes that lead on from
//! there; [`super`] writes them. All moves are relative: nobody knows in which line of the terminal a
//! cell begins. Of a cell that is taller than the terminal it shows the part around the cursor; when the
//! cell is entered, all of it is written.

use std::borrow::Cow;
use std::fmt::Write;

use rustyline::GraphemeClusterMode;

use super::layout::{CellText, Extent, Layout, Row};
use crate::shell::terminal::Size;

/// Has a terminal that knows them show all changes between these two at once.
const BEGIN: &str = "\x1b[?2026h";
const END: &str = "\x1b[?2026l";

pub struct Painter {
    mode: GraphemeClusterMode,
    /// The rows that are on the terminal, if any are.
    shown: Vec<Row>,
    /// The row of these that the cursor is in, and the column; none where a full row leaves it open.
    row: usize,
    column: Option<usize>,
    /// The first row of the cell that is shown.
    top: usize,
}

impl Painter {
    /// Begins with a cursor in the first column of a line with nothing in it or below it.
    pub fn new(mode: GraphemeClusterMode) -> Self {
        Self {
            mode,
            shown: Vec::new(),
            row: 0,
            column: Some(0),
            top: 0,
        }
    }

    /// Shows the cell as it is now.
    pub fn draw(&mut self, cell: &CellText, size: Size) -> String {
        let layout = Layout::new(size.columns, self.mode);
        let (cell, extent) = with_search_seen(cell, layout, size);
        let below_count = cell.below.len().min(size.rows.saturating_sub(1));
        let room = (size.rows - below_count).max(1);
        let height = extent.rows.min(room);
        self.top = part_with_cursor(self.top, height, extent);
        let mut rows = layout.rows(&cell, self.top..self.top + height);
        let below = cell.below.iter().take(below_count);
        rows.extend(below.map(|line| layout.cut(line)));
        let (row, column) = extent.cursor;
        self.change_to(rows, (row - self.top, column), size)
    }

    /// Shows all of the cell, without what isn't part of it, and leaves the cursor below it. What is drawn
    /// next begins there.
    pub fn finish(&mut self, cell: &CellText, size: Size) -> String {
        let cell = CellText {
            search: None,
            suggestion: String::new(),
            below: Vec::new(),
            ..cell.clone()
        };
        let layout = Layout::new(size.columns, self.mode);
        let extent = layout.extent(&cell);
        let mut codes;
        if extent.rows <= size.rows {
            codes = self.draw(&cell, size);
            self.move_to_row(extent.rows - 1, &mut codes);
        } else {
            codes = self.erased();
            for (index, row) in layout.rows(&cell, 0..extent.rows).iter().enumerate() {
                if index > 0 {
                    codes.push_str("\r\n");
                }
                codes.push_str(&row.text);
            }
        }
        codes.push_str("\r\n");
        *self = Self::new(self.mode);
        codes
    }

    /// Shows text above the cell, which goes on as it is below it.
    pub fn above(&mut self, text: &str) -> String {
        let (rows, row, column) = (std::mem::take(&mut self.shown), self.row, self.column);
        let mut codes = format!("{BEGIN}{}{text}\x1b[0m", self.erased_to(row));
        if !text.ends_with('\n') {
            codes.push_str("\r\n");
        }
        self.row = 0;
        self.column = Some(0);
        self.put_rows(rows, &mut codes);
        self.move_to(row, column.unwrap_or(0), &mut codes);
        codes.push_str(END);
        codes
    }

    /// Draws all anew, where the terminal has become another size.
    pub fn redraw(&mut self, cell: &CellText, size: Size) -> String {
        let erased = self.erased();
        erased + &self.draw(cell, size)
    }

    /// How many rows of the cell are below that of the cursor.
    pub fn rows_below(&self) -> usize {
        self.shown.len().saturating_sub(self.row + 1)
    }

    /// Forgets what is on the terminal: the cursor is in the first column of an empty line.
    pub fn forget(&mut self) {
        self.shown.clear();
        self.row = 0;
        self.column = Some(0);
    }

    /// Leaves the cell where it is, and the cursor in the line below it.
    pub fn leave(&mut self) -> String {
        let mut codes = String::new();
        self.move_to_row(self.shown.len().saturating_sub(1), &mut codes);
        codes.push_str("\r\n");
        self.forget();
        codes
    }

    fn erased(&mut self) -> String {
        let codes = self.erased_to(self.row);
        self.forget();
        codes
    }

    fn erased_to(&self, row: usize) -> String {
        let up = if row > 0 {
            format!("\x1b[{row}A")
        } else {
            String::new()
        };
        format!("\r{up}\x1b[J")
    }

    fn change_to(&mut self, rows: Vec<Row>, cursor: (usize, usize), size: Size) -> String {
        let mut codes = String::new();
        let mut changed = 0;
        for (index, row) in rows.iter().enumerate() {
            let old = self.shown.get(index);
            if old == Some(row) {
                continue;
            }
            changed += 1;
            let at_its_end =
                old.is_some_and(|old| self.row == index && self.column == Some(old.width));
            let added = old.and_then(|old| row.text.strip_prefix(old.text.as_str()));
            if let Some(added) = added.filter(|_| at_its_end) {
                codes.push_str(added);
            } else {
                self.move_to_row(index, &mut codes);
                codes.push('\r');
                codes.push_str(&row.text);
                if row.width < size.columns {
                    codes.push_str("\x1b[K");
                }
            }
            self.column = (row.width < size.columns).then_some(row.width);
            match self.shown.get_mut(index) {
                Some(old) => old.clone_from(row),
                None => self.shown.push(row.clone()),
            }
        }
        if rows.len() < self.shown.len() {
            changed += 1;
            self.move_to_row(rows.len(), &mut codes);
            codes.push_str("\r\x1b[J");
            self.column = Some(0);
            self.shown.truncate(rows.len());
        }
        self.move_to(cursor.0, cursor.1, &mut codes);
        if changed > 1 {
            codes = format!("{BEGIN}{codes}{END}");
        }
        codes
    }

    /// Writes rows below each other, from the first column of an empty line on.
    fn put_rows(&mut self, rows: Vec<Row>, codes: &mut String) {
        for (index, row) in rows.iter().enumerate() {
            if index > 0 {
                codes.push_str("\r\n");
            }
            codes.push_str(&row.text);
            self.row = index;
        }
        self.column = None;
        self.shown = rows;
    }

    fn move_to(&mut self, row: usize, column: usize, codes: &mut String) {
        self.move_to_row(row, codes);
        if self.column != Some(column) {
            codes.push('\r');
            if column > 0 {
                let _ = write!(codes, "\x1b[{column}C");
            }
            self.column = Some(column);
        }
    }

    /// Moves to a row, into one that isn't there yet by line feeds: they make room for it. Where this takes
    /// the cursor to another row, only the first column of it is known to be right.
    fn move_to_row(&mut self, row: usize, codes: &mut String) {
        if row < self.row {
            let _ = write!(codes, "\x1b[{}A", self.row - row);
        } else if row > self.row {
            let last = self.shown.len().saturating_sub(1);
            let down = row.min(last).saturating_sub(self.row);
            if down > 0 {
                let _ = write!(codes, "\x1b[{down}B");
            }
            for _ in self.row + down..row {
                codes.push_str("\r\n");
                self.column = Some(0);
            }
        }
        self.row = row;
    }
}

/// The cell as it is shown: what is searched for stands below one that is too tall to be seen whole.
fn with_search_seen(cell: &CellText, layout: Layout, size: Size) -> (Cow<'_, CellText>, Extent) {
    let extent = layout.extent(cell);
    let search = cell.search.as_ref();
    let Some(search) = search.filter(|_| extent.rows > size.rows) else {
        return (Cow::Borrowed(cell), extent);
    };
    let cell = CellText {
        search: None,
        below: vec![search.clone()],
        ..cell.clone()
    };
    let extent = layout.extent(&cell);
    (Cow::Owned(cell), extent)
}

/// The first of the rows that are shown, so many of them that the cursor is among them.
fn part_with_cursor(top: usize, height: usize, extent: Extent) -> usize {
    let (row, _) = extent.cursor;
    let top = top.min(extent.rows - height);
    top.clamp((row + 1).saturating_sub(height), row)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A terminal as far as a painter uses it.
    struct Terminal {
        size: Size,
        lines: Vec<String>,
        row: usize,
        column: usize,
        /// What has been scrolled out of it.
        gone: Vec<String>,
    }

    impl Terminal {
        fn new(size: Size) -> Self {
            Self {
                size,
                lines: vec![String::new(); size.rows],
                row: 0,
                column: 0,
                gone: Vec::new(),
            }
        }

        fn take(&mut self, codes: &str) {
            let mut rest = codes.chars();
            while let Some(character) = rest.next() {
                match character {
                    '\r' => self.column = 0,
                    '\n' => self.feed(),
                    '\x1b' => {
                        assert_eq!(rest.next(), Some('['));
                        let mut number = String::new();
                        let end = loop {
                            let next = rest.next().expect("a code ends");
                            if next.is_ascii_alphabetic() {
                                break next;
                            }
                            number.push(next);
                        };
                        self.code(&number, end);
                    }
                    letter => self.put(letter),
                }
            }
        }

        fn code(&mut self, number: &str, end: char) {
            let count = || number.parse::<usize>().expect("it has a number");
            match end {
                'A' => {
                    self.row = self
                        .row
                        .checked_sub(count())
                        .expect("it stays on the screen")
                }
                'B' => {
                    self.row += count();
                    assert!(self.row < self.size.rows, "it stays on the screen");
                }
                'C' => {
                    self.column += count();
                    assert!(self.column < self.size.columns, "it stays on the screen");
                }
                'K' => self.lines[self.row].truncate(self.column),
                'J' => {
                    self.lines[self.row].truncate(self.column);
                    self.lines[self.row + 1..]
                        .iter_mut()
                        .for_each(String::clear);
                }
                'm' => assert!(["0", "1"].contains(&number)),
                'h' | 'l' => assert_eq!(number, "?2026"),
                other => panic!("{other:?} isn't known"),
            }
        }

        fn put(&mut self, letter: char) {
            assert!(
                self.column < self.size.columns,
                "rows don't wrap by themselves"
            );
            let line = &mut self.lines[self.row];
            while line.len() <= self.column {
                line.push(' ');
            }
            line.replace_range(self.column..=self.column, &letter.to_string());
            self.column += 1;
        }

        fn feed(&mut self) {
            if self.row + 1 < self.size.rows {
                self.row += 1;
            } else {
                self.gone.push(self.lines.remove(0));
                self.lines.push(String::new());
            }
        }

        fn text(&self) -> Vec<String> {
            let lines = self.lines.iter().map(|line| line.trim_end().to_owned());
            lines.collect()
        }
    }

    const SIZE: Size = Size {
        rows: 6,
        columns: 20,
    };

    fn cell(text: &str, cursor: usize) -> CellText {
        CellText {
            prompt: "> ".to_owned(),
            further: ". ".to_owned(),
            cursor,
            ..CellText::from(text)
        }
    }

    fn painter() -> Painter {
        Painter::new(GraphemeClusterMode::WcWidth)
    }

    fn lines(lines: &[&str]) -> Vec<String> {
        let mut lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        lines.resize(SIZE.rows, String::new());
        lines
    }

    #[test]
    fn a_letter_more_is_no_more_than_that_letter() {
        let (mut painter, mut terminal) = (painter(), Terminal::new(SIZE));
        terminal.take(&painter.draw(&cell("a", 1), SIZE));
        let codes = painter.draw(&cell("ab", 2), SIZE);
        assert_eq!(codes, "b");
        terminal.take(&codes);
        assert_eq!(painter.draw(&cell("ab", 1), SIZE), "\r\x1b[3C");
        assert_eq!(painter.draw(&cell("ab", 1), SIZE), "");
        assert_eq!(terminal.text(), lines(&["> ab"]));
    }

    #[test]
    fn what_differs_is_changed() {
        let (mut painter, mut terminal) = (painter(), Terminal::new(SIZE));
        terminal.take(&painter.draw(&cell("one\ntwo\nthree", 13), SIZE));
        assert_eq!(terminal.text(), lines(&["> one", ". two", ". three"]));
        assert_eq!((terminal.row, terminal.column), (2, 7));
        let codes = painter.draw(&cell("one\nt\nthree", 5), SIZE);
        assert!(
            !codes.contains("one") && !codes.contains("three"),
            "{codes:?}"
        );
        terminal.take(&codes);
        assert_eq!(terminal.text(), lines(&["> one", ". t", ". three"]));
        assert_eq!((terminal.row, terminal.column), (1, 3));
        let listed = CellText {
            below: vec!["a b c".to_owned(), "x".repeat(40)],
            ..cell("one", 3)
        };
        terminal.take(&painter.draw(&listed, SIZE));
        assert_eq!(terminal.text(), lines(&["> one", "a b c", &"x".repeat(20)]));
        terminal.take(&painter.draw(&cell("one", 3), SIZE));
        assert_eq!(terminal.text(), lines(&["> one"]));
    }

    #[test]
    fn text_goes_above_the_cell() {
        let (mut painter, mut terminal) = (painter(), Terminal::new(SIZE));
        terminal.take(&painter.draw(&cell("one\ntwo", 2), SIZE));
        terminal.take(&painter.above("first\r\n"));
        terminal.take(&painter.above("second"));
        assert_eq!(
            terminal.text(),
            lines(&["first", "second", "> one", ". two"])
        );
        assert_eq!((terminal.row, terminal.column), (2, 4));
        terminal.take(&painter.above("third\r\n4\r\n5\r\n"));
        assert_eq!(
            terminal.text(),
            ["second", "third", "4", "5", "> one", ". two"]
        );
        assert_eq!(terminal.gone, ["first"]);
    }

    #[test]
    fn a_cell_taller_than_the_terminal_is_seen_around_the_cursor_and_written_whole() {
        let (mut painter, mut terminal) = (painter(), Terminal::new(SIZE));
        terminal.take("before\r\n");
        let text: Vec<String> = (0..10).map(|line| format!("line{line}")).collect();
        let text = text.join("\n");
        terminal.take(&painter.draw(&cell(&text, text.len()), SIZE));
        let shown = |first: usize| -> Vec<String> {
            let prompt = |line| if line == 0 { ">" } else { "." };
            let lines = first..first + SIZE.rows;
            lines
                .map(|line| format!("{} line{line}", prompt(line)))
                .collect()
        };
        assert_eq!(terminal.text(), shown(4));
        assert_eq!(terminal.gone, ["before"]);
        // Six characters a line: the fifth line, and the second.
        terminal.take(&painter.draw(&cell(&text, 4 * 6), SIZE));
        assert_eq!(terminal.text(), shown(4));
        terminal.take(&painter.draw(&cell(&text, 6), SIZE));
        assert_eq!((terminal.text(), terminal.row), (shown(1), 0));
        terminal.take(&painter.above("above\r\n"));
        assert_eq!(terminal.text(), shown(1));
        terminal.take(&painter.finish(&cell(&text, 6), SIZE));
        let all: Vec<String> = terminal.gone.into_iter().chain(terminal.lines).collect();
        let all: Vec<&str> = all.iter().map(|line| line.trim_end()).collect();
        let whole: Vec<String> = shown(0).into_iter().chain(shown(4).split_off(2)).collect();
        assert_eq!(all[..2], ["before", "above"]);
        assert_eq!(all[2..12], whole);
        assert_eq!(all[12..], [""]);
    }

    #[test]
    fn what_is_searched_for_is_seen_beside_a_tall_cell_too() {
        let (mut painter, mut terminal) = (painter(), Terminal::new(SIZE));
        let searched = |text: &str| CellText {
            search: Some("search: ".to_owned()),
            ..cell(text, 0)
        };
        terminal.take(&painter.draw(&searched("a\nb"), SIZE));
        assert_eq!(terminal.text(), lines(&["search: a", ". b"]));
        terminal.take(&painter.draw(&searched("a\nb\nc\nd\ne\nf\ng"), SIZE));
        assert_eq!(
            terminal.text(),
            ["> a", ". b", ". c", ". d", ". e", "search:"]
        );
        assert_eq!((terminal.row, painter.rows_below()), (0, 5));
        terminal.take(&painter.finish(&searched("a"), SIZE));
        assert_eq!(terminal.text(), lines(&["> a"]));
    }

    #[test]
    fn what_is_no_part_of_the_cell_goes_when_it_is_entered() {
        let (mut painter, mut terminal) = (painter(), Terminal::new(SIZE));
        let suggested = CellText {
            suggestion: "b and more".to_owned(),
            below: vec!["list".to_owned()],
            ..cell("a", 1)
        };
        terminal.take(&painter.draw(&suggested, SIZE));
        assert_eq!(terminal.text(), lines(&["> ab and more", "list"]));
        terminal.take(&painter.finish(&suggested, SIZE));
        assert_eq!(terminal.text(), lines(&["> a"]));
        assert_eq!((terminal.row, terminal.column), (1, 0));
        terminal.take(&painter.draw(&cell("next", 4), SIZE));
        terminal.take(&painter.leave());
        assert_eq!(terminal.text(), lines(&["> a", "> next"]));
        assert_eq!((terminal.row, terminal.column), (2, 0));
    }

    /// Cells one after the other, each shown by what differs from the one before and by nothing else.
    #[test]
    fn changes_lead_to_what_drawing_anew_does() {
        let mut state = 7_u64;
        let mut random = move |below: usize| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            ((state >> 33) as usize) % below
        };
        let (mut painter, mut terminal) = (painter(), Terminal::new(SIZE));
        for step in 0..5_000 {
            let text: String = (0..random(60))
                .map(|_| if random(9) == 0 { '\n' } else { 'x' })
                .collect();
            let cursor = random(text.len() + 1);
            let cell = CellText {
                suggestion: "s".repeat(random(30) * random(2)),
                below: vec!["below".to_owned(); random(3) * random(2)],
                ..cell(&text, cursor)
            };
            if random(20) == 0 {
                terminal.take(&painter.above("above\r\n"));
            }
            terminal.take(&painter.draw(&cell, SIZE));
            let mut fresh = Painter::new(GraphemeClusterMode::WcWidth);
            fresh.top = painter.top;
            let mut anew = Terminal::new(SIZE);
            anew.take(&fresh.draw(&cell, SIZE));
            let first = terminal.row - anew.row;
            let mut shown = terminal.text().split_off(first);
            shown.resize(SIZE.rows, String::new());
            assert_eq!(shown, anew.text(), "step {step}: {cell:?}");
            assert_eq!(terminal.column, anew.column, "step {step}: {cell:?}");
            if random(10) == 0 {
                terminal.take(&painter.finish(&cell, SIZE));
            }
        }
    }
}
