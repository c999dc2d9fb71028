//! The debugger, with its commands on standard input and what it shows on standard output.

use super::support::{Bench, with_bench};

/// Two functions, the inner of which fails.
const FAILING: &str = "\
def outer(x):
    values = [i for i in range(x)]
    count = len(values)
    return inner(count)

def inner(n):
    m = n + 1
    return m / 0
";

/// Runs a cell while the lines stand on standard input; gives what was shown.
fn typed(bench: &Bench, source: &str, lines: &[&str]) -> String {
    bench.cell("import io, sys");
    let input = lines.join("\n") + "\n";
    bench.cell(&format!("sys.stdin = io.StringIO({input:?})"));
    bench.recorder.take();
    bench.run(source, true);
    let shown = bench.recorder.stdout();
    bench.recorder.take();
    let left = bench.value("sys.stdin.read()");
    assert_eq!(left, "''", "not all lines were read: {shown}");
    shown
}

/// Checks that the parts stand in the text, one after the other.
fn in_order(text: &str, parts: &[&str]) {
    let mut rest = text;
    for part in parts {
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => panic!("{part:?} is missing from here on:\n{rest}\n--- of\n{text}"),
        }
    }
}

#[test]
fn what_has_failed_on_engines_is_looked_at_there() {
    with_bench(|bench| {
        bench.cell(
            "class Remote(Exception):\n    def _raised_on_(self): return self.args[0]\n\
             def f(): raise Remote([2])\nimport _rhumba_shell",
        );
        for (engines, told) in [
            (
                "[3]",
                "That failed on engine 3: %debug -t 3 looks at it there.",
            ),
            (
                "[1, 0]",
                "That failed on 2 engines (1, 0): %debug -t 1 looks at it on the first of them.",
            ),
            (
                "list(range(12))",
                "That failed on 12 engines (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, …): %debug -t 0 looks at it \
                 on the first of them.",
            ),
        ] {
            bench.failing(&format!("raise Remote({engines})"));
            assert_eq!(bench.failing("%debug").message, told);
        }
        // What is a function's here can be looked at, too.
        bench.failing("f()");
        let shown = typed(bench, "%debug", &["u", "q"]);
        in_order(
            &shown,
            &[
                "That failed on engine 2: %debug -t 2 looks at it there.\n",
                "def f(): raise Remote",
                "ipdb> ",
            ],
        );
        // Nothing of it has run there.
        bench.failing("raise Remote([])");
        in_order(
            &typed(bench, "%debug", &["q"]),
            &["raise Remote([])", "ipdb> "],
        );
    });
}

#[test]
fn what_has_failed_is_looked_at_after_the_fact() {
    with_bench(|bench| {
        bench.cell(FAILING);
        bench.failing("outer(3)");
        let shown = typed(
            bench,
            "%debug",
            &[
                "p m",
                "u",
                "p x, count",
                "[x for i in values]",
                "x = 77",
                "p x",
                "a",
                "w",
                "ll",
                "whatis values",
                "pp values",
                "count?",
                "inner??",
                "for i in range(2):",
                "    print('row', i, x)",
                "",
                "nothing_of_that_name",
                "n",
                "b 3",
                "context 1",
                "d",
                "context none",
                "skip_hidden maybe",
                "%pwd -x",
                "h context",
                "interact",
                "n = 50",
                "n",
                "exit",
                "exceptions",
                "source outer",
                "display n",
                "d",
                "q",
            ],
        );
        in_order(
            &shown,
            &[
                "> <cell 1>(8)inner()\n",
                "      7     m = n + 1\n----> 8     return m / 0\n",
                "ipdb> 4\n",
                "> <cell 1>(4)outer()\n",
                "ipdb> (3, 3)\n",
                "ipdb> [3, 3, 3]\n",
                "ipdb> ipdb> 77\n",
                "x = 77\n",
                "  <cell 2>(1)<module>()\n----> 1 outer(3)\n",
                "> <cell 1>(4)outer()\n",
                "  1  \tdef outer(x):\n",
                "  4  ->\t    return inner(count)\n",
                "<class 'list'>\n",
                "[0, 1, 2]\n",
                "Type:           int\n",
                "def inner(n):\n",
                "  ...: ",
                "row 0 77\nrow 1 77\n",
                "*** NameError: name 'nothing_of_that_name' is not defined\n",
                "*** the program has ended here: there is nothing to step through or stop\n",
                "*** the program has ended here: there is nothing to step through or stop\n",
                "> <cell 1>(8)inner()\n----> 8     return m / 0\nipdb> ",
                "*** context takes how many lines to show, 1 or more: context 9\n",
                "*** skip_hidden takes yes or no\n",
                "*** %pwd",
                "Usage: context LINES\n",
                ">>> >>> 50\n",
                ">   0 ZeroDivisionError('division by zero')\n",
                "  1  \tdef outer(x):\n",
                "display n: 50\n",
                "*** Newest frame\n",
            ],
        );
    });
}

#[test]
fn a_statement_is_stepped_through() {
    with_bench(|bench| {
        bench.cell(FAILING);
        bench.cell("def fine(n):\n    total = 0\n    for i in range(n):\n        total += i\n    return total\n");
        let shown = typed(
            bench,
            "%debug print('got', fine(4))",
            &[
                "s",
                "n",
                "n",
                "p n",
                "b 4, i == 2",
                "b",
                "c",
                "p total",
                "j 2",
                "n",
                "p total",
                "tbreak 5",
                "commands 1",
                "p 'passed', i",
                "end",
                "c",
                "condition 1 i == 3",
                "ignore 1 0",
                "c",
                "clear 1",
                "unt 5",
                "r",
                "retval",
                "u",
                "c",
            ],
        );
        in_order(
            &shown,
            &[
                "> <debug 1>(1)<module>()\n----> 1 print('got', fine(4))\n",
                "--Call--\n> <cell 2>(1)fine()\n",
                "> <cell 2>(2)fine()\n",
                "> <cell 2>(3)fine()\n",
                "ipdb> 4\n",
                "Breakpoint 1 at <cell 2>:4\n",
                "stop only if i == 2\n",
                "> <cell 2>(4)fine()\n",
                "ipdb> 1\n",
                "> <cell 2>(2)fine()\n",
                "> <cell 2>(3)fine()\n",
                "ipdb> 0\n",
                "Breakpoint 2 at <cell 2>:5\n",
                "('passed', 2)\n",
                "New condition set for breakpoint 1.\n",
                "--Return--\n",
                "6\n",
                "got 6\n",
            ],
        );
        bench.cell("1 + 1");
        // A breakpoint given with the magic: the program runs on to it.
        let shown = typed(
            bench,
            "%%debug -b '<cell 2>:4'\nfine(2)\nprint('never')\n",
            &["p i", "q"],
        );
        assert!(shown.starts_with("> <cell 2>(4)fine()\n"), "{shown}");
        assert!(shown.ends_with("ipdb> 0\nipdb> "), "{shown}");
    });
}

#[test]
fn breakpoint_stops_in_a_cell_and_the_cell_goes_on() {
    with_bench(|bench| {
        bench.cell("def stops(a):\n    b = a\n    breakpoint()\n    b += 1\n    return b\n");
        let shown = typed(
            bench,
            "print('answer', stops(1))",
            &["p a", "!b = 40", "n", "n", "c"],
        );
        in_order(
            &shown,
            &[
                "> <cell 1>(3)stops()\n",
                "ipdb> 1\n",
                "----> 4     b += 1\n",
                "----> 5     return b\n",
                "answer 41\n",
            ],
        );
        // The next cell runs without a stop, and leaving ends only the cell.
        assert_eq!(bench.value("sys.gettrace() is None"), "True");
        let shown = typed(bench, "stops(2)\nprint('never')", &["q"]);
        assert!(!shown.contains("never"), "{shown}");
        assert_eq!(bench.value("6 * 7"), "42");
        bench.cell("import os; os.environ['PYTHONBREAKPOINT'] = '0'");
        assert_eq!(bench.value("stops(5)"), "6");
    });
}

#[test]
fn stepping_over_the_end_of_a_cell_ends_the_stepping() {
    with_bench(|bench| {
        let shown = typed(bench, "breakpoint()\nx = 1\n", &["n", "n", "n"]);
        in_order(&shown, &["----> 2 x = 1\n", "--Return--\n"]);
        assert_eq!(bench.printed("print('free')"), "free\n");
    });
}

#[test]
fn what_failed_while_it_was_stepped_through_is_looked_at() {
    with_bench(|bench| {
        bench.cell("def g(a):\n    breakpoint()\n    return 1 / a\n");
        bench.cell("import io, sys; sys.stdin = io.StringIO('b 1\\nn\\nn\\nc\\nq\\n')");
        bench.failing("g(0)");
        assert!(
            bench
                .recorder
                .stdout()
                .contains("Breakpoint 1 at <cell 1>:1")
        );
        bench.recorder.take();
        bench.run("%debug", true);
        let shown = bench.recorder.stdout();
        assert!(shown.starts_with("> <cell 1>(3)g()\n"), "{shown}");
    });
}

#[test]
fn a_failed_cell_opens_the_debugger_if_that_is_asked_for() {
    with_bench(|bench| {
        bench.cell(FAILING);
        assert_eq!(
            bench.printed("%pdb\n%pdb off\n%pdb on"),
            "Automatic pdb calling has been turned ON\nAutomatic pdb calling has been turned OFF\n\
             Automatic pdb calling has been turned ON\n"
        );
        let report = bench.failing("%pdb perhaps");
        assert!(
            report.message.contains("%pdb takes on or off"),
            "{}",
            report.message
        );
        bench.cell("import io, sys; sys.stdin = io.StringIO('p m\\nq\\n')");
        let outcome = bench.run("outer(1)", true);
        let failure = outcome.failure.expect("it fails");
        bench.recorder.take();
        crate::failure::debug_if_asked(bench.vm, &failure).expect("it was left by q");
        in_order(&bench.recorder.stdout(), &["(8)inner()", "ipdb> 2\n"]);
        // A cell of which nothing has run left nothing to look at.
        let outcome = bench.run("1 +* 2", true);
        let failure = outcome.failure.expect("it fails");
        bench.recorder.take();
        crate::failure::debug_if_asked(bench.vm, &failure).expect("nothing happens");
        assert_eq!(bench.recorder.stdout(), "");
    });
}

#[test]
fn a_statement_is_debugged_inside_of_the_debugger() {
    with_bench(|bench| {
        bench.cell(FAILING);
        bench.failing("outer(3)");
        let lines = [
            "debug inner(n)",
            "s",
            "p n",
            "q",
            "p m",
            "debug 1 +",
            "debug",
            "u",
            "p x",
            "q",
        ];
        let shown = typed(bench, "%debug", &lines);
        in_order(
            &shown,
            &[
                "ENTERING RECURSIVE DEBUGGER",
                "<debug 1>(1)<module>()",
                "(ipdb>) ",
                "inner()",
                "(ipdb>) 3",
                "LEAVING RECURSIVE DEBUGGER",
                "ipdb> 4",
                "SyntaxError",
                "debug takes a statement",
                "outer()",
                "ipdb> 3",
            ],
        );
    });
}

#[test]
fn what_hides_a_frame_can_be_chosen() {
    with_bench(|bench| {
        bench.cell(
            "def top(): return hidden()\n\
             def hidden():\n    __tracebackhide__ = True\n    return skipped()\n\
             def skipped():\n    __debuggerskip__ = True\n    return below()\n\
             def below(): return 1 / 0",
        );
        bench.failing("top()");
        let lines = [
            "skip_predicates",
            "u",
            "d",
            "skip_predicates tbhide no",
            "skip_predicates debuggerskip off",
            "u",
            "u",
            "skip_predicates nothing yes",
            "skip_predicates debuggerskip yes",
            "q",
        ];
        let shown = typed(bench, "%debug", &lines);
        in_order(
            &shown,
            &[
                "below()",
                "tbhide: yes\nreadonly: no\ndebuggerskip: yes\n",
                "[2 hidden frames skipped]",
                "top()",
                "below()",
                "skipped()",
                "hidden()",
                "one of tbhide, readonly, debuggerskip, and yes or no",
            ],
        );
        // Steps pass over such a frame, and over what it calls.
        bench.cell("def calls():\n    skipping()\n    return 7\ndef skipping():\n    __debuggerskip__ = True\n    return len('abc')");
        let shown = typed(bench, "%debug calls()", &["s", "s", "s", "q"]);
        in_order(&shown, &["calls()", "return 7"]);
        assert!(!shown.contains(")skipping()"), "{shown}");
    });
}

#[test]
fn what_can_not_be_debugged_is_said() {
    with_bench(|bench| {
        let said = |source: &str| bench.failing(source).traceback;
        assert_eq!(
            said("%debug"),
            "UsageError: Nothing has failed yet, so there is nothing to look at."
        );
        bench.failing("1 +* 2");
        // The usage error before it is the last failure now, and has no frames either.
        assert!(said("%debug").contains("left no frames to look at"));
        assert!(said("%debug -t 0").contains("needs engines: connect first"));
        assert!(said("%debug -b nowhere 1 + 1").contains("-b needs a file and a line, FILE:LINE"));
        assert!(said("%debug -b nowhere.py:3 1 + 1").contains("no breakpoint at"));
        assert!(said("%%debug\n").contains("%debug has nothing to run"));
    });
}

#[test]
fn completion_in_the_debugger_runs_no_code() {
    with_bench(|bench| {
        bench.cell(
            "import sys\n\
             from rhumba._debugger import Debugger\n\
             asked = []\n\
             class Held:\n\
             \x20   quiet = 1\n\
             \x20   @property\n\
             \x20   def loud(self): asked.append('property'); return self\n\
             \x20   def __dir__(self): asked.append('dir'); return []\n\
             \x20   def __getattr__(self, name): asked.append(name); raise AttributeError(name)\n\
             def found(line):\n\
             \x20   held = Held(); held.inner = Held()\n\
             \x20   debugger = Debugger(); debugger.curframe = sys._getframe()\n\
             \x20   return debugger.candidates(line, len(line))",
        );
        for (line, candidates) in [
            ("p held.lo", "(2, ['held.loud'])"),
            ("p held.", "(2, ['held.inner', 'held.loud', 'held.quiet'])"),
            ("p held.inner.q", "(2, ['held.inner.quiet'])"),
            ("p held.loud.", "(2, [])"),
            ("p held.inner.loud.q", "(2, [])"),
            ("p sys.path.ind", "(2, ['sys.path.index'])"),
            ("p len.__na", "(2, ['len.__name__'])"),
            ("p nothing.", "(2, [])"),
            ("p 1.re", "(2, [])"),
            ("p aske", "(2, ['asked'])"),
        ] {
            assert_eq!(
                bench.value(&format!("found({line:?})")),
                candidates,
                "{line}"
            );
        }
        assert_eq!(bench.value("asked"), "[]");
    });
}
