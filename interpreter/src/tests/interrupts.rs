//! A real SIGINT, while Python is busy, asleep, or waiting for something else.

use rustpython_vm::AsObject;

use std::time::Duration;

use super::support::{Bench, with_bench};
use crate::interrupt;

/// Sends SIGINT to the thread that starts it, again and again until told to stop: the first may
/// come before the cell that it is meant for has begun to wait.
///
/// To the thread, because a test doesn't run on the main thread of its process, which is where a
/// signal to the process would go.
struct Interrupter {
    stop: std::sync::mpsc::Sender<()>,
    thread: std::thread::JoinHandle<()>,
}

impl Interrupter {
    fn start(first_after: Duration) -> Self {
        let (stop, stopped) = std::sync::mpsc::channel();
        // SAFETY: asks for nothing but the calling thread's own name.
        let target = unsafe { libc::pthread_self() };
        let thread = std::thread::spawn(move || {
            let mut wait = first_after;
            while stopped.recv_timeout(wait) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
                // SAFETY: the target joins this thread before it ends; the runtime has installed
                // its handler.
                unsafe { libc::pthread_kill(target, libc::SIGINT) };
                wait = Duration::from_secs(5);
            }
        });
        Self { stop, thread }
    }

    fn finish(self) {
        self.stop.send(()).ok();
        self.thread.join().expect("the thread that interrupts ends");
    }
}

/// The source would run longer than any test may.
fn interrupted(bench: &Bench, source: &str) {
    let interrupter = Interrupter::start(Duration::from_millis(150));
    let report = bench.failing(source);
    interrupter.finish();
    assert_eq!(
        report.exception, "KeyboardInterrupt",
        "{source}\n{}",
        report.traceback
    );
    interrupt::discard_pending(bench.vm);
    assert_eq!(bench.value("40 + 2"), "42");
}

#[test]
fn a_busy_loop_is_interrupted() {
    with_bench(|bench| interrupted(bench, "while True: pass"));
}

#[test]
fn sleep_is_interrupted() {
    with_bench(|bench| {
        bench.cell("import time");
        interrupted(bench, "time.sleep(600)");
    });
}

#[test]
fn a_blocking_socket_is_interrupted() {
    with_bench(|bench| {
        bench.cell("import select, socket; a, b = socket.socketpair()");
        interrupted(bench, "a.recv(1)");
        interrupted(bench, "select.select([a], [], [])");
    });
}

#[test]
fn waiting_for_a_subprocess_is_interrupted() {
    with_bench(|bench| {
        bench.cell("import subprocess; p = subprocess.Popen(['sleep', '600'])");
        interrupted(bench, "p.wait()");
        bench.cell("p.kill(); p.wait()");
        interrupted(bench, "subprocess.run(['sleep', '600'])");
        interrupted(bench, "!sleep 600");
    });
}

#[test]
fn waiting_for_other_threads_is_interrupted() {
    with_bench(|bench| {
        bench.cell(
            "import concurrent.futures, queue, threading\n\
             lock, rlock, event = threading.Lock(), threading.RLock(), threading.Event()\n\
             leave, taken = threading.Event(), threading.Event()\n\
             def hold():\n    with rlock: taken.set(); leave.wait()\n\
             thread = threading.Thread(target=hold)\nthread.start(); taken.wait(); lock.acquire()",
        );
        for source in [
            "lock.acquire()",
            "lock.acquire(timeout=600)",
            "with lock: pass",
            "with rlock: pass",
            "event.wait()",
            "event.wait(600)",
            "queue.Queue().get()",
            "concurrent.futures.Future().result()",
            "thread.join()",
            "thread.join(600)",
        ] {
            interrupted(bench, source);
        }
        // What was waited for is as it was, and is waited for as ever.
        assert_eq!(
            bench.value("lock.locked(), thread.is_alive()"),
            "(True, True)"
        );
        let waits = "lock.acquire(False), lock.acquire(timeout=0.01), lock.acquire(True, 0), \
                     event.wait(0.01), thread.join(0.01)";
        assert_eq!(bench.value(waits), "(False, False, False, False, None)");
        bench.cell("lock.release(); leave.set(); thread.join(); ok = lock.acquire()");
        assert_eq!(
            bench.value("ok, thread.is_alive(), rlock.acquire(timeout=5)"),
            "(True, False, True)"
        );
        let report = bench.failing("lock.acquire(timeout=-2)");
        assert_eq!(report.exception, "ValueError");
        let report = bench.failing("lock.acquire(False, 1)");
        assert_eq!(report.exception, "ValueError");
        let report = bench.failing("lock.acquire(1, 2, 3)");
        assert_eq!(report.exception, "TypeError");
    });
}

#[test]
fn native_waits_are_interrupted() {
    with_bench(|bench| {
        let interrupter = Interrupter::start(Duration::from_millis(50));
        let waited = interrupt::interruptible_wait(bench.vm, |slice| {
            std::thread::park_timeout(slice);
            false
        });
        interrupter.finish();
        let failure = waited.expect_err("the wait is interrupted");
        assert!(failure.fast_isinstance(bench.vm.ctx.exceptions.keyboard_interrupt));
        let mut calls = 0;
        let waited = interrupt::interruptible_wait(bench.vm, |_| {
            calls += 1;
            calls == 3
        });
        waited.expect("nothing interrupts it");
        assert_eq!(calls, 3);
    });
}

#[test]
fn an_interrupt_that_came_too_late_is_dropped() {
    with_bench(|bench| {
        // SAFETY: as above; the runtime's handler only sets a flag.
        unsafe { libc::raise(libc::SIGINT) };
        interrupt::discard_pending(bench.vm);
        assert_eq!(bench.value("sum(range(1000))"), "499500");
        interrupt::check(bench.vm).expect("nothing is pending");
    });
}

#[test]
fn a_handler_of_the_users_own_is_called() {
    with_bench(|bench| {
        bench.cell(
            "import signal\nseen = []\nsignal.signal(signal.SIGINT, lambda *a: seen.append(a[0]))",
        );
        bench.cell("signal.raise_signal(signal.SIGINT)");
        assert_eq!(bench.value("seen"), "[2]");
    });
}
