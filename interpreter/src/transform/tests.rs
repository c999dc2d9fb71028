//! Tables of cells and what they become.

use proptest::prelude::*;

use super::{LastStatement, last_statement, transform_cell};

fn line(name: &str, arguments: &str) -> String {
    format!("get_ipython().run_line_magic('{name}', '{arguments}')")
}

#[test]
fn python_stays_as_it_is() {
    for source in [
        "",
        "x = 1",
        "a % b",
        "a %b",
        "x = a %b",
        "(a\n%b)",
        "x = [\n    1,\n    %b\n]",
        "f(a=1)\n5 % 2",
        "\"\"\"\n%time x\n!ls\nobj?\n\"\"\"",
        "x = '''a\n%b'''",
        "x = \\\n  %b",
        "print('%d' % 5, \"why?\")",
        "a != b",
        "x = y != z",
        "assert a == b, 'really?'",
        "# what?\nx = 1",
        "# %magic",
        "f'{x!r}'",
        "f'{x!r:>{w}}' % 1",
        "if a:\n    b %= 3",
        "x %= 3",
        "'it''s' + \"'\" # !ls",
        "x = \"\\\"\" ; y = '%d'",
        "lambda: 1 % 2",
        "d = {'a': 1 % 2,\n     'b': '!'}",
        "%",
        "% x",
        "x = 'unclosed\n",
        "x = '''unclosed\n%time",
    ] {
        assert_eq!(transform_cell(source), source);
        // Nothing was copied, either.
        assert!(
            matches!(transform_cell(source), std::borrow::Cow::Borrowed(_)),
            "{source}"
        );
    }
}

#[test]
fn line_magics_become_calls() {
    for (source, expected) in [
        ("%time x", line("time", "x")),
        ("%pwd", line("pwd", "")),
        ("  %pwd", format!("  {}", line("pwd", ""))),
        ("%cd  ~/a b  ", format!("{}  ", line("cd", "~/a b"))),
        (
            "%px print(\"it's\")",
            "get_ipython().run_line_magic('px', 'print(\"it\\'s\")')".into(),
        ),
        ("x = 1\n%px y\nz", format!("x = 1\n{}\nz", line("px", "y"))),
        (
            "if x:\n    %px y\n",
            format!("if x:\n    {}\n", line("px", "y")),
        ),
        (
            "for i in r: \n\t%px y",
            format!("for i in r: \n\t{}", line("px", "y")),
        ),
        ("%px a \\\n  b\nc", format!("{}\n\nc", line("px", "a    b"))),
        ("x = %time f(1)", format!("x = {}", line("time", "f(1)"))),
        (
            "a, b = %time f(x=1)",
            format!("a, b = {}", line("time", "f(x=1)")),
        ),
        ("a['k'] = %pwd", format!("a['k'] = {}", line("pwd", ""))),
        (
            "(a,\n b) = %time f()\nc",
            format!("(a,\n b) = {}\nc", line("time", "f()")),
        ),
        (
            "(a,\n b) = %time f( \\\n)\nc",
            format!("(a,\n b) = {}\n\nc", line("time", "f(  )")),
        ),
        (
            "%timeit (\"",
            "get_ipython().run_line_magic('timeit', '(\"')".into(),
        ),
        (
            "%px a\\b",
            "get_ipython().run_line_magic('px', 'a\\\\b')".into(),
        ),
        ("%été x", line("été", "x")),
        (
            "s = '''\n'''\n%pwd",
            format!("s = '''\n'''\n{}", line("pwd", "")),
        ),
        (
            "f(1,\n  2)\n%pwd\r\nx",
            format!("f(1,\n  2)\n{}\r\nx", line("pwd", "")),
        ),
    ] {
        assert_eq!(transform_cell(source), expected, "{source}");
    }
}

#[test]
fn commands_become_calls() {
    for (source, expected) in [
        ("!ls -l", "get_ipython().system('ls -l')"),
        ("  !ls", "  get_ipython().system('ls')"),
        ("!!ls", "get_ipython().getoutput('ls')"),
        (
            "x = !ls *.py | wc -l",
            "x = get_ipython().getoutput('ls *.py | wc -l')",
        ),
        ("!echo \"a", "get_ipython().system('echo \"a')"),
        ("!echo 'it'", "get_ipython().system('echo \\'it\\'')"),
        (
            "!ls \\\n -l\nx = 2",
            "get_ipython().system('ls   -l')\n\nx = 2",
        ),
        ("!ls why?", "get_ipython().system('ls why?')"),
        (
            "if x:\n  !ls\nelse:\n  y = !pwd",
            "if x:\n  get_ipython().system('ls')\nelse:\n  y = get_ipython().getoutput('pwd')",
        ),
    ] {
        assert_eq!(transform_cell(source), expected, "{source}");
    }
}

#[test]
fn questions_become_calls() {
    for (source, magic, asked) in [
        ("obj?", "pinfo", "obj"),
        ("obj??", "pinfo2", "obj"),
        ("?obj", "pinfo", "obj"),
        ("??obj", "pinfo2", "obj"),
        ("a.b.c?", "pinfo", "a.b.c"),
        ("a.b ?", "pinfo", "a.b"),
        ("%time?", "pinfo", "%time"),
        ("%%px??", "pinfo2", "%%px"),
        ("str.*find*?", "pinfo", "str.*find*"),
        ("été?", "pinfo", "été"),
    ] {
        let expected = format!("get_ipython().run_line_magic('{magic}', '{asked}')");
        assert_eq!(transform_cell(source).trim_end(), expected, "{source}");
    }
    for source in ["x + y?", "f(x)?", "obj???", "1?", "x = obj?"] {
        assert_eq!(transform_cell(source), source);
    }
}

#[test]
fn cell_magics_take_the_rest() {
    for (source, expected) in [
        (
            "%%px\nx = 1\n%y",
            r"get_ipython().run_cell_magic('px', '', 'x = 1\n%y')",
        ),
        (
            "%%px --local  -t 0 \nx",
            r"get_ipython().run_cell_magic('px', '--local  -t 0', 'x')",
        ),
        (
            "%%bash\necho \"it's\"\t\\n\n",
            r#"get_ipython().run_cell_magic('bash', '', 'echo "it\'s"\t\\n\n')"#,
        ),
        ("%%time", "get_ipython().run_cell_magic('time', '', '')"),
        (
            "%%time\r\nx\r\n",
            r"get_ipython().run_cell_magic('time', '', 'x\r\n')",
        ),
        (
            "\n\n%%time\nx",
            "\n\nget_ipython().run_cell_magic('time', '', 'x')",
        ),
    ] {
        assert_eq!(transform_cell(source), format!("{expected}\n"), "{source}");
    }
    // Not at the start of the cell, it is a line magic with a strange name, for Python to reject.
    assert_eq!(transform_cell("x\n%%px\ny"), "x\n%%px\ny");
}

#[test]
fn the_last_statement_decides_what_is_shown() {
    let shown = LastStatement::Expression { shown: true };
    let quiet = LastStatement::Expression { shown: false };
    for (source, expected) in [
        ("1", shown),
        ("x = 1\nx", shown),
        ("x; y", shown),
        ("(x)", shown),
        ("((x)) # c;", shown),
        ("x;", quiet),
        ("(x) ;", quiet),
        ("x ; # c", quiet),
        ("x; y;", quiet),
        ("'a;'", shown),
        ("f(\n1\n)", shown),
        ("x = 1", LastStatement::Other),
        ("def f(): pass", LastStatement::Other),
        ("if x: y", LastStatement::Other),
        ("", LastStatement::Other),
        ("# x", LastStatement::Other),
        ("x =", LastStatement::Other),
    ] {
        assert_eq!(last_statement(source), expected, "{source}");
    }
}

proptest! {
    #[test]
    fn any_text_is_taken_and_lines_keep_their_numbers(source in "[a%!?='\"#\\\\(\\[{})\\]\n x;]{0,60}") {
        let python = transform_cell(&source);
        if !source.trim_start().starts_with("%%") {
            prop_assert_eq!(python.matches('\n').count(), source.matches('\n').count());
        }
    }

    #[test]
    fn what_parses_as_python_is_python(source in "(x|1|%|a %b|\\(|\\)|'|\n|=| |\"\"\"|if x:|\n  y){0,12}") {
        if !source.contains('!')
            && ruff_python_parser::parse_module(&source).is_ok()
        {
            prop_assert_eq!(transform_cell(&source), source.as_str());
        }
    }
}
