//! What must not end the process: deep recursion, deep data, broken objects.

use super::support::with_bench;
use crate::completeness::{Completeness, Missing, completeness};
use crate::failure::ErrorReport;

/// The stack that the main thread of a process has by default.
const MAIN_STACK_BYTES: usize = 8 * 1024 * 1024;

fn on_main_sized_stack(work: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new()
        .stack_size(MAIN_STACK_BYTES)
        .spawn(work);
    thread
        .expect("a thread can be started")
        .join()
        .expect("the thread ends well");
}

#[test]
fn deep_recursion_is_an_exception() {
    on_main_sized_stack(|| {
        with_bench(|bench| {
            for source in [
                "def f(n): return f(n + 1)\nf(0)",
                "class A:\n    def __repr__(self): return repr(self)\nrepr(A())",
                "class A:\n    def __getattr__(self, name): return getattr(self, name + '_')\nA().x",
                "class A:\n    def __eq__(self, other): return self == other\nA() == A()",
                "class A:\n    def __add__(self, other): return self + other\nA() + 1",
                "g = lambda n: sorted([n], key=g)\ng(0)",
                "g = lambda n: list(map(g, [n]))\ng(0)",
                "l = []\nfor _ in range(100000): l = [l]\nrepr(l)",
                "import json\njson.dumps(l)",
                "import copy\ncopy.deepcopy(l)",
                "eval('(' * 5000 + ')' * 5000)",
                "exec('x' + '.a' * 20000)",
            ] {
                let report = bench.failing(source);
                assert!(
                    matches!(
                        report.exception.as_str(),
                        "RecursionError" | "MemoryError" | "SyntaxError" | "NameError"
                    ),
                    "{source}: {}",
                    report.exception
                );
                assert_eq!(bench.value("1 + 1"), "2");
            }
        });
    });
}

#[test]
fn source_of_any_depth_can_be_compiled() {
    on_main_sized_stack(|| {
        with_bench(|bench| {
            bench.cell("terms = '+'.join(['1'] * 300000)");
            bench.cell("chain = 'if 0: pass\\n' + 'elif 0: pass\\n' * 50000");
            bench.cell("import ast, symtable, threading");
            let sum = format!("x = 1{}", "+1".repeat(300_000));
            let parts = format!("if 0: pass\n{}", "elif 0: pass\n".repeat(50_000));
            for source in [
                sum.as_str(),
                parts.as_str(),
                "eval(terms)",
                "eval(terms.encode())",
                "eval(terms + '+é')",
                "exec(terms)",
                "compile(terms, 'f', 'eval')",
                "ast.parse(terms)",
                "symtable.symtable(terms, 'f', 'exec')",
                "exec(chain)",
                "ast.parse(chain)",
                "symtable.symtable(chain, 'f', 'exec')",
            ] {
                let report = bench.failing(source);
                assert_eq!(report.exception, "RecursionError", "{source:.40}");
            }
            bench.cell("told = []\ndef ask(source):\n    try: eval(source)\n    except RecursionError: told.append(1)");
            bench.cell("thread = threading.Thread(target=ask, args=['+'.join(['1'] * 50000)])");
            bench.cell("thread.start(); thread.join()");
            assert_eq!(bench.value("told"), "[1]");
            bench.cell("exec('if 0: pass\\n' + 'elif 0: pass\\n' * 1400 + 'else: y = 3')");
            assert_eq!(bench.value("y"), "3");
        });
    });
}

#[test]
fn source_of_any_depth_can_be_looked_at() {
    on_main_sized_stack(|| {
        for part in [
            "f(a=[{",
            "[",
            "-",
            "not ",
            "lambda: ",
            "x + ",
            "x if y else ",
            "f\"{",
        ] {
            let source = part.repeat(200_000);
            let found = completeness(&source);
            assert!(matches!(found, Completeness::Invalid(_)), "{part}");
            assert_eq!(Missing::of(&source), Missing::Anything, "{part}");
            let typed = crate::typed::Typed::new("", &source, "x", "");
            assert!(typed.place().names().is_empty(), "{part}");
            assert!(crate::highlight::tokens(&source).is_empty(), "{part}");
        }
        with_bench(|bench| {
            let report = bench.failing(&"[".repeat(200_000));
            assert_eq!(report.exception, "SyntaxError");
        });
    });
}

#[test]
fn recursion_is_as_deep_as_the_limit_allows() {
    on_main_sized_stack(|| {
        with_bench(|bench| {
            bench.cell("import sys\ndef depth(n): return n if n == 0 else 1 + depth(n - 1)");
            assert_eq!(
                bench.value("sys.getrecursionlimit(), depth(950)"),
                "(1000, 950)"
            );
            bench.cell("sys.setrecursionlimit(10**5)");
            let report = bench.failing("depth(10**6)");
            assert_eq!(report.exception, "RecursionError");
            let traceback = &report.traceback;
            assert!(traceback.contains("Previous line repeated"), "{traceback}");
            assert!(
                traceback.contains("frames are left out here]"),
                "{traceback}"
            );
            assert!(traceback.len() < 10_000, "{traceback}");
            bench.cell("sys.setrecursionlimit(2500)");
            let traceback = bench.failing("depth(10**6)").traceback;
            assert!(
                traceback.contains("[500 frames are left out here]"),
                "{traceback}"
            );
            bench.cell("sys.setrecursionlimit(1000)");
            let traceback = bench.failing("depth(10**6)").traceback;
            assert_eq!(
                traceback.matches("Previous line repeated").count(),
                1,
                "{traceback}"
            );
        });
    });
}

#[test]
fn recursion_in_a_python_thread_is_an_exception() {
    with_bench(|bench| {
        bench.cell(
            "import threading\nresult = []\n\
             def f(n): return f(n + 1)\n\
             def run():\n    try: f(0)\n    except RecursionError: result.append('caught')\n\
             t = threading.Thread(target=run); t.start(); t.join()",
        );
        assert_eq!(bench.value("result"), "['caught']");
    });
}

#[test]
fn failures_inside_failures_are_told() {
    with_bench(|bench| {
        let outcome = bench.run(
            "class M(type):\n    def __repr__(cls): raise ValueError\n\
             class E(Exception, metaclass=M):\n    __str__ = __repr__ = lambda self: 1/0\n\
             raise E",
            true,
        );
        let failure = outcome.failure.expect("it fails");
        let report = ErrorReport::from_exception(bench.vm, &failure);
        assert_eq!(report.exception, "E");
        let report = bench.failing("f'{1/0}'");
        assert_eq!(report.exception, "ZeroDivisionError");
        let report = bench.failing("raise BaseException('base')");
        assert_eq!(report.exception, "BaseException");
    });
}

#[test]
fn the_library_is_there() {
    with_bench(|bench| {
        bench.cell(
            "import asyncio, json, re, sqlite3, ssl, ctypes, multiprocessing, unittest, csv, decimal, \
             lzma, bz2, zlib, hashlib, urllib.request, http.server, xml.etree.ElementTree, \
             concurrent.futures, dataclasses, statistics, pickle, tempfile, argparse, pathlib",
        );
        bench.cell("db = sqlite3.connect(':memory:'); db.execute('create table t(x)'); db.execute('insert into t values (42)')");
        assert_eq!(
            bench.value("db.execute('select x from t').fetchall()"),
            "[(42,)]"
        );
    });
}

#[test]
fn tls_works_between_two_ends() {
    let made = LOCALHOST_PEM;
    with_bench(|bench| {
        assert_eq!(
            bench
                .value("import ssl\nssl.create_default_context().verify_mode == ssl.CERT_REQUIRED"),
            "True"
        );
        bench.cell(&format!(
            "import os, tempfile\nfolder = tempfile.mkdtemp()\ncert = os.path.join(folder, 'cert.pem')\n\
             open(cert, 'w').write('''{made}''')"
        ));
        bench.cell(
            "server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER); server.load_cert_chain(cert)\n\
             client = ssl.create_default_context(cafile=cert); client.check_hostname = False\n\
             c_in, c_out, s_in, s_out = (ssl.MemoryBIO() for _ in range(4))\n\
             a = client.wrap_bio(c_in, c_out, server_hostname='localhost')\n\
             b = server.wrap_bio(s_in, s_out, server_side=True)\n\
             done = set()\n\
             for _ in range(20):\n\
             \x20   for end in (a, b):\n\
             \x20       try:\n\
             \x20           end.do_handshake(); done.add(end)\n\
             \x20       except ssl.SSLWantReadError: pass\n\
             \x20       s_in.write(c_out.read()); c_in.write(s_out.read())\n\
             \x20   if len(done) == 2: break\n\
             a.write(b'hello'); s_in.write(c_out.read())",
        );
        assert_eq!(
            bench.value("(len(done), b.read(10), a.version())"),
            "(2, b'hello', 'TLSv1.3')"
        );
    });
}

/// A certificate for localhost that signs itself, and its key: for tests only, valid until 2120.
const LOCALHOST_PEM: &str = include_str!("localhost.pem");

#[test]
fn negative_constants_in_trees_are_compiled() {
    with_bench(|bench| {
        bench.cell("import ast\ntree = ast.Expression(ast.Constant((1, -2, (-3, 'x', 2.5))))");
        bench.cell("tree = ast.fix_missing_locations(tree); before = ast.dump(tree)");
        assert_eq!(
            bench.value("eval(compile(source=tree, filename='f', mode='eval'))"),
            "(1, -2, (-3, 'x', 2.5))"
        );
        assert_eq!(bench.value("ast.dump(tree) == before"), "True");
        assert_eq!(
            bench.value("type(compile('1', 'f', 'eval', ast.PyCF_ONLY_AST)).__name__"),
            "'Expression'"
        );
        assert_eq!(
            bench.value("compile.__name__, compile.__doc__[:7]"),
            "('compile', 'Returns')"
        );
        let report = bench.failing("compile(5, 'f', 'eval')");
        assert!(!report.message.is_empty());
    });
}

#[test]
fn numbers_with_a_sign_in_the_patterns_of_trees_are_compiled() {
    with_bench(|bench| {
        let cases = [
            "-1",
            "-0.5",
            "-2j",
            "1+2j",
            "-1.5-2j",
            "{-3: x}",
            "{-4.5: 0, 1-1j: x}",
            "[-5, *_]",
            "str() | -6",
        ];
        let cases: Vec<String> = cases
            .iter()
            .enumerate()
            .map(|(place, case)| format!("  case {case}: return {place}"))
            .collect();
        let source = format!("def f(it):\n match it:\n{}", cases.join("\n"));
        bench.cell(&format!("source = {source:?}"));
        bench.cell("import ast\ntree = ast.parse(source); before = ast.dump(tree)");
        bench.cell("exec(compile(tree, 'f', 'exec'))");
        assert_eq!(
            bench.value(
                "[f(it) for it in (-1, -0.5, -2j, 1+2j, -1.5-2j, {-3: 1}, {-4.5: 0, 1-1j: 2}, [-5], -6, 1, {3: 1})]"
            ),
            "[0, 1, 2, 3, 4, 5, 6, 7, 8, None, None]"
        );
        assert_eq!(bench.value("ast.dump(tree) == before"), "True");
        assert_eq!(
            bench.value("compile(tree, 'f', 'exec', ast.PyCF_ONLY_AST) is tree"),
            "True"
        );
        // One that a program has made, and the shell's own way with trees.
        bench.cell("class Number(ast.NodeTransformer):\n    def visit_MatchValue(self, node): return ast.MatchValue(ast.Constant(-7))");
        bench.cell("made = Number().visit(ast.parse('match -7:\\n case 1: y = 2'))");
        bench.cell("exec(compile(ast.fix_missing_locations(made), 'f', 'exec'))");
        assert_eq!(bench.value("y"), "2");
        bench.cell("get_ipython().ast_node_interactivity = 'all'");
        bench.cell("match -8:\n    case -8: z = 3");
        assert_eq!(bench.value("z"), "3");
        let told =
            bench.failing("compile(ast.parse('match 1:\\n case -1: pass').body[0], 'f', 'exec')");
        assert!(told.message.contains("expected Module node"), "{told:?}");
        bench.cell("wrong = ast.parse('match 1:\\n case 1: pass'); wrong.body[0].cases[0].pattern.value = ast.parse('-x').body[0].value");
        let told = bench.failing("compile(wrong, 'f', 'exec')");
        assert!(
            told.message.contains("patterns may only match literals"),
            "{told:?}"
        );
    });
}

#[test]
fn a_text_without_an_end_may_stop_at_any_letter() {
    with_bench(|bench| {
        for (source, message) in [
            ("y = 'é", "unterminated string literal (detected at line 1)"),
            ("f\"{x:{y}é\"", "expecting '}', or format specs"),
        ] {
            let told = bench.failing(source).traceback;
            assert!(told.contains(message) && told.contains(source), "{told}");
            bench.cell(&format!(
                "try: compile({source:?}, 'f', 'exec')\nexcept SyntaxError as e: told = (e.text, e.msg)"
            ));
            let told = bench.value("told");
            assert!(told.contains(message) && told.contains('é'), "{told}");
            for call in [
                "exec({})",
                "eval({})",
                "exec({}.encode())",
                "compile({}.encode(), 'f', 'eval')",
            ] {
                let call = call.replace("{}", &format!("{source:?}"));
                let told = bench.failing(&call).message;
                assert!(
                    told.contains("SyntaxError") || told.contains(message),
                    "{call}: {told}"
                );
            }
        }
        for source in [
            "b'# coding: utf-7\\ny = \\'+AOk'",
            "b'# coding: latin-1\\ny = \\'\\xe9'",
            "memoryview('\\'é'.encode())",
            "bytearray('y = \\'é'.encode())",
            "__import__('array').array('B', 'y = \\'é'.encode())",
        ] {
            for call in ["exec", "eval"] {
                let told = bench.failing(&format!("{call}({source})")).traceback;
                assert!(
                    told.contains("unterminated string literal") || told.contains("SyntaxError"),
                    "{told}"
                );
            }
            let told = bench
                .failing(&format!("compile({source}, 'f', 'exec')"))
                .traceback;
            assert!(told.contains("SyntaxError"), "{told}");
        }
        for cell in ["?'é", "%pinfo 'é", "%pinfo2 y = 'é"] {
            bench.cell(cell);
        }
        assert_eq!(
            bench.value("exec(b'# coding: latin-1\\nz = \\'\\xe9\\''), z"),
            "(None, 'é')"
        );
        assert_eq!(bench.value("'é'"), "'é'");
    });
}

#[test]
fn match_is_a_name_behind_a_semicolon() {
    with_bench(|bench| {
        bench.cell("import re; match = re.match('a', 'ab'); match.end()");
        assert_eq!(bench.value("match.group()"), "'a'");
        bench.cell("x = 2; match = x; match;");
        assert!(bench.recorder.take().is_empty());
        for source in [
            "'x = 1; match = x + 1'",
            "b'x = 1; match = x + 1'",
            "compile('x = 1; match = x + 1', 'f', 'exec')",
            "compile(source=b'x = 1; match = x + 1', filename='f', mode='exec', flags=0)",
            "compile('x = 1; match = x + 1', 'f', 'single')",
            "compile(__import__('ast').parse('x = 1; match = x + 1'), 'f', 'exec')",
            "b'# coding: latin-1\\nx = \\'\\xe9\\'; match = len(x) + 1'",
            "'def f():\\n    é = 1; match = é; return match + 1\\nmatch = f()'",
        ] {
            bench.cell(&format!("names = {{}}; exec({source}, names)"));
            assert_eq!(bench.value("names['match']"), "2", "{source}");
        }
        bench.cell("from __future__ import annotations\ndef f(): return compile('x = 1; match: x = 2', 'f', 'exec')");
        bench.cell("names = {}; exec(f(), names)");
        assert_eq!(bench.value("names['__annotations__']"), "{'match': 'x'}");
        let told = bench.failing("x = 1; match x:\n    case 1: pass").message;
        assert!(!told.is_empty());
    });
}

#[test]
fn the_symbols_of_source_with_refused_names_are_told() {
    with_bench(|bench| {
        bench.cell("from symtable import symtable");
        for source in [
            "'x = 1; match = 2'",
            "b'# coding: latin-1\\nx = \\'\\xe9\\'; match = x'",
        ] {
            bench.cell(&format!("table = symtable({source}, 'f', 'exec')"));
            assert_eq!(
                bench.value("sorted(table.get_identifiers()), table.lookup('match').is_assigned()"),
                "(['match', 'x'], True)"
            );
        }
        bench.cell("table = symtable('def f():\\n é = 1; match = é; return match', 'f', 'exec')");
        assert_eq!(
            bench.value(
                "[each.get_locals() for each in table.get_children() if each.get_name() == 'f'][0]"
            ),
            "('é', 'match')"
        );
        assert_eq!(
            bench.value("symtable('match x:\\n case y: pass', 'f', 'exec').lookup('y').is_local()"),
            "True"
        );
        bench.cell(
            "try: symtable('x = 1; match = x\\ny = 3 +', 'f', 'exec')\nexcept SyntaxError as e: told = e",
        );
        assert_eq!(
            bench.value("told.filename, told.lineno, told.text.strip()"),
            "('f', 2, 'y = 3 +')"
        );
        let told = bench.failing("symtable(5, 'f', 'exec')");
        assert_eq!(told.exception, "TypeError");
    });
}

#[test]
fn what_stands_around_a_refused_name_keeps_its_place() {
    with_bench(|bench| {
        bench.cell("import ast\ntree = ast.parse('x = 1; match = x; y = 2')");
        bench.cell("names = [name for name in ast.walk(tree) if isinstance(name, ast.Name)]");
        assert_eq!(
            bench.value("[(name.id, name.col_offset, name.end_col_offset) for name in names]"),
            "[('x', 0, 1), ('match', 7, 12), ('x', 15, 16), ('y', 18, 19)]"
        );
        let told = bench.failing("x = 1; match = x / 0").traceback;
        let line = "    x = 1; match = x / 0\n                   ~~^~~\n";
        assert!(told.contains(line), "{told}");
        bench.cell(
            "try: compile('x = 1; match = x\\ny = 3 +', 'f', 'exec')\nexcept SyntaxError as e: told = e",
        );
        assert_eq!(
            bench.value("told.filename, told.lineno, told.text.strip()"),
            "('f', 2, 'y = 3 +')"
        );
        bench.cell(
            "try: compile('def f():\\n x = 1; match = 2; global match', 'f', 'exec')\n\
             except SyntaxError as e: told = e",
        );
        assert_eq!(bench.value("'match' in told.msg, told.lineno"), "(True, 2)");
    });
}

#[test]
fn exec_and_eval_are_as_they_were() {
    with_bench(|bench| {
        bench.cell("names = {'é': 2}; exec('ü = é + 1', names)");
        assert_eq!(bench.value("names['ü']"), "3");
        assert_eq!(
            bench.value("eval(' \té + 1', names), eval(b'1', {})"),
            "(3, 1)"
        );
        assert_eq!(bench.value("(lambda ä: eval('ä'))(4)"), "4");
        bench.cell("def f():\n    exec('q = \"ß\"; print(q)')\nf()");
        assert_eq!(
            bench.value("exec, eval, compile"),
            "(<built-in function exec>, <built-in function eval>, <built-in function compile>)"
        );
        assert_eq!(
            bench.value("{exec.__module__, eval.__module__, compile.__module__}"),
            "{'builtins'}"
        );
        assert_eq!(bench.value("exec.__self__.__name__"), "'builtins'");
        bench.cell("import inspect, pickle");
        assert_eq!(
            bench.value("str(inspect.signature(eval))"),
            "'(source, /, globals=None, locals=None)'"
        );
        assert_eq!(
            bench.value("pickle.loads(pickle.dumps(exec)) is exec"),
            "True"
        );
        let told = bench.failing("exec(5)").message;
        assert!(told.contains("exec") || told.contains("int"), "{told}");
    });
}
