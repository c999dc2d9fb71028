//! Where each letter of a cell stands: prompts, lines that are wider than the terminal, the cursor.
//!
//! Text in, rows out, without a terminal: [`super::painter`] puts rows on one. A row is as many letters
//! as the terminal has room for in one of its lines, with the prompt or the blanks before them. Of a
//! cell that is taller than the terminal only those rows are made that are asked for.

use std::ops::Range;

use rustyline::GraphemeClusterMode;
use unicode_segmentation::UnicodeSegmentation;

use crate::shell::indentation::INDENT;

/// Further lines have their prompt where as many columns are left beside it.
const COLUMNS_BESIDE_PROMPT: usize = 8;

/// Ends all colours.
const PLAIN: &str = "\x1b[0m";

/// A cell as it is edited. Its texts may have escape codes for colours.
#[derive(Clone, Debug, Default)]
pub struct CellText {
    /// What stands before the first line. Of several lines of it, the last one does.
    pub prompt: String,
    /// What stands there in place of it, with what is searched for.
    pub search: Option<String>,
    /// What stands before each further line.
    pub further: String,
    /// What stands before the prompt of each line; nothing where there are none.
    pub numbers: Vec<String>,
    pub text: String,
    /// The place of the cursor in the text, in characters without those of escape codes.
    pub cursor: usize,
    /// What stands behind the text and isn't part of it.
    pub suggestion: String,
    /// Lines below it, cut where they are too long.
    pub below: Vec<String>,
}

impl CellText {
    /// What stands before the prompt of the line of this index.
    fn number(&self, line: usize) -> &str {
        self.numbers.get(line).map_or("", String::as_str)
    }
}

/// A line of the terminal. Its colours end with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    pub text: String,
    /// How many columns it takes.
    pub width: usize,
}

/// How a cell fills rows of so many columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    pub rows: usize,
    /// The row and the column of the cursor.
    pub cursor: (usize, usize),
}

/// Lays cells out for one width of the terminal.
#[derive(Clone, Copy)]
pub struct Layout {
    columns: usize,
    /// How wide the terminal makes letters of several characters.
    mode: GraphemeClusterMode,
}

impl Layout {
    pub fn new(columns: usize, mode: GraphemeClusterMode) -> Self {
        // A letter may take two columns.
        let columns = columns.max(2);
        Self { columns, mode }
    }

    /// How many rows the cell takes, and where its cursor is.
    pub fn extent(self, cell: &CellText) -> Extent {
        let flow = self.flow(cell, 0..0);
        Extent {
            rows: flow.row + 1,
            cursor: flow.cursor,
        }
    }

    /// These rows of the cell.
    pub fn rows(self, cell: &CellText, wanted: Range<usize>) -> Vec<Row> {
        let mut flow = self.flow(cell, wanted);
        flow.end_row();
        flow.made
    }

    /// The text as one row, cut where it ends.
    pub fn cut(self, text: &str) -> Row {
        let mut rows = self.rows(&CellText::from(text), 0..1).into_iter();
        rows.next().unwrap_or_default()
    }

    fn flow(self, cell: &CellText, wanted: Range<usize>) -> Flow {
        let further = self.width(&cell.further);
        let widths = cell.numbers.iter().map(|number| self.width(number));
        let widest = further + widths.max().unwrap_or(0);
        let has_room = widest + COLUMNS_BESIDE_PROMPT <= self.columns;
        let margin = |line: usize| match has_room {
            true => self.width(cell.number(line)) + further,
            false => 0,
        };
        let mut flow = Flow::new(self, wanted, margin(0));
        flow.head(cell, has_room);
        flow.rest_to_cursor = Some(cell.cursor);
        for (index, line) in cell.text.split('\n').enumerate() {
            if index > 0 {
                flow.pass_newline();
                flow.margin = margin(index);
                match has_room {
                    true => flow.break_line(&[cell.number(index), cell.further.as_str()].concat()),
                    false => flow.break_line(""),
                }
            }
            flow.styled(line);
        }
        flow.end_text();
        flow.styled(&cell.suggestion);
        flow
    }

    /// How many columns a text takes.
    fn width(self, text: &str) -> usize {
        let endless = Self {
            columns: usize::MAX,
            ..self
        };
        let mut flow = Flow::new(endless, 0..0, 0);
        flow.styled(text);
        flow.column
    }
}

impl From<&str> for CellText {
    fn from(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            ..Self::default()
        }
    }
}

/// Text on its way into rows.
struct Flow {
    layout: Layout,
    /// The rows that are made; all others are only counted.
    wanted: Range<usize>,
    made: Vec<Row>,
    /// The row that is being filled.
    text: String,
    row: usize,
    column: usize,
    /// The columns that stay free in a row that goes on with a line.
    margin: usize,
    /// What has been said of colours since they were last ended.
    colours: String,
    /// How many characters come before the cursor, until it has been placed.
    rest_to_cursor: Option<usize>,
    cursor: (usize, usize),
}

impl Flow {
    fn new(layout: Layout, wanted: Range<usize>, margin: usize) -> Self {
        Self {
            layout,
            wanted,
            made: Vec::new(),
            text: String::new(),
            row: 0,
            column: 0,
            margin,
            colours: String::new(),
            rest_to_cursor: None,
            cursor: (0, 0),
        }
    }

    /// Writes what stands before the first line. Where it has several lines of its own, the number of the
    /// cell's is in the last.
    fn head(&mut self, cell: &CellText, has_numbers: bool) {
        let head = cell.search.as_ref().unwrap_or(&cell.prompt);
        let start = head.rfind('\n').map_or(0, |at| at + 1);
        let (above, last) = head.split_at(start);
        for line in above.split_terminator('\n') {
            self.styled(line);
            self.break_line("");
        }
        if has_numbers && cell.search.is_none() {
            self.styled(cell.number(0));
        }
        self.styled(last);
    }

    fn is_wanted(&self) -> bool {
        self.wanted.contains(&self.row)
    }

    fn write(&mut self, text: &str) {
        if self.is_wanted() {
            self.text.push_str(text);
        }
    }

    fn end_row(&mut self) {
        if self.is_wanted() {
            if !self.colours.is_empty() {
                self.text.push_str(PLAIN);
            }
            self.made.push(Row {
                text: std::mem::take(&mut self.text),
                width: self.column,
            });
        }
    }

    /// Goes on in the next row.
    fn wrap(&mut self) {
        self.end_row();
        self.row += 1;
        self.column = self.margin;
        if self.is_wanted() {
            let blanks = std::iter::repeat_n(' ', self.margin);
            self.text.extend(blanks);
            self.text.push_str(&self.colours);
        }
    }

    /// Begins a line, with a prompt of its own.
    fn break_line(&mut self, prompt: &str) {
        self.end_row();
        self.row += 1;
        self.column = 0;
        if self.is_wanted() {
            self.text.push_str(&self.colours);
        }
        let rest = self.rest_to_cursor.take();
        self.styled(prompt);
        self.rest_to_cursor = rest;
    }

    /// Writes text of one line that may have escape codes.
    fn styled(&mut self, text: &str) {
        let mut rest = text;
        while let Some(at) = rest.find('\x1b') {
            self.plain(&rest[..at]);
            let code = escape_code(&rest[at..]);
            self.escape(code);
            rest = &rest[at + code.len()..];
        }
        self.plain(rest);
    }

    /// Takes an escape code, which has no width.
    fn escape(&mut self, code: &str) {
        self.write(code);
        let colours = code
            .strip_prefix("\x1b[")
            .and_then(|code| code.strip_suffix('m'));
        match colours {
            None => {}
            Some("" | "0") => self.colours.clear(),
            Some(_) => self.colours.push_str(code),
        }
    }

    fn plain(&mut self, text: &str) {
        if text.is_ascii() {
            for at in 0..text.len() {
                self.letter(&text[at..=at]);
            }
        } else {
            for letter in text.graphemes(true) {
                self.letter(letter);
            }
        }
    }

    fn letter(&mut self, letter: &str) {
        if letter == "\t" {
            // They are as far from each other as in a file, whatever stands before the line.
            if self.column >= self.layout.columns {
                self.wrap();
            }
            let from_margin = self.column.saturating_sub(self.margin);
            let blanks = INDENT - from_margin % INDENT;
            self.pass(1);
            for _ in 0..blanks {
                self.place(" ", 1);
            }
            return;
        }
        let width = match letter.as_bytes() {
            [byte] if !byte.is_ascii_control() => 1,
            _ => usize::from(self.layout.mode.width(letter)),
        };
        if self.column + width > self.layout.columns {
            self.wrap();
        }
        self.pass(letter.chars().count());
        self.place(letter, width);
    }

    fn place(&mut self, letter: &str, width: usize) {
        if self.column + width > self.layout.columns {
            self.wrap();
        }
        self.write(letter);
        self.column += width;
    }

    /// Counts characters that are about to be placed.
    fn pass(&mut self, count: usize) {
        let Some(rest) = self.rest_to_cursor else {
            return;
        };
        self.rest_to_cursor = rest.checked_sub(count);
        if self.rest_to_cursor.is_none() {
            self.put_cursor();
        }
    }

    fn pass_newline(&mut self) {
        if self.rest_to_cursor == Some(0) {
            self.end_text();
        } else {
            self.pass(1);
        }
    }

    /// Puts the cursor here if it is nowhere before.
    fn end_text(&mut self) {
        if self.rest_to_cursor.take().is_some() {
            if self.column >= self.layout.columns {
                self.wrap();
            }
            self.put_cursor();
        }
    }

    fn put_cursor(&mut self) {
        self.cursor = (self.row, self.column);
    }
}

/// The escape code that a text begins with.
fn escape_code(text: &str) -> &str {
    let bytes = text.as_bytes();
    let end = match bytes.get(1) {
        Some(b'[') => bytes
            .iter()
            .skip(2)
            .position(|byte| (0x40..0x7f).contains(byte))
            .map(|at| at + 3),
        Some(b']') => {
            let bell = text.find('\x07').map(|at| at + 1);
            let ended = text.find("\x1b\\").map(|at| at + 2);
            match (bell, ended) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            }
        }
        Some(_) => text.char_indices().nth(2).map(|(at, _)| at),
        None => None,
    };
    &text[..end.unwrap_or(text.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(text: &str, cursor: usize) -> CellText {
        CellText {
            prompt: "In [1]: ".to_owned(),
            further: "   ...: ".to_owned(),
            cursor,
            ..CellText::from(text)
        }
    }

    fn layout(columns: usize) -> Layout {
        Layout::new(columns, GraphemeClusterMode::WcWidth)
    }

    fn shown(layout: Layout, cell: &CellText) -> (Vec<String>, (usize, usize)) {
        let extent = layout.extent(cell);
        let rows = layout.rows(cell, 0..usize::MAX);
        assert_eq!(rows.len(), extent.rows);
        // Whichever part is asked for, it is that of the whole.
        for start in 0..rows.len() {
            let end = (start + 2).min(rows.len());
            assert_eq!(layout.rows(cell, start..end), rows[start..end]);
        }
        let texts = rows.into_iter().map(|row| row.text).collect();
        (texts, extent.cursor)
    }

    #[test]
    fn each_line_has_its_prompt() {
        let (rows, cursor) = shown(layout(40), &cell("if x:\n    y", 11));
        assert_eq!(rows, ["In [1]: if x:", "   ...:     y"]);
        assert_eq!(cursor, (1, 13));
        let cursor = |at| shown(layout(40), &cell("if x:\n    y", at)).1;
        assert_eq!((cursor(0), cursor(5), cursor(6)), ((0, 8), (0, 13), (1, 8)));
        assert_eq!(shown(layout(40), &cell("", 0)).1, (0, 8));
        assert_eq!(shown(layout(40), &cell("\n\n", 1)).1, (1, 8));
    }

    #[test]
    fn what_is_too_wide_goes_on_beside_the_prompt() {
        let (rows, cursor) = shown(layout(20), &cell("abcdefghijklmnop\nq", 12));
        assert_eq!(rows, ["In [1]: abcdefghijkl", "        mnop", "   ...: q"]);
        assert_eq!(cursor, (1, 8));
        // At the end of a row that is full, the cursor is in the next.
        let (rows, cursor) = shown(layout(20), &cell("abcdefghijkl", 12));
        assert_eq!((rows.len(), cursor), (2, (1, 8)));
        let (rows, cursor) = shown(layout(20), &cell("abcdefghijkl\nm", 12));
        assert_eq!((rows.len(), cursor), (3, (1, 8)));
        assert_eq!(shown(layout(20), &cell("abcdefghijkl\nm", 11)).0.len(), 2);
    }

    #[test]
    fn a_narrow_terminal_has_no_further_prompts() {
        let (rows, cursor) = shown(layout(12), &cell("abcdef\ng", 8));
        assert_eq!(rows, ["In [1]: abcd", "ef", "g"]);
        assert_eq!(cursor, (2, 1));
        let (rows, cursor) = shown(layout(5), &cell("a", 1));
        assert_eq!(
            (rows, cursor),
            (vec!["In [1".to_owned(), "]: a".to_owned()], (1, 4))
        );
    }

    #[test]
    fn numbers_stand_before_the_prompts() {
        let numbered = |columns: usize, cursor| {
            let cell = CellText {
                numbers: vec![" 1|".to_owned(), "\x1b[2m10|\x1b[0m".to_owned()],
                ..cell("abcdefghij\n\tk", cursor)
            };
            shown(layout(columns), &cell)
        };
        let (rows, cursor) = numbered(19, 13);
        let further = "\x1b[2m10|\x1b[0m   ...:     k";
        assert_eq!(rows, [" 1|In [1]: abcdefgh", "           ij", further]);
        assert_eq!(cursor, (2, 16));
        assert_eq!(numbered(40, 0).1, (0, 11));
        // Where there is no room for the prompts of further lines, there is none for numbers.
        assert_eq!(numbered(18, 0).0, ["In [1]: abcdefghij", "    k"]);
        let above = CellText {
            prompt: "above\n> ".to_owned(),
            numbers: vec!["1|".to_owned()],
            ..cell("a", 1)
        };
        assert_eq!(shown(layout(40), &above).0, ["above", "1|> a"]);
    }

    #[test]
    fn wide_letters_and_those_of_several_characters_stay_whole() {
        let (rows, cursor) = shown(layout(20), &cell("abcdefghijk語e\u{301}x", 13));
        assert_eq!(rows, ["In [1]: abcdefghijk", "        語e\u{301}x"]);
        assert_eq!(cursor, (1, 10), "within a letter it is before it");
        let (rows, cursor) = shown(layout(40), &cell("\tx\n a\tb", 7));
        assert_eq!(rows, ["In [1]:     x", "   ...:  a  b"]);
        assert_eq!(cursor, (1, 13));
        // Behind a row that is full, a tab begins in the next.
        let (rows, cursor) = shown(layout(20), &cell("abcdefghijkl\tm", 12));
        assert_eq!(rows, ["In [1]: abcdefghijkl", "            m"]);
        assert_eq!(cursor, (1, 8));
    }

    #[test]
    fn colours_end_with_each_row_and_go_on_in_the_next() {
        let text = "\x1b[32mabcdefghijklmn\x1b[0mo\x1b[1;2m\np";
        let (rows, cursor) = shown(layout(20), &cell(text, 14));
        assert_eq!(
            rows,
            [
                "In [1]: \x1b[32mabcdefghijkl\x1b[0m",
                "        \x1b[32mmn\x1b[0mo\x1b[1;2m\x1b[0m",
                "\x1b[1;2m   ...: p\x1b[0m",
            ]
        );
        assert_eq!(cursor, (1, 10));
        let link = CellText {
            prompt: "\x1b]8;;x\x07>\x1b]8;;\x1b\\\x1b7 ".to_owned(),
            ..cell("a", 1)
        };
        assert_eq!(shown(layout(20), &link).1, (0, 3));
    }

    #[test]
    fn a_prompt_of_several_lines_and_a_suggestion_take_their_rows() {
        let long = CellText {
            prompt: "one\ntwo> ".to_owned(),
            suggestion: "\x1b[2mghijklmnopqrs\x1b[0m".to_owned(),
            ..cell("abcdef", 6)
        };
        let (rows, cursor) = shown(layout(20), &long);
        assert_eq!(
            rows,
            [
                "one",
                "two> abcdef\x1b[2mghijklmno\x1b[0m",
                "        \x1b[2mpqrs\x1b[0m",
            ]
        );
        assert_eq!(cursor, (1, 11));
    }

    #[test]
    fn a_line_below_is_cut() {
        let row = layout(10).cut("\x1b[2mabcdefghijkl");
        assert_eq!(
            (row.text.as_str(), row.width),
            ("\x1b[2mabcdefghij\x1b[0m", 10)
        );
        assert_eq!(layout(10).cut(""), Row::default());
    }
}
