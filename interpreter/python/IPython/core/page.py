"""Shows long text a screen at a time, and what a pager is made of, for programs that set one.

The shell itself shows what is long by `rhumba._pager`, which `page` hands over to.
"""

import os
import re
import sys

__all__ = [
    "as_hook", "display_page", "get_pager_cmd", "get_pager_start", "page", "page_dumb", "page_file", "page_more",
    "pager_page",
]

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def page(data, start=0, screen_lines=0, pager_cmd=None):
    """Shows text: in the pager of the system if it is longer than the screen, else as it is.

    data: text, or a dict of forms by MIME type
    start: the number of the first line that is shown, counted from 0
    """
    from rhumba._pager import page as paged

    paged("\n".join(_text(data).splitlines()[max(start, 0) :]))


def _text(data):
    return data.get("text/plain", "") if isinstance(data, dict) else data


def display_page(strng, start=0, screen_lines=25):
    """Shows text, or forms by MIME type, by `display`: for a frontend whose output can be as long as it likes."""
    from IPython.display import display

    if not isinstance(strng, dict):
        strng = {"text/plain": "\n".join(strng.splitlines()[start:]) if start else strng}
    display(strng, raw=True)


def as_hook(page_func):
    """A function that pages, as a hook of the shell: `set_hook("show_in_pager", as_hook(display_page))`."""

    def hook(shell, *args, **kwargs):
        return page_func(*args, **kwargs)

    return hook


def pager_page(strng, start=0, screen_lines=0, pager_cmd=None):
    """Shows text in the pager of the system, or in the one that is named; what fits on the screen as it is.

    screen_lines: the lines of the screen; 0: those of the terminal
    """
    text = "\n".join(_text(strng).splitlines()[max(start, 0) :])
    if os.environ.get("TERM", "dumb") in ("dumb", ""):
        print(text)
        return
    screen_lines = screen_lines or _screen_lines()
    if text.count("\n") + 1 < screen_lines:
        print(text)
        return
    import subprocess

    sys.stdout.flush()
    try:
        process = subprocess.Popen(get_pager_cmd(pager_cmd), shell=True, stdin=subprocess.PIPE)
        process.communicate(text.encode("utf-8", "replace"))
        is_shown = process.wait() == 0
    except BrokenPipeError:
        # The person has seen enough of it.
        is_shown = True
    except OSError:
        is_shown = False
    if not is_shown:
        page_dumb(text, screen_lines=screen_lines)


def _screen_lines():
    import shutil

    return shutil.get_terminal_size().lines


def page_dumb(strng, start=0, screen_lines=25):
    """Shows text a screen at a time, with nothing but a question in between."""
    lines = _text(strng).splitlines()[max(start, 0) :]
    size = max(screen_lines - 1, 1)
    colour = ""
    for at in range(0, max(len(lines), 1), size):
        if at and not page_more():
            return
        screen = colour + "\n".join(lines[at : at + size])
        print(screen)
        # A colour that is on at the end of a screen is on at the beginning of the next.
        colour = (_COLOUR.findall(screen) or [""])[-1]


def page_more():
    """Asks whether to go on."""
    return not input("Enter shows more, q and Enter end it: ").strip().lower().startswith("q")


def page_file(fname, start=0, pager_cmd=None):
    """Shows a file in the pager of the system, from a line on, counted from 1."""
    import shlex

    if os.environ.get("TERM", "dumb") in ("dumb", "", "emacs"):
        try:
            with open(fname, encoding="utf-8", errors="replace") as file:
                text = file.read()
        except OSError as failure:
            print(f"{fname} can't be shown: {failure.strerror}")
            return
        page(text, start - 1 if start > 0 else start)
        return
    from IPython.utils.process import system

    command = get_pager_cmd(pager_cmd)
    words = [command, get_pager_start(command, start), shlex.quote(str(fname))]
    system(" ".join(word for word in words if word))


def get_pager_cmd(pager_cmd=None):
    """The command of a pager: the one that is named, else $PAGER, else less; less is told to keep colours."""
    command = pager_cmd or os.environ.get("PAGER") or "less"
    if command == "less" and "-r" not in os.environ.get("LESS", "").lower():
        command += " -R"
    return command


def get_pager_start(pager, start):
    """The option that has a pager begin at a line; "" for one that isn't known to have it."""
    name = os.path.basename(pager.split()[0]) if pager.strip() else ""
    return f"+{start}" if start and name in ("less", "more") else ""
