//! Completions as they are offered: as many as fit on the screen, and how many more there are.
//!
//! rustyline asks before it shows a long list, and again for each page, and then hears no key but those
//! that answer: a list that fits never asks. What there is to complete is found elsewhere.

use rustyline::GraphemeClusterMode;
use rustyline::completion::Candidate;

use super::terminal::Size;

/// What one of them has beside it, in columns.
const GAP: usize = 2;
/// Rows that stay for what is typed.
const ROWS_KEPT: usize = 2;

/// How many of texts of these widths fit, from the first on, beside one of this width.
fn room_for(screen: Size, widths: impl Iterator<Item = usize>, beside: usize) -> usize {
    let rows = screen.rows.saturating_sub(ROWS_KEPT).max(1);
    let mut widest = beside;
    let fit = widths.enumerate().take_while(|(index, width)| {
        widest = widest.max(*width);
        *index < columns_beside(screen.columns, widest) * rows
    });
    fit.count()
}

/// One of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// What the word becomes.
    text: String,
    /// What is shown, if that is something else.
    shown: Option<String>,
}

impl Choice {
    fn new(text: String) -> Self {
        Self { text, shown: None }
    }
}

impl Candidate for Choice {
    fn display(&self) -> &str {
        self.shown.as_deref().unwrap_or(&self.text)
    }

    fn replacement(&self) -> &str {
        &self.text
    }
}

/// Returns what is offered for a word of which `typed` is there.
pub fn offered(mut found: Vec<String>, typed: &str, screen: Size) -> Vec<Choice> {
    let mode = GraphemeClusterMode::from_env();
    let widths = || found.iter().map(|text| usize::from(mode.width(text)));
    let count = found.len();
    if room_for(screen, widths(), 0) == count {
        return found.into_iter().map(Choice::new).collect();
    }
    let common = common_start(&found);
    if common.len() > typed.len() {
        // As far as all of them go; what there is then is shown by the next Tab.
        return vec![Choice::new(common)];
    }
    let room = room_for(screen, widths(), how_many_more(count).chars().count());
    found.truncate(room - 1);
    let more = how_many_more(count - found.len());
    let mut choices: Vec<_> = found.into_iter().map(Choice::new).collect();
    choices.push(Choice {
        text: common,
        shown: Some(more),
    });
    choices
}

/// What stands for those that don't fit.
fn how_many_more(count: usize) -> String {
    format!("… {count} more")
}

/// The choices in columns below each other, as rows of a terminal that has so many columns.
pub fn rows(choices: &[Choice], columns: usize) -> Vec<String> {
    let mode = GraphemeClusterMode::from_env();
    let width = |choice: &Choice| usize::from(mode.width(choice.display()));
    let widest = choices.iter().map(width).max().unwrap_or_default();
    let row_count = choices.len().div_ceil(columns_beside(columns, widest));
    let row = |row: usize| {
        let mut text = String::new();
        let mut end = 0;
        for (index, choice) in choices.iter().skip(row).step_by(row_count).enumerate() {
            let start = index * (widest + GAP);
            text.extend(std::iter::repeat_n(' ', start - end));
            text.push_str(choice.display());
            end = start + width(choice);
        }
        text
    };
    (0..row_count).map(row).collect()
}

/// How many texts stand beside each other, the widest of which takes so many columns.
fn columns_beside(columns: usize, widest: usize) -> usize {
    // Behind the last of a row there is no gap.
    ((columns + GAP) / (widest + GAP)).max(1)
}

fn common_start(texts: &[String]) -> String {
    let Some((first, others)) = texts.split_first() else {
        return String::new();
    };
    let mut common = first.as_str();
    for text in others {
        let same = common.chars().zip(text.chars());
        let length: usize = same
            .take_while(|(one, other)| one == other)
            .map(|(one, _)| one.len_utf8())
            .sum();
        common = &common[..length];
    }
    common.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCREEN: Size = Size {
        columns: 40,
        rows: 6,
    };

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    fn numbered(start: &str, count: usize) -> Vec<String> {
        (0..count)
            .map(|number| format!("{start}{number:04}"))
            .collect()
    }

    #[test]
    fn what_fits_is_offered_as_it_is() {
        let choices = offered(texts(&["abs", "all"]), "a", SCREEN);
        let shown: Vec<_> = choices.iter().map(Candidate::display).collect();
        assert_eq!(shown, ["abs", "all"]);
        assert_eq!(offered(Vec::new(), "a", SCREEN), []);
        // Eight characters and a gap: four in a row, in four rows.
        assert_eq!(offered(numbered("name", 16), "name", SCREEN).len(), 16);
    }

    #[test]
    fn rows_are_filled_column_by_column() {
        let choices = offered(texts(&["abs", "all", "any", "ascii", "é"]), "", SCREEN);
        assert_eq!(rows(&choices, 14), ["abs    ascii", "all    é", "any"]);
        assert_eq!(rows(&choices, 3), ["abs", "all", "any", "ascii", "é"]);
        assert_eq!(rows(&[], 10), [""; 0]);
    }

    #[test]
    fn what_does_not_fit_is_counted() {
        let choices = offered(numbered("name", 17), "name00", SCREEN);
        assert_eq!(choices.len(), 12, "what says how many more is wider");
        assert_eq!(choices[11].display(), "… 6 more");
        assert_eq!(choices[11].replacement(), "name00");
        let narrow = Size {
            columns: 5,
            rows: 1,
        };
        let choices = offered(numbered("é", 9), "", narrow);
        assert_eq!(choices[0].display(), "é000");
        assert_eq!(choices.len(), 1, "it goes as far as all of them do");
        let choices = offered(numbered("é", 9), "é000", narrow);
        assert_eq!(choices[0].display(), "… 9 more");
        // One that is long and isn't shown takes no room, and wide letters take theirs.
        let mut found = numbered("name", 16);
        found.push("long".repeat(9));
        assert_eq!(offered(found, "", SCREEN).len(), 12);
        let choices = offered(numbered("語語", 20), "語語00", SCREEN);
        assert_eq!(rows(&choices, SCREEN.columns).len(), 3);
    }

    #[test]
    fn a_common_start_is_whole_characters() {
        assert_eq!(common_start(&texts(&["naïve", "naïf"])), "naï");
        assert_eq!(common_start(&texts(&["α", "β"])), "");
    }
}
