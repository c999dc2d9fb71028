//! What a line of its own means by the names that are there: a magic typed without its `%`, a
//! function called without brackets.
//!
//! Pure: which names there are is asked through [`Names`]. Only cells of one line are read so.

/// What is asked of the names that code could use.
pub(crate) trait Names {
    /// Whether Python knows the name: as a variable, a builtin or a keyword.
    fn is_bound(&self, name: &str) -> bool;
    fn is_line_magic(&self, name: &str) -> bool;
    /// What the dotted name stands for, as far as calling goes.
    fn callability(&self, path: &str) -> Callability;
}

/// Whether something can be called, and whether a bracket behind it may mean an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Callability {
    No,
    Callable {
        has_items: bool,
    },
    /// It asks to be called whenever its name stands alone.
    Always,
}

/// When a function is called without brackets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Autocall {
    #[default]
    Off,
    /// With something behind it.
    Smart,
    /// Without, too.
    Full,
}

/// What the line stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Automatic {
    /// A magic: the line with its `%`.
    Magic(String),
    /// A call: the Python of it.
    Call(String),
}

/// Reads a cell of one line; `None` if it means what it says.
pub(crate) fn automatic(
    cell: &str,
    automagic: bool,
    autocall: Autocall,
    names: &dyn Names,
) -> Option<Automatic> {
    let line = cell.trim_end();
    let path_end = line
        .find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '.')))
        .unwrap_or(line.len());
    let (path, after) = line.split_at(path_end);
    if !path.starts_with(|c: char| c.is_alphabetic() || c == '_') || line.contains('\n') {
        return None;
    }
    let rest = after.trim_start();
    let is_assigned = rest.starts_with(',') || is_assignment(rest);
    if is_assigned {
        return None;
    }
    let first = path.split('.').next().unwrap_or_default();
    if automagic && first == path && !names.is_bound(first) {
        // A string right behind it is a string with a prefix; a bracket is a call.
        let apart = matches!(after, "" | ";") || after.starts_with([' ', '\t']);
        return (apart && !rest.starts_with('(') && names.is_line_magic(path))
            .then(|| Automatic::Magic(format!("%{line}")));
    }
    if !path.split('.').all(is_name) {
        return None;
    }
    let callability = match (autocall, rest) {
        // Looking costs little, but most lines call something the usual way.
        (_, rest) if rest.starts_with('(') => return None,
        (Autocall::Off, rest) if !rest.is_empty() => return None,
        _ => names.callability(path),
    };
    let calls = match callability {
        Callability::No => false,
        Callability::Always => rest.is_empty() || autocall != Autocall::Off,
        Callability::Callable { has_items } => match autocall {
            Autocall::Off => false,
            Autocall::Smart if rest.is_empty() => false,
            _ => !(rest.starts_with('[') && has_items),
        },
    };
    if !calls || is_operation(rest) || after.starts_with(['\'', '"']) {
        return None;
    }
    Some(Automatic::Call(match rest.strip_suffix(';') {
        Some(rest) => format!("{path}({});", rest.trim_end()),
        None => format!("{path}({rest})"),
    }))
}

/// Whether the text goes on as an assignment or a comparison does.
fn is_assignment(rest: &str) -> bool {
    let operator: String = rest
        .chars()
        .take_while(|c| "=+-*/%&|^@<>:!".contains(*c))
        .collect();
    operator.ends_with('=') || operator == ":"
}

/// Whether the text goes on as an operation on the name before it does.
fn is_operation(rest: &str) -> bool {
    rest.starts_with(|c| "!=()<>,+*/%^&|-@.:#".contains(c))
        || ["is", "not", "in", "and", "or", "if", "for", "else"]
            .iter()
            .any(|word| {
                rest.strip_prefix(word)
                    .is_some_and(|after| after.starts_with([' ', '\t', '(']) || after.is_empty())
            })
}

fn is_name(part: &str) -> bool {
    part.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed;

    impl Names for Fixed {
        fn is_bound(&self, name: &str) -> bool {
            matches!(
                name,
                "f" | "table" | "data" | "env" | "print" | "if" | "quit_now" | "a"
            )
        }

        fn is_line_magic(&self, name: &str) -> bool {
            matches!(name, "ls" | "cd" | "env" | "time" | "who" | "px")
        }

        fn callability(&self, path: &str) -> Callability {
            match path {
                "f" | "print" | "a.b" => Callability::Callable { has_items: false },
                "table" => Callability::Callable { has_items: true },
                "quit_now" => Callability::Always,
                _ => Callability::No,
            }
        }
    }

    fn read(line: &str, autocall: Autocall) -> Option<Automatic> {
        automatic(line, true, autocall, &Fixed)
    }

    #[test]
    fn magics_without_their_mark() {
        for line in [
            "ls",
            "ls -l",
            "cd ~/a b",
            "cd ..",
            "time f(1)",
            "who\n",
            "ls -l | wc",
            "px x = 1",
            "time -x",
            "ls *.py",
            "ls 'a b'",
            "who;",
        ] {
            let expected = Automatic::Magic(format!("%{}", line.trim_end()));
            assert_eq!(read(line, Autocall::Off), Some(expected), "{line}");
            assert_eq!(
                automatic(line, false, Autocall::Off, &Fixed),
                None,
                "{line}"
            );
        }
        for line in [
            "ls = 1",
            "ls == 1",
            "ls += 1",
            "ls, cd = 1, 2",
            "ls.x",
            "ls(1)",
            "ls (1)",
            "env",
            "env PATH",
            "nothing",
            "if x",
            "ls: int = 1",
            "ls\ncd",
            "",
            "1",
            "%ls",
            "ls'a'",
            "ls := 1",
            "ls != 1",
            "ls[0]",
            "if",
        ] {
            assert_eq!(read(line, Autocall::Off), None, "{line}");
        }
    }

    #[test]
    fn calls_without_brackets() {
        let call = |text: &str| Some(Automatic::Call(text.to_owned()));
        for (line, smart, full) in [
            ("f 1, 2", call("f(1, 2)"), call("f(1, 2)")),
            ("f 'a'", call("f('a')"), call("f('a')")),
            ("a.b x", call("a.b(x)"), call("a.b(x)")),
            ("print 'a';", call("print('a');"), call("print('a');")),
            ("f", None, call("f()")),
            ("f [1]", call("f([1])"), call("f([1])")),
            ("table [1]", None, None),
            ("table 1", call("table(1)"), call("table(1)")),
            ("f(1)", None, None),
            ("f (1)", None, None),
            ("f + 1", None, None),
            ("f -1", None, None),
            ("f in x", None, None),
            ("f is None", None, None),
            ("f if x else y", None, None),
            ("f = 1", None, None),
            ("data 1", None, None),
            ("quit_now", call("quit_now()"), call("quit_now()")),
            ("f'x'", None, None),
            ("f # c", None, None),
        ] {
            assert_eq!(read(line, Autocall::Smart), smart, "{line}");
            assert_eq!(read(line, Autocall::Full), full, "{line}");
        }
        for line in ["f 1", "f", "a.b x", "f [1]"] {
            assert_eq!(read(line, Autocall::Off), None, "{line}");
        }
        assert_eq!(read("quit_now", Autocall::Off), call("quit_now()"));
    }
}
