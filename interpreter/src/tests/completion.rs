//! Completion and introspection: what is offered, and that nothing is run for it.

mod bound;
mod calls;
mod defined;
mod kinds;
mod quiet;
mod scopes;

use rustpython_vm::AsObject;

use std::time::{Duration, Instant};

use super::support::{Bench, with_bench};
use crate::completion::complete;
use crate::introspection::inspect;

/// What is offered at the last `|` in the code, and the text that it would replace.
fn offered(bench: &Bench, marked: &str) -> (String, Vec<String>) {
    let cursor = marked.rfind('|').expect("the place is marked");
    let code = format!("{}{}", &marked[..cursor], &marked[cursor + 1..]);
    let found = complete(bench.vm, &bench.namespace, &code, cursor);
    (code[found.start..cursor].to_owned(), found.matches)
}

fn assert_offers(bench: &Bench, marked: &str, replaced: &str, expected: &[&str]) {
    let (text, matches) = offered(bench, marked);
    assert_eq!(text, replaced, "{marked}");
    assert_eq!(matches, expected, "{marked}");
}

#[test]
fn names_attributes_keys_and_keywords() {
    with_bench(|bench| {
        bench.cell(
            "alpha_one = 1; alpha_two = 'x'; _alpha = 3\n\
             class Point:\n    kind = 'p'\n    def __init__(self): self.xpos = 1; self.name = alpha_two\n    def xmove(self): pass\n\
             point = Point(); table = {'north': 1, 'north east': 2, 3: 4}\nimport os.path",
        );
        assert_offers(
            bench,
            "print(alpha_|",
            "alpha_",
            &["alpha_one", "alpha_two"],
        );
        assert_offers(bench, "_alp|", "_alp", &["_alpha"]);
        assert_offers(bench, "x = point.x|", "x", &["xmove", "xpos"]);
        assert_offers(bench, "point.x| + 1", "x", &["xmove", "xpos"]);
        assert_offers(bench, "point.name.isal|", "isal", &["isalnum", "isalpha"]);
        assert_offers(bench, "Point.k|", "k", &["kind"]);
        assert_offers(bench, "os.path.isab|", "isab", &["isabs"]);
        assert_offers(bench, "table['nor|", "nor", &["north", "north east"]);
        assert_offers(bench, "'abc'.isal|", "isal", &["isalnum", "isalpha"]);
        assert_offers(bench, "[1, 2].app|", "app", &["append"]);
        assert_offers(bench, "contin|", "contin", &["continue"]);
        assert_offers(bench, "ZeroDiv|", "ZeroDiv", &["ZeroDivisionError"]);
        assert_offers(bench, "a = 1\nfor i in alpha_t|", "alpha_t", &["alpha_two"]);
        for nothing in [
            "1.|",
            "undefined.x|",
            "point.nope.x|",
            "f().x|",
            "12|",
            "point[0].x|",
        ] {
            assert_eq!(offered(bench, nothing).1, Vec::<String>::new(), "{nothing}");
        }
        let (_, all) = offered(bench, "point.|");
        assert_eq!(all, ["kind", "name", "xmove", "xpos"]);
    });
}

#[test]
fn keywords_are_offered_where_they_fit() {
    with_bench(|bench| {
        for (marked, expected) in [
            ("matc|", &["match"][..]),
            ("x = matc|", &[]),
            ("typ|", &["type"]),
            ("match x:\n    cas|", &["case"]),
            ("match x:  # why\n    cas|", &["case"]),
            ("cas|", &[]),
            ("lam|", &["lambda"]),
            ("f(key=lam|", &["lambda"]),
            ("x = awa|", &["await"]),
            ("asy|", &["async"]),
            ("[i asy|", &["async"]),
            ("async de|", &["def", "delattr"]),
            ("retu|", &["return"]),
            ("if x: retu|", &["return"]),
            ("x = retu|", &[]),
            ("x = 1; retu|", &["return"]),
            ("%time retu|", &["return"]),
            ("raise x fro|", &["from", "frozenset"]),
            ("x is no|", &["not"]),
        ] {
            let (_, matches) = offered(bench, marked);
            assert_eq!(matches, expected, "{marked}");
        }
    });
}

#[test]
fn names_of_the_cell_that_is_typed_are_offered() {
    with_bench(|bench| {
        assert_offers(bench, "def f(zed):\n    ze|", "ze", &["zed"]);
        assert_offers(bench, "%%time\nimport os as zos\nzo|", "zo", &["zos"]);
        assert_offers(bench, "zeal = 1\nprint(ze|", "ze", &["zeal"]);
        assert_offers(bench, "zeal = ze|", "ze", &[]);
        assert_offers(bench, "zeal = 1; ze|", "ze", &["zeal"]);
        assert_offers(bench, "for zed in x: ze|", "ze", &["zed"]);
    });
}

#[test]
fn attributes_of_what_the_cell_binds_are_offered() {
    with_bench(|bench| {
        bench.cell("import json.decoder\nword = b'bytes'");
        for (marked, expected) in [
            ("a = []\na.app|", &["append"][..]),
            ("a = []; a.app|", &["append"]),
            ("word = 'text'\nword.isd|", &["isdecimal", "isdigit"]),
            ("def f():\n    return []\nf().app|", &["append"]),
            ("for i in range(3):\n    i.bit_l|", &["bit_length"]),
            ("for i in ['a']:\n    i.isal|", &["isalnum", "isalpha"]),
            ("def f(n: list[int], *, t=''):\n    n.app|", &["append"]),
            (
                "def f(n: list[int], *, t=''):\n    t.isal|",
                &["isalnum", "isalpha"],
            ),
            ("def f(n: int | None):\n    n.bit_l|", &["bit_length"]),
            ("import json as j\nj.load|", &["load", "loads"]),
            (
                "from json import decoder\ndecoder.JSONDecodeE|",
                &["JSONDecodeError"],
            ),
            (
                "try:\n    pass\nexcept OSError as e:\n    e.filen|",
                &["filename", "filename2"],
            ),
            (
                "class A(list):\n    def m(self):\n        self.n = 1\n    def k(self):\n        self.n|",
                &["n"],
            ),
            (
                "class A(list):\n    size = 1\na = A()\na.s|",
                &["size", "sort"],
            ),
            ("x, y = 'a', []\ny.app|", &["append"]),
            ("if (n := 'a'):\n    n.isal|", &["isalnum", "isalpha"]),
            ("s = 'a b'\ns.split().app|", &["append"]),
            ("%%time\na = []\na.app|", &["append"]),
        ] {
            let (_, matches) = offered(bench, marked);
            assert_eq!(matches, expected, "{marked}");
        }
        for nothing in [
            "x = x.a\nx.|",
            "def f(): return f()\nf().|",
            "import nowhere\nnowhere.|",
            "def f(word):\n    undefined.|",
            "class A(A): pass\nA.undefined.|",
        ] {
            assert_eq!(offered(bench, nothing).1, Vec::<String>::new(), "{nothing}");
        }
    });
}

#[test]
fn nothing_of_the_users_is_run() {
    with_bench(|bench| {
        bench.cell(
            "ran = []\nclass Trap:\n    own = 1\n    @property\n    def prop(self): ran.append('prop'); return 'text'\n\
             \x20   def __getattr__(self, name): ran.append(name)\n    def __dir__(self): ran.append('dir'); return []\n\
             \x20   def __getattribute__(self, name): ran.append(name); return object.__getattribute__(self, name)\n\
             class Meta(type):\n    def __getattribute__(cls, name): ran.append(name); return type.__getattribute__(cls, name)\n\
             class Made(metaclass=Meta): field = 'x'\ntrap = Trap()\nran.clear()",
        );
        let (_, matches) = offered(bench, "trap.|");
        assert_eq!(matches, ["own", "prop"]);
        for quiet in [
            "trap.prop.up|",
            "trap.other.x|",
            "Made.fie|",
            "Made.field.up|",
            "trap.own.re|",
        ] {
            offered(bench, quiet);
        }
        inspect(bench.vm, &bench.namespace, "trap.prop", false).expect("a property is described");
        assert_eq!(bench.value("ran"), "[]");
    });
}

#[test]
fn modules_magics_and_files() {
    let folder = std::env::temp_dir().join(format!("rhumba-complete-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("data_folder")).expect("made");
    std::fs::write(folder.join("data.csv"), "").expect("written");
    with_bench(|bench| {
        assert_offers(bench, "import statist|", "statist", &["statistics"]);
        assert_offers(
            bench,
            "import os, concurrent.fut|",
            "concurrent.fut",
            &["concurrent.futures"],
        );
        assert_offers(
            bench,
            "from urllib import robot|",
            "robot",
            &["robotparser"],
        );
        assert_offers(
            bench,
            "from urllib.rob|",
            "urllib.rob",
            &["urllib.robotparser"],
        );
        for (marked, replaced, expected) in [
            ("from os imp|", "imp", &["import"][..]),
            ("from os |", "", &["import"]),
            ("import os a|", "a", &["as"]),
            ("import sys, os a|", "a", &["as"]),
            ("import os as x|", "x", &[]),
        ] {
            assert_offers(bench, marked, replaced, expected);
        }
        bench.cell("import os, string");
        assert_offers(
            bench,
            "from string import ascii_l|",
            "ascii_l",
            &["ascii_letters", "ascii_lowercase"],
        );
        for (marked, replaced, expected) in [
            (
                "import string; string.ascii_u|",
                "ascii_u",
                "ascii_uppercase",
            ),
            ("from os import path; path.isab|", "isab", "isabs"),
            ("import os; breakp|", "breakp", "breakpoint"),
            ("import os; import statist|", "statist", "statistics"),
            ("x = ';'; import statist|", "statist", "statistics"),
            ("if x: import statist|", "statist", "statistics"),
            ("else: from urllib import robot|", "robot", "robotparser"),
            (
                "if x:\n    pass\nelse: string.ascii_u|",
                "ascii_u",
                "ascii_uppercase",
            ),
            ("x = {'a': string.ascii_u|", "ascii_u", "ascii_uppercase"),
            ("x = a[1:]; import statist|", "statist", "statistics"),
        ] {
            assert_offers(bench, marked, replaced, &[expected]);
        }
        assert_offers(bench, "'; import statist|", "; import statist", &[]);
        assert_offers(bench, "# ; import statist|", "statist", &[]);
        assert_offers(bench, "%timei|", "%timei", &["%timeit"]);
        assert_offers(bench, "%%writ|", "%%writ", &["%%writefile"]);
        let path = folder.to_string_lossy();
        assert_offers(
            bench,
            &format!("open('{path}/da|')"),
            "da",
            &["data.csv", "data_folder/"],
        );
        assert_offers(
            bench,
            &format!("%cd {path}/data_|"),
            "data_",
            &["data_folder/"],
        );
        for command in [
            "!cat",
            "%cat",
            "%load",
            "%save",
            "%run -n",
            "%prun -D",
            "%%writefile -a",
        ] {
            let line = format!("{command} {path}/data.|");
            assert_offers(bench, &line, "data.", &["data.csv"]);
        }
        assert_offers(bench, "%run -m statist|", "statist", &["statistics"]);
        assert_offers(bench, "%run --time|", "--time", &["--time", "--times"]);
        std::fs::create_dir_all(folder.join("a folder")).expect("made");
        std::fs::write(folder.join("a folder/it's.py"), "").expect("written");
        for command in ["!cat", "%load"] {
            let line = format!("{command} {path}/a|");
            assert_offers(bench, &line, "a", &["a\\ folder/"]);
            let line = format!("{command} {path}/a\\ |");
            assert_offers(bench, &line, "a\\ ", &["a\\ folder/"]);
            let line = format!("{command} {path}/a\\ folder/i|");
            assert_offers(bench, &line, "i", &["it\\'s.py"]);
        }
        std::fs::write(folder.join("#hash.py"), "").expect("written");
        let line = format!("!cat {path}/\\#|");
        assert_offers(bench, &line, "\\#", &["\\#hash.py"]);
        bench.cell(&format!("%cd -q {path}/a\\ folder"));
        assert_eq!(bench.value("%pwd"), format!("'{path}/a folder'"));
        bench.cell("%cd -q -");
    });
    std::fs::remove_dir_all(folder).expect("removed");
}

#[test]
fn files_are_offered_where_a_word_can_be_nothing_else() {
    let folder = std::env::temp_dir().join(format!("rhumba-words-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("a folder")).expect("made");
    std::fs::write(folder.join("data.csv"), "").expect("written");
    with_bench(|bench| {
        let path = folder.to_string_lossy();
        for line in [
            format!("{path}/da|"),
            format!("x = {path}/da|"),
            format!("f({path}/da|"),
            format!("what ../../../../../../../../..{path}/da|"),
        ] {
            assert_offers(bench, &line, "da", &["data.csv"]);
        }
        assert_offers(bench, &format!("{path}/a|"), "a", &["a\\ folder/"]);
        assert_offers(bench, &format!("{path}/a\\ |"), "a\\ ", &["a\\ folder/"]);
        assert_offers(bench, "./no-such-file|", "no-such-file", &[]);
        // These may divide, too.
        bench.cell("daily = 1");
        for line in ["x {path}/da|", "x = (1\n{path}/da|", "f(x) {path}/da|"] {
            let line = line.replace("{path}", &path);
            assert_offers(bench, &line, "da", &["daily", "data.csv"]);
        }
        for line in ["return {path}/da|", "x in {path}/da|", "if not {path}/da|"] {
            let line = line.replace("{path}", &path);
            assert_offers(bench, &line, "da", &["data.csv"]);
        }
        assert_offers(bench, "1 /dail|", "dail", &["daily"]);
        bench.cell("tmpl = 1");
        assert!(offered(bench, "/tmp|").1.contains(&"tmpl".to_owned()));
        let begun = offered(bench, "/tm|").1;
        assert!(begun.contains(&"tmp/".to_owned()), "{begun:?}");
    });
    std::fs::remove_dir_all(folder).expect("removed");
}

#[test]
fn any_text_and_any_cursor_are_answered() {
    with_bench(|bench| {
        let code =
            "é = {'ü': 'ö'}; x['\\\n'''\"f\"{a.b(]) %%! from . import ..  import  \u{1F600}.";
        for cursor in 0..code.len() + 3 {
            let found = complete(bench.vm, &bench.namespace, code, cursor);
            assert!(code.is_char_boundary(found.start), "{cursor}");
        }
    });
}

#[test]
fn ten_thousand_names_are_no_trouble() {
    with_bench(|bench| {
        bench.cell("globals().update({f'name_{i}': i for i in range(10000)})");
        offered(bench, "name_|");
        let mut took_least = Duration::MAX;
        for _ in 0..5 {
            let started = Instant::now();
            let (_, matches) = offered(bench, "name_1|");
            took_least = took_least.min(started.elapsed());
            assert_eq!(matches.len(), 1111);
        }
        // A hundred times what it takes, for machines that are slow and busy.
        assert!(took_least.as_secs() < 2, "{took_least:?}");
    });
}

#[test]
fn objects_are_described() {
    with_bench(|bench| {
        bench.cell("def area(width: float, height=2.0):\n    \"\"\"Multiplies.\n\n    Two sides.\n    \"\"\"\n    return width * height\n\nitems = [1, 2, 3]");
        let text = inspect(bench.vm, &bench.namespace, "area", false).expect("it is there");
        assert!(
            text.contains("Signature:      area(width: float, height=2.0)"),
            "{text}"
        );
        assert!(text.contains("Multiplies.\n\nTwo sides."), "{text}");
        assert!(text.contains("File:           <cell 1>"), "{text}");
        let text = inspect(bench.vm, &bench.namespace, "area", true).expect("it is there");
        assert!(
            text.contains("Source:         \ndef area(width: float, height=2.0):\n"),
            "{text}"
        );
        let text = inspect(bench.vm, &bench.namespace, "items", false).expect("it is there");
        for line in [
            "Type:           list",
            "String form:    [1, 2, 3]",
            "Length:         3",
        ] {
            assert!(text.contains(line), "{text}");
        }
        let text = inspect(bench.vm, &bench.namespace, "items.append", false).expect("it is there");
        assert!(text.to_lowercase().contains("append"), "{text}");
        let text = inspect(bench.vm, &bench.namespace, "dict", true).expect("it is there");
        assert!(text.contains("Type:           type"), "{text}");
        let failure =
            inspect(bench.vm, &bench.namespace, "nope", false).expect_err("it isn't there");
        assert!(failure.fast_isinstance(bench.vm.ctx.exceptions.name_error));
        assert!(
            bench
                .printed("items?")
                .contains("String form:    [1, 2, 3]")
        );
        assert!(bench.printed("nope?").contains("Object `nope` not found."));
        assert!(bench.printed("area??").contains("return width * height"));
        // What is part of the executable has its source, too.
        bench.cell("import inspect, textwrap, json");
        for (asked, part) in [
            ("textwrap.dedent??", "\ndef dedent(text):"),
            ("textwrap.TextWrapper??", "\nclass TextWrapper:"),
            ("json??", "\nfrom .decoder import JSONDecoder"),
            ("%psource json.dumps", "def dumps(obj, *, skipkeys=False"),
            ("%pfile json", "_default_encoder = JSONEncoder("),
            (
                "print(inspect.getsource(json.load))",
                "def load(fp, *, cls=None",
            ),
        ] {
            let shown = bench.printed(asked);
            assert!(shown.contains(part), "{asked}: {shown}");
        }
        bench.cell("def long(first, /, second_of_a_long_name, *, third_of_a_long_name, fourth_of_a_long_name): pass");
        let shown = bench.printed("long?");
        assert!(
            shown.contains(
                "long(\n    first,\n    /,\n    second_of_a_long_name,\n    *,\n    third"
            ),
            "{shown}"
        );
        assert!(bench.printed("%timeit?").contains("LOOPS"));
        assert!(bench.printed("ite*?").contains("items"));
    });
}

#[test]
fn a_magic_says_what_could_stand_behind_it() {
    with_bench(|bench| {
        bench.cell(
            "def pick(line): return line\n\
             pick.complete_argument = lambda typed: [w for w in ('monday', 'month') if w.startswith(typed)]\n\
             def fails(line): pass\n\
             fails.complete_argument = lambda typed: 1 / 0\n\
             shell = get_ipython()\n\
             shell.register_magic_function(pick)\nshell.register_magic_function(fails)\n\
             monster = 1",
        );
        assert_offers(bench, "%pick mon|", "mon", &["monday", "month"]);
        assert_offers(bench, "%pick -t 0 mond|", "mond", &["monday"]);
        assert_offers(bench, "%fails mon|", "mon", &[]);
        // A magic that says nothing takes Python.
        assert_offers(bench, "%timeit mon|", "mon", &["monster"]);
    });
}

#[test]
fn values_of_options_are_offered() {
    with_bench(|bench| {
        bench.cell(
            "from rhumba._options import magic, option\n\
             @magic(option('-k', '--kind', value='KIND', choices=('warm', 'cold')), option('-d', '--day', value='DAY', complete=lambda typed: [typed + 'day']), words='[NAME]')\n\
             def weather(given): pass\n\
             class Place:\n    def towns(self, line): pass\n    def complete_option(self, name, typed): return [name, typed + 'x']\n\
             \x20   towns.options = (option('-t', '--targets', value='TOWN'),)\n\
             shell = get_ipython()\nshell.register_magic_function(weather)\nshell.register_magic_function(Place().towns)",
        );
        assert_offers(bench, "%weather --k|", "--k", &["--kind"]);
        assert_offers(bench, "%weather -k w|", "w", &["warm"]);
        assert_offers(bench, "%weather --day mon|", "mon", &["monday"]);
        assert_offers(bench, "%towns -t 0|", "0", &["0x", "targets"]);
    });
}

#[test]
fn expressions_are_followed_as_far_as_nothing_runs() {
    with_bench(|bench| {
        bench.cell(
            "ran = []\n\
             class Point:\n    def __init__(self, xpos, *, ypos=0): self.xpos = xpos\n    def xmove(self): pass\n\
             class Loud(dict):\n    def __getitem__(self, key): ran.append(key)\n\
             points = [Point(1), Point(2)]; table = {'a': {'north': points}, 1: 'one', (2, 3): 4}\n\
             loud = Loud(a='text'); pair = (points[0], 'text')",
        );
        assert_offers(bench, "points[0].xm|", "xm", &["xmove"]);
        assert_offers(bench, "x = points[-1].xp|", "xp", &["xpos"]);
        assert_offers(bench, "table['a']['north'][0].xm|", "xm", &["xmove"]);
        assert_offers(bench, "table['a']['no|", "no", &["north"]);
        assert_offers(bench, "f(table[1].isal|", "isal", &["isalnum", "isalpha"]);
        assert_offers(bench, "pair[1].isal|", "isal", &["isalnum", "isalpha"]);
        assert_offers(bench, "Point(1).xm|", "xm", &["xmove"]);
        assert_offers(bench, "str(1).isal|", "isal", &["isalnum", "isalpha"]);
        assert_offers(bench, "[p for p in points].app|", "app", &["append"]);
        assert_offers(bench, "'a'.upper().isal|", "isal", &["isalnum", "isalpha"]);
        assert_offers(bench, "'a b'.strip().split().app|", "app", &["append"]);
        assert_offers(bench, "'a'.encode().dec|", "dec", &["decode"]);
        assert_offers(bench, "{'a': 1}.ke|", "ke", &["keys"]);
        assert_offers(bench, "f'{table}'.isal|", "isal", &["isalnum", "isalpha"]);
        assert_offers(bench, "f'{points[0].xm|", "xm", &["xmove"]);
        assert_offers(bench, "f'{{{poin|", "poin", &["points"]);
        assert_offers(bench, "table[|", "", &["'a'", "1"]);
        assert_offers(bench, "table[1|", "1", &["1"]);
        for nothing in [
            "loud['a'].isal|",
            "print(1).isal|",
            "'a'.find('a').isal|",
            "loud.copy().isal|",
            "points[5].xm|",
            "points['a'].xm|",
            "(1 + 1).real.nope|",
            "f'{{poin|",
        ] {
            assert_eq!(offered(bench, nothing).1, Vec::<String>::new(), "{nothing}");
        }
        assert_eq!(bench.value("ran"), "[]");
    });
}

#[test]
fn parameters_are_offered_in_calls() {
    with_bench(|bench| {
        bench.cell(
            "import functools\n\
             def area(width, height=2, *rest, unit='m', **more): return 0\n\
             def only(first, /, second): return 0\n\
             class Point:\n    def __init__(self, xpos, *, ypos=0): pass\n    def move(self, wide=1): pass\n\
             point = Point(1)\n\
             @functools.wraps(area)\ndef wrapped(*a): pass",
        );
        assert_offers(bench, "area(wid|", "wid", &["width="]);
        assert_offers(bench, "area(1, u|", "u", &["unit="]);
        assert_offers(bench, "area(width=1, wid|", "wid", &[]);
        assert_offers(bench, "x = [area(f(1), hei|", "hei", &["height="]);
        assert_offers(bench, "only(fir|", "fir", &[]);
        assert_offers(bench, "only(1, sec|", "sec", &["second="]);
        assert_offers(bench, "Point(yp|", "yp", &["ypos="]);
        assert_offers(bench, "point.move(wid|", "wid", &["wide="]);
        assert_offers(bench, "wrapped(hei|", "hei", &["height="]);
        assert_offers(bench, "area(\n    1,\n    hei|", "hei", &["height="]);
        assert_offers(bench, "'a'.split(sep|", "sep", &["sep="]);
        assert_offers(bench, "'a'.upper().split(sep|", "sep", &["sep="]);
        assert_offers(bench, "Point(1).move(wid|", "wid", &["wide="]);
        assert_offers(bench, "sorted([1], ke|", "ke", &["key="]);
        assert_offers(bench, "open('x', enco|", "enco", &["encoding="]);
        assert_offers(bench, "sorted(iterab|", "iterab", &[]);
        assert_offers(bench, "area(1 + wid|", "wid", &[]);
        assert_offers(bench, "area(1)\nwid|", "wid", &[]);
    });
}

#[test]
fn signs_are_offered_by_their_names() {
    with_bench(|bench| {
        assert_offers(bench, r"x = \alpha|", r"\alpha", &["α"]);
        assert_offers(bench, r"\alp|", r"\alp", &[r"\alpha"]);
        assert_offers(bench, r"y\_1|", r"\_1", &["₁"]);
        assert_offers(
            bench,
            r"\var|",
            r"\var",
            &[
                r"\varepsilon",
                r"\varkappa",
                r"\varnothing",
                r"\varphi",
                r"\varpi",
                r"\varrho",
                r"\varsigma",
                r"\vartheta",
            ],
        );
        assert_offers(bench, r"\α|", r"\α", &[r"\alpha"]);
        let eta = r"\GREEK SMALL LETTER ETA";
        assert_offers(bench, &format!("x = {eta}|"), eta, &["η"]);
        assert_offers(bench, r"\☃|", r"\☃", &[r"\SNOWMAN"]);
    });
}

#[test]
fn programs_complete_for_themselves() {
    with_bench(|bench| {
        bench.cell(
            "shell = get_ipython()\n\
             def cities(completer, text): return ['paris', 'prague', 'oslo']\n\
             def broken(completer, text): raise KeyError('x')\n\
             shell.set_hook('complete_command', lambda shell, event: ['up', 'down', event.symbol + '!'], str_key='%lift')",
        );
        assert_offers(bench, "%lift u|", "u", &["u!", "up"]);
        assert_offers(bench, "citi|", "citi", &["cities"]);
        bench.cell("shell.set_custom_completer(cities)");
        assert_offers(bench, "x = pr|", "pr", &["prague"]);
        assert_eq!(
            bench.value("shell.complete('pa', 'x = pa', 6)"),
            "('pa', ['paris'])"
        );
        bench.cell("shell._completers = None; shell.set_custom_completer(broken)");
        assert_offers(bench, "citi|", "citi", &["cities"]);
        assert_offers(bench, "citi|", "citi", &["cities"]);
        let told = bench.recorder.stderr();
        assert_eq!(
            told.matches("broken failed and isn't asked again").count(),
            1,
            "{told}"
        );
        assert_eq!(
            bench.value("shell.complete('citi')"),
            "('citi', ['cities'])"
        );
        assert_eq!(bench.value(r"shell.complete('\ud800citi')"), "('', [])");
    });
}

#[test]
fn magics_are_completed_without_their_marks_too() {
    let folder = std::env::temp_dir().join(format!("rhumba-bare-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("somewhere")).expect("made");
    with_bench(|bench| {
        bench.cell("x = 1");
        assert!(offered(bench, "timei|").1.contains(&"timeit".to_owned()));
        let path = folder.to_string_lossy();
        assert_offers(bench, &format!("cd {path}/some|"), "some", &["somewhere/"]);
        assert_offers(
            bench,
            &format!("f = !ls {path}/some|"),
            "some",
            &["somewhere/"],
        );
        // What is bound to the name is divided; a path is offered all the same.
        bench.cell("cd = 1; something = 2");
        assert_offers(
            bench,
            &format!("cd {path}/some|"),
            "some",
            &["something", "somewhere/"],
        );
    });
    std::fs::remove_dir_all(folder).expect("removed");
}

#[test]
fn objects_that_fail_are_described_all_the_same() {
    with_bench(|bench| {
        bench.cell(
            "class Broken:\n    def __repr__(self): raise KeyError('no repr')\n    def __len__(self): raise KeyError('no length')\n\
             \x20   def __getattr__(self, name): raise ValueError('no attribute')\n\
             class Meta(type):\n    @property\n    def __doc__(cls): raise OSError('no doc')\n\
             class Odd(metaclass=Meta): pass\nbroken = Broken()",
        );
        let text = bench.printed("broken?");
        assert!(
            text.contains("String form:    <repr() raised KeyError: 'no repr'>"),
            "{text}"
        );
        assert!(text.contains("Type:           Broken"), "{text}");
        assert!(bench.printed("broken??").contains("class Broken:"));
        assert!(
            bench.printed("Odd?").contains("no doc"),
            "{}",
            bench.printed("Odd?")
        );
        assert!(bench.printed("broken.x?").contains("not found"));
    });
}

#[test]
fn magics_tell_of_objects() {
    with_bench(|bench| {
        bench.cell("class Area:\n    \"\"\"An area.\"\"\"\n    def __init__(self, width, height=2):\n        \"\"\"Takes sides.\"\"\"\n    def __call__(self, by): return by\narea = Area(1); items = [area]");
        assert_eq!(bench.printed("%pdef Area"), "Area(width, height=2)\n");
        assert_eq!(bench.printed("%pdef area"), "area(by)\n");
        assert_eq!(bench.failing("%pdef items").exception, "UsageError");
        assert_eq!(
            bench.printed("%pdoc Area"),
            "Class docstring:\n    An area.\nInit docstring:\n    Takes sides.\n"
        );
        assert!(bench.printed("%psource Area").starts_with("class Area:\n"));
        assert!(bench.printed("%psource area").starts_with("class Area:\n"));
        assert!(bench.printed("%pfile Area").starts_with("class Area:\n"));
        assert!(bench.printed("%pinfo2 items[0]").contains("class Area:"));
        assert!(bench.printed("items[0]?").contains("Type:           Area"));
        assert!(
            bench
                .printed("Area?")
                .contains("Init signature: Area(width, height=2)")
        );
        assert!(
            bench
                .printed("%pinfo2 %pdef")
                .contains("Shows how something is called")
        );
        let text = bench.printed("json.dumps?");
        assert!(text.contains("not found"), "{text}");
        bench.cell("import json");
        assert!(bench.printed("json?").contains("Type:           module"));
        assert!(bench.printed("json.dumps?").contains("Signature:"));
        for wrong in [
            "%psource len",
            "%pdef",
            "%pdoc nothing",
            "%pfile nothing",
            "%psource",
        ] {
            let report = bench.failing(wrong);
            assert_eq!(report.exception, "UsageError", "{wrong}");
            assert!(
                !report.traceback.contains("Traceback"),
                "{wrong}: {}",
                report.traceback
            );
        }
    });
}

#[test]
fn names_are_found_by_patterns() {
    with_bench(|bench| {
        bench.cell("apple = 1; apricot = 'a'; Avocado = 2; _almond = 3\nclass Basket: pass\nbasket = Basket(); basket.plum = 1; basket.pear = 'p'");
        for (line, expected) in [
            ("ap*?", "apple\napricot\n"),
            ("%psearch ap* int", "apple\n"),
            ("%psearch A*o", "Avocado\n"),
            ("%psearch -c A*o", "Avocado\n"),
            ("%psearch -c a*DO", "No name is like a*DO.\n"),
            ("%psearch -i a*DO", "Avocado\n"),
            ("%psearch -a *almond", "_almond\n"),
            ("%psearch *almond", "No name is like *almond.\n"),
            ("_alm*?", "_almond\n"),
            ("basket.p*?", "basket.pear\nbasket.plum\n"),
            ("%psearch b*t.*l*m", "basket.plum\n"),
            ("%psearch -e builtin pr*", "No name is like pr*.\n"),
            ("%psearch -e builtin -e user *", "No name is like *.\n"),
        ] {
            assert_eq!(bench.printed(line), expected, "{line}");
        }
        assert!(bench.printed("pri*?").contains("print\n"));
        assert!(bench.printed("%psearch -l").contains("dict\n"));
        let report = bench.failing("%psearch -s somewhere x");
        assert!(
            report.message.contains("builtin, user"),
            "{}",
            report.message
        );
    });
}

#[test]
fn what_stands_in_a_string_is_written_as_it_must_be_there() {
    with_bench(|bench| {
        bench.cell(r#"odd = {"it's": 1, 'new\nline': 2, 'back\\slash': 3, b'by"te\xff': 4}"#);
        assert_offers(bench, "odd['it|", "it", &[r"it\'s"]);
        assert_offers(bench, "odd[\"it|", "it", &["it's"]);
        assert_offers(bench, "odd['new|", "new", &[r"new\nline"]);
        assert_offers(bench, "odd['back|", "back", &[r"back\\slash"]);
        assert_offers(bench, "odd[r'back|", "back", &[r"back\slash"]);
        assert_offers(bench, "odd[b\"|", "", &[r#"by\"te\xff"#]);
        assert_offers(bench, "odd[b'x|", "x", &[]);
        assert_offers(bench, "odd[r'it|", "it", &[]);
    });
}

#[test]
fn files_in_a_string_are_written_as_they_must_be_there() {
    let folder = std::env::temp_dir().join(format!("rhumba-quotes-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("there is room for a folder");
    std::fs::write(folder.join("it's.txt"), "").expect("it can be written");
    with_bench(|bench| {
        let shown = folder.display();
        assert_offers(bench, &format!("open('{shown}/it|"), "it", &[r"it\'s.txt"]);
        assert_offers(bench, &format!("open(\"{shown}/it|"), "it", &["it's.txt"]);
    });
    std::fs::remove_dir_all(&folder).expect("it is ours");
}
