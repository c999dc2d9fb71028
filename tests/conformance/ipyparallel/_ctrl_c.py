"""Ctrl-C, pressed once a call of this script waits. Only for rhumba. Not a script itself.

A signal that comes before the call waits ends the script in place of the wait. That it waits is seen
from a thread: the main thread sleeps, somewhere in the package.
"""

import os
import signal
import sys
import threading
import time

from _expect import eventually


def _place():
    """Where in ipyparallel's client the main thread sleeps, or None."""
    with open(f"/proc/self/task/{os.getpid()}/stat") as file:
        sleeps = file.read().rsplit(")", 1)[1].split()[0] == "S"
    frame = sys._current_frames().get(threading.main_thread().ident)
    if not sleeps or frame is None or "ipyparallel" not in frame.f_code.co_filename:
        return None
    return frame.f_code.co_name, frame.f_lineno


def waits():
    """Whether the main thread waits in a call: it is found asleep at one place again and again."""
    place = _place()
    for _ in range(5):
        time.sleep(0.01)
        if place is None or _place() != place:
            return False
    return True


def press_when_waiting(busy=lambda: True):
    """Starts a thread that presses Ctrl-C once `busy()` holds and the main thread waits."""

    def press():
        eventually(busy)
        eventually(waits)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=press)
    thread.start()
    return thread
