//! Cells as the shell's settings change them: which values are shown, what awaits, transformers,
//! names typed without their marks; and what cells leave behind.

use super::support::{Shown, with_bench};

#[test]
fn the_interactivity_says_which_values_are_shown() {
    with_bench(|bench| {
        bench.cell("shell = get_ipython()");
        let cell = "1\nx = 2\nfor i in (3, 4): i\nx + 3";
        for (interactivity, source, expected) in [
            ("last_expr", cell, &["5"][..]),
            ("all", cell, &["1", "3", "4", "5"]),
            ("last", cell, &["5"]),
            ("last", "1\nif True:\n    2", &["2"]),
            ("none", cell, &[]),
            ("last_expr_or_assign", "1\ny = 6", &["6"]),
            ("last_expr_or_assign", "y: int = 7", &["7"]),
            ("last_expr_or_assign", "y += 1", &["8"]),
            ("last_expr_or_assign", "y.real", &["8"]),
            ("last_expr_or_assign", "a, b = 1, 2", &[]),
            ("last_expr_or_assign", "y = 1;", &[]),
            ("all", "1\n2;", &[]),
            ("all", "%time 5;", &[]),
            ("all", "", &[]),
        ] {
            bench.cell(&format!("shell.ast_node_interactivity = '{interactivity}'"));
            bench.recorder.take();
            bench.cell(source);
            let shown = bench.recorder.take().into_iter();
            let shown: Vec<_> = shown
                .filter_map(|shown| match shown {
                    Shown::Result(_, text) => Some(text),
                    _ => None,
                })
                .collect();
            assert_eq!(shown, expected, "{interactivity}: {source}");
        }
        bench.cell("shell.ast_node_interactivity = 'all'");
        bench.cell("for i in (3, 4): i");
        assert_eq!(bench.value("(_, __)"), "(4, 3)");
        let report = bench.failing("1\n1/0");
        assert!(
            report
                .traceback
                .starts_with("Traceback (most recent call last):\n  File \"<cell "),
            "{}",
            report.traceback
        );
        let report = bench.failing("1\ny = = 1");
        assert!(
            report.traceback.contains("    y = = 1\n"),
            "{}",
            report.traceback
        );
        let report = bench.failing("shell.ast_node_interactivity = 'some'");
        assert!(
            report.message.contains("last_expr_or_assign"),
            "{}",
            report.message
        );
    });
}

#[test]
fn who_asks_for_the_event_loop_is_not_warned_of_its_policy() {
    with_bench(|bench| {
        bench.cell("import asyncio, warnings; warnings.simplefilter('error')");
        let report = bench.failing("asyncio.get_event_loop()");
        assert_eq!(report.exception, "RuntimeError");
        assert!(
            report
                .message
                .starts_with("There is no current event loop in thread"),
            "{}",
            report.message
        );
        bench.cell("loop = asyncio.new_event_loop(); asyncio.set_event_loop(loop)");
        assert_eq!(bench.value("asyncio.get_event_loop() is loop"), "True");
        bench.cell(
            "async def running(): return asyncio.get_event_loop() is asyncio.get_running_loop()",
        );
        assert_eq!(bench.value("loop.run_until_complete(running())"), "True");
        let report = bench.failing("asyncio.get_event_loop_policy()");
        assert_eq!(report.exception, "DeprecationWarning");
        bench.cell("asyncio.set_event_loop(None); loop.close()");
    });
}

#[test]
fn cells_may_await() {
    with_bench(|bench| {
        bench.cell(
            "import asyncio\nasync def double(x):\n    await asyncio.sleep(0)\n    return 2 * x",
        );
        assert_eq!(bench.value("await double(4)"), "8");
        bench.recorder.take();
        bench.cell("y = await double(1)\nasync with asyncio.timeout(30):\n    z = [await double(i) for i in (1, 2)]\nz");
        assert_eq!(bench.recorder.take(), [Shown::Result(2, "[2, 4]".into())]);
        // The loop lives on, and with it what was started in it.
        bench.cell("await asyncio.sleep(0)\ntask = asyncio.create_task(double(5))");
        assert_eq!(bench.value("await task"), "10");
        let report = bench.failing("async def fails():\n    raise KeyError('k')\nawait fails()");
        let expected = "\
Traceback (most recent call last):
  File \"<cell 4>\", line 3, in <module>
    await fails()
  File \"<cell 4>\", line 2, in fails
    raise KeyError('k')
KeyError: 'k'";
        assert_eq!(report.traceback, expected);
        bench.cell("get_ipython().autoawait = False");
        assert_eq!(bench.failing("await double(1)").exception, "SyntaxError");
        bench.cell("get_ipython().autoawait = True\nseen = []");
        bench.cell("def runner(coroutine):\n    seen.append(1)\n    return asyncio.run(coroutine)\nget_ipython().loop_runner = runner");
        assert_eq!(bench.value("await double(6)"), "12");
        assert_eq!(bench.value("seen"), "[1]");
        bench.cell("from rhumba._await import without_loop\nget_ipython().loop_runner = without_loop\nasync def at_once(): return 3");
        assert_eq!(bench.value("await at_once()"), "3");
        let report = bench.failing("await double(1)");
        assert!(
            report.message.contains("needs a loop"),
            "{}",
            report.message
        );
    });
}

#[test]
fn what_the_person_binds_to_an_underscore_stays() {
    with_bench(|bench| {
        bench.cell("1");
        bench.cell("2");
        assert_eq!(bench.value("(_, __)"), "(2, 1)");
        bench.cell("_ = str.upper");
        bench.cell("3");
        assert_eq!(bench.value("(_('a'), __, _4, Out[4])"), "('A', 1, 3, 3)");
        bench.cell("del _");
        bench.cell("4");
        assert_eq!(bench.value("_"), "4");
        bench.cell("Out.clear()");
        bench.cell("5");
        assert_eq!(
            bench.value("(_, _dh == [__import__('os').getcwd()])"),
            "(5, True)"
        );
    });
}

#[test]
fn the_oldest_outputs_are_let_go_of() {
    with_bench(|bench| {
        for _ in 0..1000 {
            bench.cell("1");
        }
        assert_eq!(bench.value("(len(Out), '_1' in globals())"), "(1000, True)");
        bench.cell("2");
        let told = bench.recorder.stderr();
        assert!(told.contains("Out has 1000 entries"), "{told}");
        assert_eq!(
            bench.value("(len(Out), min(Out), '_1' in globals(), _1001, _)"),
            "(801, 201, False, 2, 2)"
        );
    });
}

#[test]
fn transformers_of_programs_change_cells() {
    with_bench(|bench| {
        bench.cell(
            "import ast\nshell = get_ipython()\n\
             class Twice(ast.NodeTransformer):\n    def visit_Constant(self, node):\n\
             \x20       return ast.Constant(node.value * 2) if isinstance(node.value, int) else node\n\
             twice = Twice()\nshell.ast_transformers.append(twice)",
        );
        assert_eq!(bench.value("3 + 4"), "14");
        bench.cell("class Broken:\n    def visit(self, tree): raise KeyError('x')");
        bench.cell("shell.ast_transformers.insert(shell.meta.get('place', 0), Broken())");
        assert_eq!(bench.value("1"), "2");
        assert_eq!(bench.value("len(shell.ast_transformers)"), "1");
        bench.cell("shell.ast_transformers.clear()");
        assert_eq!(bench.value("1"), "1");
        bench.cell("shell.input_transformers_cleanup.append(lambda lines: [line.replace('please ', '') for line in lines])");
        bench.cell("shell.input_transformers_post.append(lambda lines: [line.replace('NN', '5') for line in lines])");
        assert_eq!(bench.value("please NN + 1"), "6");
        assert_eq!(bench.value("shell.transform_cell('please N' 'N')"), "'5'");
        bench.cell(
            "shell.input_transformers_cleanup.clear(); shell.input_transformers_post.clear()",
        );
        bench.cell("from IPython.core.error import InputRejected\nclass No:\n    def visit(self, tree): raise InputRejected('not today')");
        bench.cell("shell.ast_transformers.append(No())");
        let report = bench.failing("ran = 1");
        assert_eq!(report.exception, "InputRejected");
        assert!(bench.namespace.get(bench.vm, "ran").is_err());
    });
}

#[test]
fn magics_and_calls_may_be_typed_without_their_marks() {
    with_bench(|bench| {
        bench.cell(
            "def f(*args): return args\nclass Table:\n    def __call__(self, *a): return a\n\
             \x20   def __getitem__(self, i): return i\ntable = Table()",
        );
        assert_eq!(bench.printed("who Table"), "table\n");
        bench.cell("pwd");
        assert!(matches!(&bench.recorder.take()[..], [Shown::Result(..)]));
        bench.cell("who = 1");
        bench.cell("who");
        assert_eq!(bench.recorder.take(), [Shown::Result(5, "1".into())]);
        bench.cell("get_ipython().automagic = False");
        assert_eq!(bench.failing("pwd").exception, "NameError");
        assert_eq!(bench.failing("f 1").exception, "SyntaxError");
        bench.cell("get_ipython().autocall = 1");
        bench.recorder.take();
        bench.cell("f 1, 'a'");
        assert_eq!(
            bench.recorder.take(),
            [
                Shown::Stdout("------> f(1, 'a')\n".into()),
                Shown::Result(10, "(1, 'a')".into())
            ]
        );
        assert_eq!(bench.failing("table [1] 2").exception, "SyntaxError");
        bench.cell("get_ipython().autocall = 2");
        bench.recorder.take();
        bench.cell("f");
        assert!(matches!(&bench.recorder.take()[..], [_, Shown::Result(_, text)] if text == "()"));
        bench.cell(",f a b");
        bench.cell(";f a b");
        bench.cell("/f 1 2");
        assert_eq!(
            bench.value("(___, __, _)"),
            "(('a', 'b'), ('a b',), (1, 2))"
        );
        bench.cell("get_ipython().show_rewritten_input = False");
        bench.recorder.take();
        bench.cell("f");
        assert!(matches!(&bench.recorder.take()[..], [Shown::Result(_, text)] if text == "()"));
    });
}

#[test]
fn a_pasted_session_runs() {
    with_bench(|bench| {
        bench.cell(">>> def f():\n...     return 1\n...\n>>> x = f()");
        assert_eq!(bench.value("x"), "1");
        bench.cell("In [3]: if x:\r\n   ...:     y = '''a\r\n   ...: b'''\r\n");
        assert_eq!(bench.value("y"), r"'a\nb'");
        bench.cell("    z = 1\n    if z:\n        z = 2");
        assert_eq!(bench.value("z"), "2");
        let report = bench.failing("    a = 1\n    1/0");
        assert!(
            report.traceback.contains("line 2, in <module>\n    1/0\n"),
            "{}",
            report.traceback
        );
    });
}

#[test]
fn a_cell_of_ten_thousand_lines_runs() {
    with_bench(|bench| {
        let cell: String = (0..10_000).map(|n| format!("x{n} = {n}\n")).collect();
        bench.cell(&format!("{cell}x9999 + 1"));
        assert_eq!(bench.recorder.take(), [Shown::Result(1, "10000".into())]);
        // Its lines keep their numbers, and nothing of it runs before all of it is compiled.
        let report = bench.failing(&format!("{cell}x9999 / 0\n"));
        assert!(
            report
                .traceback
                .contains("line 10001, in <module>\n    x9999 / 0\n"),
            "{}",
            report.traceback
        );
        let report = bench.failing(&format!("x0 = 'ran'\n{cell}return\n"));
        assert_eq!(report.exception, "SyntaxError");
        assert!(
            report.traceback.contains("line 10002"),
            "{}",
            report.traceback
        );
        assert_eq!(bench.value("x0"), "0");
    });
}

#[test]
fn events_tell_what_runs_and_what_came_of_it() {
    with_bench(|bench| {
        bench.cell(
            "seen = []\nshell = get_ipython(); on = shell.events.register\n\
             on('shell_initialized', lambda ip: seen.append(ip is shell))\n\
             on('pre_execute', lambda: seen.append('pre'))\n\
             on('pre_run_cell', lambda info: seen.append((info.raw_cell, info.store_history, info.silent)))\n\
             on('post_run_cell', lambda result: seen.append((result.result, result.success, result.info.raw_cell)))",
        );
        bench.cell("seen.clear(); 6 * 7");
        bench.failing("y = = 1");
        bench.cell(
            "shell.events.unregister('post_run_cell', shell.events.callbacks['post_run_cell'][0])",
        );
        assert_eq!(
            bench.value("seen[:5]"),
            "[(42, True, 'seen.clear(); 6 * 7'), 'pre', ('y = = 1', True, False), (None, False, 'y = = 1'), 'pre']"
        );
        let report = bench.failing("on('pre_cell', print)");
        assert!(
            report.message.contains("pre_run_cell"),
            "{}",
            report.message
        );
        bench.cell("r = shell.run_cell('1 +', silent=True)");
        assert_eq!(
            bench.value("(type(r.error_before_exec).__name__, r.error_in_exec, r.success)"),
            "('SyntaxError', None, False)"
        );
    });
}
