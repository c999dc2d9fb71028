"""What belongs to a text, found by the text itself or by regular expressions."""

import re

from IPython.core.hooks import CommandChainDispatcher

__all__ = ["StrDispatch"]


class StrDispatch:
    """Objects by text and by regular expressions, each with a priority: the lowest comes first."""

    def __init__(self):
        self.strs = {}
        self.regexs = {}

    def add_s(self, s, obj, priority=0):
        self.strs.setdefault(s, CommandChainDispatcher()).add(obj, priority)

    def add_re(self, regex, obj, priority=0):
        self.regexs.setdefault(regex, CommandChainDispatcher()).add(obj, priority)

    def __repr__(self):
        return f"<StrDispatch {self.strs}, {self.regexs}>"

    def dispatch(self, key):
        """The chains that belong to a text."""
        if key in self.strs:
            yield self.strs[key]
        for pattern, chain in self.regexs.items():
            if re.match(pattern, key):
                yield chain

    def s_matches(self, key):
        for _, obj in self.strs.get(key, ()):
            yield obj

    def flat_matches(self, key):
        """The objects that belong to a text."""
        for chain in self.dispatch(key):
            for _, obj in chain:
                yield obj
