//! Whether a text may bind a name, told without parsing it: of the part of a long cell that isn't read.
//!
//! It may say so of a name that is only used; of one that is bound it says so, unless `import *` binds it.

/// Whether the name stands in the text as more than something that is called, or whose parts are asked for.
pub(crate) fn may_bind(text: &str, name: &str) -> bool {
    let is_of_name = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(name).any(|(at, _)| {
        let (before, behind) = (&text[..at], &text[at + name.len()..]);
        let is_part = before.ends_with(is_of_name) || behind.starts_with(is_of_name);
        !is_part && !before.ends_with('.') && !is_only_read(before, behind)
    })
}

fn is_only_read(before: &str, behind: &str) -> bool {
    let before = before.trim_end_matches([' ', '\t']);
    let defines = ["class", "def", "import", ","];
    behind.starts_with(['.', '(', '[']) && !defines.iter().any(|word| before.ends_with(word))
}

#[cfg(test)]
mod tests {
    use super::may_bind;

    #[test]
    fn what_binds_a_name_is_seen() {
        for text in [
            "x = 1",
            "x: int",
            "def x(a): pass",
            "class  x(A): pass",
            "import x.y",
            "import a, x.y",
            "import a as x",
            "for x in a: pass",
            "(y, x) = a",
            "a = b\nx",
        ] {
            assert!(may_bind(text, "x"), "{text}");
        }
        for text in [
            "",
            "xy = yx = 1",
            "x.a = 1",
            "x[0] = 1",
            "x(1)",
            "a.x = 1",
            "éx = 1",
        ] {
            assert!(!may_bind(text, "x"), "{text}");
        }
    }
}
