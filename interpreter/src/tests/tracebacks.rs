//! Tracebacks beside those of the standard `traceback` module: the same text, letter for letter.

use super::support::{Bench, with_bench};
use crate::failure::ErrorReport;

/// Cells that fail, each in its own way, between lines of `====`.
const FAILING_CELLS: &str = include_str!("failing_cells.txt");

/// The traceback that rhumba tells of `failure`, which must be bound.
fn told(bench: &Bench) -> String {
    let failure = bench.namespace.get(bench.vm, "failure");
    let failure = failure.expect("it is bound").downcast();
    let failure = failure.expect("it is an exception");
    ErrorReport::from_exception(bench.vm, &failure).traceback
}

/// What the standard module tells of it. It has no limit of frames, so there must be few.
const STANDARD: &str =
    "''.join(__import__('traceback').TracebackException.from_exception(failure).format())";

fn text(bench: &Bench, source: &str) -> String {
    let outcome = bench.run(source, false);
    assert!(outcome.failure.is_none(), "{source}");
    let value = outcome.value.expect("it has a value");
    let text = value.str(bench.vm).expect("it is text");
    text.to_string_lossy().trim_end_matches('\n').to_owned()
}

/// The text with frozen modules by their bare names, as most are in the standard module's.
fn without_frozen(told: &str) -> String {
    let mut parts = told.split("\"<frozen ");
    let start = parts.next().unwrap_or_default().to_owned();
    parts.fold(start, |text, part| {
        text + "\"" + &part.replacen(">\"", "\"", 1)
    })
}

/// Runs a cell that must fail, and binds what it raised to `failure`.
fn fail(bench: &Bench, source: &str) {
    let outcome = bench.run(source, true);
    let failure = outcome.failure.expect("the cell must fail");
    bench
        .namespace
        .set(bench.vm, "failure", failure.into())
        .expect("it can be bound");
}

#[test]
fn every_kind_of_failure_reads_as_from_the_standard_module() {
    with_bench(|bench| {
        let cells: Vec<&str> = FAILING_CELLS.split("\n====\n").collect();
        assert!(cells.len() > 100, "{}", cells.len());
        for cell in cells {
            fail(bench, cell);
            // Each once before the other: what one puts into the cache of lines, the other finds.
            let told = told(bench);
            let standard = text(bench, STANDARD);
            assert_eq!(without_frozen(&told), without_frozen(&standard), "{cell}");
        }
    });
}

#[test]
fn files_are_read_in_the_encoding_they_declare() {
    with_bench(|bench| {
        bench.cell("import os, sys, tempfile, linecache, importlib\nfolder = tempfile.mkdtemp()");
        bench.cell("sys.path.insert(0, folder)");
        for (name, content) in [
            (
                "latin",
                r"b'# -*- coding: latin-1 -*-\ndef f():\n    return \'\xe9\xe8\' + 1\n'",
            ),
            (
                "second_line",
                r"b'#!/bin/x\n# vim: set fileencoding=cp1252 :\ndef f():\n    return \'\x80\'[9]'",
            ),
            (
                "marked",
                r"b'\xef\xbb\xbfdef f():\r\n    return [1, 2][\r\n        \'\xc3\xa9\']\r\n'",
            ),
            (
                "declared_too_late",
                r"b'\n\n# coding: latin-1\ndef f():\n    return [\'\xc3\xa9\'][1]\n'",
            ),
            (
                "old_line_ends",
                r"b'def f():\r    x = 1\r    return x[0]\r'",
            ),
            ("only_f", r"b'def f(): 1/0'"),
        ] {
            bench.cell(&format!(
                "with open(os.path.join(folder, '{name}.py'), 'wb') as file: file.write({content})"
            ));
            fail(bench, &format!("importlib.import_module('{name}').f()"));
            let told = told(bench);
            assert!(told.contains(&format!("{name}.py\", line ")), "{told}");
            bench.cell("linecache.clearcache()");
            // The cells themselves are gone from the cache too.
            let standard = text(bench, STANDARD);
            let (_, told) = told.split_once(name).expect("it names the file");
            let (_, standard) = standard.split_once(name).expect("it names the file");
            let (_, told) = told.split_once(".py\"").expect("it names the file");
            let (_, standard) = standard.split_once(".py\"").expect("it names the file");
            assert_eq!(told, standard, "{name}");
        }
        bench.cell("import shutil; shutil.rmtree(folder)");
        let told = told(bench);
        assert!(
            told.contains("line 1, in f\nZeroDivisionError"),
            "a file that is gone has no lines: {told}"
        );
    });
}

#[test]
fn every_place_in_real_source_is_marked_as_by_the_standard_module() {
    with_bench(|bench| {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/python");
        bench.cell(&format!("folder = {folder:?}"));
        bench.cell(
            r#"
import glob, random, traceback, types
from rhumba import _stack

def places(code):
    for position in code.co_positions():
        if None not in position:
            yield position
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from places(constant)

def both(path, line, end_line, column, end_column):
    standard = traceback.FrameSummary(path, line, 'f', lookup_line=False,
        end_lineno=end_line, colno=column, end_colno=end_column)
    frame = _stack._Frame.__new__(_stack._Frame)
    frame.filename, frame.name, frame.code = path, 'f', None
    frame.line, frame.end_line, frame.column, frame.end_column = line, end_line, column, end_column
    for show in (
        lambda: traceback.StackSummary().format_frame_summary(standard),
        lambda: _stack._Shown()._text(frame),
    ):
        try:
            yield show()
        except Exception as failure:
            yield type(failure)

draw = random.Random(1)
compared = 0
different = []
for path in sorted(glob.glob(folder + '/**/*.py', recursive=True)):
    with open(path) as file:
        found = sorted(set(places(compile(file.read(), path, 'exec'))))
    for place in draw.sample(found, min(len(found), 60)):
        # The second is of a file that has changed since it was compiled.
        spoilt = (place[0], place[0] + draw.choice((0, 0, 1, 7)), draw.randint(0, 40), draw.randint(0, 60))
        for where in (place, spoilt):
            told = list(both(path, *where))
            compared += 1
            if told[0] != told[1]:
                different.append((where, told))
"#,
        );
        assert_eq!(bench.value("different[:1]"), "[]");
        assert_eq!(bench.value("compared > 500"), "True");
    });
}

#[test]
fn a_failure_imports_nothing_large() {
    with_bench(|bench| {
        bench.cell("import sys\nloaded = set(sys.modules)");
        for cell in ["1/0", "undefined_nam", "x = 'é' + 1", "None.x", "y = = 2"] {
            fail(bench, cell);
            assert!(told(bench).contains("Error"), "{cell}");
        }
        // Native, or of a few lines; a keyword typed wrongly needs `codeop` too.
        let small = "{'_suggestions', '_tokenize', 'itertools', 'keyword', 'linecache', 'unicodedata', 'codeop', '__future__', 'warnings', '_py_warnings', '_contextvars'}";
        let large = format!(
            "sorted(m for m in {{*sys.modules}} - loaded - {small} if not m.startswith('rhumba'))"
        );
        assert_eq!(bench.value(&large), "[]");
    });
}

/// The traceback of the last failure in a mode of `%xmode`, as `%tb` shows it.
fn in_mode(bench: &Bench, mode: &str) -> String {
    bench.recorder.take();
    bench.cell(&format!("%tb {mode}"));
    let text = bench.recorder.stderr();
    bench.recorder.take();
    text
}

const FAILING_FUNCTION: &str = "\
def outer(x, *rest, key=3):
    values = list(range(1000))

    # a comment
    try:
        return x / 0
    except ZeroDivisionError as failure:
        failure.add_note('a note')
        raise LookupError('no') from failure
";

#[test]
fn context_shows_the_lines_around_each_place() {
    with_bench(|bench| {
        bench.cell(FAILING_FUNCTION);
        fail(bench, "outer(1)");
        assert_eq!(
            in_mode(bench, "context"),
            "\
Traceback (most recent call last):
  File \"<cell 1>\", line 6, in outer(x, *rest, key)
      4 # a comment
      5 try:
----> 6     return x / 0
                   ~~^~~
      7 except ZeroDivisionError as failure:
      8     failure.add_note('a note')
ZeroDivisionError: division by zero
a note

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File \"<cell 2>\", line 1
----> 1 outer(1)
        ~~~~~^^^
  File \"<cell 1>\", line 9, in outer(x, *rest, key)
      7 except ZeroDivisionError as failure:
      8     failure.add_note('a note')
----> 9     raise LookupError('no') from failure
LookupError: no
"
        );
    });
}

#[test]
fn verbose_shows_the_values_of_names_whatever_their_repr_does() {
    with_bench(|bench| {
        bench.cell("class Broken:\n    def __repr__(self): raise KeyError(1)\n");
        bench.cell(
            "limit = 4\n\
             def inner(broken, text, *rest, **options):\n    \
                 values = list(range(1000))\n    \
                 return values[5000 + limit]\n",
        );
        fail(bench, "inner(Broken(), 'a' * 1000, 1, option=[Broken()])");
        let told = in_mode(bench, "Verbose");
        for part in [
            "in inner(broken=<Broken: its repr() raised KeyError>, text='aaa",
            "*rest=(1,), **options={'option': [<Broken: its repr() raised KeyError>]})",
            "      values = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, ...]\n",
            "      global limit = 4\n",
            "      inner = <function inner at ",
            "IndexError: list index out of range\n",
        ] {
            assert!(told.contains(part), "{part}\n--- in\n{told}");
        }
        assert!(
            told.lines().all(|line| line.chars().count() < 500),
            "{told}"
        );
    });
}

#[test]
fn the_other_modes_leave_out_or_follow_the_standard_module() {
    with_bench(|bench| {
        bench.cell(FAILING_FUNCTION);
        fail(bench, "outer(1)");
        assert_eq!(in_mode(bench, "Minimal"), "LookupError: no\n");
        assert_eq!(in_mode(bench, "plain"), told(bench) + "\n");
        assert_eq!(
            in_mode(bench, "Doctest"),
            "\
Traceback (most recent call last):
    ...
ZeroDivisionError: division by zero
a note

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
    ...
LookupError: no
"
        );
        let report = bench.failing("%tb nonsense");
        assert!(
            report
                .traceback
                .starts_with("UsageError: %tb: there is no mode 'nonsense': the modes are Plain,"),
            "{}",
            report.traceback
        );
        assert_eq!(
            bench.printed("%xmode verbose\n%xmode\n%xmode plain"),
            "Exception reporting mode: Verbose\nException reporting mode: Minimal\n\
             Exception reporting mode: Plain\n"
        );
    });
}

#[test]
fn recursion_groups_and_syntax_errors_read_well_in_context() {
    with_bench(|bench| {
        bench.cell("def again(n): return again(n + 1)\n");
        fail(bench, "again(0)");
        let told = in_mode(bench, "Context");
        assert!(told.contains("[Previous line repeated"), "{told}");
        assert!(told.lines().count() < 40, "{told}");
        fail(
            bench,
            "raise ExceptionGroup('several', [ValueError(1), TypeError(2)])",
        );
        let told = in_mode(bench, "Context");
        for part in [
            "  | ----> 1 raise ExceptionGroup(",
            "    | ValueError: 1\n",
            "    +---------------- 2 ----------------\n",
        ] {
            assert!(told.contains(part), "{told}");
        }
        fail(bench, "x = 1\n1 +* 2");
        assert_eq!(
            in_mode(bench, "Verbose"),
            "  File \"<cell 6>\", line 2\n    1 +* 2\n       ^\nSyntaxError: invalid syntax\n"
        );
        fail(bench, "x = 1\nreturn x");
        assert_eq!(
            in_mode(bench, "Context"),
            "  File \"<cell 8>\", line 2\n    return x\n    ^^^^^^^^\nSyntaxError: 'return' outside function\n"
        );
        fail(bench, "import json; json.loads('[')");
        let told = in_mode(bench, "Context");
        for part in [
            "<frozen json.decoder>\", line ",
            "----> 359 obj, end = self.raw_decode(s, idx=_w(s, 0).end())",
        ] {
            assert!(told.contains(part), "{told}");
        }
        bench.cell("def hidden():\n    __tracebackhide__ = True\n    return 1 / 0\n");
        fail(bench, "hidden()");
        let told = in_mode(bench, "Context");
        assert!(told.contains("  [1 hidden frame not shown]\n"), "{told}");
        assert!(!told.contains("in hidden"), "{told}");
    });
}
