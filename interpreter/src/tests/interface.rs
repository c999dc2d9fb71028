//! `get_ipython()` and the IPython package, as programs and extensions written for them use them.

use super::support::{Shown, with_bench};

#[test]
fn the_shell_has_what_programs_ask_for() {
    with_bench(|bench| {
        bench.cell(
            "shell = get_ipython()\nfrom IPython.core.interactiveshell import InteractiveShell",
        );
        assert_eq!(
            bench.value("(isinstance(shell, InteractiveShell), InteractiveShell.instance() is shell, InteractiveShell.initialized())"),
            "(True, True, True)"
        );
        bench.cell("shell.push({'a': 1}); shell.ex('b = a + 1')\ndef f():\n    local = 7\n    shell.push('local')\nf()");
        assert_eq!(bench.value("(shell.ev('a + b'), local)"), "(3, 7)");
        bench.cell("kept = {'a': a, 'b': 0}; shell.drop_by_id(kept)");
        assert_eq!(bench.value("('a' in globals(), b)"), "(False, 2)");
        bench.cell("x = [1]");
        bench.cell("x");
        bench.cell("shell.del_var('x')");
        assert_eq!(
            bench.value("('x' in globals(), 5 in Out)"),
            "(False, False)"
        );
        assert_eq!(bench.failing("shell.del_var('x')").exception, "NameError");
        assert_eq!(
            bench.value("[shell.check_complete(c) for c in ('x', 'if x:', 'x = = 1', 'try: x')]"),
            "[('complete', ''), ('incomplete', '    '), ('invalid', ''), ('incomplete', '')]"
        );
        assert_eq!(
            bench.value("shell.input_transformer_manager.check_complete('if x:')"),
            "('incomplete', 4)"
        );
        assert_eq!(
            bench.value("shell.transform_cell('>>> %pwd')"),
            r#""get_ipython().run_line_magic('pwd', '')""#
        );
        bench.cell("b = 'it'");
        assert_eq!(
            bench.value("(shell.getoutput('echo $b'), shell.getoutput('echo {b}', split=False), shell.var_expand('${b}'))"),
            "(['it'], 'it', 'it')"
        );
        bench.cell("shell.set_next_input('x = 1')");
        assert_eq!(bench.value("shell.rl_next_input"), "'x = 1'");
        assert!(bench.printed("?").contains("%lsmagic"));
        assert_eq!(
            bench.value("(shell.user_module.__name__, shell.execution_count > 5, shell.magics_manager.magics['line']['pwd'] is shell.find_line_magic('pwd'))"),
            "('__main__', True, True)"
        );
        bench.cell("r = shell.run_cell('y = 3\\ny')");
        assert_eq!(bench.value("(r.success, r.result, y)"), "(True, 3, 3)");
        assert_eq!(
            bench
                .failing("shell.run_cell('1/0', silent=True).raise_error()")
                .exception,
            "ZeroDivisionError"
        );
        assert!(bench.failing("shell.nothing").message.contains("'nothing'"));
        assert_eq!(
            bench.value(
                "shell.object_inspect('b')['string_form'], shell.object_inspect('nope')['found']"
            ),
            r#"("'it'", False)"#
        );
        assert_eq!(
            bench.value("shell.user_expressions({'k': 'b', 'e': '1/0'})['e']['ename']"),
            "'ZeroDivisionError'"
        );
        bench.cell("from IPython.core.macro import Macro\nm = Macro('z = 5\\nw = z') + 'v = w'");
        bench.cell("m");
        assert_eq!(bench.value("(z, w, v)"), "(5, 5, 5)");
        assert_eq!(
            bench.value("(shell.history_manager.input_hist_raw[1][:5], shell.history_manager.get_range(0, 4, 6))"),
            r#"('shell', [(0, 4, 'x = [1]'), (0, 5, 'x')])"#
        );
        assert_eq!(
            bench.value("shell.extract_input_lines('4-5')"),
            r"'x = [1]\nx\n'"
        );
        bench.cell("shell.reset()");
        assert_eq!(bench.namespace.names(), Vec::<String>::new());
    });
}

#[test]
fn the_display_module_is_a_function_as_well() {
    with_bench(|bench| {
        bench.cell("import IPython\nfrom IPython import display as module");
        bench.recorder.take();
        bench
            .cell("IPython.display(1)\nmodule.display(2)\nmodule(IPython.display.Pretty('three'))");
        let shown = |text: &str| Shown::Display(vec![("text/plain".into(), text.into())]);
        assert_eq!(
            bench.recorder.take(),
            [shown("1"), shown("2"), shown("three")]
        );
    });
}

#[test]
fn classes_of_magics_are_registered() {
    with_bench(|bench| {
        bench.cell(
            "from IPython.core.magic import (Magics, magics_class, line_magic, cell_magic, line_cell_magic, needs_local_scope, no_var_expand)\n\
             @magics_class\nclass Mine(Magics):\n\
             \x20   def __init__(self, shell):\n        super().__init__(shell)\n        self.seen = []\n\
             \x20   @line_magic\n    def one(self, line): return ('one', line)\n\
             \x20   @line_cell_magic('both')\n    def two(self, line, cell=None): return ('two', line, cell)\n\
             \x20   @needs_local_scope\n    @line_magic\n    def names(self, line, local_ns=None): return sorted(n for n in local_ns if n.startswith('inner'))\n\
             \x20   @no_var_expand\n    @line_magic\n    def raw(self, line): return line\n\
             \x20   @line_magic\n    def split(self, line): return self.parse_options(line, 'n:qx', 'long=')\n\
             get_ipython().register_magics(Mine)\nvalue = 3",
        );
        for (cell, expected) in [
            ("%one $value", "('one', '3')"),
            ("%both a", "('two', 'a', None)"),
            ("%%both a\nb\n", r"('two', 'a', 'b\n')"),
            ("%raw $value", "'$value'"),
            (
                "%split -n 3 -q f('a b')",
                r#"({'n': '3', 'q': ''}, "f('a b')")"#,
            ),
            (
                "%split --long=x -n 1 -n 2",
                "({'long': 'x', 'n': ['1', '2']}, '')",
            ),
        ] {
            assert_eq!(bench.value(cell), expected, "{cell}");
        }
        bench.cell("def f():\n    inner_name = 1\n    x = %names\n    return x");
        assert_eq!(bench.value("f()"), "['inner_name']");
        let report = bench.failing("%split -z");
        assert_eq!(report.exception, "UsageError");
        assert!(
            report.message.contains("-z not recognized"),
            "{}",
            report.message
        );
        bench.cell(
            "get_ipython().define_magic('old', lambda shell, line: (shell is get_ipython(), line))",
        );
        assert_eq!(bench.value("%old x"), "(True, 'x')");
        bench.cell("get_ipython().magics_manager.register_alias('uno', 'one', magic_params='-v')");
        assert_eq!(bench.value("%uno x"), "('one', '-v x')");
    });
}

#[test]
fn arguments_of_magics_are_declared() {
    with_bench(|bench| {
        bench.cell(
            "from IPython.core.magic import register_line_magic\n\
             from IPython.core.magic_arguments import magic_arguments, argument, argument_group, parse_argstring\n\
             @magic_arguments()\n@argument('-n', '--number', type=int, default=1, help='how many')\n\
             @argument_group('Names')\n@argument('name', nargs='*', help='whose')\n\
             def greet(line):\n    'Greets.'\n    given = parse_argstring(greet, line)\n    return given.number, given.name\n\
             register_line_magic(greet)",
        );
        assert_eq!(bench.value("%greet -n 2 'a b' c"), "(2, [\"'a b'\", 'c'])");
        assert_eq!(bench.value("%greet"), "(1, [])");
        let report = bench.failing("%greet -n many");
        assert_eq!(report.exception, "UsageError");
        assert!(
            report.message.contains("invalid int value: 'many'")
                && report.message.contains("%greet [-n NUMBER]"),
            "{}",
            report.message
        );
        assert!(
            !report.traceback.contains("Traceback"),
            "{}",
            report.traceback
        );
        let text = bench.printed("%greet?");
        for told in ["Greets.", "--number", "how many", "Names"] {
            assert!(text.contains(told), "{told}: {text}");
        }
    });
}

#[test]
fn extensions_are_loaded_and_unloaded() {
    let folder = std::env::temp_dir().join(format!("rhumba-extension-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("sample_extension")).expect("made");
    let source = "\
from IPython.core.magic import Magics, magics_class, line_magic
from IPython.core.magic_arguments import argument, magic_arguments, parse_argstring
from IPython.core.magics.execution import _format_time
import time

class Clock:
    def __init__(self, ip):
        self.ip = ip
        self.took = []
    def start(self, info):
        self.begun = time.monotonic()
    def stop(self, result):
        self.took.append((result.success, _format_time(time.monotonic() - self.begun)))

@magics_class
class ClockMagics(Magics):
    @magic_arguments()
    @argument('-l', '--last', action='store_true')
    @line_magic
    def took(self, line):
        given = parse_argstring(self.took, line)
        return clock.took[-1] if given.last else len(clock.took)

clock = None

def load_ipython_extension(ip):
    global clock
    clock = Clock(ip)
    ip.events.register('pre_run_cell', clock.start)
    ip.events.register('post_run_cell', clock.stop)
    ip.register_magics(ClockMagics)
    ip.push({'sample': 1})

def unload_ipython_extension(ip):
    ip.events.unregister('pre_run_cell', clock.start)
    ip.events.unregister('post_run_cell', clock.stop)
";
    std::fs::write(folder.join("sample_extension/__init__.py"), source).expect("written");
    std::fs::write(folder.join("empty_extension.py"), "").expect("written");
    with_bench(|bench| {
        bench.cell(&format!(
            "import sys; sys.path.insert(0, {:?})",
            folder.to_string_lossy()
        ));
        bench.cell("manager = get_ipython().extension_manager");
        assert_eq!(
            bench.value("manager.load_extension('sample_extension')"),
            "None"
        );
        assert_eq!(
            bench.value("manager.load_extension('sample_extension')"),
            "'already loaded'"
        );
        bench.cell("import sample_extension as e; e.clock.took.clear(); e.clock.begun = 0");
        bench.cell("1 + 1");
        assert_eq!(bench.value("%took"), "2");
        bench.cell("last = %took --last");
        assert_eq!(
            bench.value("(last[0], last[1][-1], sample)"),
            "(True, 's', 1)"
        );
        assert_eq!(
            bench.value("manager.unload_extension('sample_extension')"),
            "None"
        );
        bench.cell("e.clock.took.clear()");
        bench.cell("2");
        assert_eq!(bench.value("e.clock.took"), "[]");
        assert_eq!(
            bench.value("manager.unload_extension('sample_extension')"),
            "'not loaded'"
        );
        assert_eq!(
            bench.value("manager.load_extension('empty_extension')"),
            "'no load function'"
        );
        assert_eq!(bench.value("manager.load_extension('autoreload')"), "None");
        assert_eq!(
            bench.failing("manager.load_extension('no_such')").exception,
            "ModuleNotFoundError"
        );
    });
    std::fs::remove_dir_all(folder).expect("removed");
}

#[test]
fn what_is_shown_can_be_captured() {
    with_bench(|bench| {
        bench.cell("import sys\nfrom IPython.utils.io import capture_output\nfrom IPython.display import HTML, display");
        bench.recorder.take();
        bench.cell(
            "with capture_output() as captured:\n    print('out'); print('err', file=sys.stderr); display(HTML('<b>')); get_ipython().run_cell('6 * 7')",
        );
        assert_eq!(bench.recorder.take(), []);
        assert_eq!(
            bench.value("(captured.stdout, captured.stderr, [o.data.get('text/html') for o in captured.outputs], captured.outputs[1])"),
            r"('out\n', 'err\n', ['<b>', None], 42)"
        );
        bench.cell("captured()");
        let shown = bench.recorder.take();
        assert!(
            matches!(
                &shown[..],
                [
                    Shown::Stdout(_),
                    Shown::Stderr(_),
                    Shown::Display(_),
                    Shown::Display(_)
                ]
            ),
            "{shown:?}"
        );
        bench.cell("with capture_output(stdout=False, display=False):\n    print('through'); display(1); print('kept', file=sys.stderr)");
        assert_eq!(
            (
                bench.recorder.stdout().as_str(),
                bench.recorder.stderr().as_str()
            ),
            ("through\n", "")
        );
        let shown = bench.recorder.take();
        assert_eq!(
            shown.last(),
            Some(&Shown::Display(vec![("text/plain".into(), "1".into())]))
        );
    });
}
