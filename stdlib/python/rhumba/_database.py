"""`get_ipython().db`: what programs keep over sessions, as a dict from keys to any objects.

Each is a file of a saved namespace in the folder `db` of the state folder (see `namespace.py`), so
that several shells can use it at once. Names that a person keeps are `%store`'s.
"""

import os
from collections.abc import MutableMapping
from urllib.parse import quote, unquote

import rhumba
from rhumba import _configuration

_SUFFIX = ".ns"


class Database(MutableMapping):
    """Objects by their keys, which are texts.

    Raises KeyError for what isn't kept, OSError where the folder can't be read or written, and
    `rhumba.SnapshotError` for what can't be carried.
    """

    def __init__(self):
        state = _configuration.state_folder()
        if state is None:
            raise OSError("there is no folder to keep values in: set $RHUMBA_HOME to one")
        self._folder = os.path.join(state, "db")

    def __repr__(self):
        return f"<{len(self)} values in {self._folder}>"

    def _file(self, key):
        if not isinstance(key, str) or not key:
            raise TypeError(f"keys are texts that aren't empty, not {key!r}")
        return os.path.join(self._folder, quote(key, safe="") + _SUFFIX)

    def __getitem__(self, key):
        try:
            return rhumba.namespace.load(self._file(key))["value"]
        except FileNotFoundError:
            raise KeyError(key) from None

    def __setitem__(self, key, value):
        path = self._file(key)
        os.makedirs(self._folder, mode=0o700, exist_ok=True)
        rhumba.namespace.save(path, {"value": value})

    def __delitem__(self, key):
        try:
            os.unlink(self._file(key))
        except FileNotFoundError:
            raise KeyError(key) from None

    def __contains__(self, key):
        return isinstance(key, str) and key != "" and os.path.exists(self._file(key))

    def __iter__(self):
        try:
            files = os.listdir(self._folder)
        except FileNotFoundError:
            return iter(())
        found = (name.removesuffix(_SUFFIX) for name in files if name.endswith(_SUFFIX))
        return iter(sorted(map(unquote, found)))

    def __len__(self):
        return sum(1 for _ in self)

    def keys(self, globpat=None):
        """The keys; with a pattern of `*` and `?`, a list of those that are like it."""
        if globpat is None:
            return super().keys()
        from fnmatch import fnmatchcase

        return [key for key in self if fnmatchcase(key, globpat)]
