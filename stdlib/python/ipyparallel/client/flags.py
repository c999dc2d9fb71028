"""Flags of views: what holds for calls that don't say it themselves.

`Flags` sets them by name, for good or for a `with` block; `TaskFlags` are those
of load-balanced calls, as the native module is sent them. Who has them is in
`view.py`.
"""

from ..dependency import Dependency, terms_of
from .checks import whole


class Flags:
    """Attributes of a view that are set by name; `_flag_names` tells which there are."""

    _flag_names = ()

    def set_flags(self, **flags):
        """Sets attributes by name (`block`, `targets`, …) and returns the view.

        Raises KeyError for a name that isn't a flag of this view.
        """
        vars(self).update(vars(self._with(flags)))
        return self

    def _with(self, flags):
        """Returns a view like this one that has these flags; raises what `set_flags` raises."""
        other = object.__new__(type(self))
        vars(other).update(vars(self))
        for name, value in flags.items():
            if name not in self._flag_names:
                known = ", ".join(self._flag_names)
                raise KeyError(f"{name!r} is not a flag of this view; its flags are {known}")
            setattr(other, name, value)
        return other

    def temp_flags(self, **flags):
        """Sets flags for a `with` block, and sets them back after it.

        Raises KeyError for a name that isn't a flag of this view.
        """
        return _TemporaryFlags(self, flags)


class TaskFlags(Flags):
    """The flags of load-balanced calls; see `LoadBalancedView`.

    They are kept as what calls are sent with: `_terms` is the number of
    retries, or a dict if there is more.
    """

    def _set(self, name, value):
        # Never changed in place: a view made of this one may have it, too.
        flags = {known: kept for known, kept in self._flags.items() if known != name}
        self._flags = flags if value is None else {**flags, name: value}
        others = self._flags.keys() - {"retries"}
        self._terms = dict(self._flags) if others else self.retries

    @property
    def retries(self):
        """How many times more a call that fails is tried.

        Setting it raises TypeError unless it is an int, ValueError if it is
        negative or beyond 32 bits.
        """
        return self._flags.get("retries", 0)

    @retries.setter
    def retries(self, retries):
        self._set("retries", whole("retries", retries))

    @property
    def priority(self):
        """Which of this client's calls that wait go first: those with the highest.

        Setting it raises TypeError unless it is an int, ValueError if it is beyond 32 bits.
        """
        return self._flags.get("priority", 0)

    @priority.setter
    def priority(self, priority):
        if not isinstance(priority, int):
            raise TypeError(f"priority must be an int, not {type(priority).__name__}")
        if not -(2**31) <= priority < 2**31:
            raise ValueError(f"priority must be a number of 32 bits: {priority}")
        self._set("priority", priority or None)

    @property
    def timeout(self):
        """How long a call may wait for what it depends on and for an engine; None: for ever.

        Setting it raises TypeError unless it is a number or None, ValueError if negative.
        """
        return self._flags.get("timeout")

    @timeout.setter
    def timeout(self, timeout):
        self._set("timeout", _seconds("timeout", timeout))

    @property
    def task_timeout(self):
        """How long a call may run; None: for ever.

        Setting it raises TypeError unless it is a number or None, ValueError if negative.
        """
        return self._flags.get("task_timeout")

    @task_timeout.setter
    def task_timeout(self, task_timeout):
        self._set("task_timeout", _seconds("task_timeout", task_timeout))

    @property
    def after(self):
        """What must have ended before a call runs, as a `Dependency` or None.

        Setting it raises ValueError for what names no results.
        """
        return self._dependency("after")

    @after.setter
    def after(self, after):
        terms = terms_of(after)
        if terms is not None and self._of_others(terms[0]):
            from .hub import settled

            terms = settled(self.client, terms)
        self._set("after", terms)

    def _of_others(self, ids):
        own = self.client._connection.session
        for each in ids:
            if not each.startswith(own):
                return True
        return False

    @property
    def follow(self):
        """Whose engine a call runs on, as a `Dependency` or None.

        Setting it raises ValueError for what names no results.
        """
        return self._dependency("follow")

    @follow.setter
    def follow(self, follow):
        self._set("follow", terms_of(follow))

    def _dependency(self, name):
        terms = self._flags.get(name)
        if terms is None:
            return None
        return Dependency(*terms)


class _TemporaryFlags:
    """Flags that hold within a `with` block."""

    def __init__(self, view, flags):
        self._view = view
        self._flags = flags
        self._saved = {}

    def __enter__(self):
        before = vars(self._view)
        flagged = vars(self._view._with(self._flags))
        self._saved = {name: value for name, value in before.items() if value is not flagged[name]}
        # What a view hasn't of its own is its class's.
        self._new = [name for name in flagged if name not in before] if len(flagged) > len(before) else ()
        before.update(flagged)
        return self._view

    def __exit__(self, *exc_info):
        # As it was, and not looked at again: an engine may have left meanwhile.
        own = vars(self._view)
        own.update(self._saved)
        for name in self._new:
            own.pop(name, None)


def _seconds(flag, seconds):
    """Returns how long that is, None for ever."""
    if seconds is None:
        return None
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        raise TypeError(f"{flag} must be a number of seconds or None, not {type(seconds).__name__}")
    if not seconds >= 0:
        raise ValueError(f"{flag} must not be negative: {seconds}")
    return float(seconds)
