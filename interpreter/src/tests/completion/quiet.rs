//! Completion of what is built to be asked: it runs nothing, whatever an object calls itself, and it ends.

use std::time::Instant;

use super::calls::{OF_TEXT, assert_all_offer, assert_none_offers};
use super::offered;
use crate::tests::support::{Bench, with_bench};

fn assert_quick(bench: &Bench, cases: &[&str]) {
    let started = Instant::now();
    for marked in cases {
        offered(bench, marked);
    }
    // Many times what it takes, for machines that are slow and busy.
    assert!(started.elapsed().as_secs() < 5, "{:?}", started.elapsed());
}

#[test]
fn annotations_that_grow_without_end_are_left() {
    with_bench(|bench| {
        bench.cell(
            "from typing import Union\n\
             def doubled(): pass\n\
             pair = int\nfor i in range(40): pair = dict[pair, pair]\n\
             doubled.__annotate__ = None; doubled.__annotations__ = {'return': pair}\n\
             def nested(): pass\n\
             data = int\nfor i in range(20): data = Union[int, str, list[data], dict[str, data], tuple[data, data], set[data]]\n\
             nested.__annotate__ = None; nested.__annotations__ = {'return': data}\n\
             class Own: pass\n\
             own = Own(); own.__origin__ = dict; own.__args__ = (own, own)\n\
             def itself(): pass\n\
             itself.__annotate__ = None; itself.__annotations__ = {'return': own}\n\
             class Grown(dict):\n    def more(self) -> 'Grown[Self, Self]': pass\nfrom typing import Self",
        );
        let chain = format!("Grown(){}.|", ".more()".repeat(50));
        assert_quick(bench, &["doubled().|", "nested().|", "itself().|", &chain]);
    });
}

#[test]
fn cells_of_many_classes_are_quick() {
    with_bench(|bench| {
        let mut cell = "class C0: pass\nclass C1: pass\nclass C2: pass\n".to_owned();
        for at in 3..700 {
            let bases = format!("C{}, C{}, C{}", at - 1, at - 2, at - 3);
            cell.push_str(&format!(
                "class C{at}({bases}):\n    def m{at}(self): return C{at}()\n"
            ));
        }
        assert_quick(bench, &[&format!("{cell}C699().m699().|")]);
    });
}

#[test]
fn what_is_named_as_the_runtimes_own_is_not_it() {
    with_bench(|bench| {
        bench.cell(
            "ran = []\n\
             def posing(name):\n    return type(name, (), {'__get__': lambda self, owner, kind=None: ran.append(name)})()\n\
             class Posed: pass\n\
             for name in 'function member_descriptor getset_descriptor wrapper_descriptor classmethod staticmethod'.split():\n    setattr(Posed, 'x_' + name, posing(name))\n\
             posed = Posed()",
        );
        for name in [
            "function",
            "member_descriptor",
            "getset_descriptor",
            "wrapper_descriptor",
            "classmethod",
            "staticmethod",
        ] {
            for owner in ["posed", "Posed", "Posed()"] {
                let marked = format!("{owner}.x_{name}.|");
                assert_none_offers(bench, &[&marked]);
            }
        }
        assert_eq!(bench.value("ran"), "[]");
    });
}

#[test]
fn dictionaries_of_modules_are_not_asked() {
    with_bench(|bench| {
        bench.cell(
            "import pathlib, re, sys\nran = []\n\
             class Loud(dict):\n    def __getitem__(self, key): ran.append(key); return dict.__getitem__(self, key)\n\
             class Holder: pass\n\
             holder = Holder(); holder.__dict__ = Loud(compile=1)\n\
             called = Holder(); called.__dict__ = Loud(a=1); kept = re\n\
             real = sys.modules\nsys.modules = Loud(real)",
        );
        assert_all_offer(bench, &[("pathlib.Path('a').parent.joinp|", &["joinpath"])]);
        offered(bench, "re.compile('a').|");
        bench.cell("sys.modules = real; real['re'] = holder");
        offered(bench, "kept.compile('a').|");
        bench.cell("real['re'] = kept");
        offered(bench, "called(|");
        // Running a cell asks for modules, too.
        assert_eq!(
            bench.value(
                "[key for key in ran if key in ('re', 'pathlib', 'compile', '__wrapped__')]"
            ),
            "[]"
        );
    });
}

#[test]
fn completion_of_imports_does_not_ask_for_modules() {
    with_bench(|bench| {
        bench.cell(
            "import sys\nran = []\nreal = sys.modules\n\
             def asking(name):\n    def method(self, *args):\n        ran.append((name, *args))\n        return getattr(dict, name)(self, *args)\n    return method\n\
             Loud = type('Loud', (dict,), {name: asking(name) for name in ('__getitem__', 'get', '__contains__', '__iter__', 'keys', 'items')})",
        );
        let cases = [
            ("import json.dec|", "json.decoder"),
            ("from json.dec|", "json.decoder"),
            ("from json import decod|", "decoder"),
            ("import statist|", "statistics"),
        ];
        // What lists modules is loaded.
        offered(bench, cases[0].0);
        bench.cell("sys.modules = Loud(real)");
        for (marked, expected) in cases {
            assert_eq!(offered(bench, marked).1, [expected], "{marked}");
        }
        bench.cell("sys.modules = real");
        // Running a cell asks for modules, too.
        assert_eq!(
            bench.value(
                "[each for each in ran if {*each} & {'rhumba._modules', 'pkgutil', 'inspect', '_imp'}]"
            ),
            "[]"
        );
    });
}

#[test]
fn completion_behind_magics_does_not_ask_for_modules() {
    with_bench(|bench| {
        bench.cell(
            "import sys\nword = 'a'; ran = []; real = sys.modules; shell = get_ipython()\n\
             def asking(name):\n    def method(self, *args):\n        ran.append((name, *args))\n        return getattr(dict, name)(self, *args)\n    return method\n\
             Loud = type('Loud', (dict,), {name: asking(name) for name in ('__getitem__', 'get', '__contains__', '__iter__', 'keys', 'items')})\n\
             behind = [f'%{magic} word.isal' for magic in ('time', 'timeit', 'prun', 'debug', '%time\\n')]\n\
             names = ['timei', '%timei', '%%timei']\n\
             for code in [behind[0], behind[2], *names]: shell.complete('', code)",
        );
        bench.cell(
            "sys.modules = Loud(real); ran.clear()\n\
             offered = [shell.complete('', code)[1] for code in behind]\n\
             named = [shell.complete('', code)[1] for code in names]\n\
             asked = list(ran); sys.modules = real",
        );
        assert_eq!(bench.value("asked"), "[]");
        assert_eq!(
            bench.value("set(map(tuple, offered))"),
            "{('isalnum', 'isalpha')}"
        );
        assert_eq!(
            bench.value("named"),
            "[['timeit'], ['%timeit'], ['%%timeit']]"
        );
    });
}

#[test]
fn keys_and_attributes_of_modules_and_methods_run_nothing() {
    with_bench(|bench| {
        bench.cell(
            "import sys, types\nran = []\n\
             class Key(str):\n    def __eq__(self, other): ran.append(('eq', str(other))); return False\n    def __hash__(self): return str.__hash__(self)\n\
             class Holder: pass\n\
             odd = Holder(); odd.__dict__ = {Key('a'): 1}\n\
             globals()[Key('skname')] = 1\n\
             def told(): pass\n\
             told.__annotate__ = None; told.__annotations__ = {Key('return'): str}\n\
             class Asked:\n    def __call__(self): pass\n    def __getattr__(self, name): ran.append(name); raise AttributeError(name)\n\
             \x20   __doc__ = property(lambda self: ran.append('doc'))\n    __module__ = property(lambda self: ran.append('module'))\n\
             bound = types.MethodType(Asked(), 1)\n\
             class Package(types.ModuleType):\n    @property\n    def __path__(self): ran.append('path'); return []\n    def __getattr__(self, name): ran.append(name); raise AttributeError(name)\n\
             sys.modules['package_asked'] = Package('package_asked'); ran.clear()",
        );
        assert_none_offers(
            bench,
            &[
                "odd.a.|",
                "skname.|",
                "told().|",
                "bound.__doc__.|",
                "bound.__module__.|",
                "import package_asked.|",
                "from package_asked import |",
            ],
        );
        assert_all_offer(bench, &[("''.upper.__doc__.isal|", &OF_TEXT)]);
        assert_eq!(bench.value("ran"), "[]");
        bench.cell("del sys.modules['package_asked']");
    });
}

#[test]
fn constants_of_code_do_not_write_themselves() {
    with_bench(|bench| {
        bench.cell(
            "ran = []\n\
             class Loud:\n    def __repr__(self): ran.append('repr'); return 'str'\n\
             def told() -> 'str': pass\n\
             maker = told.__annotate__\n\
             maker.__code__ = maker.__code__.replace(co_consts=tuple(Loud() if c == 'str' else c for c in maker.__code__.co_consts))\n\
             def said() -> 'str': pass",
        );
        assert_none_offers(bench, &["told().|"]);
        assert_all_offer(bench, &[("said().isal|", &OF_TEXT)]);
        assert_eq!(bench.value("ran"), "[]");
    });
}
