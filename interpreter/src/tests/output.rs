//! Output: in order, as it is written, from everywhere.

use super::support::{Shown, with_bench};

fn stdout(text: &str) -> Shown {
    Shown::Stdout(text.to_owned())
}

#[test]
fn streams_displays_and_results_keep_their_order() {
    with_bench(|bench| {
        bench.cell(
            "import sys\nsys.stdout.write('a')\nsys.stderr.write('b')\ndisplay(1)\nsys.stdout.write('c\\n')\n'end'",
        );
        let display = Shown::Display(vec![("text/plain".into(), "1".into())]);
        assert_eq!(
            bench.recorder.take(),
            [
                stdout("a"),
                Shown::Stderr("b".into()),
                display,
                stdout("c\n"),
                Shown::Result(1, "'end'".into()),
            ]
        );
    });
}

#[test]
fn output_is_seen_while_the_cell_still_runs() {
    with_bench(|bench| {
        bench.cell("import threading\nseen = threading.Event()");
        let recorder = bench.recorder.clone();
        // What was printed must have reached the sink before the next statement runs.
        let watcher = std::thread::spawn(move || {
            let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
            while recorder.len() == 0 {
                assert!(
                    std::time::Instant::now() < deadline,
                    "nothing was seen in time"
                );
                std::thread::yield_now();
            }
            let early = recorder.stdout();
            let path = std::env::temp_dir().join(format!("rhumba-output-{}", std::process::id()));
            std::fs::write(&path, "seen").expect("the flag can be written");
            early
        });
        bench.cell(
            "import os, tempfile, time\nprint('early', flush=True)\npath = os.path.join(tempfile.gettempdir(), f'rhumba-output-{os.getpid()}')\nend = time.monotonic() + 60\nwhile not os.path.exists(path):\n    assert time.monotonic() < end\n    time.sleep(0.002)\nos.unlink(path)\nprint('late')",
        );
        let early = watcher.join().expect("the watcher ends");
        assert!(
            early.starts_with("early") && !early.contains("late"),
            "{early:?}"
        );
        assert_eq!(bench.recorder.stdout(), "early\nlate\n");
    });
}

#[test]
fn all_threads_and_all_ways_of_writing_arrive() {
    with_bench(|bench| {
        bench.cell(
            "import sys, threading, logging, warnings\n\
             t = threading.Thread(target=print, args=('from a thread',)); t.start(); t.join()\n\
             sys.stdout.buffer.write(b'bytes\\n')\n\
             sys.stdout.writelines(['x', 'y\\n'])\n\
             print('é ✓', file=sys.stdout)\n\
             print('\\udc80')",
        );
        assert_eq!(
            bench.recorder.stdout(),
            "from a thread\nbytes\nxy\né ✓\n\u{fffd}\n"
        );
        bench.recorder.take();
        bench.cell("logging.warning('logged')\nwarnings.warn('warned')");
        let errors = bench.recorder.stderr();
        assert!(errors.contains("WARNING:root:logged"), "{errors}");
        assert!(errors.contains("UserWarning: warned"), "{errors}");
    });
}

#[test]
fn a_character_may_come_in_several_writes_of_bytes() {
    with_bench(|bench| {
        let printed = bench.printed(
            "import sys\n\
             for part in (b'\\xc3', b'\\xa9 \\xf0\\x9f', b'', b'\\x98', b'\\x80\\n'):\n    \
                 sys.stdout.buffer.write(part)\n    \
                 sys.stdout.flush()",
        );
        assert_eq!(printed, "é 😀\n");
        // What is cut off and what is nothing stand for one character each.
        let printed = bench.printed(
            "sys.stdout.buffer.write(b'\\xe2\\x82')\n\
             print('cut')\n\
             sys.stdout.buffer.write(b'\\xff\\xa9\\n\\xe2')\n\
             sys.stdout.buffer.write(b'\\xc3\\xa9\\n')",
        );
        assert_eq!(printed, "\u{fffd}cut\n\u{fffd}\u{fffd}\n\u{fffd}é\n");
        // Longer than what is handed on at once.
        let printed = bench.printed("sys.stdout.buffer.write('1€'.encode() * 100_000)");
        assert_eq!(printed, "1€".repeat(100_000));
    });
}

#[test]
fn a_warning_is_shown_in_each_cell_anew() {
    with_bench(|bench| {
        bench.cell("import warnings");
        for _ in 0..2 {
            bench.recorder.take();
            bench.cell("for _ in range(3): warnings.warn('warned')");
            let errors = bench.recorder.stderr();
            assert_eq!(errors.matches("UserWarning: warned").count(), 1, "{errors}");
        }
    });
}

#[test]
fn the_streams_answer_what_programs_ask_of_files() {
    with_bench(|bench| {
        bench.cell("import sys, io, contextlib");
        let asked = "(sys.stdout.isatty(), sys.stdout.encoding, sys.stdout.writable(), \
                     sys.stdout.readable(), sys.stdout.fileno(), sys.stderr.fileno(), sys.stdout.name, \
                     sys.stdout.closed, sys.stdout.errors, sys.stdout.write('abc'))";
        assert_eq!(
            bench.value(asked),
            "(False, 'utf-8', True, False, 1, 2, '<stdout>', False, 'replace', 3)"
        );
        let report = bench.failing("sys.stdout.write(5)");
        assert_eq!(report.message, "write() argument must be str, not int");
        bench.cell(
            "sys.stdout.reconfigure(line_buffering=True); sys.stdout.mark = 1; sys.stdout.flush()",
        );
        bench.cell("with contextlib.redirect_stdout(io.StringIO()) as held:\n    print('held')");
        assert_eq!(bench.value("held.getvalue()"), r"'held\n'");
    });
}

#[test]
fn display_shows_every_form_an_object_has() {
    with_bench(|bench| {
        bench.cell(
            "class Rich:\n    def _repr_html_(self): return '<b>r</b>'\n    def __repr__(self): return 'rich'\n\
             class Bundle:\n    def _repr_mimebundle_(self, include=None, exclude=None): return {'text/plain': 'p', 'x/y': 'z'}\n\
             class Eager:\n    def __getattr__(self, name): return lambda *a, **k: name\n    def __repr__(self): return 'eager'\n\
             display(Rich(), Bundle(), Eager())\n\
             from IPython.display import HTML, display as d\nd(HTML('<i>'))",
        );
        let shown = |pairs: &[(&str, &str)]| {
            let pairs = pairs
                .iter()
                .map(|(kind, text)| ((*kind).to_owned(), (*text).to_owned()));
            Shown::Display(pairs.collect())
        };
        assert_eq!(
            bench.recorder.take(),
            [
                shown(&[("text/plain", "rich"), ("text/html", "<b>r</b>")]),
                shown(&[("text/plain", "p"), ("x/y", "z")]),
                shown(&[("text/plain", "eager")]),
                shown(&[
                    ("text/plain", "<IPython.core.display.HTML object>"),
                    ("text/html", "<i>")
                ]),
            ]
        );
    });
}
