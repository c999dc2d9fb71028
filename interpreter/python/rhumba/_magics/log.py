"""The session as a file that grows with each cell: `%logstart` and its family."""

import os
import time

import _rhumba_shell

from rhumba import _past
from rhumba._options import magic, option
from rhumba.shell import UsageError

_MODES = ("append", "backup", "global", "over", "rotate")
_HEAD = "# A session of rhumba's shell\n# -----------------------------\n"


class Log:
    """A file that every cell is written to, as Python or as it was entered."""

    def __init__(self, path, mode, raw, results, times):
        self.path = path
        self.mode = mode
        self.raw = raw
        self.results = results
        self.times = times
        self.active = True
        # The ordinal of the last cell that it has come by.
        self.ordinal = 0
        self.file = open(path, "a" if mode in ("append", "global") else "w", encoding="utf-8")
        if self.file.tell() == 0:
            self.file.write(_HEAD)

    def write_new(self, *_event):
        """Writes the cells that have come since; a disk that is full ends the log, not the session."""
        if not self.active:
            self.ordinal = len(_rhumba_shell.entered_cells())
            return
        try:
            for cell in _past.this_session(after=self.ordinal):
                self.write(cell)
            self.file.flush()
        except OSError as failure:
            self.active = False
            print(f"%logstart: {self.path} can't be written any more: {failure.strerror}")

    def write(self, cell):
        self.ordinal = cell.ordinal
        if self.times:
            self.file.write(time.strftime("# %a, %d %b %Y %H:%M:%S\n"))
        self.file.write(_past.text_of(cell, self.raw).rstrip("\n") + "\n")
        if self.results and cell.result is not None:
            for line in cell.result.splitlines():
                self.file.write(f"#[Out]# {line}\n")

    def close(self):
        try:
            self.file.close()
        except OSError:
            # What it still held was told of when it couldn't be written.
            pass


_log = None


@magic(
    option("-o", "--results", help="with results, as comments"),
    option("-r", "--raw", help="cells as they were entered, not as Python"),
    option("-t", "--times", help="with the time before each cell"),
    option("-q", "--quiet", help="says nothing"),
    words="[FILE MODE]",
)
def logstart(given):
    """Writes the cells so far, and each that follows, to a file: by default rhumba_log.py.

    MODE is append; backup, which keeps the file that is there as FILE~; global, one file in the
    home folder that grows; over, which replaces the file; or rotate, which keeps FILE.001~ and
    so on. Of a file that is named, it is backup, else rotate.
    """
    global _log
    if _log is not None:
        raise UsageError(f"a log is being written to {_log.path}; %logstop ends it.")
    name = given.words[0] if given.words else "rhumba_log.py"
    mode = given.words[1] if len(given.words) > 1 else "backup" if given.words else "rotate"
    if mode not in _MODES:
        raise UsageError(f"%logstart: the mode is one of {', '.join(_MODES)}, not {mode!r}.")
    path = os.path.expanduser(name)
    if mode == "global":
        path = os.path.join(os.path.expanduser("~"), os.path.basename(path))
    try:
        _make_room(path, mode)
        _log = Log(path, mode, given.raw, given.results, given.times)
    except OSError as failure:
        raise UsageError(f"{path} can't be written: {failure.strerror}") from None
    _rhumba_shell.get_ipython().events.register("post_run_cell", _log.write_new)
    if not given.quiet:
        print("The cells so far and all that follow are written to a log.")
        _show_state()


def _make_room(path, mode):
    if not os.path.exists(path):
        return
    if mode == "backup":
        os.replace(path, path + "~")
    elif mode == "rotate":
        number = 1
        while os.path.exists(f"{path}.{number:03}~"):
            number += 1
        for each in range(number, 1, -1):
            os.replace(f"{path}.{each - 1:03}~", f"{path}.{each:03}~")
        os.replace(path, f"{path}.001~")


def _started():
    if _log is None:
        raise UsageError("no log was started: %logstart [FILE] starts one.")
    return _log


@magic()
def logon(given):
    """Goes on with a log that %logoff has halted."""
    log = _started()
    print("The log is being written already." if log.active else "The log goes on.")
    log.active = True


@magic()
def logoff(given):
    """Halts the log, until %logon."""
    log = _started()
    print("The log is halted." if log.active else "The log was halted already.")
    log.active = False


@magic()
def logstate(given):
    """Tells whether a log is written, and how."""
    if _log is None:
        print("No log is written.")
    else:
        _show_state()


def _show_state():
    rows = (
        ("File", _log.path),
        ("Mode", _log.mode),
        ("Results", "yes" if _log.results else "no"),
        ("As entered", "yes" if _log.raw else "no"),
        ("Times", "yes" if _log.times else "no"),
        ("State", "active" if _log.active else "halted"),
    )
    for name, value in rows:
        print(f"{name:<10} : {value}")


@magic()
def logstop(given):
    """Ends the log and closes its file."""
    global _log
    log = _started()
    _rhumba_shell.get_ipython().events.unregister("post_run_cell", log.write_new)
    log.close()
    _log = None
