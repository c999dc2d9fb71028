"""Commands of the system."""

import os

__all__ = [
    "FindCmdError", "abbrev_cwd", "arg_split", "arg_split_with_quotes", "check_pid", "find_cmd",
    "get_output_error_code", "getoutput", "getoutputerror", "system",
]


class FindCmdError(Exception):
    """There is no command of that name."""


def find_cmd(cmd):
    """The path of a command; FindCmdError if there is none of that name."""
    import shutil

    path = shutil.which(cmd)
    if path is None:
        raise FindCmdError(f"there is no command {cmd!r} on $PATH")
    return path


def abbrev_cwd():
    """The working folder in short: its last part, and ~ for the home folder."""
    folder = os.getcwd()
    return "~" if folder == os.path.expanduser("~") else os.path.basename(folder) or folder


def check_pid(pid):
    """Whether there is a process of that number."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        # It is another person's.
        return True
    return True


def system(cmd):
    """Runs a command, shows its output, and returns its status."""
    from rhumba._system import system as run

    return run(cmd)


def getoutput(cmd):
    """What a command writes."""
    from rhumba._system import getoutput as run

    return run(cmd)


def getoutputerror(cmd):
    """What a command writes to its two streams."""
    return get_output_error_code(cmd)[:2]


def get_output_error_code(cmd):
    """What a command writes to its two streams, and its status."""
    import subprocess

    done = subprocess.run(cmd, shell=isinstance(cmd, str), capture_output=True, text=True, errors="replace")
    return done.stdout, done.stderr, done.returncode


def arg_split(commandline, posix=False, strict=True):
    """A command line as words.

    posix: quotes and backslashes are taken off
    strict: a quote that isn't closed is a ValueError; else what is behind it is words as well
    """
    import shlex

    reader = shlex.shlex(commandline, posix=posix)
    reader.whitespace_split = True
    reader.commenters = ""
    words = []
    try:
        words.extend(reader)
    except ValueError:
        if strict:
            raise
        # As far as the quote goes that isn't closed.
        words.append(reader.token)
    return words


def arg_split_with_quotes(commandline, strict=True):
    """A command line as pairs: a word without its quotes, and whether it had any."""
    pairs = []
    for word in arg_split(commandline, strict=strict):
        is_quoted = len(word) > 1 and word[0] == word[-1] and word[0] in "\"'"
        pairs.append((word[1:-1] if is_quoted else word, is_quoted))
    return pairs
