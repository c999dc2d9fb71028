"""Gates: work on engines that goes on when a script says so, not when some time has passed.

What must be found unfinished waits at a gate: how slow the machine is then changes nothing. Not a
script itself.
"""

import inspect
import itertools
import os
import tempfile

from _expect import eventually

_folder = tempfile.TemporaryDirectory(prefix="rhumba-gates-")
_numbers = itertools.count()


def held(gate, value=None):
    """Runs on an engine: tells that it has begun, and returns a value once the gate is open."""
    import os
    import time

    open(f"{gate}.begun-{os.getpid()}", "w").close()
    while not os.path.exists(gate):
        time.sleep(0.005)
    return value


# It goes by value: engines of ipyparallel can't import this file.
held.__module__ = "__main__"


class Gate:
    """A gate that is shut until `open`."""

    def __init__(self):
        self.path = os.path.join(_folder.name, str(next(_numbers)))
        source = inspect.getsource(held) + f"held({self.path!r})"
        # One line of code that waits at it.
        self.code = f"exec({source!r}, {{}})"

    def hold(self, view, value=None):
        """Returns the result of a call that waits at the gate, and then gives a value."""
        return view.apply_async(held, self.path, value)

    def open(self):
        open(self.path, "w").close()

    def engines(self):
        """How many engines have come to it."""
        mark = os.path.basename(self.path) + ".begun-"
        return sum(name.startswith(mark) for name in os.listdir(_folder.name))

    def wait_for_engines(self, count=1):
        """Waits until so many engines have come to it."""
        eventually(lambda: self.engines() >= count)
