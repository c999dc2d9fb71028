//! Completion and introspection: what is offered, and that nothing is run for it.

use rustpython_vm::AsObject;

use std::time::Instant;

use super::support::{Bench, with_bench};
use crate::completion::complete;
use crate::introspection::inspect;

/// What is offered at the `|` in the code, and the text that it would replace.
fn offered(bench: &Bench, marked: &str) -> (String, Vec<String>) {
    let cursor = marked.find('|').expect("the place is marked");
    let code = marked.replace('|', "");
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
        bench.cell("import string");
        assert_offers(
            bench,
            "from string import ascii_l|",
            "ascii_l",
            &["ascii_letters", "ascii_lowercase"],
        );
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
        assert_offers(
            bench,
            &format!("!cat {path}/data.|"),
            "data.",
            &["data.csv"],
        );
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
        let started = Instant::now();
        let (_, matches) = offered(bench, "name_1|");
        let took = started.elapsed();
        assert_eq!(matches.len(), 1111);
        assert!(took.as_millis() < 100, "{took:?}");
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
