"""Commands of the system's shell, with their output where the session's output goes."""

import contextlib
import signal
import subprocess
import sys
import threading

# The status of what a Ctrl-C has ended: by the signal, or as shells tell of it.
_ENDED_BY_INTERRUPT = (-signal.SIGINT, 128 + signal.SIGINT)

# What keys do that nobody has given another meaning.
_USUAL = {signal.SIGINT: signal.default_int_handler, signal.SIGQUIT: signal.SIG_DFL}


def _shell():
    """The user's own shell where it is bash, whose words people use; else sh."""
    import os
    import shutil

    named = os.environ.get("SHELL", "")
    return named if named.endswith("bash") and os.path.exists(named) else shutil.which("bash") or "/bin/sh"


def system(command):
    """Runs a command, shows its output as it comes, and returns its exit status."""
    sys.stdout.flush()
    sys.stderr.flush()
    if sys.stdout.isatty():
        # A program that wants a terminal, an editor for one, gets ours.
        return run_at_terminal([_shell(), "-c", command])
    process = _begun_with_pipe(command)
    import codecs

    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    try:
        while data := process.stdout.read1(65536):
            sys.stdout.write(decoder.decode(data))
        sys.stdout.write(decoder.decode(b"", True))
    except BaseException:
        process.kill()
        raise
    finally:
        process.stdout.close()
        status = _wait(process)
    return status


def run_at_terminal(words):
    """Runs a program that has the terminal, and with it Ctrl-C and Ctrl-\\, for itself; returns its exit status.

    A Ctrl-C goes to the program too: it is over by that, or has taken it and goes on.
    """
    with _held(signal.SIGINT, signal.SIGQUIT) as came:
        process = _begun(words)
        while True:
            try:
                status = process.wait()
                break
            except KeyboardInterrupt:
                # A handler of the person's own has raised it.
                came.append(signal.SIGINT)
    if signal.SIGINT in came and status in _ENDED_BY_INTERRUPT:
        raise KeyboardInterrupt
    return status


def run_editor(command):
    """Runs an editor, as the system's shell reads its command, and returns its exit status."""
    # The shell around it is not to end by a key that the editor takes.
    return run_at_terminal(["/bin/sh", "-c", f"trap : INT QUIT\n{command}"])


def getoutput(command):
    """Runs a command and returns what it writes, to stdout and to stderr."""
    return output_and_status(command)[0]


def output_and_status(command):
    """The same with the exit status."""
    process = _begun_with_pipe(command)
    try:
        output, _ = process.communicate()
    except BaseException as stopped:
        process.kill()
        process.wait()
        if not isinstance(stopped, KeyboardInterrupt):
            raise
    else:
        return output.decode("utf-8", "replace").removesuffix("\n"), process.returncode
    # Where in the wait it came says nothing to anybody.
    raise KeyboardInterrupt from None


@contextlib.contextmanager
def _held(*numbers):
    """Gives a list of those of these signals that came, which do nothing else where a person hasn't said what they do.

    An interrupt while a program is started would lose the program, and one while it is waited for, its status.
    """
    came, usual = [], {}
    if threading.current_thread() is threading.main_thread():
        usual = {number: _USUAL[number] for number in numbers if signal.getsignal(number) == _USUAL[number]}
    for number in usual:
        # What is ignored would be ignored by the program, too.
        signal.signal(number, lambda number, _: came.append(number))
    try:
        yield came
    finally:
        for number, action in usual.items():
            signal.signal(number, action)


def _begun(words, **streams):
    """Starts a program."""
    try:
        return subprocess.Popen(words, **streams)
    except KeyboardInterrupt:
        pass
    # Where in the start a handler of the person's own has raised it says nothing to anybody.
    raise KeyboardInterrupt from None


def _begun_with_pipe(command):
    """Starts a command whose output, of both kinds, is read here."""
    with _held(signal.SIGINT) as came:
        process = _begun(
            [_shell(), "-c", command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
    if came:
        process.kill()
        process.stdout.close()
        process.wait()
        raise KeyboardInterrupt
    return process


def _wait(process):
    """Waits for a process whose output is over; a Ctrl-C that reached it too is its to answer."""
    try:
        return process.wait()
    except KeyboardInterrupt:
        try:
            process.wait(2)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    # Where in the wait it came says nothing to anybody.
    raise KeyboardInterrupt from None
