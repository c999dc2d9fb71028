//! Tables of cells and what they become.

use proptest::prelude::*;

use super::transform_cell;

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
        ("%pwd;", line("pwd", "")),
        ("%pwd ;", line("pwd", "")),
        ("%time f();", line("time", "f();")),
        ("  %pwd", line("pwd", "")),
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
            format!("f(1,\n  2)\n{}\nx", line("pwd", "")),
        ),
    ] {
        assert_eq!(transform_cell(source), expected, "{source}");
    }
}

#[test]
fn commands_become_calls() {
    for (source, expected) in [
        ("!ls -l", "get_ipython().system('ls -l')"),
        ("  !ls", "get_ipython().system('ls')"),
        ("x = !!ls", "x = get_ipython().getoutput('ls')"),
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
        ("str.*find*?", "psearch", "str.*find*"),
        ("?a*", "psearch", "a*"),
        ("*a*??", "psearch", "*a*"),
        ("été?", "pinfo", "été"),
        ("a.b[0].c[-1]?", "pinfo", "a.b[0].c[-1]"),
        ("? obj ", "pinfo", "obj"),
        ("?%time", "pinfo", "%time"),
        ("?x + y", "pinfo", "x + y"),
        // What stands before the last name doesn't count.
        ("x + y?", "pinfo", "y"),
        ("x = obj?", "pinfo", "obj"),
        ("%timeit obj?", "pinfo", "obj"),
        ("%px?", "pinfo", "%px"),
        ("%%px?", "pinfo", "%%px"),
        ("f(x, y?", "pinfo", "y"),
        ("assert obj??", "pinfo2", "obj"),
        ("'a' + b?", "pinfo", "b"),
    ] {
        let expected = format!("get_ipython().run_line_magic('{magic}', '{asked}')");
        assert_eq!(transform_cell(source).trim_end(), expected, "{source}");
    }
    assert_eq!(transform_cell("?"), "get_ipython().show_usage()");
    assert_eq!(transform_cell("%px obj?"), line("px", "obj?"));
    assert_eq!(
        transform_cell("%px_gpu -t 0 a.b??"),
        line("px_gpu", "-t 0 a.b??")
    );
    for source in [
        "f(x)?",
        "obj???",
        "???obj",
        "1?",
        "a[i]?",
        "a[]?",
        "x  # why?",
        "x = 'why?",
        "x = 'why?'",
        "(a,\n b?\n)",
        "a.1?",
        ".?",
    ] {
        assert_eq!(transform_cell(source), source);
    }
    assert_eq!(
        transform_cell("if x:\n    obj?\ny"),
        "if x:\n    get_ipython().run_line_magic('pinfo', 'obj')\ny"
    );
}

#[test]
fn marks_in_front_of_a_function_call_it() {
    for (source, expected) in [
        (",f a b", "f('a', 'b')"),
        (";f a  b", "f('a  b')"),
        ("/f a b", "f(a, b)"),
        (",f", "f('')"),
        (";f", "f('')"),
        ("/f", "f()"),
        (",m.n it's", "m.n('it\\'s')"),
        ("if x:\n    ,f a\ny", "if x:\n    f('a')\ny"),
        ("/f a \\\n b\ny", "f(a, b)\n\ny"),
        (",été ü", "été('ü')"),
    ] {
        assert_eq!(transform_cell(source), expected, "{source}");
    }
    for source in [
        "x = [1\n  ,f\n]",
        "(a\n/f\n)",
        "x = a \\\n/f",
        "'''\n,f a\n'''",
        "/usr/bin/ls",
        ", f",
        ";",
        "a; f",
        "x = (1\n;f)",
    ] {
        assert_eq!(transform_cell(source), source);
    }
}

#[test]
fn what_was_pasted_is_transformed_as_if_typed() {
    for (source, expected) in [
        (">>> %pwd", line("pwd", "")),
        ("In [3]: x = %pwd", format!("x = {}", line("pwd", ""))),
        ("    %pwd\n    x", format!("{}\nx", line("pwd", ""))),
        (
            "In [1]: %%time\r\n   ...: x",
            "get_ipython().run_cell_magic('time', '', 'x\\n')\n".to_owned(),
        ),
        (
            ">>> if x:\n...   obj?",
            format!("if x:\n  {}", line("pinfo", "obj")),
        ),
    ] {
        assert_eq!(transform_cell(source), expected, "{source}");
    }
}

#[test]
fn a_cell_of_ten_megabytes_is_read_in_one_pass() {
    // Work that grew with the square of the lines would not end in the time a test has.
    let mut cell: String = (0..300_000)
        .map(|n| format!("x{n} = f({n}, 'it', [1, 2])  # why?\n"))
        .collect();
    assert!(cell.len() > 10_000_000);
    assert!(matches!(
        transform_cell(&cell),
        std::borrow::Cow::Borrowed(_)
    ));
    cell.push_str("%pwd\n");
    assert!(transform_cell(&cell).ends_with(&format!("\n{}\n", line("pwd", ""))));
    let magics = "%pwd\n".repeat(300_000);
    let python = transform_cell(&magics);
    assert_eq!(python.matches("run_line_magic").count(), 300_000);
}

#[test]
fn cell_magics_take_the_rest() {
    for (source, expected) in [
        (
            "%%px\nx = 1\n%y",
            r"get_ipython().run_cell_magic('px', '', 'x = 1\n%y\n')",
        ),
        (
            "%%px --local  -t 0 \nx",
            r"get_ipython().run_cell_magic('px', '--local  -t 0', 'x\n')",
        ),
        (
            "%%bash\necho \"it's\"\t\\n\n",
            r#"get_ipython().run_cell_magic('bash', '', 'echo "it\'s"\t\\n\n')"#,
        ),
        ("%%time", "get_ipython().run_cell_magic('time', '', '')"),
        ("%%!\nls", r"get_ipython().run_cell_magic('!', '', 'ls\n')"),
        (
            "%%time\r\nx\r\n",
            r"get_ipython().run_cell_magic('time', '', 'x\n')",
        ),
        (
            "\n\n%%time\nx",
            "\n\nget_ipython().run_cell_magic('time', '', 'x\\n')",
        ),
    ] {
        assert_eq!(transform_cell(source), format!("{expected}\n"), "{source}");
    }
    // Not at the start of the cell, it is a line magic with a strange name, for Python to reject.
    assert_eq!(transform_cell("x\n%%px\ny"), "x\n%%px\ny");
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
