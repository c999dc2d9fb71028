"""Commands of the system."""

import os

__all__ = ["FindCmdError", "abbrev_cwd", "arg_split", "check_pid", "find_cmd", "getoutput", "getoutputerror", "system"]


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
    import subprocess

    done = subprocess.run(cmd, shell=isinstance(cmd, str), capture_output=True, text=True)
    return done.stdout, done.stderr


def arg_split(commandline, posix=False, strict=True):
    """A command line as words."""
    import shlex

    return shlex.split(commandline, posix=posix)
