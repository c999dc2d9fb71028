"""Flags of views: what holds for calls that don't say it themselves.

`Flags` sets them by name, for good or for a `with` block; `TaskFlags` are those
of load-balanced calls, as the native module is sent them. Who has them is in
`view.py`.
"""

from ..dependency import Dependency, terms_of
from .checks import whole


# Stands for what an object hasn't of its own.
_ABSENT = object()


class Flags:
    """Attributes of a view that are set by name.

    `_flag_attributes` tells which there are, and what of a view each is kept in.
    """

    _flag_attributes = {}

    def set_flags(self, **flags):
        """Sets attributes by name (`block`, `targets`, …) and returns the view.

        Raises KeyError for a name that isn't a flag of this view.
        """
        self._assign(flags)
        return self

    def _assign(self, flags):
        """Sets all of the flags or none; returns what they are kept in as it was before."""
        own = vars(self)
        before = {}
        known = self._flag_attributes
        for name in flags:
            if name not in known:
                names = ", ".join(known)
                raise KeyError(f"{name!r} is not a flag of this view; its flags are {names}")
            for attribute in known[name]:
                before[attribute] = own.get(attribute, _ABSENT)
        try:
            for name, value in flags.items():
                setattr(self, name, value)
        except BaseException:
            self._put_back(before)
            raise
        return before

    def _put_back(self, before):
        own = vars(self)
        for attribute, value in before.items():
            if value is _ABSENT:
                # It is the class's again.
                own.pop(attribute, None)
            else:
                own[attribute] = value

    def _with(self, flags):
        """Returns a view like this one that has these flags; raises what `set_flags` raises."""
        other = object.__new__(type(self))
        vars(other).update(vars(self))
        other._assign(flags)
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
        flags = self._flags.copy()
        if value is None:
            flags.pop(name, None)
        else:
            flags[name] = value
        self._flags = flags
        retries = flags.get("retries", 0)
        self._terms = retries if len(flags) == ("retries" in flags) else flags

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

        Setting it to 0 means for ever, too. It raises TypeError unless it is a number or None,
        ValueError if negative.
        """
        return self._flags.get("timeout")

    @timeout.setter
    def timeout(self, timeout):
        self._set("timeout", _seconds("timeout", timeout))

    @property
    def task_timeout(self):
        """How long a call may run; None: for ever.

        Setting it to 0 means for ever, too. It raises TypeError unless it is a number or None,
        ValueError if negative.
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
        others = terms and self._connection.of_others(terms[0])
        if others:
            from .hub import settled

            terms = settled(self.client, terms, others)
        self._set("after", terms)

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

    def __enter__(self):
        self._before = self._view._assign(self._flags)
        return self._view

    def __exit__(self, *exc_info):
        # As it was, and not looked at again: an engine may have left meanwhile.
        self._view._put_back(self._before)


def _seconds(flag, seconds):
    """Returns how long that is, None for ever, which 0 means as well."""
    if seconds is None:
        return None
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        raise TypeError(f"{flag} must be a number of seconds or None, not {type(seconds).__name__}")
    if not seconds >= 0:
        raise ValueError(f"{flag} must not be negative: {seconds}")
    return float(seconds) or None
