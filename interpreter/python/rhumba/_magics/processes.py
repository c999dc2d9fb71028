"""Magics that run programs of the system: their output as a value, and cells as scripts."""

import sys

from rhumba._options import FILES, magic, option
from rhumba.shell import UsageError, get_ipython as _shell

# How long a script that was asked to end may take, before it is asked more firmly.
_GRACE_S = 2.0

# The processes of %%script --bg that may still run.
_background = []


# -- output as a value


@magic(rest="COMMAND", raw_line=True, complete=FILES)
def sx(given, cell=None):
    """Runs a command, or the cell as a script of the system's shell, and returns its output as a list of lines."""
    command = given.rest if cell is None else f"{given.rest}\n{cell}" if given.rest else cell
    if not command.strip():
        raise UsageError("%sx needs a command: %sx ls")
    return _shell().getoutput(command)


@magic(
    option("-l", "--list", help="binds a list of lines and no string"),
    option("-v", "--verbose", help="prints the output as well"),
    rest="NAME=COMMAND",
    raw_line=True,
    complete=FILES,
)
def sc(given):
    """Runs a command and binds a name to its output. `name = !command` does the same."""
    name, mark, command = given.rest.partition("=")
    name = name.strip()
    if not mark or not name.isidentifier() or not command.strip():
        raise UsageError("%sc needs a name and a command: %sc files=ls")
    lines = _shell().getoutput(command.strip())
    value = lines if given.list else "\n".join(lines)
    if given.verbose:
        print("\n".join(lines))
    _shell().user_ns[name] = value


# -- cells as scripts

_SCRIPT_OPTIONS = (
    option("--bg", help="lets it run in the background"),
    option("--out", value="NAME", help="binds a name to what it writes to stdout; with --bg, to the stream"),
    option("--err", value="NAME", help="the same for stderr"),
    option("--proc", value="NAME", help="with --bg, binds a name to the process"),
    option("--no-raise-error", name="raise_error", sets=False, help="a status other than 0 is no error"),
    option("--raise-error", name="raise_error", sets=True, help="a status other than 0 is an error (so it is)"),
)


@magic(*_SCRIPT_OPTIONS, words="PROGRAM [ARGUMENT ...]", options_first=True, lenient=True, complete=FILES)
def script(given, cell):
    """Runs the cell as the input of a program, such as `%%script awk -f -`."""
    return _run_script(given, given.words, cell)


def _interpreter(name, *programs):
    """Makes the magic that gives cells to an interpreter: the first of the programs that is there."""

    @magic(*_SCRIPT_OPTIONS, words="[ARGUMENT ...]", name=name, options_first=True, lenient=True)
    def interpret(given, cell):
        return _run_script(given, [_found(name, programs), *given.words], cell)

    interpret.__doc__ = interpret.__doc__.replace("\n\n", f"\n\nRuns the cell with {name}, in a process of its own.\n\n", 1)
    return interpret


def _found(name, programs):
    import shutil

    for program in programs or (name,):
        if program == _THIS_PYTHON:
            return sys.executable
        if shutil.which(program):
            return program
    raise UsageError(f"%%{name} finds no program {' or '.join(programs or (name,))} on $PATH")


_THIS_PYTHON = object()

bash = _interpreter("bash")
sh = _interpreter("sh")
perl = _interpreter("perl")
ruby = _interpreter("ruby")
pypy = _interpreter("pypy", "pypy3", "pypy")
python = _interpreter("python", "python3", "python", _THIS_PYTHON)
python2 = _interpreter("python2")
python3 = _interpreter("python3", "python3", _THIS_PYTHON)


def _run_script(given, command, cell):
    import subprocess

    for option_name in ("out", "err", "proc"):
        name = getattr(given, option_name)
        if name is not None and not name.isidentifier():
            raise UsageError(f"%%script: --{option_name} needs a name to bind, not {name!r}")
    if not cell.endswith("\n"):
        cell += "\n"
    sys.stdout.flush()
    sys.stderr.flush()
    unread = subprocess.DEVNULL if given.bg else subprocess.PIPE
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE if given.out else unread,
            stderr=subprocess.PIPE if given.err else unread,
            # Ctrl-C is ours to pass on; in the background it isn't meant for it.
            start_new_session=True,
        )
    except OSError as failure:
        raise UsageError(f"%%script can't run {command[0]!r}: {failure.strerror}") from None
    if given.bg:
        return _leave_in_background(given, process, cell)
    texts = {"out": [], "err": []}
    status = _follow(process, cell.encode(), {
        "out": texts["out"].append if given.out else sys.stdout.write,
        "err": texts["err"].append if given.err else sys.stderr.write,
    })
    for option_name in ("out", "err"):
        name = getattr(given, option_name)
        if name is not None:
            _shell().user_ns[name] = "".join(texts[option_name])
    if status and given.raise_error is not False:
        raise subprocess.CalledProcessError(status, command)
    return None


def _follow(process, data, sinks):
    """Gives a process its input, hands its output on as it comes, and returns its status."""
    import codecs
    import os
    import selectors

    decoders = {name: codecs.getincrementaldecoder("utf-8")("replace") for name in sinks}
    streams = {"out": process.stdout, "err": process.stderr}
    position = 0
    try:
        with selectors.DefaultSelector() as selector:
            os.set_blocking(process.stdin.fileno(), False)
            selector.register(process.stdin, selectors.EVENT_WRITE, None)
            for name, stream in streams.items():
                selector.register(stream, selectors.EVENT_READ, name)
            while selector.get_map():
                for key, _ in selector.select():
                    if key.data is None:
                        try:
                            position += os.write(key.fd, data[position : position + 65536])
                        except BlockingIOError:
                            continue
                        except BrokenPipeError:
                            # It has read as much as it wants.
                            position = len(data)
                        if position >= len(data):
                            selector.unregister(process.stdin)
                            process.stdin.close()
                        continue
                    read = os.read(key.fd, 65536)
                    text = decoders[key.data].decode(read, not read)
                    if text:
                        sinks[key.data](text)
                    if not read:
                        selector.unregister(key.fileobj)
        return process.wait()
    except BaseException as stopped:
        _end(process)
        if not isinstance(stopped, KeyboardInterrupt):
            raise
    finally:
        for stream in (process.stdin, process.stdout, process.stderr):
            if not stream.closed:
                stream.close()
    # Where in the wait it came says nothing to anybody.
    raise KeyboardInterrupt from None


def _end(process):
    """Ends a process, with what it has started: as Ctrl-C does, and then without asking."""
    import os
    import signal
    import subprocess

    left = [signal.SIGINT, signal.SIGTERM, signal.SIGKILL]
    while left:
        try:
            if process.poll() is not None:
                return
            os.killpg(process.pid, left.pop(0))
            process.wait(_GRACE_S)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue
        except KeyboardInterrupt:
            # Whoever asks again doesn't want to wait.
            del left[:-1]


def _leave_in_background(given, process, cell):
    import atexit
    import threading

    if not _background:
        atexit.register(_end_background)
    _background[:] = [each for each in _background if each.poll() is None]
    _background.append(process)

    def feed():
        try:
            process.stdin.write(cell.encode())
            process.stdin.close()
        except OSError:
            # It has read as much as it wants.
            pass

    threading.Thread(target=feed, daemon=True).start()
    namespace = _shell().user_ns
    for name, value in ((given.out, process.stdout), (given.err, process.stderr), (given.proc, process)):
        if name is not None:
            namespace[name] = value
    return None


def _end_background():
    ended = 0
    for process in _background:
        if process.poll() is None:
            _end(process)
            ended += 1
    _background.clear()
    return ended


@magic()
def killbgscripts(given):
    """Ends the scripts that `%%script --bg` has left running."""
    ended = _end_background()
    if ended:
        print(f"Ended {ended} background process{'es' if ended > 1 else ''}.")
    else:
        print("No background processes are running.")
