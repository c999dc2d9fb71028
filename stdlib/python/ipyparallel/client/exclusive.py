"""Engines for one client alone, for a while: `DirectView.exclusive`.

The controller keeps others out; here is only the `with` block around it. What
the rules are is said in `engine/proto/src/controller/locks.rs`.
"""

from .. import error


class Exclusive:
    """A `with` block in which engines are one client's alone; see `DirectView.exclusive`."""

    def __init__(self, client, ids, label, wait, timeout, limit):
        self._client = client
        self._ids = ids
        self._label = label
        self._wait_s = timeout if wait else 0.0
        self._timed = wait and timeout is not None
        self._limit_s = limit
        self._lock = None

    def __enter__(self):
        if self._lock is not None:
            raise RuntimeError("this block has begun already; exclusive() gives another one")
        connection = self._client._connection
        lock = connection.lock(self._ids, self._label, self._wait_s, self._limit_s)
        if isinstance(lock, str):
            raise (TimeoutError if self._timed else error.EngineLocked)(lock)
        self._lock = lock
        return self

    def __exit__(self, kind, failure, traceback):
        lock, self._lock = self._lock, None
        try:
            held = self._client._connection.unlock(lock)
        except (ConnectionError, RuntimeError):
            # With the connection the lock has ended; what ended that is told elsewhere.
            if failure is None:
                raise
            return
        if not held and failure is None:
            raise TimeoutError(
                "the engines were not this client's alone to the end of the block: the limit of"
                f" {self._limit_s} seconds was over, or they are gone"
                if self._limit_s is not None
                else "the engines were not this client's alone to the end of the block: they are gone"
            )


def seconds_or_none(name, seconds):
    """Returns a time, None for one without end.

    Raises TypeError unless it is a number or None, ValueError if negative.
    """
    if seconds is None:
        return None
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        raise TypeError(f"{name} must be a number of seconds or None, not {seconds!r}")
    if not seconds >= 0:
        raise ValueError(f"{name} must not be negative: {seconds}")
    return float(seconds)
