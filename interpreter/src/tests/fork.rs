//! Forking: the child is a whole interpreter.

use super::support::bench;
use crate::runtime::{ForkResult, Runtime, RuntimeConfig};

/// Forks, runs `work` in the child, and gives what it wrote and the status it ended with.
fn in_child(runtime: &Runtime, work: impl FnOnce(&Runtime) -> String) -> (String, i32) {
    let mut ends = [0_i32; 2];
    // SAFETY: the array has room for the two descriptors.
    assert_eq!(unsafe { libc::pipe(ends.as_mut_ptr()) }, 0);
    match runtime.fork().expect("the process can fork") {
        ForkResult::Child => {
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| work(runtime)));
            let status = i32::from(result.is_err());
            let text = result.unwrap_or_else(|_| "the child panicked".to_owned());
            // SAFETY: the descriptor is open and the bytes outlive the call; the child must not
            // return into the test harness.
            unsafe {
                libc::write(ends[1], text.as_ptr().cast(), text.len());
                libc::_exit(status);
            }
        }
        ForkResult::Parent(child) => {
            use std::io::Read;
            use std::os::fd::FromRawFd;
            // SAFETY: both descriptors are this function's own, and closed nowhere else.
            let mut reader = unsafe {
                libc::close(ends[1]);
                std::fs::File::from_raw_fd(ends[0])
            };
            let mut text = String::new();
            reader
                .read_to_string(&mut text)
                .expect("the child's text can be read");
            let mut status = 0;
            // SAFETY: waits for the child that was forked above.
            assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
            (text, libc::WEXITSTATUS(status))
        }
    }
}

#[test]
fn a_child_runs_cells_threads_and_takes_interrupts() {
    let runtime = Runtime::new(RuntimeConfig::default());
    runtime
        .warm(&["threading", "random", "asyncio"])
        .expect("the modules import");
    runtime.enter(|vm| {
        bench(vm).cell("import random, os, threading, time\nrandom.seed(7)\nx = {'a': 1}");
    });
    let script = "\
r = []
t = [threading.Thread(target=lambda i=i: r.append(i * i)) for i in range(4)]
[i.start() for i in t]; [i.join() for i in t]
assert sorted(r) == [0, 1, 4, 9], r
assert x == {'a': 1}
assert threading.current_thread() is threading.main_thread()
import asyncio, subprocess
assert asyncio.run(asyncio.sleep(0, 'slept')) == 'slept'
assert subprocess.run(['echo', 'hi'], capture_output=True).stdout == b'hi\\n'
import gc; gc.collect()
timer = threading.Timer(0.2, lambda: os.kill(os.getpid(), 2))
try:
    timer.start()
    time.sleep(600)
except KeyboardInterrupt:
    print('interrupted')
timer.join()
";
    for _ in 0..3 {
        let (text, status) = in_child(&runtime, |runtime| {
            runtime.enter(|vm| {
                let bench = bench(vm);
                bench.printed(script)
            })
        });
        assert_eq!((text.as_str(), status), ("interrupted\n", 0));
    }
    runtime.enter(|vm| assert_eq!(bench(vm).value("x"), "{'a': 1}"));
}

#[test]
fn children_draw_different_random_numbers() {
    let runtime = Runtime::new(RuntimeConfig::default());
    runtime.warm(&["random"]).expect("the module imports");
    runtime.enter(|vm| drop(bench(vm).cell("import random; random.seed(7)")));
    let draw = || {
        let (text, status) = in_child(&runtime, |runtime| {
            runtime.enter(|vm| bench(vm).value("(random.random(), random.Random().random())"))
        });
        assert_eq!(status, 0, "{text}");
        text
    };
    let (first, second) = (draw(), draw());
    for (one, other) in first.split(", ").zip(second.split(", ")) {
        assert_ne!(one, other);
    }
}

#[test]
fn a_collection_in_a_child_leaves_shared_what_was_warm() {
    let runtime = Runtime::new(RuntimeConfig::default());
    runtime.warm(&["asyncio"]).expect("the modules import");
    let script = "\
import gc
def private_kb():
    with open('/proc/self/smaps_rollup') as file:
        return sum(int(line.split()[1]) for line in file if line.startswith('Private_Dirty'))
class Knot: pass
knot = Knot(); knot.self = knot; del knot
before = private_kb()
found = gc.collect()
print(found > 0, private_kb() - before < 1500 or private_kb() - before)
";
    let (text, status) = in_child(&runtime, |runtime| {
        runtime.enter(|vm| bench(vm).printed(script))
    });
    assert_eq!((text.as_str(), status), ("True True\n", 0));
}
