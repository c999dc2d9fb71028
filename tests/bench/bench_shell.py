"""Measures one shell from outside, on a terminal of its own: start, cells, completion, profiles, paste.

    python3 bench_shell.py [--rounds N] [--files FOLDER ...] -- COMMAND...

Runs under CPython and prints one JSON object. The terminal's side is played here: what is
typed, when which prompt stands there, and the answers to what shells ask terminals. `--files`
are the shell's own files, put out of memory before each cold start.
"""

import argparse
import fcntl
import json
import os
import pty
import re
import select
import signal
import statistics
import struct
import sys
import tempfile
import termios
import time

STEP_SECONDS = 300
PASS_CELLS = 200
NAMES = 10_000
PASTED_LINES = 10_000
CODES = re.compile(rb"\x1b(?:\[[0-9;?<>=]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[()][0-9A-B]|[=>78])")

# What is measured inside of the shell goes through a file: a terminal would have to be read.
INSIDE = """
def _profile_ratio(ip, work):
    import time

    def took(run):
        begin = time.process_time()
        run()
        return time.process_time() - begin

    # In turns, as the machine's pace varies.
    plain, profiled = [], []
    for _ in range(7):
        plain.append(took(work))
        profiled.append(took(lambda: ip.run_line_magic("prun", "-q -r _work()")))
    return min(profiled) / min(plain)

def _measured(path):
    import json, sys, time, timeit
    ip = get_ipython()
    for number in range({names}):
        ip.user_ns[f"name_{{number}}"] = number
    times = []
    for number in range({names} - 100, {names}):
        typed = f"name_{{number}}"[:-1]
        begin = time.perf_counter()
        ip.complete(typed)
        times.append(time.perf_counter() - begin)
    times.sort()
    ratios = []
    for statement in ("pass", "x = 1", "sum(range(10))"):
        timer = timeit.Timer(statement, globals=ip.user_ns)
        loops, _ = timer.autorange()
        for _ in range(3):
            own = min(timer.repeat(5, loops)) / loops
            theirs = ip.run_line_magic("timeit", f"-o -q -r 5 -n {{loops}} {{statement}}").best
            ratios.append(theirs / own)
    ratios.sort()
    sys.path.insert(0, {folder!r})
    import profiled
    profile_ratios = {{}}
    for work in profiled.KINDS:
        ip.user_ns["_work"] = work
        profile_ratios[f"prun_{{work.__name__}}_ratio"] = _profile_ratio(ip, work)
    with open(path, "w") as file:
        json.dump({{
            "completion_p50_ms": times[len(times) // 2] * 1e3,
            "completion_p99_ms": times[int(len(times) * 0.99)] * 1e3,
            "timeit_ratio": ratios[len(ratios) // 2],
            **profile_ratios,
        }}, file)

"""


class Terminal:
    """A shell on a pseudo-terminal, and all that it has written."""

    def __init__(self, command):
        self.begin = time.perf_counter()
        self.pid, self.descriptor = pty.fork()
        if self.pid == 0:
            try:
                os.execvpe(command[0], command, dict(os.environ, TERM="xterm-256color"))
            finally:
                os._exit(127)
        fcntl.ioctl(self.descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        self.written = b""
        self.seen = 0

    def read(self, deadline):
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([self.descriptor], [], [], left)[0]:
            raise SystemExit(f"nothing came for too long; the last was {self.written[-400:]!r}")
        try:
            piece = os.read(self.descriptor, 1 << 16)
        except OSError:
            raise SystemExit(f"the shell ended; the last was {self.written[-400:]!r}") from None
        self.written += piece
        if b"\x1b[6n" in piece:
            os.write(self.descriptor, b"\x1b[1;1R")

    def wait(self, text):
        """Waits until the text was shown, behind what was waited for before."""
        deadline = time.monotonic() + STEP_SECONDS
        while True:
            plain = CODES.sub(b"", self.written[self.seen :])
            if text in plain:
                self.seen = len(self.written)
                return
            self.read(deadline)

    def send(self, data):
        """Types, and reads meanwhile, so that neither side waits for ever."""
        deadline = time.monotonic() + STEP_SECONDS
        while data:
            readable, writable, _ = select.select([self.descriptor], [self.descriptor], [], 1)
            if readable:
                self.read(deadline)
            if writable:
                data = data[os.write(self.descriptor, data[:1024]) :]

    def prompt(self, number):
        self.wait(b"In [%d]:" % number)

    def close(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.descriptor)


def start(command):
    """Seconds from exec to a prompt that has taken a key."""
    terminal = Terminal(command)
    terminal.prompt(1)
    terminal.send(b"q")
    terminal.wait(b"q")
    took = time.perf_counter() - terminal.begin
    terminal.close()
    return took


def forget(folders):
    """Puts files out of the memory that the system keeps them in."""
    for folder in folders:
        names = [folder]
        if os.path.isdir(folder):
            names = [os.path.join(base, name) for base, _, files in os.walk(folder) for name in files]
        for name in names:
            try:
                descriptor = os.open(name, os.O_RDONLY)
            except OSError:
                continue
            try:
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            finally:
                os.close(descriptor)


def cells(command):
    """What takes place in one shell: cells, what is measured inside, and a paste."""
    terminal = Terminal(command)
    terminal.prompt(1)
    number = 1
    times = []
    for _ in range(PASS_CELLS):
        terminal.send(b"pass")
        # The editor has drawn what was typed: what follows is the cell alone.
        terminal.wait(b"pass" if not times else b"s")
        begin = time.perf_counter()
        terminal.send(b"\r")
        number += 1
        terminal.prompt(number)
        times.append(time.perf_counter() - begin)
    found = {"pass_cell_p50_ms": statistics.median(times) * 1e3}
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "inside.json")
        script = os.path.join(folder, "inside.py")
        with open(script, "w") as file:
            own_folder = os.path.dirname(os.path.abspath(__file__))
            file.write(INSIDE.format(names=NAMES, folder=own_folder))
        terminal.send(f"exec(open({script!r}).read()); _measured({path!r})\r".encode())
        number += 1
        terminal.prompt(number)
        with open(path) as file:
            found |= json.load(file)
    # Few different constants, as code has: the runtime compares each with all before it.
    pasted = "".join(f"x_{line} = {line % 100}\r" for line in range(PASTED_LINES))
    begin = time.perf_counter()
    terminal.send(b"\x1b[200~" + pasted.encode() + b"\x1b[201~")
    terminal.send(b"\r")
    number += 1
    # Some shells want an empty line at the end of a cell of several.
    while True:
        try_until = time.monotonic() + 5
        while time.monotonic() < try_until:
            if b"In [%d]:" % number in CODES.sub(b"", terminal.written[terminal.seen :]):
                found["paste_s"] = time.perf_counter() - begin
                terminal.close()
                return found
            if select.select([terminal.descriptor], [], [], 0.05)[0]:
                terminal.read(time.monotonic() + STEP_SECONDS)
                try_until = max(try_until, time.monotonic() + 2)
        if time.perf_counter() - begin > STEP_SECONDS:
            raise SystemExit("the pasted cell wasn't run")
        terminal.send(b"\r")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--files", action="append", default=[])
    parser.add_argument("command", nargs="+")
    given = parser.parse_args()
    figures = {}
    cold = []
    for _ in range(max(given.rounds // 3, 1)):
        forget(given.files)
        cold.append(start(given.command))
    start(given.command)
    warm = [start(given.command) for _ in range(given.rounds)]
    figures["start_cold_ms"] = statistics.median(cold) * 1e3
    figures["start_warm_ms"] = statistics.median(warm) * 1e3
    figures |= cells(given.command)
    json.dump(figures, sys.stdout)
    print()


main()
