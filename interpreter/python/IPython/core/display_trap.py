"""Has values shown by another `sys.displayhook`, as long as a block runs."""

import sys

__all__ = ["DisplayTrap"]


class DisplayTrap:
    """A block in which `sys.displayhook` is `hook`; a block inside of it changes nothing.

    is_active: whether such a block runs
    """

    def __init__(self, hook=None):
        self.hook = hook
        self._nested_level = 0
        self._before = None

    @property
    def is_active(self):
        return self._nested_level > 0

    def set(self):
        """Puts the hook in its place."""
        if sys.displayhook is not self.hook:
            self._before = sys.displayhook
            sys.displayhook = self.hook

    def unset(self):
        """Brings back the hook of before."""
        if self._before is not None:
            sys.displayhook, self._before = self._before, None

    def __enter__(self):
        if not self._nested_level:
            self.set()
        self._nested_level += 1
        return self

    def __exit__(self, *failure):
        if self._nested_level == 1:
            self.unset()
        self._nested_level -= 1
        return False
