//! The inside of a string that is being typed: what its text stands for so far, and how a text that
//! could stand there is written, so that the string says it.

/// A string literal that is open: how it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Quoted {
    quote: char,
    is_raw: bool,
    pub(super) is_bytes: bool,
}

impl Quoted {
    /// The literal whose last opening quote is at this place.
    pub(super) fn at(before: &str, quote_at: usize) -> Self {
        let quote = before[quote_at..].chars().next().unwrap_or('"');
        let head = before[..quote_at].trim_end_matches(quote);
        let letters = head.chars().rev();
        let prefix: String = letters.take_while(char::is_ascii_alphabetic).collect();
        let prefix = prefix.to_ascii_lowercase();
        // A longer word is a name, and what follows no literal with a prefix.
        let has = |letter| prefix.len() <= 2 && prefix.contains(letter);
        Self {
            quote,
            is_raw: has('r'),
            is_bytes: has('b'),
        }
    }

    /// Where the prefix of the literal begins.
    pub(super) fn start(before: &str, quote_at: usize) -> usize {
        let head = &before[..quote_at];
        let bare = head.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        if head.len() - bare.len() <= 2 {
            bare.len()
        } else {
            quote_at
        }
    }

    /// What the typed text stands for; `None` if that can't be told, as of half an escape.
    pub(super) fn read(self, typed: &str) -> Option<String> {
        if self.is_raw || !typed.contains('\\') {
            return Some(typed.to_owned());
        }
        let mut text = String::with_capacity(typed.len());
        let mut chars = typed.chars();
        while let Some(c) = chars.next() {
            if c != '\\' {
                text.push(c);
                continue;
            }
            match chars.next()? {
                'n' => text.push('\n'),
                't' => text.push('\t'),
                'r' => text.push('\r'),
                '\n' => {}
                'x' => {
                    let digits: String = chars.by_ref().take(2).collect();
                    let code = u8::from_str_radix(&digits, 16).ok();
                    text.push(char::from(code.filter(|_| digits.len() == 2)?));
                }
                same @ ('\\' | '\'' | '"') => text.push(same),
                // Whatever this is a code of, it is longer.
                'u' | 'U' | 'N' | '0'..='7' | 'a' | 'b' | 'f' | 'v' => return None,
                // It isn't an escape.
                other => text.extend(['\\', other]),
            }
        }
        Some(text)
    }

    /// How a text is written in the literal; `None` if it can't be.
    pub(super) fn written(self, text: &str) -> Option<String> {
        let is_plain = |c: char| c != self.quote && c != '\\' && !c.is_control();
        if text.chars().all(is_plain) {
            return Some(text.to_owned());
        }
        if self.is_raw {
            let is_possible = |c: char| c != self.quote && !c.is_control();
            let ends_well = !text.ends_with('\\');
            return (ends_well && text.chars().all(is_possible)).then(|| text.to_owned());
        }
        let mut written = String::with_capacity(text.len() + 4);
        for c in text.chars() {
            match c {
                '\n' => written.push_str("\\n"),
                '\t' => written.push_str("\\t"),
                '\r' => written.push_str("\\r"),
                c if c == self.quote || c == '\\' => written.extend(['\\', c]),
                c if c.is_control() && u32::from(c) < 256 => {
                    written.push_str(&format!("\\x{:02x}", u32::from(c)));
                }
                c => written.push(c),
            }
        }
        Some(written)
    }

    /// How bytes are written in a literal of bytes; `None` if they can't be.
    pub(super) fn written_bytes(self, bytes: &[u8]) -> Option<String> {
        if bytes.is_ascii() {
            return self.written(std::str::from_utf8(bytes).ok()?);
        }
        if self.is_raw {
            return None;
        }
        let mut written = String::with_capacity(4 * bytes.len());
        for byte in bytes {
            if byte.is_ascii() {
                written.push_str(&self.written(char::from(*byte).encode_utf8(&mut [0; 4]))?);
            } else {
                written.push_str(&format!("\\x{byte:02x}"));
            }
        }
        Some(written)
    }
}

#[cfg(test)]
mod tests {
    use super::Quoted;

    #[test]
    fn a_literal_is_known_by_how_it_began() {
        for (before, is_raw, is_bytes) in [
            ("d['", false, false),
            ("d[r'", true, false),
            ("d[Rb\"", true, true),
            ("open(b\"\"\"", false, true),
            ("border'", false, false),
        ] {
            let quoted = Quoted::at(before, before.len() - 1);
            assert_eq!(
                (quoted.is_raw, quoted.is_bytes),
                (is_raw, is_bytes),
                "{before}"
            );
        }
        assert_eq!(Quoted::start("d[rb'", 4), 2);
        assert_eq!(Quoted::start("d['", 2), 2);
        assert_eq!(Quoted::start("order'", 5), 5);
    }

    #[test]
    fn what_is_written_is_read_again() {
        for quote in ['\'', '"'] {
            for is_raw in [false, true] {
                let quoted = Quoted {
                    quote,
                    is_raw,
                    is_bytes: false,
                };
                for text in [
                    "plain",
                    "it's",
                    "say \"so\"",
                    "back\\slash",
                    "new\nline",
                    "\u{1}",
                    "é",
                ] {
                    if let Some(written) = quoted.written(text) {
                        assert_eq!(quoted.read(&written).as_deref(), Some(text), "{written}");
                        assert!(!written.contains('\n'), "{written:?}");
                    } else {
                        assert!(is_raw, "{text:?}");
                    }
                }
            }
        }
        let single = Quoted::at("'", 0);
        assert_eq!(single.written("it's").as_deref(), Some("it\\'s"));
        assert_eq!(single.written("a \"b\"").as_deref(), Some("a \"b\""));
        assert_eq!(
            single.written_bytes(b"\xffa'").as_deref(),
            Some("\\xffa\\'")
        );
    }

    #[test]
    fn half_an_escape_stands_for_nothing() {
        let single = Quoted::at("'", 0);
        for typed in ["a\\", "\\x4", "\\u00e9", "\\N{DASH}"] {
            assert_eq!(single.read(typed), None, "{typed}");
        }
        assert_eq!(single.read("\\x41\\q").as_deref(), Some("A\\q"));
    }
}
