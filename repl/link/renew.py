"""Finds out which functions an engine calls, and which a shell until its second prompt, and writes
them to `order.ld` beside this file; and which frozen modules both import, to `start_modules.txt` of the
interpreter.

    python3 repl/link/renew.py target/debug/rhumba

Needs valgrind and nm, and a minute. To be done when much has changed: another toolchain or runtime,
or a test that says so. What is never called again costs nothing, and what is missing costs each engine
64 KB of mapped executable at most.

A host and its engine run under callgrind, which counts the instructions at each address. An engine
starts as a copy of its host with the counts so far: what it has more than a host has that found no
cluster is its own, or the little that its host did besides. Two engines run: one joins and answers
one call, the other does the usual kinds of work. A shell runs on a terminal of its own.
"""
import collections
import os
import pathlib
import pty
import re
import signal
import subprocess
import sys
import tempfile

SCRIPT = pathlib.Path(__file__).with_name("order.ld")
MODULES = pathlib.Path(__file__).parents[2] / "interpreter/start_modules.txt"
# A name stands for all functions that differ from it only by their hash, as far as these many
# bytes of them aren't called; beyond, it is told with its hash, which is that of one toolchain.
WASTE_LIMIT_BYTES = 2_000

JOIN = """
import os, sys
import ipyparallel as ipp
rc = ipp.Client(sys.argv[1])
rc.wait_for_engines(1, timeout=120)
view = rc[:]
view.apply_sync(os.getpid)
"""
WORK = """
view.execute("import math, random\\nx = [random.random() for _ in range(100)]\\nprint(sum(x))").get()
view.execute("def f(n):\\n    return n if n < 2 else f(n - 1) + f(n - 2)\\ny = f(12)").get()
for failing in ("1/0", "undefined", "x = ", "[][1]", "None.x"):
    try:
        view.execute(failing).get()
    except Exception:
        pass
view.push({"a": list(range(100)), "b": "text", "c": b"bytes" * 100, "d": {1: (2.0, None)}})
view.pull(["a", "b", "c", "d"]).get()
view.scatter("part", list(range(50))).get()
view.gather("part").get()
view.apply_sync(lambda n, **kw: [n * k for k in kw.values()], 3, p=1, q=2.5)
rc.load_balanced_view().map_sync(lambda n: n * n, range(50))
class Point:
    def __init__(self, x):
        self.x = x
view["p"] = Point(3)
view.apply_sync(lambda: sorted(globals())[:3])
"""
# Ended by itself: the host would not wait until callgrind has written what it counted.
END = """
try:
    view.execute("import os; os._exit(0)").get()
except Exception:
    pass
rc.shutdown(hub=True)
"""

# Run in a shell and on an engine, it tells the modules of the frozen library that are imported.
FROZEN = "[n for n, m in list(__import__('sys').modules.items()) if getattr(m.__spec__, 'origin', '') == 'frozen']"
ASK_ENGINE = f"""
import sys
import ipyparallel as ipp
with ipp.Cluster(n=1) as rc:
    open(sys.argv[1], "w").write(" ".join(rc[0].apply_sync(lambda: {FROZEN})))
"""

HEAD = """\
/* The functions that engines call, put beside each other in the executable, and behind them those that
   a shell calls until its second prompt.

   The kernel maps an executable in pieces of 64 KB. What an engine calls is a tenth of the code,
   and spread over nearly all of these pieces; so ordered, an engine maps 3 MB in place of 11 to 15.
   First what it takes to join and to answer, then what the usual kinds of work take. And a start
   asks for all of these at once where they come from the disk (prefetch.rs).

   Written by renew.py, read by build.rs. Names that don't exist are passed over. */
SECTIONS
{
  .text.engine :
  {
    rhumba_engine_begin = .;
"""
# Assembly, whose functions have no sections of their own.
ASSEMBLY = """\
    *psm*.o(.text) *psm*:*(.text) *x86_64.o(.text) *aarch64_aapcs64.o(.text)
"""
# What a start takes stands at the end of the code: the pages behind it, which the loader needs, are read
# with those before them. What asks for the others (prefetch.rs) stands at the very end, so as to be there by then.
BETWEEN = """\
    rhumba_engine_end = .;
  }
}
INSERT BEFORE .text;
SECTIONS
{
  .text.start :
  {
    rhumba_start_begin = .;
    *crt1.o(.text) *crtbegin*.o(.text)
"""
# Whether these are called depends on how threads meet, and on which files are there.
SOMETIMES = """\
    *(
      .text*._RN*Cs*_3std3sys4sync*
      .text*._RN*Cs*_3std6thread*
      .text*._ZN3std4sync4mpmc*
      .text*._RN*decode_error_kind
    )
"""
# Crates of whose constants a start looks at none: half of all constants. (rhumba's tables are in others.)
LATER_CONSTANTS = """
    crc32fast harfrust malachite_nz pymath regex_syntax ring rustls rustpython_common rustpython_host_env skrifa toml_parser
    unicode_bidi unicode_names2 unicode_normalization unicode_script usvg xz_core zlib_rs zstd_sys
""".split()
TAIL = SOMETIMES + """\
    *(.text.prefetch)
    rhumba_start_end = .;
  }
}
INSERT AFTER .text;
SECTIONS
{
  .rodata.end :
  {
    rhumba_constants_end = .;
  }
  .rodata.later :
  {
""" + "".join(f"    *lib{crate}-*:*(.rodata .rodata.*)\n" for crate in LATER_CONSTANTS) + """\
  }
  .gcc_except_table : { *(.gcc_except_table .gcc_except_table.*) }
}
INSERT AFTER .rodata;
"""


def counts_of(path, executable, mapped):
    """Instructions executed at each address of the executable, from one file of callgrind's.

    mapped: the addresses that the executable had in memory. Callgrind knows its section `.text`,
    and counts from its start there; elsewhere, addresses are those in memory.
    """
    counts = collections.Counter()
    names = {}
    address = 0
    base = None
    is_call = False
    for line in open(path):
        if line.startswith(("ob=", "cob=")):
            kind, number, name = re.match(r"(c?ob)=\((\d+)\)(?: (.*))?", line).groups()
            name = names.setdefault(number, name)
            if kind == "ob":
                base = {executable: 0, "???": mapped.start}.get(name)
        elif line.startswith("calls="):
            is_call = True
        elif line[0] in "0123456789+-*":
            position, _, count = line.split()
            if position[0] in "+-":
                address += int(position, 0)
            elif position != "*":
                address = int(position, 0)
            # The line after a call tells what the call cost, which is counted there too.
            if base is not None and not is_call and (base == 0 or address in mapped):
                counts[address - base] += int(count)
            is_call = False
    return counts


def start_host(executable, folder, environment):
    """Starts a host of one engine under callgrind; tells its process and its addresses too."""
    host = subprocess.Popen(
        ["valgrind", "--tool=callgrind", "--dump-instr=yes", f"--callgrind-out-file={folder}/counts.%p",
         executable, "host", "--engines", "1", "--cluster-file", folder / "cluster.json"],
        env=environment, stderr=subprocess.DEVNULL,
    )
    mapped = range(0)
    while not mapped:
        mapped = addresses_of(executable, host.pid)
    return host, mapped


def trace_warming(executable):
    """How often a host that finds no cluster executes each address: it ends when it is warm."""
    with tempfile.TemporaryDirectory() as folder:
        host, mapped = start_host(executable, pathlib.Path(folder), None)
        host.wait(60)
        return counts_of(f"{folder}/counts.{host.pid}", executable, mapped)


def trace_engine(executable, warming, script):
    """The addresses that an engine executes while a client runs a script."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        environment = {**os.environ, "RHUMBA_HOME": str(folder / "home")}
        cluster_file = folder / "cluster.json"
        (folder / "client.py").write_text(script)
        controller = subprocess.Popen(
            [executable, "controller", "--cluster-file", cluster_file], env=environment
        )
        while not cluster_file.exists():
            if controller.poll() is not None:
                sys.exit("the controller has ended")
            os.sched_yield()
        host, mapped = start_host(executable, folder, environment)
        subprocess.run([executable, folder / "client.py", cluster_file], env=environment, check=True)
        host.wait(60)
        controller.wait(60)
        (file,) = (path for path in folder.glob("counts.*") if path.suffix != f".{host.pid}")
        counts = counts_of(file, executable, mapped)
        return {address for address, count in counts.items() if count > warming[address]}


def trace_shell(executable):
    """The addresses that a shell executes until its second prompt, and as it leaves: in a new home, and in
    one that has the cells of a shell that was killed."""
    found = set()
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "RHUMBA_HOME": folder + "/home", "TERM": "xterm-256color"}
        for counts in (f"{folder}/new", f"{folder}/next"):
            command = ["valgrind", "--tool=callgrind", "--dump-instr=yes",
                       f"--callgrind-out-file={counts}", executable]
            pid, terminal, mapped = shell_at_second_prompt(command, environment, executable)
            os.write(terminal, b"\x04")
            end_shell(pid, terminal)
            found |= set(counts_of(counts, executable, mapped))
            pid, terminal, _ = shell_at_second_prompt([executable], environment, executable)
            os.kill(pid, signal.SIGKILL)
            end_shell(pid, terminal)
    return found


def start_modules(executable):
    """The frozen modules that a shell has imported by its second prompt, and those of an engine."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "RHUMBA_HOME": folder + "/home", "TERM": "xterm-256color"}
        cell = f"open('{folder}/shell', 'w').write(' '.join({FROZEN}));\r".encode()
        pid, terminal, _ = shell_at_second_prompt([executable], environment, executable, cell)
        os.write(terminal, b"\x04")
        end_shell(pid, terminal)
        script = pathlib.Path(folder, "ask.py")
        script.write_text(ASK_ENGINE)
        subprocess.run([executable, script, f"{folder}/engine"], env=environment, check=True)
        found = {name for who in ("shell", "engine") for name in pathlib.Path(folder, who).read_text().split()}
        return sorted(found)


def shell_at_second_prompt(command, environment, executable, cell=b"pass\r"):
    """The pid of a shell on a terminal, the terminal, and the addresses of the executable."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvpe(command[0], command, environment)
    shown = b""
    mapped = range(0)
    while b"In [2]:" not in shown:
        was_asked = b"In [1]:" in shown
        shown += os.read(terminal, 1 << 16)
        mapped = mapped or addresses_of(executable, pid)
        if not was_asked and b"In [1]:" in shown:
            os.write(terminal, cell)
    return pid, terminal, mapped


def end_shell(pid, terminal):
    """Waits until a shell has ended, reading what it says."""
    try:
        while os.read(terminal, 1 << 16):
            pass
    except OSError:
        # A terminal whose last process is gone answers so.
        pass
    os.waitpid(pid, 0)
    os.close(terminal)


def addresses_of(executable, pid):
    """The addresses that a process has its executable at; none if it hasn't, or is none."""
    try:
        lines = pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines()
    except OSError:
        sys.exit("the host has ended; is valgrind there?")
    own = [line.split() for line in lines if line.endswith(" " + executable)]
    code = [addresses for addresses, mode, *_ in own if mode == "r-xp"]
    if not code:
        return range(0)
    return range(int(own[0][0].split("-")[0], 16), int(code[0].split("-")[1], 16))


def functions_of(executable):
    """Start, size and name of every function, in order."""
    listed = subprocess.run(
        ["nm", "--print-size", "--defined-only", executable], capture_output=True, text=True, check=True
    )
    found = []
    for line in listed.stdout.splitlines():
        parts = line.split(None, 3)
        if len(parts) == 4 and parts[2] in "tTwW":
            found.append((int(parts[0], 16), int(parts[1], 16), parts[3]))
    return sorted(found)


def called(functions, addresses):
    names = set()
    index = 0
    for address in sorted(addresses):
        while index < len(functions) and functions[index][0] + functions[index][1] <= address:
            index += 1
        at = index
        while at < len(functions) and functions[at][0] <= address:
            names.add(functions[at][2])
            at += 1
    return names


def patterns(functions, names):
    """The names as patterns: without their hashes, as far as that doesn't take in too much."""

    def without_hash(name):
        # The first form of hash is of a function, the second of a crate.
        return re.sub(r"Cs[0-9A-Za-z]+_", "Cs*_", re.sub(r"17h[0-9a-f]{16}E", "17h*E", exact(name)))

    def exact(name):
        return re.sub(r"\.llvm\.\d+$", "*", name)

    waste = collections.Counter()
    for _, size, name in functions:
        if name not in names:
            waste[without_hash(name)] += size
    return sorted(
        {without_hash(n) if waste[without_hash(n)] <= WASTE_LIMIT_BYTES else exact(n) for n in names}
    )


def main():
    executable = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else "target/debug/rhumba")
    functions = functions_of(executable)
    warming = trace_warming(executable)
    join = called(functions, trace_engine(executable, warming, JOIN + END))
    work = called(functions, trace_engine(executable, warming, JOIN + WORK + END)) - join
    start = called(functions, trace_shell(executable)) - join - work
    with open(SCRIPT, "w") as file:
        file.write(HEAD)
        listed = set()
        for names in (join, work, start):
            if names is start:
                file.write(BETWEEN)
            # Those on error paths are in sections `.text.unlikely`.
            wanted = [name for name in patterns(functions, names) if name not in listed]
            lines = "\n".join(f"      .text*.{name}" for name in wanted)
            file.write(f"    *(\n{lines}\n    )\n")
            if names is join:
                file.write(ASSEMBLY)
            listed.update(wanted)
        file.write(TAIL)
    modules = start_modules(executable)
    MODULES.write_text("\n".join(modules) + "\n")
    print(f"{len(modules)} modules; {len(join)} functions to join, {len(work)} more to work, {len(start)} more to start a shell")


if __name__ == "__main__":
    main()
