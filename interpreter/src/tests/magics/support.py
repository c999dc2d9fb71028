"""What the tests of magics use."""

import contextlib
import io
import os
import sys

import _rhumba_shell
from rhumba.shell import UsageError, get_ipython

shell = get_ipython()
main = shell.user_ns


def begin():
    """Before each test: nothing is bound, and the working folder is the test's own."""
    _rhumba_shell.clear()
    os.chdir(folder)


def run(cell):
    """Runs a cell that must succeed; returns its value and what it wrote to stdout and stderr."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        result = shell.run_cell(cell, silent=True)
    result.raise_error()
    return result.result, out.getvalue(), err.getvalue()


def value(cell):
    return run(cell)[0]


def said(cell):
    """What a cell writes to stdout."""
    return run(cell)[1]


def complained(cell):
    """What a cell writes to stderr."""
    return run(cell)[2]


def raised(kind, cell):
    """The text of what a cell must raise."""
    try:
        run(cell)
    except kind as failure:
        return str(failure)
    raise AssertionError(f"{cell!r} raised no {kind.__name__}")


def refused(cell):
    """What a magic answers to a line that makes no sense."""
    return raised(UsageError, cell)


def write(name, text):
    """Writes a file into the test's folder; returns its path."""
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def read(name):
    with open(os.path.join(folder, name), encoding="utf-8") as file:
        return file.read()


def shows(text, *parts):
    """Asserts that the parts are in a text, one after the other."""
    at = 0
    for part in parts:
        found = text.find(part, at)
        assert found >= 0, f"no {part!r} (after what was found before it) in:\n{text}"
        at = found + len(part)


@contextlib.contextmanager
def answering(*lines):
    """Answers what is asked by input()."""
    before = sys.stdin
    sys.stdin = io.StringIO("".join(line + "\n" for line in lines))
    try:
        yield
    finally:
        sys.stdin = before


def fresh_module(name):
    """Makes sure that a module is imported anew."""
    sys.modules.pop(name, None)
    if folder not in sys.path:
        sys.path.insert(0, folder)
