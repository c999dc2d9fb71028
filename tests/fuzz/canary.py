"""What snapshots of the fuzz corpus call when they are decoded, and count that they were called.

A decoder that was told to accept only data calls none of it, whatever the bytes say.
"""

calls = 0


def _note():
    global calls
    calls += 1


def touch(*args):
    """What a reduction calls."""
    _note()
    return list(args)


class Reduced:
    def __init__(self, value):
        self.value = value

    def __reduce__(self):
        return touch, (self.value,), None, iter([3])


class Hashed:
    def __init__(self, text):
        self.text = text

    def __hash__(self):
        _note()
        return 7

    def __eq__(self, other):
        _note()
        return isinstance(other, Hashed)


class Stateful:
    def __getstate__(self):
        return {"state": 1}

    def __setstate__(self, state):
        _note()
