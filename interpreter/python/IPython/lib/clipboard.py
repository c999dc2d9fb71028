"""What is in the clipboard, for programs that ask for it and for hooks named `clipboard_get`.

Nothing here runs what was copied: that is `%paste`, in `rhumba._magics.clipboard`, which knows the ways
to the clipboard and is asked by `clipboard_get()`. The other functions go one way each.
"""

import os
import threading

from IPython.core.error import TryNext

__all__ = [
    "ClipboardEmpty", "clipboard_get", "osx_clipboard_get", "tkinter_clipboard_get", "wayland_clipboard_get",
    "win32_clipboard_get",
]

_asking = threading.local()


class ClipboardEmpty(ValueError):
    """There is no text in the clipboard."""


def clipboard_get():
    """The text that `%paste` would run: from a hook, a program of the system, or the terminal.

    TryNext says why it can't be read, ClipboardEmpty that there is none. A hook that calls this is left out.
    """
    from rhumba._magics.clipboard import _clipboard
    from rhumba.shell import UsageError

    if getattr(_asking, "now", False):
        # Hooks are asked first, and one of them has called here: it would ask itself without end.
        raise TryNext("the clipboard is being asked for already")
    _asking.now = True
    try:
        return _text(_clipboard())
    except UsageError as failure:
        raise TryNext(str(failure)) from None
    finally:
        _asking.now = False


def osx_clipboard_get():
    """The text in the clipboard of macOS."""
    text = _printed_by(["pbpaste"], "pbpaste, which reads the clipboard of macOS, isn't on this system")
    return _text(text.replace("\r\n", "\n").replace("\r", "\n"))


def wayland_clipboard_get():
    """The text in the clipboard of a Wayland desktop, as wl-paste gives it."""
    if not os.environ.get("WAYLAND_DISPLAY") and os.environ.get("XDG_SESSION_TYPE") != "wayland":
        raise TryNext("this session isn't on Wayland: neither WAYLAND_DISPLAY nor XDG_SESSION_TYPE says that it is")
    missing = "wl-paste, which reads the clipboard of Wayland, is missing: install wl-clipboard"
    return _text(_printed_by(["wl-paste", "--no-newline"], missing))


def tkinter_clipboard_get():
    """There is no Tk in this Python: says so."""
    raise TryNext("the clipboard can't be read through tkinter, which this Python is without: call clipboard_get()")


def win32_clipboard_get():
    """This isn't Windows: says so."""
    raise TryNext("the clipboard of Windows is on Windows alone: call clipboard_get()")


def _text(text):
    if not text:
        raise ClipboardEmpty("there is no text in the clipboard")
    return text


def _printed_by(command, missing):
    """What a program prints; TryNext says why it prints nothing."""
    import subprocess

    from rhumba._magics.clipboard import _PROGRAM_SECONDS

    name = command[0]
    try:
        done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, timeout=_PROGRAM_SECONDS)
    except FileNotFoundError:
        raise TryNext(missing) from None
    except subprocess.TimeoutExpired:
        raise TryNext(f"{name} doesn't answer: it was given {_PROGRAM_SECONDS} seconds") from None
    except OSError as failure:
        raise TryNext(f"{name} can't be started: {failure.strerror}") from None
    if done.returncode:
        told = done.stderr.decode("utf-8", "replace").strip()
        raise TryNext(f"{name} ended with status {done.returncode}" + (f": {told}" if told else ""))
    return done.stdout.decode("utf-8", "replace")
