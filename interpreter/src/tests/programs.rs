//! Scripts, commands and modules, as `python` runs them.

use std::path::{Path, PathBuf};

use super::support::{Bench, bench};
use crate::runtime::{Runtime, RuntimeConfig};

/// A folder of its own for a test, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("rhumba-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("the folder can be made");
        Self(std::fs::canonicalize(path).expect("it has a real path"))
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).expect("made");
        std::fs::write(&path, text).expect("the file can be written");
        path.to_string_lossy().into_owned()
    }

    fn path(&self) -> String {
        self.0.to_string_lossy().into_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Runs a program in an interpreter of its own; gives status, stdout and stderr.
fn ran(program: impl FnOnce(&Runtime) -> i32) -> (i32, String, String) {
    let runtime = Runtime::new(RuntimeConfig::default());
    let recorder = runtime.enter(|vm| {
        let Bench { recorder, .. } = bench(vm);
        recorder
    });
    let status = program(&runtime);
    (status, recorder.stdout(), recorder.stderr())
}

fn args(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[test]
fn a_script_has_its_folder_its_file_and_its_arguments() {
    let folder = Folder::new("script");
    folder.write("beside.py", "value = 'found'");
    let script = folder.write(
        "main.py",
        "import sys, beside, inspect\nprint(beside.value, __name__, __file__, sys.argv[1:], sys.path[0])\n\
         def f(): pass\nprint(inspect.getsource(f).strip(), sys.modules['__main__'].f is f)",
    );
    let (status, stdout, stderr) =
        ran(|runtime| runtime.run_script(&script, &args(&["-x", "y z"])));
    let folder = folder.path();
    let expected = format!("found __main__ {script} ['-x', 'y z'] {folder}\ndef f(): pass True\n");
    assert_eq!(
        (status, stdout.as_str(), stderr.as_str()),
        (0, expected.as_str(), "")
    );
}

#[test]
fn the_classes_of_a_script_have_their_source_however_they_are_written() {
    let folder = Folder::new("classes");
    let script = folder.write(
        "main.py",
        "import inspect\nclass Named:\n    mark = 1\nNamed.__name__ = 'Other'\n\
         def wrapped(text): return lambda made: made\n\
         @wrapped('''\nclass Foo:\n''')\nclass Decorated:\n    mark = 2\n\
         class \\\n  Continued:\n    mark = 3\n\
         for made in Named, Decorated, Continued:\n    \
             lines = inspect.getsource(made).splitlines()\n    \
             print(lines[0], lines[-1].strip())\n",
    );
    let (status, stdout, stderr) = ran(|runtime| runtime.run_script(&script, &[]));
    let expected = "class Named: mark = 1\n@wrapped(''' mark = 2\nclass \\ mark = 3\n";
    assert_eq!(
        (status, stdout.as_str(), stderr.as_str()),
        (0, expected, "")
    );
}

#[test]
fn the_status_is_what_the_script_says() {
    let folder = Folder::new("status");
    for (source, expected, message) in [
        ("import sys; sys.exit(7)", 7, ""),
        ("raise SystemExit", 0, ""),
        ("import sys; sys.exit('went wrong')", 1, "went wrong\n"),
        ("raise SystemExit(256 + 3)", 3, ""),
        ("raise KeyboardInterrupt", 130, "KeyboardInterrupt\n"),
    ] {
        let script = folder.write("s.py", source);
        let (status, _, stderr) = ran(|runtime| runtime.run_script(&script, &[]));
        assert_eq!(status, expected, "{source}");
        assert!(stderr.ends_with(message), "{source}: {stderr}");
    }
}

#[test]
fn a_failing_script_shows_its_traceback() {
    let folder = Folder::new("traceback");
    let script = folder.write("fails.py", "def f():\n    return 1 / 0\n\nf()\n");
    let (status, _, stderr) = ran(|runtime| runtime.run_script(&script, &[]));
    let expected = format!(
        "Traceback (most recent call last):\n  File \"{script}\", line 4, in <module>\n    f()\n    ~^^\n  \
         File \"{script}\", line 2, in f\n    return 1 / 0\n           ~~^~~\nZeroDivisionError: division by zero\n"
    );
    assert_eq!((status, stderr), (1, expected));
    let script = folder.write("syntax.py", "x = = 1\n");
    let (status, _, stderr) = ran(|runtime| runtime.run_script(&script, &[]));
    assert!(
        status == 1 && stderr.contains("SyntaxError") && stderr.contains("x = = 1"),
        "{stderr}"
    );
}

#[test]
fn wrong_indentation_is_told_in_the_words_of_python() {
    let folder = Folder::new("indentation");
    for (source, told) in [
        (
            "x = 1\n  y = 2\n",
            "2\n    y = 2\nIndentationError: unexpected indent\n",
        ),
        (
            "def f(a,\n      b):\nz\n",
            "3\n    z\n    ^\nIndentationError: expected an indented block after function definition on line 1\n",
        ),
        (
            "if 1:\n    pass\n  y\n",
            "3\n    y\n     ^\nIndentationError: unindent does not match any outer indentation level\n",
        ),
        (
            "if 1:\n\tpass\nx\n  y\n",
            "4\n    y\nIndentationError: unexpected indent\n",
        ),
    ] {
        let script = folder.write("wrong.py", source);
        let (status, _, stderr) = ran(|runtime| runtime.run_script(&script, &[]));
        let expected = format!("  File \"{script}\", line {told}");
        assert_eq!((status, stderr), (1, expected));
        let (_, _, stderr) = ran(|runtime| runtime.run_command(source, &[]));
        assert_eq!(stderr, format!("  File \"<string>\", line {told}"));
        // As text, as bytes, and where a module of it is imported.
        let beside = folder.write("beside.py", "import wrong");
        let text = format!("{source:?}");
        for (call, name) in [
            (format!("exec({text})"), "<string>"),
            (format!("exec({text}.encode())"), "<string>"),
            (format!("compile({text}, 'f', 'exec')"), "f"),
            (format!("import ast; ast.parse({text})"), "<unknown>"),
            (
                format!("import runpy; runpy.run_path({beside:?})"),
                script.as_str(),
            ),
        ] {
            let call = format!(
                "import sys; sys.path.insert(0, {:?}); {call}",
                folder.path()
            );
            let (_, _, stderr) = ran(|runtime| runtime.run_command(&call, &[]));
            let whole = format!("  File \"{name}\", line {told}");
            let expected = match name {
                // Of source that becomes a tree, the runtime doesn't always know the column.
                "<unknown>" => whole.lines().last().unwrap_or_default(),
                _ => whole.trim_end(),
            };
            assert!(stderr.trim_end().ends_with(expected), "{call}\n{stderr}");
        }
    }
    // What code raises itself stays as it is.
    let raises = "raise IndentationError('unexpected indentation', ('f', 1, 1, 'x', 1, 2))";
    let (_, _, stderr) = ran(|runtime| runtime.run_command(&format!("exec({raises:?})"), &[]));
    assert!(
        stderr.ends_with("IndentationError: unexpected indentation\n"),
        "{stderr}"
    );
}

#[test]
fn match_is_a_name_behind_a_semicolon_of_a_file() {
    let folder = Folder::new("refused-names");
    let beside = folder.0.join("beside.py");
    std::fs::write(beside, b"# coding: latin-1\nx = '\xe9'; match = x\n").expect("written");
    let script = folder.write(
        "main.py",
        "import beside\nx = 1; match = beside.match * 2; print(match, __name__, __loader__.path == __file__)\n\
         y = 0; match = 1 / y\n",
    );
    let (status, stdout, stderr) = ran(|runtime| runtime.run_script(&script, &[]));
    let expected = format!(
        "Traceback (most recent call last):\n  File \"{script}\", line 3, in <module>\n    y = 0; match = 1 / y\n                   \
         ~~^~~\nZeroDivisionError: division by zero\n"
    );
    assert_eq!(
        (status, stdout.as_str(), stderr),
        (1, "éé __main__ True\n", expected)
    );
    let script = folder.write("syntax.py", "x = 'é'; match = x\ny = = 1\n");
    let (status, _, stderr) = ran(|runtime| runtime.run_script(&script, &[]));
    let place = format!("File \"{script}\", line 2\n    y = = 1\n");
    assert!(status == 1 && stderr.contains(&place), "{stderr}");
    let (status, stdout, _) =
        ran(|runtime| runtime.run_command("é = 1; match = é; print(match)", &[]));
    assert_eq!((status, stdout.as_str()), (0, "1\n"));
}

#[test]
fn a_script_that_is_not_there_is_said() {
    let (status, _, stderr) = ran(|runtime| runtime.run_script("/no/such/script.py", &[]));
    assert_eq!(status, 2);
    assert!(
        stderr.contains("can't open file '/no/such/script.py': [Errno 2]"),
        "{stderr}"
    );
}

#[test]
fn a_folder_with_a_main_and_a_module_run() {
    let folder = Folder::new("package");
    folder.write(
        "app/__main__.py",
        "import sys, helper\nprint('main', helper.x, len(sys.argv))",
    );
    folder.write("app/helper.py", "x = 5");
    let app = folder.0.join("app").to_string_lossy().into_owned();
    let (status, stdout, stderr) = ran(|runtime| runtime.run_script(&app, &args(&["a"])));
    assert_eq!(
        (status, stdout.as_str(), stderr.as_str()),
        (0, "main 5 2\n", "")
    );
    folder.write(
        "mod.py",
        "import sys\nprint(__name__, sys.argv, __spec__.name)\nsys.exit(4)",
    );
    std::env::set_current_dir(&folder.0).expect("the folder is there");
    let (status, stdout, stderr) = ran(|runtime| runtime.run_module("mod", &args(&["b"])));
    let expected = format!("__main__ ['{}/mod.py', 'b'] mod\n", folder.path());
    assert_eq!((status, stdout, stderr.as_str()), (4, expected, ""));
    let (status, _, stderr) = ran(|runtime| runtime.run_module("no_such_module", &[]));
    assert!(
        status == 1 && stderr.contains("No module named no_such_module"),
        "{stderr}"
    );
}

#[test]
fn a_command_runs_in_main() {
    let source =
        "import sys\nprint(sys.argv, repr(sys.path[0]), __name__)\nx = 1\nraise ValueError('v')";
    let (status, stdout, stderr) = ran(|runtime| runtime.run_command(source, &args(&["p"])));
    assert_eq!((status, stdout.as_str()), (1, "['-c', 'p'] '' __main__\n"));
    assert!(
        stderr.contains("File \"<string>\", line 4, in <module>\n    raise ValueError('v')"),
        "{stderr}"
    );
    let (status, stdout, _) =
        ran(|runtime| runtime.run_source("import sys; print(sys.argv)", "-", &args(&["q"])));
    assert_eq!((status, stdout.as_str()), (0, "['-', 'q']\n"));
}

#[test]
fn filters_of_warnings_come_from_the_environment() {
    // SAFETY: this test's process has no other thread that reads the environment.
    unsafe { std::env::set_var("PYTHONWARNINGS", "error::UserWarning,ignore::FutureWarning") };
    let source = "import warnings; warnings.warn('f', FutureWarning); warnings.warn('w')";
    let (status, _, stderr) = ran(|runtime| runtime.run_command(source, &[]));
    assert_eq!(status, 1);
    assert!(
        stderr.ends_with("UserWarning: w\n") && !stderr.contains("FutureWarning: f"),
        "{stderr}"
    );
}

#[test]
fn the_executable_is_this_one() {
    let runtime = Runtime::new(RuntimeConfig::default());
    let executable = std::env::current_exe().expect("it has a path");
    let executable = executable.to_string_lossy();
    runtime.enter(|vm| {
        let told = bench(vm).value("__import__('sys').executable");
        assert_eq!(told, format!("'{executable}'"));
    });
}

#[test]
fn what_a_program_leaves_is_in_the_namespace() {
    let runtime = Runtime::new(RuntimeConfig::default());
    assert_eq!(runtime.run_command("kept = 41", &[]), 0);
    runtime.enter(|vm| assert_eq!(bench(vm).value("kept + 1"), "42"));
}

#[test]
fn ending_waits_for_threads_and_runs_what_was_registered() {
    let runtime = Runtime::new(RuntimeConfig::default());
    let recorder = runtime.enter(|vm| bench(vm).recorder);
    let status = runtime.run_command(
        "import atexit, threading, time\natexit.register(print, 'at exit')\n\
         threading.Thread(target=lambda: (time.sleep(0.1), print('thread'))).start()\nraise SystemExit(3)",
        &[],
    );
    assert_eq!(runtime.finish(status), 3);
    assert_eq!(recorder.stdout(), "thread\nat exit\n");
}

#[test]
fn names_are_let_go_of_at_the_end() {
    let folder = Folder::new("ending");
    let path = folder.0.join("held.txt");
    let runtime = Runtime::new(RuntimeConfig::default());
    let recorder = runtime.enter(|vm| bench(vm).recorder);
    let program = format!(
        "import atexit, os\n\
         class Early:\n    count = 0\n    def __del__(self): print('early', os.sep, Early.count)\n\
         _early = [Early()]\n_early.append(_early)\n\
         def steps():\n    try: yield 1\n    finally: print('closed', os.sep)\n\
         walk = steps(); next(walk)\nnever = steps()\n\
         def said(): print('at exit', held.closed)\n\
         class Told:\n    def __del__(self): print('gone', said is None or held is None)\n\
         atexit.register(said)\n_told = Told()\nheld = open({path:?}, 'w')\n_ = held.write('kept')\n"
    );
    assert_eq!(runtime.run_command(&program, &[]), 0);
    assert_eq!(runtime.finish(0), 0);
    let mut lines: Vec<_> = recorder.stdout().lines().map(str::to_owned).collect();
    assert_eq!(lines.remove(0), "at exit False");
    lines.sort();
    assert_eq!(lines, ["closed /", "early / 0", "gone False"]);
    assert_eq!(std::fs::read_to_string(path).unwrap(), "kept");
}

#[test]
fn the_search_path_comes_from_the_environment() {
    let folder = Folder::new("pythonpath");
    folder.write("from_path.py", "value = 9");
    // SAFETY: this test's process has no other thread that reads the environment.
    unsafe { std::env::set_var("PYTHONPATH", &folder.0) };
    let (status, stdout, _) =
        ran(|runtime| runtime.run_command("import from_path; print(from_path.value)", &[]));
    assert_eq!((status, stdout.as_str()), (0, "9\n"));
}
