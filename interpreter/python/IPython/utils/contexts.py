"""Blocks that put something back."""

__all__ = ["preserve_keys"]


class preserve_keys:
    """A block after which these keys of a dict are bound as before."""

    def __init__(self, dictionary, *keys):
        self.dictionary = dictionary
        self.keys = keys

    def __enter__(self):
        self._before = {key: self.dictionary[key] for key in self.keys if key in self.dictionary}

    def __exit__(self, *failure):
        for key in self.keys:
            self.dictionary.pop(key, None)
        self.dictionary.update(self._before)
