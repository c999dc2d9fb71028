"""How many steps something takes, counted and not timed. Only for rhumba. Not a script itself."""

import sys


def lines_run(call, *args, **kwargs):
    """Returns how many lines of Python a call runs in this thread."""
    count = 0

    def trace(frame, event, argument):
        nonlocal count
        count += 1
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call(*args, **kwargs)
    finally:
        sys.settrace(before)
    return count


class Counted:
    """Stands for an object, and counts how often what concerns all of it is asked: `names`."""

    def __init__(self, counted, *names):
        self._counted = counted
        self._names = names
        self.asked = 0

    def __len__(self):
        return len(self._counted)

    def __getattr__(self, name):
        if name in self._names:
            self.asked += 1
        return getattr(self._counted, name)
