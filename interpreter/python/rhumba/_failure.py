"""Exceptions as text, on top of the standard traceback module.

Frames of rhumba's own frozen code are left out: a person debugs the cell, not the shell.
"""

import re
import sys
import traceback

import _imp

_OWN = ("rhumba", "ipyparallel", "IPython")
# A recursion may leave a million frames; those in the middle tell nothing new.
_FRAMES_KEPT = 1_000
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
    described = traceback.TracebackException.from_exception(exception, limit=_FRAMES_KEPT)
    _tidy(described, exception, set())
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


def _tidy(described, exception, seen):
    """Adds the last frames to the first ones, and takes rhumba's own out, in the whole chain."""
    pending = [(described, exception)]
    while pending:
        described, exception = pending.pop()
        if described is None or exception is None or id(described) in seen:
            continue
        seen.add(id(described))
        if described.stack:
            described.stack = _stack(described.stack, exception.__traceback__)
        pending.append((described.__cause__, exception.__cause__))
        pending.append((described.__context__, exception.__context__))
        if described.exceptions:
            pending += zip(described.exceptions, exception.exceptions)


def _stack(first, tb):
    count = 0
    ahead = last = tb
    while ahead is not None:
        ahead = ahead.tb_next
        count += 1
        if count > _FRAMES_KEPT:
            last = last.tb_next
    # `last` is as many frames from the end as are kept; those told at the start aren't told again.
    left_out = count - 2 * _FRAMES_KEPT
    for _ in range(-left_out if count > _FRAMES_KEPT else 0):
        last = last.tb_next
    stack = _Shown(_own_left_out(first))
    if count > _FRAMES_KEPT:
        stack.last = _Shown(_own_left_out(traceback.extract_tb(last)))
        stack.left_out = max(left_out, 0)
    return stack


def _own_left_out(frames):
    told = []
    for frame in frames:
        # Frozen code has its module's name in place of a file's.
        if not _imp.is_frozen(frame.filename):
            told.append(_plain(frame))
        elif frame.filename.partition(".")[0] not in _OWN:
            frame.filename = f"<frozen {frame.filename}>"
            told.append(frame)
    return told


class _Shown(traceback.StackSummary):
    """The first frames of a stack, and the last ones where there are many."""

    last = None
    left_out = 0

    def format(self, **kwargs):
        lines = super().format(**kwargs)
        if self.left_out:
            lines.append(f"  [{self.left_out:,} frames are left out here]\n")
        if self.last:
            lines += self.last.format(**kwargs)
        return lines


def _plain(frame):
    """The frame without carets where the line shown isn't the line that was compiled."""
    if frame.filename.startswith("<") and frame.colno is not None and _MAGIC.match(frame.line or ""):
        frame.colno = frame.end_colno = None
    return frame
