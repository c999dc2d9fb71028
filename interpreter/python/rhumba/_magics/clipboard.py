"""Magics that run what is in the clipboard, or what is pasted up to a line of its own."""

import os
import sys
import textwrap

import _rhumba_shell

from rhumba._options import magic, option
from rhumba.shell import UsageError

# Programs that print the clipboard, in the order in which they are tried.
_PROGRAMS = (
    ("WAYLAND_DISPLAY", ["wl-paste", "--no-newline"]),
    ("DISPLAY", ["xclip", "-selection", "clipboard", "-out"]),
    ("DISPLAY", ["xsel", "--clipboard", "--output"]),
    (None, ["pbpaste"]),
)
_PROGRAM_SECONDS = 10
# How long a terminal may take to tell what is in its clipboard; most never tell.
_TERMINAL_SECONDS = 1.0
_last_pasted = None


@magic(
    option("-r", "--again", help="what was pasted last, again"),
    option("-q", "--quiet", help="doesn't show it first"),
    words="[NAME]",
)
def paste(given):
    """Runs what is in the clipboard, as one cell; with a NAME, binds it to the text instead."""
    _use(given, _last(given) if given.again else _clipboard())


@magic(
    option("-s", "--sentinel", value="TEXT", default="--", help="the line that ends it; -- by default"),
    option("-r", "--again", help="what was pasted last, again"),
    option("-q", "--quiet", help="doesn't show it first"),
    words="[NAME]",
)
def cpaste(given):
    """Runs lines that are pasted or typed up to one of `--` alone, as one cell.

    With a NAME, it is bound to the text instead.
    """
    if given.again:
        text = _last(given)
    else:
        print(f"Paste or type code; {given.sentinel} alone on a line ends it.")
        lines = []
        while True:
            try:
                line = input(":")
            except EOFError:
                break
            if line.strip() == given.sentinel:
                break
            lines.append(line)
        text = "\n".join(lines)
    _use(given, text)


def _last(given):
    if _last_pasted is None:
        raise UsageError("nothing was pasted yet in this session.")
    return _last_pasted


def _use(given, text):
    global _last_pasted
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        raise UsageError("there is nothing to paste.")
    _last_pasted = text
    if given.words:
        name = given.words[0]
        if not name.isidentifier():
            raise UsageError(f"{name!r} can't be a name.")
        _rhumba_shell.namespace()[name] = text
        print(f"{name} is now the text of {len(text.splitlines())} lines.")
        return
    # `%edit pasted_block` edits it, and runs it again.
    source = _rhumba_shell.namespace()["pasted_block"] = _unquoted(text)
    if not given.quiet:
        print(source.rstrip("\n"))
        print("## -- what was pasted ends here --")
    _rhumba_shell.get_ipython().run_cell(source, store_history=False)


def _unquoted(text):
    """The lines without the indentation and the `>` of a quoted mail that all of them begin with."""
    text = textwrap.dedent(text)
    lines = text.split("\n")
    while any(lines) and all(line.startswith(">") for line in lines if line.strip()):
        text = textwrap.dedent("\n".join(line[1:] for line in lines))
        lines = text.split("\n")
    return text


def _clipboard():
    from rhumba._interface import hooked

    was_asked, text = hooked("clipboard_get")
    if was_asked:
        return text
    import shutil
    import subprocess

    for variable, command in _PROGRAMS:
        if (variable is None or os.environ.get(variable)) and shutil.which(command[0]):
            try:
                done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, timeout=_PROGRAM_SECONDS)
            except (OSError, subprocess.TimeoutExpired):
                continue
            if done.returncode == 0:
                return done.stdout.decode("utf-8", "replace")
    text = _terminals_clipboard()
    if text is None:
        raise UsageError(
            "the clipboard can't be read: wl-paste, xclip, xsel and pbpaste are missing or don't"
            " answer, and neither does this terminal. %cpaste takes what you paste."
        )
    return text


def _terminals_clipboard():
    """What the terminal itself tells of its clipboard (OSC 52), or None."""
    from rhumba._pager import is_terminal

    if not (is_terminal(sys.stdin) and is_terminal(sys.stdout)):
        return None
    import base64
    import binascii
    import select
    import termios
    import time
    import tty

    try:
        terminal = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
    except OSError:
        return None
    answer = b""
    try:
        before = termios.tcgetattr(terminal)
        tty.setraw(terminal)
        try:
            # The question of its kind follows, which every terminal answers: then no more comes.
            os.write(terminal, b"\x1b]52;c;?\x07\x1b[c")
            end = time.monotonic() + _TERMINAL_SECONDS
            while (left := end - time.monotonic()) > 0:
                if not select.select([terminal], [], [], left)[0]:
                    break
                answer += os.read(terminal, 65536)
                if answer.endswith(b"c") and b"\x1b[?" in answer:
                    break
        finally:
            termios.tcsetattr(terminal, termios.TCSADRAIN, before)
    except OSError:
        return None
    finally:
        os.close(terminal)
    _, mark, rest = answer.partition(b"\x1b]52;")
    encoded = rest.partition(b";")[2].partition(b"\x07")[0].partition(b"\x1b")[0]
    if not mark or not encoded:
        return None
    try:
        return base64.b64decode(encoded, validate=True).decode("utf-8", "replace")
    except binascii.Error:
        return None
