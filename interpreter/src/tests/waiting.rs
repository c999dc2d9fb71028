//! What waits for other programs, while Python's other threads go on.

use super::support::with_bench;

#[test]
fn a_command_of_a_thread_keeps_nobody_waiting() {
    with_bench(|bench| {
        bench.cell("import gc, os, tempfile, threading; os.chdir(tempfile.mkdtemp())");
        assert_eq!(
            bench.value("os.system('mkfifo begun go; exit 3') >> 8"),
            "3"
        );
        bench.cell(
            "command = 'echo > begun; read line < go; exit $line'\n\
             ended = []\n\
             thread = threading.Thread(target=lambda: ended.append(os.system(command) >> 8))\n\
             thread.start()\n\
             open('begun').read()",
        );
        // It stops all threads that run Python.
        bench.cell("gc.collect()");
        bench.cell("open('go', 'w').write('7\\n'); thread.join()");
        assert_eq!(bench.value("ended"), "[7]");
        for command in ["b'exit 4'", "__import__('pathlib').Path('exit 4')"] {
            assert_eq!(bench.value(&format!("os.system({command}) >> 8")), "4");
        }
        assert_eq!(bench.failing("os.system('a\\0b')").exception, "ValueError");
        assert_eq!(bench.failing("os.system(3)").exception, "TypeError");
    });
}

#[test]
fn a_pipe_that_a_thread_opens_keeps_nobody_waiting() {
    with_bench(|bench| {
        bench.cell("import gc, os, tempfile, threading; os.chdir(tempfile.mkdtemp())");
        bench.cell("os.system('mkfifo pipe')");
        bench.cell(
            "read = []\n\
             def work():\n    with open('pipe') as pipe: read.append((pipe.name, pipe.read()))\n\
             thread = threading.Thread(target=work)\n\
             thread.start()",
        );
        // By the end of these it is opening the pipe.
        bench.cell("for _ in range(30): gc.collect()");
        bench.cell(
            "with open(b'pipe', 'wb', buffering=0) as pipe: pipe.write(b'a line')\nthread.join()",
        );
        assert_eq!(bench.value("read"), "[('pipe', 'a line')]");
        let refused = bench.failing("import io; io.FileIO('nowhere/pipe')");
        assert_eq!(refused.exception, "FileNotFoundError");
        assert_eq!(
            bench.value(
                "open('pipe', 'r+', opener=lambda name, flags: os.open('/dev/null', flags)).read()"
            ),
            "''"
        );
    });
}
