"""Magics that run programs of the system."""

from rhumba._options import magic
from rhumba.shell import UsageError


@magic()
def bash(given, cell):
    """Runs the cell as a script of the system's shell."""
    from rhumba._system import system

    status = system(cell)
    if status:
        raise UsageError(f"the script ended with status {status}")
