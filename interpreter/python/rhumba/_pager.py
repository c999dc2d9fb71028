"""Long text on a terminal, a screen at a time; everything else is printed as it is."""

import os
import shutil
import sys


def page(text):
    """Shows text: through the pager of the system where it would run off the screen."""
    height = shutil.get_terminal_size().lines
    # It is there where a program has set a hook.
    interface = sys.modules.get("rhumba._interface")
    if interface is not None and interface.hooked("show_in_pager", text, start=0, screen_lines=height)[0]:
        return
    if not _is_watched() or text.count("\n") + 2 < height or _is_printed_whole() or not _paged(text):
        print(text)


def _is_watched():
    """Whether somebody sits in front of it who can turn pages."""
    return is_terminal(sys.stdout) and is_terminal(sys.stdin) and os.environ.get("TERM", "dumb") != "dumb"


def _is_printed_whole():
    """Whether the shell is set to show text without a pager."""
    from rhumba.shell import get_ipython

    shell = get_ipython()
    return shell is not None and shell.display_page


def is_terminal(stream):
    """Whether a stream is a terminal: None, a closed one and one of a program's own that can't tell are none."""
    try:
        return bool(stream.isatty())
    except (AttributeError, ValueError):
        return False


def _paged(text):
    import shlex
    import subprocess
    import threading

    try:
        command = shlex.split(os.environ.get("PAGER", ""))
    except ValueError:
        command = []
    command = command or ["less"]
    if command == ["cat"] or shutil.which(command[0]) is None:
        return False
    # Colours stay, and what turns out to fit on the screen ends by itself.
    environment = {**os.environ, "LESS": os.environ.get("LESS", "-RFX")}
    sys.stdout.flush()
    process = subprocess.Popen(command, stdin=subprocess.PIPE, env=environment)
    # It takes the text as far as it is read, and may be left at any time.
    threading.Thread(target=_fed, args=(process.stdin, text.encode("utf-8", "replace")), daemon=True).start()
    while True:
        try:
            process.wait()
            return True
        except KeyboardInterrupt:
            # The keyboard's Ctrl-C went to the pager, too: it is over by that, or goes on to take the keys.
            continue


def _fed(pipe, data):
    """Writes into a pipe what whoever reads it wants of the data."""
    try:
        with pipe:
            pipe.write(data)
    except OSError:
        # It has been left before the end.
        pass
