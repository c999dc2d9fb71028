//! Cells: statements, values, history, tracebacks.

use rustpython_vm::AsObject;

use super::support::{Shown, with_bench};
use crate::cell::{CellOptions, run_cell};
use crate::failure::exit_request;

#[test]
fn the_value_of_the_last_expression_is_the_result() {
    with_bench(|bench| {
        let outcome = bench.cell("x = 20\nx + 1\nx + 22");
        assert_eq!(outcome.count, 1);
        assert!(outcome.value.is_some());
        assert_eq!(bench.recorder.take(), [Shown::Result(1, "42".into())]);
        for source in [
            "x = 1",
            "def f(): pass",
            "class C: pass",
            "x;",
            "None",
            "(x) ;  # quiet",
        ] {
            bench.cell(source);
            assert_eq!(bench.recorder.take(), [], "{source}");
        }
        assert!(bench.cell("None").value.is_some());
        assert!(bench.cell("x;").value.is_none());
        assert!(bench.cell("").value.is_none());
        assert!(bench.cell("# only a comment").value.is_none());
        bench.cell("'a' # ;");
        assert_eq!(bench.recorder.take(), [Shown::Result(12, "'a'".into())]);
    });
}

#[test]
fn annotated_names_stand_beside_a_value() {
    with_bench(|bench| {
        bench.cell("x: int = 5; x");
        assert_eq!(bench.recorder.take(), [Shown::Result(1, "5".into())]);
        bench.cell("if x:\n    y: str = 'a'\n(x, y)");
        assert_eq!(bench.recorder.take(), [Shown::Result(2, "(5, 'a')".into())]);
    });
}

#[test]
fn numbers_that_are_too_large_are_named_as_in_python() {
    with_bench(|bench| {
        for source in [
            "[1].insert(2**70, 1)",
            "import itertools\nitertools.repeat(1, 2**70)",
        ] {
            let report = bench.failing(source);
            assert!(
                report.traceback.ends_with("to convert to C ssize_t"),
                "{}",
                report.traceback
            );
            assert!(
                report.message.ends_with("to convert to C ssize_t"),
                "{}",
                report.message
            );
        }
    });
}

#[test]
fn stored_cells_leave_their_numbers_behind() {
    with_bench(|bench| {
        bench.cell("10");
        bench.cell("20");
        bench.cell("x = _ + __");
        bench.cell("x");
        assert_eq!(
            bench.value("(_1, _2, Out[4], _4, sorted(Out))"),
            "(10, 20, 30, 30, [1, 2, 4])"
        );
        assert_eq!(
            bench.value("(In[1], _i3, len(In))"),
            "('10', 'x = _ + __', 5)"
        );
        assert_eq!(bench.value("_i, _ii"), "('x = _ + __', '20')");
    });
}

#[test]
fn cells_that_are_not_stored_leave_nothing() {
    with_bench(|bench| {
        let options = || CellOptions {
            silent: true,
            ..CellOptions::default()
        };
        let outcome = run_cell(bench.vm, &bench.namespace, "6 * 7", options());
        assert_eq!(outcome.count, 0);
        assert!(outcome.value.is_some());
        assert_eq!(bench.recorder.take(), []);
        assert!(bench.namespace.get(bench.vm, "In").is_err());
        assert_eq!(bench.namespace.names(), Vec::<String>::new());
    });
}

#[test]
fn a_traceback_shows_the_lines_of_every_cell_in_it() {
    with_bench(|bench| {
        bench.cell("def divide(a, b):\n    return a / b");
        bench.cell("def outer():\n    return divide(1, 0)");
        let report = bench.failing("y = 1\nouter()");
        assert_eq!(report.exception, "ZeroDivisionError");
        assert_eq!(report.message, "division by zero");
        let expected = "\
Traceback (most recent call last):
  File \"<cell 3>\", line 2, in <module>
    outer()
    ~~~~~^^
  File \"<cell 2>\", line 2, in outer
    return divide(1, 0)
  File \"<cell 1>\", line 2, in divide
    return a / b
           ~~^~~
ZeroDivisionError: division by zero";
        assert_eq!(report.traceback, expected);
    });
}

#[test]
fn sources_of_cells_that_are_not_stored_stay_as_long_as_they_can_raise() {
    with_bench(|bench| {
        bench.run("def f():\n    raise KeyError('k')", false);
        for _ in 0..3 {
            bench.run("x = 1", false);
        }
        let cached = bench.value("[n for n in __import__('linecache').cache if n.startswith('<')]");
        assert_eq!(cached, "['<input 1>', '<input 5>']");
        let report = bench.failing("f()");
        assert!(
            report.traceback.contains("    raise KeyError('k')"),
            "{}",
            report.traceback
        );
        assert_eq!(report.message, "'k'");
    });
}

#[test]
fn causes_contexts_notes_and_groups_are_in_the_traceback() {
    with_bench(|bench| {
        let report = bench.failing(
            "try:\n    {}['a']\nexcept KeyError as e:\n    raise ValueError('bad') from e",
        );
        assert!(
            report.traceback.contains("    {}['a']\n"),
            "{}",
            report.traceback
        );
        assert!(
            report.traceback.contains("direct cause"),
            "{}",
            report.traceback
        );
        let report = bench.failing("e = OSError('o'); e.add_note('look here'); raise e");
        assert!(
            report.traceback.ends_with("OSError: o\nlook here"),
            "{}",
            report.traceback
        );
        let report = bench.failing("raise ExceptionGroup('g', [ValueError(1), TypeError(2)])");
        assert!(
            report.traceback.contains("ValueError: 1"),
            "{}",
            report.traceback
        );
        assert!(
            report.traceback.contains("TypeError: 2"),
            "{}",
            report.traceback
        );
    });
}

#[test]
fn an_exception_that_can_not_be_shown_is_still_told() {
    with_bench(|bench| {
        let report = bench.failing(
            "class Broken(Exception):\n    def __str__(self): raise TypeError('no')\nraise Broken()",
        );
        assert_eq!(report.exception, "Broken");
        assert!(report.message.contains("TypeError"), "{}", report.message);
        assert!(
            report.traceback.contains("raise Broken()"),
            "{}",
            report.traceback
        );
    });
}

#[test]
fn frames_of_the_library_say_so() {
    with_bench(|bench| {
        let report = bench.failing("import json\njson.loads('{')");
        let expected = "File \"<frozen json.decoder>\", line ";
        assert!(report.traceback.contains(expected), "{}", report.traceback);
        assert_eq!(report.exception, "JSONDecodeError");
    });
}

#[test]
fn a_syntax_error_names_the_cell_and_shows_the_line() {
    with_bench(|bench| {
        let report = bench.failing("x = 1\ny = = 2");
        assert_eq!(report.exception, "SyntaxError");
        assert!(
            report.traceback.contains("File \"<cell 1>\", line 2"),
            "{}",
            report.traceback
        );
        assert!(
            report.traceback.contains("    y = = 2\n"),
            "{}",
            report.traceback
        );
        // Nothing of it ran.
        assert!(bench.namespace.get(bench.vm, "x").is_err());
    });
}

#[test]
fn what_fails_below_a_magic_is_shown_in_its_cell() {
    with_bench(|bench| {
        let shows = |source: &str, place: &str| {
            let traceback = bench.failing(source).traceback;
            assert!(traceback.contains(place), "no {place} in {traceback}");
            assert!(!traceback.contains("<input"), "{traceback}");
        };
        shows(
            "%%capture\na = 1\n\n1 / 0",
            "\"<cell 1>\", line 4, in <module>\n    1 / 0",
        );
        shows(
            "%%capture\n%%capture\n%pwd\n1 +* 2",
            "\"<cell 2>\", line 4\n    1 +* 2",
        );
        bench.cell("%%capture\ndef f():\n    return 1 / 0");
        shows("f()", "\"<cell 3>\", line 3, in f\n    return 1 / 0");
        shows(
            "%%capture\nf()",
            "\"<cell 5>\", line 2, in <module>\n    f()",
        );
    });
}

#[test]
fn a_magic_keeps_the_numbers_of_the_lines_below_it() {
    with_bench(|bench| {
        let report = bench.failing("a = 1\n%pwd\nb = \\\n   2\nraise ValueError(b)");
        assert!(
            report
                .traceback
                .contains("line 5, in <module>\n    raise ValueError(b)"),
            "{}",
            report.traceback
        );
        let report = bench.failing("%nonsense 1");
        assert_eq!(report.exception, "UsageError");
        assert!(
            report.traceback.contains("%nonsense isn't known"),
            "{}",
            report.traceback
        );
        assert!(
            !report.traceback.contains("Traceback"),
            "{}",
            report.traceback
        );
        let report = bench.failing("%time 1/0");
        assert!(
            !report.traceback.contains("rhumba."),
            "{}",
            report.traceback
        );
        assert!(
            report.traceback.contains("    %time 1/0\n"),
            "{}",
            report.traceback
        );
    });
}

#[test]
fn a_name_that_is_not_defined_is_a_name_error() {
    with_bench(|bench| {
        let report = bench.failing("undefined_name");
        assert_eq!(report.message, "name 'undefined_name' is not defined");
        let failure = bench
            .namespace
            .get(bench.vm, "missing.x")
            .expect_err("it isn't bound");
        let report = crate::failure::ErrorReport::from_exception(bench.vm, &failure);
        assert_eq!(
            (report.exception.as_str(), report.message.as_str()),
            ("NameError", "name 'missing' is not defined")
        );
    });
}

#[test]
fn dotted_names_reach_attributes() {
    with_bench(|bench| {
        bench.cell("class A: pass\na = A(); a.b = A(); a.b.c = 5");
        let value = bench.namespace.get(bench.vm, "a.b.c").expect("it is bound");
        bench
            .namespace
            .set(bench.vm, "a.b.d", value)
            .expect("it can be set");
        assert_eq!(bench.value("a.b.d"), "5");
        let failure = bench
            .namespace
            .get(bench.vm, "a.nope")
            .expect_err("no such attribute");
        assert!(failure.fast_isinstance(bench.vm.ctx.exceptions.attribute_error));
        let one = bench.vm.ctx.new_int(1).into();
        assert!(bench.namespace.set(bench.vm, "zz.a", one).is_err());
    });
}

#[test]
fn what_is_no_name_is_an_expression_or_a_target() {
    with_bench(|bench| {
        bench.cell("table = {'rows': [1, 2]}");
        let get = |name: &str| {
            let value = bench.namespace.get(bench.vm, name).expect("it has a value");
            let text = value.repr(bench.vm).expect("it has a repr");
            text.to_string_lossy().into_owned()
        };
        assert_eq!(get("table['rows'][1]"), "2");
        assert_eq!(get("len(table) + 1"), "2");
        let seven = || bench.vm.ctx.new_int(7).into();
        let set = |name: &str| bench.namespace.set(bench.vm, name, seven());
        set("table['rows'][0]").expect("it can be set");
        assert_eq!(get("table"), "{'rows': [7, 2]}");
        assert!(set("1 + 1").is_err());
        assert!(set("nothing['a']").is_err());
        assert!(bench.namespace.get(bench.vm, "table[").is_err());
        assert_eq!(bench.namespace.names(), ["table"]);
    });
}

#[test]
fn cells_of_an_owner_are_named_after_it() {
    with_bench(|bench| {
        bench.namespace.set_owner("engine 2");
        let report = bench.failing("1/0");
        let expected = "File \"<engine 2 cell 1>\", line 1, in <module>\n    1/0";
        assert!(report.traceback.contains(expected), "{}", report.traceback);
        let outcome = bench.run("1/0", false);
        let failure = outcome.failure.expect("it fails");
        let report = crate::failure::ErrorReport::from_exception(bench.vm, &failure);
        assert!(
            report.traceback.contains("<engine 2 input 1>"),
            "{}",
            report.traceback
        );
    });
}

#[test]
fn a_broken_cache_of_lines_stops_no_cell() {
    with_bench(|bench| {
        bench.cell("import linecache; linecache.cache = None");
        assert_eq!(bench.value("1 + 1"), "2");
    });
}

#[test]
fn clearing_keeps_what_a_namespace_needs() {
    with_bench(|bench| {
        bench.cell("import sys\nx = [1]\ndel_order = []\nclass D:\n    def __del__(self): del_order.append(len(globals()))\nd = D()");
        bench.cell("x");
        bench.failing("1/0");
        bench.namespace.clear(bench.vm).expect("it can be cleared");
        assert_eq!(bench.namespace.names(), Vec::<String>::new());
        assert_eq!(
            bench.value("(__name__, len([1]), Out, _, len(In))"),
            "('__main__', 1, {}, '', 4)"
        );
        assert_eq!(
            bench.value("hasattr(__import__('sys'), 'last_exc')"),
            "False"
        );
        bench.cell("y = 3");
        assert_eq!(bench.namespace.names(), ["y"]);
        assert_eq!(bench.value("__import__('__main__').y"), "3");
    });
}

#[test]
fn exit_is_an_outcome() {
    with_bench(|bench| {
        for (source, expected) in [
            ("import sys; sys.exit()", (0, None)),
            ("sys.exit(3)", (3, None)),
            ("exit(4)", (4, None)),
            ("raise SystemExit('bye')", (1, Some("bye".to_owned()))),
            ("sys.exit(-1)", (255, None)),
        ] {
            let outcome = bench.run(source, true);
            let failure = outcome.failure.expect("SystemExit is a failure here");
            assert_eq!(exit_request(bench.vm, &failure), Some(expected), "{source}");
        }
        assert_eq!(bench.value("1 + 1"), "2");
        let outcome = bench.run("1/0", false);
        assert_eq!(
            exit_request(bench.vm, &outcome.failure.expect("it fails")),
            None
        );
    });
}

#[test]
fn displayhook_can_be_replaced() {
    with_bench(|bench| {
        bench.cell("import sys; seen = []; sys.displayhook = seen.append");
        bench.cell("5");
        assert_eq!(bench.recorder.take(), []);
        assert_eq!(bench.value("seen"), "[5]");
    });
}

#[test]
fn a_failure_is_left_for_post_mortem() {
    with_bench(|bench| {
        bench.failing("1/0");
        assert_eq!(
            bench.value("(sys := __import__('sys')).last_exc"),
            "ZeroDivisionError('division by zero')"
        );
        assert_eq!(
            bench.value("sys.last_type, sys.last_traceback.tb_lineno"),
            "(<class 'ZeroDivisionError'>, 1)"
        );
    });
}

#[test]
fn functions_of_cells_can_be_inspected() {
    with_bench(|bench| {
        bench.cell("def f(x):\n    return x + 1\n\nz = 2");
        assert_eq!(
            bench.value("__import__('inspect').getsource(f)"),
            r"'def f(x):\n    return x + 1\n'"
        );
    });
}

#[test]
fn wrong_indentation_of_a_cell_is_told_in_the_words_of_python() {
    with_bench(|bench| {
        let told = bench.failing("x = 1\n  y = 2");
        assert_eq!(told.exception, "IndentationError");
        assert!(
            told.traceback
                .ends_with("line 2\n    y = 2\nIndentationError: unexpected indent"),
            "{told:?}"
        );
        let told = bench.failing("if (1 and\n    2):\nz");
        let expected = "expected an indented block after 'if' statement on line 1";
        assert!(told.message.contains(expected), "{told:?}");
    });
}

#[test]
fn a_program_may_set_the_number_of_cells() {
    with_bench(|bench| {
        bench.cell("ip = get_ipython()\nhere = ip.execution_count");
        assert_eq!(bench.value("here, ip.execution_count"), "(2, 2)");
        bench.cell("ip.execution_count = 10\ndef f(): return 1 / 0");
        assert_eq!(bench.value("ip.execution_count"), "10");
        assert_eq!(bench.cell("'value'").count, 10);
        assert_eq!(bench.value("Out[10], _i10"), "('value', \"'value'\")");
        // It is that of the next cell.
        bench.cell("ip.execution_count += 1");
        assert_eq!(bench.value("ip.execution_count"), "13");
        bench.cell("ip.execution_count = 1");
        assert_eq!(bench.cell("'another'").count, 1);
        let told = bench.failing("f()").traceback;
        assert!(told.contains("def f(): return 1 / 0"), "{told}");
        assert!(told.contains("f()\n    ~^^"), "{told}");
        bench.cell("import rhumba._past as past");
        assert_eq!(
            bench.value("[cell.number for cell in past.this_session()]"),
            "[1, 2, 10, 11, 13, 1, 2, 3]"
        );
        let told = bench.failing("ip.execution_count = -1").message;
        assert!(told.contains("from 1 up, not -1"), "{told}");
        assert!(bench.run("ip.execution_count = 0", false).failure.is_some());
        bench.run("ip.execution_count = 7", false);
        assert_eq!(bench.cell("").count, 7);
        // The cell that sets it keeps its own.
        let cell = "import sys; ip.execution_count = 40; sys.displayhook('shown')";
        let number = bench.cell(cell).count;
        assert_eq!(bench.value(&format!("Out[{number}]")), "'shown'");
    });
}
