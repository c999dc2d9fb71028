"""Small things that scripts import from here.

What ipyparallel has here of sockets, signals of processes and profiles has no counterpart: those
are the native module's.
"""

from datetime import datetime, timezone

from .dependency import interactive

utc = timezone.utc

# Levels of logging by their names.
_LEVELS = {"DEBUG": 10, "INFO": 20, "WARN": 30, "WARNING": 30, "ERROR": 40, "CRITICAL": 50}


class Namespace(dict):
    """A dict whose items are attributes, too.

    Reading one that isn't there raises NameError, and setting one that has the name of a method
    of dicts raises KeyError.
    """

    def __getattr__(self, name):
        try:
            return self[name]
        except KeyError:
            raise NameError(name) from None

    def __setattr__(self, name, value):
        if hasattr(dict, name):
            raise KeyError(f"{name!r} is a method of dicts, and can't be set")
        self[name] = value


class ReverseDict(dict):
    """A dict that is also looked up by its values."""

    def __init__(self, *args, **kwargs):
        dict.__init__(self, *args, **kwargs)
        self._keys = {value: key for key, value in self.items()}

    def __getitem__(self, key):
        return self._keys[key] if key in self._keys and key not in self.keys() else dict.__getitem__(self, key)

    def __setitem__(self, key, value):
        if key in self._keys:
            raise KeyError(f"{key!r} is a value already, and can't be a key")
        if key in self.keys():
            del self._keys[dict.__getitem__(self, key)]
        dict.__setitem__(self, key, value)
        self._keys[value] = key

    def pop(self, key):
        """Removes an item by its key and returns its value."""
        value = dict.pop(self, key)
        self._keys.pop(value)
        return value

    def get(self, key, default=None):
        """Returns what is there under a key or a value, or the default."""
        try:
            return self[key]
        except KeyError:
            return default


def utcnow():
    """Returns the time now, as an aware datetime in UTC."""
    return datetime.now(utc)


def ensure_timezone(moment):
    """Returns a datetime with its zone; one without any means local time."""
    return moment.astimezone() if moment.tzinfo is None else moment


def compare_datetimes(a, b):
    """Returns the time from `b` to `a`; those without a zone mean local time."""
    return ensure_timezone(a) - ensure_timezone(b)


def int_keys(described):
    """Makes keys that are numbers as text numbers, in the dict itself, and returns it."""
    for key in [key for key in described if isinstance(key, str) and key.isdigit()]:
        described[int(key)] = described.pop(key)
    return described


def integer_loglevel(level):
    """Returns a level of logging as its number, be it one, or its name."""
    try:
        return int(level)
    except ValueError:
        if level not in _LEVELS:
            raise ValueError(f"{level!r} is not a level of logging: there are {', '.join(_LEVELS)}") from None
        return _LEVELS[level]


def is_url(url):
    """Returns whether a text is an address such as 'tcp://127.0.0.1:10101'."""
    return "://" in url and url.partition("://")[0].lower() in ("tcp", "pgm", "epgm", "ipc", "inproc")


__all__ = [
    "Namespace", "ReverseDict", "compare_datetimes", "ensure_timezone", "int_keys", "integer_loglevel",
    "interactive", "is_url", "utc", "utcnow",
]  # fmt: skip
