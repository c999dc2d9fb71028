//! Names `match` that the runtime's parser refuses, and what it is given in their place.
//!
//! Behind a semicolon it takes `match` for the beginning of a block, whatever follows (`x = 1; match = x`). It is compiled
//! in another spelling there, which Python takes for the same name. Who only parses takes [`readable`], another name of as
//! many letters: all else keeps its place. Who makes a tree of that gives the names back, as [`crate::trees`] does.

use std::borrow::Cow;

use ruff_python_ast::token::TokenKind;
use ruff_text_size::{Ranged, TextRange, TextSize};

use crate::parsing::parse_unchecked;

const REFUSED: &str = "match";
/// The same name with another letter, and a byte more.
const SPELLED: &str = "m\u{aa}tch";

/// Source with another name in the place of those that are refused.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct StandIn {
    pub text: String,
    /// The name, which is nowhere else in the text.
    pub name: String,
}

impl StandIn {
    /// None of source that the parser takes as it is, or refuses for other reasons alone.
    pub(crate) fn of(source: &str) -> Option<Self> {
        let places = refused_places(source);
        if places.is_empty() {
            return None;
        }
        let name = unused_name(source)?;
        let text = replaced(source, &places, &name);
        Some(Self { text, name })
    }
}

/// The source as it is compiled. Where a blank stands before such a name, which is nearly always, the name takes its place, so
/// that all behind it keeps its own; else that is a byte further.
pub(crate) fn spelled(source: &str) -> Cow<'_, str> {
    let mut places = refused_places(source);
    if places.is_empty() {
        return Cow::Borrowed(source);
    }
    for place in &mut places {
        if source[..place.start().to_usize()].ends_with(' ') {
            *place = TextRange::new(place.start() - TextSize::new(1), place.end());
        }
    }
    Cow::Owned(replaced(source, &places, SPELLED))
}

/// Where the names are that the parser refuses: nowhere in source that it takes as it is.
fn refused_places(source: &str) -> Vec<TextRange> {
    if !may_refuse(source.as_bytes()) {
        return Vec::new();
    }
    let parsed = parse_unchecked(source);
    if parsed.errors().is_empty() {
        return Vec::new();
    }
    let tokens = parsed.tokens();
    let behind_semicolons = tokens.iter().zip(tokens.iter().skip(1));
    behind_semicolons
        .filter(|(before, token)| {
            // No block may begin there.
            before.kind() == TokenKind::Semi && &source[token.range()] == REFUSED
        })
        .map(|(_, token)| token.range())
        .collect()
}

fn replaced(source: &str, places: &[TextRange], name: &str) -> String {
    let mut text = String::with_capacity(source.len() + places.len() * name.len());
    let mut from = 0;
    for place in places {
        text.push_str(&source[from..place.start().to_usize()]);
        text.push_str(name);
        from = place.end().to_usize();
    }
    text.push_str(&source[from..]);
    text
}

/// The source as the parser takes it: each letter of it is at its place.
pub(crate) fn readable(source: &str) -> Cow<'_, str> {
    StandIn::of(source).map_or(Cow::Borrowed(source), |stand_in| Cow::Owned(stand_in.text))
}

/// Whether a semicolon has the name behind it, be it in a text: nearly all source has none.
pub(crate) fn may_refuse(source: &[u8]) -> bool {
    let is_between = |byte: &u8| b" \t\x0c\\\r\n".contains(byte);
    let mut behind_semicolons = source.split(|byte| *byte == b';').skip(1);
    behind_semicolons.any(|behind| {
        let start = behind.iter().position(|byte| !is_between(byte));
        start.is_some_and(|start| behind[start..].starts_with(REFUSED.as_bytes()))
    })
}

/// A name of as many letters that isn't in the source.
fn unused_name(source: &str) -> Option<String> {
    let letters = 'a'..='z';
    let two_letters = letters
        .clone()
        .flat_map(|a| letters.clone().map(move |b| (a, b)));
    let mut names = two_letters.map(|(a, b)| format!("mat{a}{b}"));
    names.find(|name| !source.contains(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_name_has_a_stand_in_of_its_length() {
        for (source, text) in [
            ("x = 1; match = x", "x = 1; mataa = x"),
            (
                "import re; match = re.match('; match', 'a'); match.end()",
                "import re; mataa = re.match('; match', 'a'); mataa.end()",
            ),
            (
                "def f():\n    a = 1;match=2; return match\n",
                "def f():\n    a = 1;mataa=2; return match\n",
            ),
            ("mataa = 1; match = 2", "mataa = 1; matab = 2"),
            ("é = 1; \\\n match = 2", "é = 1; \\\n mataa = 2"),
            ("x = 1; match = x\ny = (", "x = 1; mataa = x\ny = ("),
        ] {
            let stand_in = StandIn::of(source).expect("the parser refuses it");
            assert_eq!(stand_in.text, text, "{source}");
            assert_eq!(stand_in.text.len(), source.len());
            assert_eq!(readable(source), text);
            let spelled = spelled(source);
            let is_longer = source.contains(";match");
            assert_eq!(spelled.len(), source.len() + usize::from(is_longer));
            let named_again = spelled.replace(SPELLED, REFUSED).replace(' ', "");
            assert_eq!(named_again, source.replace(' ', ""));
            assert_ne!(spelled, source);
        }
    }

    #[test]
    fn what_the_parser_takes_has_none() {
        for source in [
            "match = 1",
            "x = 1\nmatch x:\n    case 1: pass",
            "x = 1;\nmatch x:\n    case 1: pass",
            "x = '; match'",
            "x = 1; if x: pass",
            "if x: a = 1; match = 2",
            "x = 1; matched = 2",
        ] {
            let refused = StandIn::of(source);
            assert_eq!(refused, None, "{source}");
            for text in [readable(source), spelled(source)] {
                assert!(matches!(text, Cow::Borrowed(_)), "{source}");
            }
        }
    }

    #[test]
    fn source_without_the_name_is_not_parsed() {
        assert!(may_refuse(b"x;match") && may_refuse(b"x; \\\n\tmatch") && may_refuse(b";;match"));
        assert!(!may_refuse(b"match") && !may_refuse(b"x; y = match") && !may_refuse(b"x;"));
    }
}
