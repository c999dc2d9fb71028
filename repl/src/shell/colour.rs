//! The colours of the shell, and whether there are any.
//!
//! It follows <https://no-color.org> and a terminal that calls itself dumb. Unless the person chose
//! a theme ([`super::looks`]), the sixteen colours of the terminal are used, which follow its own.

use std::io::IsTerminal;

use super::looks;

/// Whether escape codes may be written, decided once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colours {
    enabled: bool,
}

/// How a piece of text is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    InPrompt,
    OutPrompt,
    Keyword,
    Builtin,
    Definition,
    Text,
    Number,
    Comment,
    Operator,
    Magic,
    /// One of two brackets that belong together.
    Bracket,
    Failure,
    Place,
    Quiet,
}

impl Colours {
    /// Colours where stdout is a terminal that can show them and nobody forbids them.
    pub fn from_environment() -> Self {
        let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let dumb = variable("TERM").is_none_or(|term| term == "dumb");
        Self {
            enabled: std::io::stdout().is_terminal() && !dumb && variable("NO_COLOR").is_none(),
        }
    }

    #[cfg(test)]
    pub fn with(enabled: bool) -> Self {
        Self { enabled }
    }

    pub fn enabled(self) -> bool {
        self.enabled && looks::wants_colours()
    }

    /// The text in its style, or as it is.
    pub fn paint(self, style: Style, text: &str) -> String {
        if self.enabled() && !text.is_empty() {
            let code = looks::code_of(style.name());
            let code = code.as_deref().unwrap_or_else(|| style.code());
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }

    /// The text in the style of this name, or as it is if there is none.
    pub fn paint_by_name(self, style: &str, text: &str) -> String {
        let style = Style::ALL.into_iter().find(|each| each.name() == style);
        style.map_or_else(|| text.to_owned(), |style| self.paint(style, text))
    }
}

impl Style {
    const ALL: [Self; 14] = [
        Self::InPrompt,
        Self::OutPrompt,
        Self::Keyword,
        Self::Builtin,
        Self::Definition,
        Self::Text,
        Self::Number,
        Self::Comment,
        Self::Operator,
        Self::Magic,
        Self::Bracket,
        Self::Failure,
        Self::Place,
        Self::Quiet,
    ];

    /// What themes call it.
    fn name(self) -> &'static str {
        match self {
            Self::InPrompt => "in_prompt",
            Self::OutPrompt => "out_prompt",
            Self::Keyword => "keyword",
            Self::Builtin => "builtin",
            Self::Definition => "definition",
            Self::Text => "text",
            Self::Number => "number",
            Self::Comment => "comment",
            Self::Operator => "operator",
            Self::Magic => "magic",
            Self::Bracket => "bracket",
            Self::Failure => "failure",
            Self::Place => "place",
            Self::Quiet => "quiet",
        }
    }

    fn code(self) -> &'static str {
        match self {
            Self::InPrompt => "32;1",
            Self::OutPrompt => "31;1",
            Self::Keyword => "32;1",
            Self::Builtin => "36",
            Self::Definition => "34;1",
            Self::Text => "33",
            Self::Number => "36;1",
            Self::Comment => "2;3",
            Self::Operator => "35",
            Self::Magic => "34;1",
            Self::Bracket => "1;7",
            Self::Failure => "31;1",
            Self::Place => "36",
            Self::Quiet => "2",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_colours_text_is_untouched() {
        assert_eq!(Colours::with(false).paint(Style::Failure, "no"), "no");
        assert_eq!(
            Colours::with(true).paint(Style::Failure, "no"),
            "\x1b[31;1mno\x1b[0m"
        );
        assert_eq!(Colours::with(true).paint(Style::Failure, ""), "");
    }
}
