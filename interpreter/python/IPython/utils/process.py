"""Commands of the system."""

from shutil import which as find_cmd

__all__ = ["arg_split", "find_cmd", "getoutput", "getoutputerror", "system"]


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

    done = subprocess.run(cmd, shell=True, capture_output=True, text=True)
    return done.stdout, done.stderr


def arg_split(commandline, posix=False, strict=True):
    """A command line as words."""
    import shlex

    return shlex.split(commandline, posix=posix)
