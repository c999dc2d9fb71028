//! What `get_ipython()` gives, and the basic magics.

use super::support::{Bench, Shown, with_bench};

#[test]
fn programs_can_define_magics() {
    with_bench(|bench| {
        bench.cell(
            "ip = get_ipython()\n\
             ip.register_magic_function(lambda line: line.upper(), 'line', 'shout')\n\
             ip.register_magic_function(lambda line, cell: (line, cell), 'cell', 'pair')\n\
             from IPython.core.magic import register_line_magic, Magics, magics_class, cell_magic\n\
             @register_line_magic\ndef twice(line): return line * 2\n\
             @magics_class\nclass Mine(Magics):\n    @cell_magic\n    def count(self, line, cell): return len(cell)\n\
             Mine(ip).register()",
        );
        assert_eq!(bench.value("%shout it's \"loud\""), "'IT\\'S \"LOUD\"'");
        assert_eq!(bench.value("x = %twice ab\nx"), "'abab'");
        assert_eq!(
            bench.value("%%pair a b\nfirst\n  second"),
            r"('a b', 'first\n  second\n')"
        );
        assert_eq!(bench.value("%%count\nabc\n"), "4");
        bench.cell("value = 7");
        assert_eq!(
            bench.value("%shout {value + 1} $value $nope $$ $$value ${value} {{value}} {value:03d} {value!r:>3} '$value' {1..3}"),
            "\"8 7 $NOPE $$ $VALUE 7 {VALUE} 007   7 '$VALUE' {1..3}\""
        );
        let report = bench.failing("%shoot");
        assert!(
            report.message.contains("Did you mean %shout?"),
            "{}",
            report.message
        );
        let report = bench.failing("%%shout\nx");
        assert!(
            report.message.contains("%shout is a line magic"),
            "{}",
            report.message
        );
        let report = bench.failing("%%px\nx = 1");
        assert!(
            report.message.starts_with("%%px needs engines"),
            "{}",
            report.message
        );
        let report = bench.failing("%px 1");
        assert!(
            report.message.contains("import ipyparallel"),
            "{}",
            report.message
        );
    });
}

#[test]
fn commands_of_the_system_show_and_give_their_output() {
    with_bench(|bench| {
        assert_eq!(bench.printed("!echo one; echo two >&2"), "one\ntwo\n");
        assert_eq!(
            bench.value("files = !printf 'a\\nb c\\n'\nfiles"),
            "['a', 'b c']"
        );
        assert_eq!(
            bench.value("both = !echo one; echo two >&2\nboth"),
            "['one', 'two']"
        );
        bench.cell("name = 'it'");
        assert_eq!(
            bench.printed("!echo $name {name}s $HOME_NOT_SET_ANYWHERE ${name}"),
            "it its it\n"
        );
        assert_eq!(
            bench.printed("for name in 'ab':\n    !echo $name {name * 2} '{name!r}'"),
            "a aa a\nb bb b\n"
        );
        assert_eq!(
            bench.printed("def f(inner):\n    !echo $inner.real {inner + 1}\nf(4)"),
            "4 5\n"
        );
        // What isn't Python is the command's own.
        assert_eq!(
            bench.printed("!echo {1 + 1} {2*3} 'a{2}b{2,3}'"),
            "2 6 a{2}b{2,3}\n"
        );
        assert_eq!(
            bench.printed("!echo 1 2 | awk '{print $2}'; echo {1..3} {print}"),
            "2\n1 2 3 {print}\n"
        );
        bench.cell("lines = !printf 'b 2\\na 10\\nc 3'");
        assert_eq!(
            bench.value("lines.s, lines.n.count('\\n'), lines.grep('a'), lines.fields(1), lines.sort(1, nums=True).l"),
            "('b 2 a 10 c 3', 2, ['a 10'], ['2', '10', '3'], ['b 2', 'c 3', 'a 10'])"
        );
        bench.cell("!exit 3");
        assert_eq!(bench.value("_exit_code"), "3");
        assert_eq!(bench.printed("if True:\n    !echo inside\n"), "inside\n");
    });
}

#[test]
fn a_hook_can_take_cells_and_change_them() {
    with_bench(|bench| {
        bench.cell("taken = []\ndef hook(source):\n    taken.append(source)\n    return source.replace('1', '2') if 'keep' not in source else None");
        bench.cell("get_ipython().input_hook = hook");
        bench.recorder.take();
        bench.cell("1 + 1");
        assert_eq!(bench.recorder.take(), [Shown::Result(3, "4".into())]);
        assert!(bench.cell("keep = 1").value.is_none());
        bench.cell("get_ipython().input_hook = None");
        assert_eq!(
            bench.value("taken[:2], 'keep' in globals()"),
            "(['1 + 1', 'keep = 1'], False)"
        );
    });
}

#[test]
fn callbacks_are_called_around_cells() {
    with_bench(|bench| {
        bench.cell(
            "seen = []; on = get_ipython().events.register\n\
             on('pre_run_cell', lambda: seen.append('pre'))\n\
             on('post_run_cell', lambda: seen.append('post'))\nseen.clear()",
        );
        bench.cell("seen.append('cell')");
        bench.run("seen.append('unstored')", false);
        assert_eq!(
            bench.value("seen"),
            "['post', 'pre', 'cell', 'post', 'pre', 'unstored', 'post']"
        );
        bench.cell("on('post_execute', lambda: 1 / 0)");
        bench.cell("2");
        let errors = bench.recorder.stderr();
        assert!(
            errors.contains("    on('post_execute', lambda: 1 / 0)"),
            "{errors}"
        );
    });
}

#[test]
fn time_and_timeit_measure() {
    with_bench(|bench| {
        let text = bench.printed("x = %time 1 + 1");
        assert!(
            text.starts_with("CPU times: ") && text.contains("Wall time: "),
            "{text}"
        );
        assert_eq!(bench.value("x"), "2");
        let text = bench.printed("%%time\ny = 5\nz = y + 1");
        assert!(text.contains("Wall time"), "{text}");
        assert_eq!(bench.value("z"), "6");
        let text = bench.printed("%timeit -n 10 -r 2 x + 1");
        assert!(
            text.contains("mean ± std. dev. of 2 runs, 10 loops each"),
            "{text}"
        );
        bench.cell("t = %timeit -o -q -n 1 -r 1 -- -x");
        assert_eq!(bench.value("t.loops, t.repeat"), "(1, 1)");
    });
}

#[test]
fn names_folders_files_and_history() {
    let folder = std::env::temp_dir().join(format!("rhumba-magics-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("made");
    let folder = std::fs::canonicalize(folder).expect("it is there");
    let path = folder.to_string_lossy();
    with_bench(|bench| {
        assert_eq!(bench.printed("%who"), "No names are bound.\n");
        bench.cell("a = 1; b = [1, 2]; _hidden = 3\ndef c(): pass");
        assert_eq!(bench.printed("%who"), "a\tb\tc\n");
        assert_eq!(bench.printed("%who list int"), "a\tb\n");
        let table = bench.printed("%whos");
        assert!(table.contains("b          list        n=2"), "{table}");
        assert_eq!(bench.printed(&format!("%cd {path}")), format!("{path}\n"));
        assert_eq!(bench.value("%pwd"), format!("'{path}'"));
        assert_eq!(
            bench.printed("%%writefile s.py\nimport sys\nleft = sys.argv[1:]\nprint(__name__)\n"),
            "Writing s.py\n"
        );
        assert_eq!(bench.printed("%run s.py one two"), "__main__\n");
        assert_eq!(bench.value("left"), "['one', 'two']");
        bench.cell("%env RHUMBA_TEST=5");
        assert_eq!(bench.value("%env RHUMBA_TEST"), "'5'");
        let report = bench.failing("%cd /no/such/folder");
        assert!(
            report.traceback.starts_with("UsageError: %cd can't go to"),
            "{}",
            report.traceback
        );
        assert_eq!(
            bench.printed("%history -n 2-2"),
            "2:\na = 1; b = [1, 2]; _hidden = 3\ndef c(): pass\n"
        );
        bench.cell("%reset -f");
        assert_eq!(bench.namespace.names(), Vec::<String>::new());
        let text = bench.printed("%lsmagic");
        assert!(
            text.contains("%timeit") && text.contains("%%writefile"),
            "{text}"
        );
        assert_eq!(bench.printed("get_ipython().run_cell('print(5)')"), "5\n");
        assert_eq!(
            bench.value("get_ipython().run_cell('1/0', silent=True).success"),
            "False"
        );
    });
    std::fs::remove_dir_all(folder).expect("removed");
}

#[test]
fn a_program_finds_no_shell() {
    let runtime = crate::runtime::Runtime::new(crate::runtime::RuntimeConfig::default());
    let source = "import builtins, sys, IPython\n\
                  assert not hasattr(builtins, 'get_ipython') and IPython.get_ipython() is None\n\
                  sys.exit('rhumba.shell' in sys.modules)";
    assert_eq!(runtime.run_command(source, &[]), 0);
}

#[test]
fn others_can_add_modules_to_the_package() {
    let runtime = crate::runtime::Runtime::new(crate::runtime::RuntimeConfig {
        frozen: vec![crate::runtime::FrozenModules {
            code: rustpython_derive::py_freeze!(
                source = "value = 11",
                module_name = "rhumba.added",
                crate_name = "rustpython_vm"
            ),
            source: b"",
        }],
        ..crate::runtime::RuntimeConfig::default()
    });
    runtime.warm(&["rhumba.added"]).expect("it imports");
    let source = "import rhumba.added as a, rhumba.shell, sys; sys.exit(a.value)";
    assert_eq!(runtime.run_command(source, &[]), 11);
}

#[test]
fn the_names_that_programs_look_for_are_there() {
    with_bench(|bench| {
        bench.cell("import IPython\nfrom IPython.core.getipython import get_ipython as g\nfrom IPython.display import display");
        assert_eq!(
            bench.value("g() is get_ipython() is IPython.get_ipython()"),
            "True"
        );
        assert_eq!(bench.value("IPython.version_info[0]"), "9");
        assert_eq!(
            bench.value("'rhumba.shell' in __import__('sys').modules"),
            "True"
        );
        assert_eq!(bench.value("get_ipython().user_ns is globals()"), "True");
        assert_eq!(bench.value("get_ipython().ev('1 + 1')"), "2");
        assert_eq!(
            bench.value("import rhumba; rhumba.__path__ is not None"),
            "True"
        );
    });
}

fn restored(bench: &Bench, names: &[&str]) {
    let object = |name: &str| bench.vm.ctx.new_str(format!("new {name}")).into();
    let items = names.iter().map(|name| ((*name).to_owned(), object(name)));
    bench
        .namespace
        .replace(bench.vm, items.collect())
        .expect("a namespace takes names");
}

#[test]
fn new_names_take_the_place_of_all_that_were_bound() {
    with_bench(|bench| {
        bench.cell(
            "import builtins\n\
             builtins.seen = seen = []\n\
             class Watcher:\n    def __del__(self): seen.append([k for k in ('a', 'b', 'c') if k in globals()])\n\
             a = 1; b = Watcher()",
        );
        bench.cell("del Watcher");
        bench.cell("40 + 2");
        restored(bench, &["b", "c", "__name__", "In", "_3"]);
        assert_eq!(bench.namespace.names(), ["b", "c"]);
        assert_eq!(
            bench.value("b, c, __name__"),
            "('new b', 'new c', '__main__')"
        );
        // The history of the shell stays.
        assert_eq!(bench.value("_3, Out[3], len(In)"), "(42, 42, 4)");
        // What was replaced is dropped only when the namespace is whole again.
        assert_eq!(bench.value("seen"), "[['b', 'c']]");
    });
}

#[test]
fn lent_names_do_not_count_as_long_as_they_are_bound_to_what_was_lent() {
    with_bench(|bench| {
        bench.cell("rc = ['client']; x = 1");
        bench
            .namespace
            .lend(bench.vm, &["rc", "absent"])
            .expect("names can be lent");
        assert_eq!(bench.namespace.names(), ["x"]);
        assert_eq!(bench.printed("%who"), "x\n");
        restored(bench, &["y"]);
        assert_eq!(bench.value("rc"), "['client']");
        bench.cell("rc = 'mine'");
        assert_eq!(bench.namespace.names(), ["rc", "y"]);
        restored(bench, &["z"]);
        assert_eq!(bench.value("'rc' in globals()"), "False");
    });
}
