//! Whether a text may bind a name, told without parsing it: of the part of a long cell that isn't read.
//!
//! Its words and marks are read once, up to the last place where the name stands, and no tree is made of them.
//! It may say so of a name that isn't bound, as of one in a pattern that is only compared; of one that is bound
//! it says so, unless `import *` binds it. What functions and classes bind is their own, unless it is `global`.

use super::string_end;

/// The part of a cell that isn't read.
#[derive(Clone, Copy)]
pub(crate) struct Unread<'a> {
    text: &'a str,
    /// That of the line with which the other part begins.
    next_indent: usize,
}

impl<'a> Unread<'a> {
    /// What is in front of the part that is read.
    pub(super) fn before(text: &'a str, rest: &str) -> Self {
        let is_code = |line: &&str| {
            let code = line.trim_start();
            !code.is_empty() && !code.starts_with('#')
        };
        let line = rest.lines().find(is_code).unwrap_or_default();
        Self {
            text,
            next_indent: line.len() - line.trim_start().len(),
        }
    }

    pub(crate) fn bytes(self) -> usize {
        self.text.len()
    }

    /// Whether it may bind the name where the other part sees it.
    pub(crate) fn may_bind(self, name: &str) -> bool {
        let last = Some(name).filter(|name| !name.is_empty());
        let last = last.and_then(|name| last_mention(self.text, name));
        last.is_some_and(|last| Reader::new(self, name, last).binds())
    }
}

/// Where the name stands last as more than something that is called, or whose parts are asked for.
fn last_mention(text: &str, name: &str) -> Option<usize> {
    let is_of_name = |c: char| c.is_alphanumeric() || c == '_';
    let is_mention = |at: usize| {
        let (before, behind) = (&text[..at], &text[at + name.len()..]);
        let is_part = before.ends_with(is_of_name) || behind.starts_with(is_of_name);
        !is_part && !before.ends_with('.') && !is_only_read(before, behind)
    };
    let mut places = text.rmatch_indices(name).map(|(at, _)| at);
    places.find(|at| is_mention(*at))
}

fn is_only_read(before: &str, behind: &str) -> bool {
    let before = before.trim_end_matches([' ', '\t', '\\', '\r', '\n']);
    let defines = ["class", "def", "type", "import", ","];
    behind.starts_with(['.', '(', '[']) && !defines.iter().any(|word| before.ends_with(word))
}

/// Words behind which a bracket encloses an expression, and calls nothing.
const LEADING: &[&[u8]] = &[
    b"and", b"as", b"assert", b"await", b"case", b"del", b"elif", b"for", b"from", b"if",
    b"import", b"in", b"is", b"lambda", b"not", b"or", b"raise", b"return", b"while", b"with",
    b"yield",
];

/// Words with which statements begin that have a body.
const COMPOUND: &[&[u8]] = &[
    b"case", b"class", b"def", b"elif", b"else", b"except", b"finally", b"for", b"if", b"match",
    b"try", b"while", b"with",
];

/// What is read, up to some place in it.
struct Reader<'a> {
    bytes: &'a [u8],
    name: &'a [u8],
    /// Where the name stands last.
    last: usize,
    next_indent: usize,
    at: usize,
    line_start: usize,
    indent: usize,
    /// Whether nothing of the line has been read yet, which continues none.
    is_line_begin: bool,
    brackets: Vec<Bracket>,
    before: Before<'a>,
    statement: Statement<'a>,
    definition: Option<Definition>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Bracket {
    /// That of an expression, which may be a target.
    Plain,
    /// Behind `as`.
    Named,
    /// That of a call, a subscript, a dictionary.
    Other,
}

/// What stands in front.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before<'a> {
    Nothing,
    Word(&'a [u8]),
    /// The end of a string or a bracket.
    End,
    Mark(u8),
}

/// What has been read of a statement.
#[derive(Default)]
struct Statement<'a> {
    first: Option<&'a [u8]>,
    /// Whether the name stands where a `=` further on binds it.
    is_pending: bool,
    /// Whether what follows binds nothing: behind the `in` of a loop, the `if` of a case, a `lambda`, the colon
    /// of an annotation.
    is_over: bool,
    /// Whether the names follow that `from` imports.
    is_import: bool,
    /// Whether the name stands in it, as more than something that is read.
    is_mentioning: bool,
}

/// The function or the class that is read, the outermost one.
struct Definition {
    indent: usize,
    /// Whether its body is still to come.
    is_head: bool,
    /// Whether the name stands in it, as more than something that is read.
    is_mentioning: bool,
}

impl<'a> Reader<'a> {
    fn new(unread: Unread<'a>, name: &'a str, last: usize) -> Self {
        Self {
            bytes: unread.text.as_bytes(),
            name: name.as_bytes(),
            last,
            next_indent: unread.next_indent,
            at: 0,
            line_start: 0,
            indent: 0,
            is_line_begin: true,
            brackets: Vec::new(),
            before: Before::Nothing,
            statement: Statement::default(),
            definition: None,
        }
    }

    fn binds(mut self) -> bool {
        while let Some(&byte) = self.bytes.get(self.at) {
            if self.is_line_begin && self.at > self.last && !self.may_go_on() {
                return false;
            }
            let binds = match byte {
                b' ' | b'\t' | b'\r' | b'\x0c' => {
                    self.at += 1;
                    false
                }
                b'\n' => self.end_line(),
                b'#' => {
                    self.at = self.line_end();
                    false
                }
                // The line goes on.
                b'\\' => {
                    self.at = self.line_end() + 1;
                    false
                }
                _ if self.is_line_begin => self.begin_line(byte),
                b'\'' | b'"' => self.read_string(),
                _ if is_of_word(byte) => self.read_word(),
                _ => self.read_mark(byte),
            };
            if binds {
                return true;
            }
        }
        // What is in what the other part goes on with may be seen there, such as parameters.
        self.may_go_on() || (!self.brackets.is_empty() && self.statement.is_mentioning)
    }

    /// Whether the name stands in a definition with which the other part may go on.
    fn may_go_on(&self) -> bool {
        let definition = self.definition.as_ref();
        definition.is_some_and(|it| it.is_mentioning && it.indent < self.next_indent)
    }

    fn end_line(&mut self) -> bool {
        self.at += 1;
        if self.brackets.is_empty() {
            self.line_start = self.at;
            self.is_line_begin = true;
            self.begin_statement();
        }
        false
    }

    fn line_end(&self) -> usize {
        let mut rest = self.bytes[self.at..].iter();
        let length = rest.position(|byte| *byte == b'\n');
        length.map_or(self.bytes.len(), |length| self.at + length)
    }

    fn begin_statement(&mut self) {
        self.statement = Statement::default();
        self.before = Before::Nothing;
    }

    /// A line begins that continues none. A command of the shell is passed over; a magic may bind what it
    /// names.
    fn begin_line(&mut self, byte: u8) -> bool {
        self.is_line_begin = false;
        self.indent = self.at - self.line_start;
        let indent = self.indent;
        if self
            .definition
            .as_ref()
            .is_some_and(|it| indent <= it.indent)
        {
            self.definition = None;
        }
        if !matches!(byte, b'%' | b'!') {
            return false;
        }
        let bytes = self.bytes;
        let line = &bytes[self.at..self.line_end()];
        self.at += line.len();
        byte == b'%' && has(line, self.name)
    }

    fn read_string(&mut self) -> bool {
        let start = self.at;
        let end = string_end(self.bytes, start).unwrap_or(self.bytes.len());
        let is_line_end = self.bytes.get(end) == Some(&b'\n');
        self.at = self.bytes.len().min(end + usize::from(!is_line_end));
        self.before = Before::End;
        // Fields of a formatted string bind, too.
        let mut letters = self.bytes[..start].iter().rev().take(2);
        let text = &self.bytes[start..self.at];
        letters.any(|letter| b"fFtT".contains(letter))
            && !self.is_in_body()
            && has(text, b":=")
            && has(text, self.name)
    }

    fn read_word(&mut self) -> bool {
        let bytes = self.bytes;
        let rest = &bytes[self.at..];
        let length = rest.iter().position(|byte| !is_of_word(*byte));
        let (word, rest) = rest.split_at(length.unwrap_or(rest.len()));
        self.at += word.len();
        let is_of_string = matches!(rest.first(), Some(b'\'' | b'"'));
        if is_of_string && word.iter().all(|letter| b"rbuftRBUFT".contains(letter)) {
            return false;
        }
        let is_first = self.statement.first.is_none();
        self.note(word);
        let is_name = word == self.name && self.before != Before::Mark(b'.');
        let binds = is_name && self.is_bound(is_first);
        self.before = Before::Word(word);
        binds
    }

    /// What a word says of the statement that it is in.
    fn note(&mut self, word: &'a [u8]) {
        let Some(first) = self.statement.first else {
            if word == b"async" {
                return;
            }
            self.statement.first = Some(word);
            if self.definition.is_none() && matches!(word, b"def" | b"class") {
                self.definition = Some(Definition {
                    indent: self.indent,
                    is_head: true,
                    is_mentioning: false,
                });
            }
            return;
        };
        let is_outer = self.brackets.is_empty();
        match (first, word) {
            (b"from", b"import") => self.statement.is_import = true,
            (b"for", b"in") | (b"case", b"if") | (_, b"lambda") if is_outer => {
                self.statement.is_over = true;
            }
            _ => {}
        }
    }

    /// Whether the name that has just been read is bound there.
    fn is_bound(&mut self, is_first: bool) -> bool {
        let behind = self.behind();
        let first = self.statement.first;
        let is_import = matches!(first, Some(b"import" | b"from"));
        let is_defined = matches!(
            self.before,
            Before::Word(b"as" | b"class" | b"def" | b"import" | b"type")
        );
        let is_read = matches!(behind.first(), Some(b'.' | b'(' | b'['));
        if is_defined || is_import || !is_read {
            self.statement.is_mentioning = true;
            if let Some(definition) = &mut self.definition {
                definition.is_mentioning = true;
            }
        }
        if self.is_in_body() {
            return matches!(first, Some(b"global"));
        }
        if is_import && behind.starts_with(b"as ") {
            // Its other name is bound.
            return false;
        }
        let is_target = !self.brackets.contains(&Bracket::Other);
        match first {
            _ if is_defined || behind.starts_with(b":=") => true,
            Some(b"import") => true,
            Some(b"from") => self.statement.is_import,
            _ if is_read => false,
            Some(b"case") => !self.statement.is_over,
            Some(b"del") => is_target,
            Some(b"for") if !self.statement.is_over => is_target,
            _ if self.brackets.contains(&Bracket::Named) => is_target,
            _ => {
                self.statement.is_pending |= is_target && !self.statement.is_over;
                is_first && self.brackets.is_empty() && behind.first() == Some(&b':')
            }
        }
    }

    fn is_in_body(&self) -> bool {
        self.definition.as_ref().is_some_and(|it| !it.is_head)
    }

    /// What is behind, without blanks.
    fn behind(&self) -> &'a [u8] {
        let is_blank = |byte: &u8| match byte {
            b' ' | b'\t' | b'\x0c' => true,
            b'\r' | b'\n' => !self.brackets.is_empty(),
            _ => false,
        };
        let rest = &self.bytes[self.at..];
        let blanks = rest.iter().take_while(|byte| is_blank(byte));
        &rest[blanks.count()..]
    }

    fn read_mark(&mut self, mark: u8) -> bool {
        let is_outer = self.brackets.is_empty();
        let next = self.bytes.get(self.at + 1).copied();
        let mut before = Before::Mark(mark);
        let mut binds = false;
        match mark {
            b'(' | b'[' | b'{' => self.open(mark),
            b')' | b']' | b'}' => {
                self.brackets.pop();
                before = Before::End;
            }
            b';' if is_outer => {
                self.begin_statement();
                before = Before::Nothing;
            }
            b':' if is_outer && next != Some(b'=') => binds = self.is_bound_before_colon(),
            // A comparison.
            b'=' if next == Some(b'=') => self.at += 1,
            b'=' if is_outer && self.is_assigned() => binds = self.statement.is_pending,
            _ => {}
        }
        self.at += 1;
        self.before = before;
        binds
    }

    /// The head of what has a body ends, or an annotation begins: of `(x): int`.
    fn is_bound_before_colon(&mut self) -> bool {
        let first = self.statement.first;
        if first.is_some_and(|first| COMPOUND.contains(&first)) {
            if let Some(definition) = &mut self.definition {
                definition.is_head = false;
            }
            self.begin_statement();
            return false;
        }
        let is_bound = self.statement.is_pending && !self.statement.is_over;
        self.statement.is_over = true;
        is_bound
    }

    fn open(&mut self, mark: u8) {
        let bracket = match self.before {
            _ if mark == b'{' => Bracket::Other,
            Before::End => Bracket::Other,
            Before::Word(b"as") => Bracket::Named,
            Before::Word(word) if !LEADING.contains(&word) => Bracket::Other,
            _ => Bracket::Plain,
        };
        self.brackets.push(bracket);
    }

    /// Whether the `=` here is that of an assignment: `x = 1`, `x += 1`, and not of `x != 1` or `x <= 1`.
    fn is_assigned(&self) -> bool {
        let mut before = self.bytes[..self.at].iter().rev();
        match (before.next(), before.next()) {
            (Some(b'!' | b':'), _) => false,
            (Some(b'<'), other) => other == Some(&b'<'),
            (Some(b'>'), other) => other == Some(&b'>'),
            _ => true,
        }
    }
}

fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}

fn has(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|each| each == part)
}

#[cfg(test)]
mod tests {
    use super::Unread;

    fn may_bind(text: &str, name: &str) -> bool {
        Unread::before(text, "").may_bind(name)
    }

    #[test]
    fn what_binds_a_name_is_seen() {
        for text in [
            "x = 1",
            "x: int",
            "(x): int",
            "a = x = 1",
            "a, x = b",
            "*x, a = b",
            "(y, x) = a",
            "[y, (z, x)] = a",
            "(y,\n  x\n) = a",
            "x \\\n= 1",
            "a; x = 1",
            "if a: x = 1",
            "if a:\n    x = 1",
            "if a: b\nelse: x = 1",
            "x += 1",
            "x >>= 1",
            "x **= 1",
            "x @= a",
            "x == 1; x = 1",
            "'a # b'; x = 1",
            "'''\nx\n'''; x = 1",
            "a = f(b, x=1); x = 2",
            "def x(a): pass",
            "async def x(a): pass",
            "class  x(A): pass",
            "def x[T](a): pass",
            "type x = int",
            "type x[T] = int",
            "import x",
            "import x.y",
            "import a, x.y",
            "import a as x",
            "from a import x",
            "from a import (b,\n  x)",
            "from x import x",
            "for x in a: pass",
            "for a, (b, x) in a: pass",
            "async for x in a: pass",
            "with a as x: pass",
            "with a as (b, x): pass",
            "with (a as b, c as x): pass",
            "try:\n    pass\nexcept A as x:\n    pass",
            "del x",
            "del (a, x)",
            "match a:\n    case x: pass",
            "match a:\n    case A(b=x): pass",
            "match a:\n    case {'b': x}: pass",
            "match a:\n    case [1, *x]: pass",
            "match a:\n    case 1 as x: pass",
            "print(x := 1)",
            "[(x := a) for a in b]",
            "f'{(x := 1)}'",
            "def f(a=(x := 1)): pass",
            "def f():\n    global x\n    x = 1",
            "class A:\n    def f(self):\n        global a, x\n        x = 1",
            "def f(): pass\nx = 1",
            "def f():\n    x = 1\n# a\nx = 1",
            "if a:\n    def f():\n        a\n    x = 1",
            "%time x = 1",
            "%%capture x\na",
            "!echo 'it\nx = 1",
        ] {
            assert!(may_bind(text, "x"), "{text}");
        }
    }

    #[test]
    fn what_only_reads_a_name_is_not_it() {
        for text in [
            "",
            "xy = yx = 1",
            "x.a = 1",
            "x[0] = 1",
            "x[0]: int = 1",
            "x(1)",
            "x (1)",
            "a.x = 1",
            "éx = 1",
            "a = b\nx",
            "a = x",
            "a = (x, 1)",
            "a: x = 1",
            "a = x == 1",
            "a = x <= 1 or x != 2",
            "a[x] = 1",
            "a[(x, 1)] = 1",
            "{x: 1}[1] = 1",
            "f(x=1)",
            "f(a, x=1)",
            "f(a,\n  x=1,\n)",
            "f(\nx = 1)",
            "print(x)\nb = 1",
            "if x: a = 1",
            "if x == 1: a = 1",
            "while x: a = 1",
            "for a in x: b = 1",
            "for a in (x): b = 1",
            "with x as a: b = 1",
            "with f(x) as a: b = 1",
            "return x",
            "assert x == 1, x",
            "from x import a",
            "from . import a",
            "import a.x",
            "import x as a",
            "from b import (x as a)",
            "raise A from x",
            "a = [x for x in b]",
            "a = {b: x for b, x in c}",
            "f = lambda x: x + 1",
            "f = lambda x=1: x",
            "f(lambda x: x)",
            "# x = 1",
            "a = 1  # x = 1",
            "'x = 1'",
            "'''\nx = 1\nx: int\n'''",
            "a = f'{x}'",
            "a = rb'x = 1'",
            "def f(x): pass",
            "def f(a: x, b=x) -> x: pass",
            "def f():\n    x = 1\n\n    # a\n    for x in a: pass\n    import x",
            "def f(): x = 1",
            "async def f():\n    x = 1",
            "class A:\n    x = 1\n    def x(self): pass",
            "class A: x = 1",
            "class A(x, y=x): pass",
            "@x\ndef f(): pass",
            "match x:\n    case 1: pass",
            "match a:\n    case x.b: pass",
            "match a:\n    case 1 if x: pass",
            "try:\n    pass\nexcept x: pass",
            "!echo x = 1",
        ] {
            assert!(!may_bind(text, "x"), "{text}");
        }
    }

    #[test]
    fn what_is_gone_on_with_shows_its_own_names() {
        for (text, rest, expected) in [
            ("def f(x):\n    a\n", "    b", true),
            ("def f(x):\n    a\n", "\n# c\n    b", true),
            ("def f():\n    x = 1\n", "    b", true),
            (
                "class A:\n    def f(self):\n        def x(): pass\n",
                "        b",
                true,
            ),
            ("f(lambda x: (\n", "b", true),
            ("def f(x):\n    a\n", "b", false),
            ("def f(x):\n    a\n", "# c\nb", false),
            ("def f():\n    x.a\n    x()\n", "    b", false),
            ("def f(x): pass\ndef g():\n    a\n", "    b", false),
            ("if a:\n    def f(x):\n        b\n", "    c", false),
            ("f(x)\nf(lambda a: (\n", "b", false),
        ] {
            let unread = Unread::before(text, rest);
            assert_eq!(unread.may_bind("x"), expected, "{text:?} {rest:?}");
        }
    }

    #[test]
    fn a_name_may_be_any_word() {
        for name in ["match", "case", "type", "f", "é", "as_", "async_"] {
            let bound = format!("a = 1\n{name} = 1");
            assert!(may_bind(&bound, name), "{name}");
            let read = format!("a = {name}");
            assert!(!may_bind(&read, name), "{name}");
        }
        assert!(!may_bind("f'a' + f''", "f"));
        assert!(!may_bind("a = 1", ""));
    }
}
