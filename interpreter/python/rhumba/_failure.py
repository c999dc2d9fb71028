"""Exceptions as text, on top of the standard traceback module.

Frames of rhumba's own frozen code are left out: a person debugs the cell, not the shell.
"""

import re
import sys
import traceback

# Frozen code has its module's name in place of a file's.
_OWN = re.compile(r"(?!.*\.py$)(<frozen )?(rhumba|ipyparallel|IPython)(\.\w+)*>?$")
_MAGIC = re.compile(r"\s*[%!?]|[^=]*=\s*[%!]|.*\?\s*$")


def report(exception):
    """The type's name, the message and the traceback of an exception."""
    name = type(exception).__name__
    try:
        message = str(exception)
    except Exception as failure:
        message = f"<{name} has no message: str() of it raised {type(failure).__name__}>"
    shell = sys.modules.get("rhumba.shell")
    if shell is not None and isinstance(exception, shell.UsageError):
        return name, message, f"UsageError: {message}"
    lines = _own_lines(exception)
    if lines is not None:
        return name, message, "\n".join(lines)
    described = traceback.TracebackException.from_exception(exception)
    _hide_own_frames(described, set())
    return name, message, "".join(described.format()).rstrip("\n")


def _own_lines(exception):
    """The lines of an exception that shows itself, as those of engines do."""
    render = getattr(type(exception), "_render_traceback_", None)
    if render is None:
        return None
    try:
        return [str(line) for line in render(exception)]
    except Exception:
        return None


def _hide_own_frames(described, seen):
    while described is not None and id(described) not in seen:
        seen.add(id(described))
        if described.stack:
            described.stack[:] = [_plain(f) for f in described.stack if not _OWN.match(f.filename)]
        for inner in described.exceptions or ():
            _hide_own_frames(inner, seen)
        _hide_own_frames(described.__context__, seen)
        described = described.__cause__


def _plain(frame):
    """The frame without carets where the line shown isn't the line that was compiled."""
    if frame.filename.startswith("<") and frame.colno is not None and _MAGIC.match(frame.line or ""):
        frame.colno = frame.end_colno = None
    return frame
