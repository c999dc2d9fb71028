//! Levels of indentation: what Tab adds, and what Backspace and Shift-Tab take.
//!
//! Decisions from a cell and its cursor. Which keys ask is in [`super::keys`]; how far in a new line
//! begins is the interpreter's to say.

use super::rewrite::Edited;

/// The columns of one level.
pub const INDENT: usize = 4;

/// How many columns Tab inserts, or `None` where it completes.
pub fn columns_to_level(cell: &str, position: usize) -> Option<usize> {
    let line = cell[..position].rsplit('\n').next().unwrap_or_default();
    let blank = line.chars().all(|character| character == ' ');
    blank.then(|| INDENT - line.len() % INDENT)
}

/// The cell without the level of indentation before the cursor: what Backspace takes where it stands
/// behind whole levels, and not one character.
pub fn without_level_before(cell: &str, position: usize) -> Option<Edited> {
    let (before, after) = cell.split_at(position);
    let line = before.rsplit('\n').next().unwrap_or_default();
    let blank = !line.is_empty() && line.chars().all(|character| character == ' ');
    if !blank || !line.len().is_multiple_of(INDENT) {
        return None;
    }
    let left = &before[..position - INDENT];
    Some(Edited {
        text: format!("{left}{after}"),
        cursor: left.len(),
    })
}

/// The cell with the line of the cursor a level further out. The cursor stays at its letter.
pub fn dedented(cell: &str, position: usize) -> Edited {
    let start = cell[..position].rfind('\n').map_or(0, |end| end + 1);
    let line = &cell[start..];
    let indent = &line[..line.len() - line.trim_start_matches([' ', '\t']).len()];
    let spaces = indent.len() - indent.trim_end_matches(' ').len();
    let taken = match spaces.checked_sub(1) {
        Some(others) => others % INDENT + 1,
        // A tab is a level.
        None => indent.len().min(1),
    };
    let indented_to = start + indent.len();
    let left = indented_to - taken;
    Edited {
        text: format!("{}{}", &cell[..left], &cell[indented_to..]),
        cursor: match position < indented_to {
            true => position.min(left),
            false => position - taken,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tab_indents_only_where_nothing_can_be_completed() {
        assert_eq!(columns_to_level("", 0), Some(4));
        assert_eq!(columns_to_level("if x:\n  ", 8), Some(2));
        assert_eq!(columns_to_level("x = ma", 6), None);
    }

    fn edited(text: &str, cursor: usize) -> Edited {
        Edited {
            text: text.to_owned(),
            cursor,
        }
    }

    #[test]
    fn backspace_takes_a_level_of_indentation() {
        let taken = without_level_before;
        let deep = "if x:\n        y\nz";
        assert_eq!(taken(deep, 14), Some(edited("if x:\n    y\nz", 10)));
        assert_eq!(taken(deep, 10), Some(edited("if x:\n    y\nz", 6)));
        assert_eq!(taken("    ", 4), Some(edited("", 0)));
        assert_eq!(taken("if x:\n      ", 12), None);
        assert_eq!(taken("if x:\n", 6), None);
        assert_eq!(taken("abcd", 4), None);
    }

    #[test]
    fn a_line_goes_a_level_out_and_the_cursor_stays_at_its_letter() {
        let cell = "if x:\n        abc\n    d";
        assert_eq!(dedented(cell, 16), edited("if x:\n    abc\n    d", 12));
        assert_eq!(dedented(cell, 14), edited("if x:\n    abc\n    d", 10));
        assert_eq!(dedented(cell, 13), edited("if x:\n    abc\n    d", 10));
        assert_eq!(dedented(cell, 7), edited("if x:\n    abc\n    d", 7));
        assert_eq!(dedented(cell, 23), edited("if x:\n        abc\nd", 19));
        assert_eq!(dedented(cell, 2), edited(cell, 2));
        assert_eq!(dedented("      a", 7), edited("    a", 5));
        assert_eq!(dedented("\t\ta", 3), edited("\ta", 2));
        assert_eq!(dedented("é", 2), edited("é", 2));
    }
}
