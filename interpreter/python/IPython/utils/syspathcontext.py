"""A folder in which modules are found for a while."""

import sys

__all__ = ["prepended_to_syspath"]


class prepended_to_syspath:
    """A block in which modules are found in a folder first."""

    def __init__(self, dir):
        self.dir = dir
        self.added = False

    def __enter__(self):
        self.added = self.dir not in sys.path
        if self.added:
            sys.path.insert(0, self.dir)
        return self

    def __exit__(self, *failure):
        if self.added and self.dir in sys.path:
            sys.path.remove(self.dir)
        return False
