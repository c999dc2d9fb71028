"""Functions that are told when the shell is set to something else: `get_ipython().observe(function, "colors")`.

A function is told of what is set by `%config`, by other magics, or as an attribute of the shell.
"""

from rhumba.shell import Shell


class Change(dict):
    """What has changed: `name`, `old`, `new`, `owner` and `type`, as keys and as attributes."""

    def __getattr__(self, name):
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


class Observers:
    """The functions of each name; those of None are told of every setting."""

    def __init__(self):
        self.by_name = {}
        # How often anybody was told.
        self.count = 0

    def add(self, function, name):
        known = self.by_name.setdefault(name, [])
        if function not in known:
            known.append(function)

    def remove(self, function, name):
        try:
            self.by_name.get(name, []).remove(function)
        except ValueError:
            raise ValueError(f"{function!r} doesn't observe {name or 'everything'}") from None

    def watch(self, name):
        return bool(self.by_name.get(name) or self.by_name.get(None))

    def tell(self, shell, name, old, new):
        self.count += 1
        if old == new:
            return
        change = Change(name=name, old=old, new=new, owner=shell, type="change")
        for function in [*self.by_name.get(name, ()), *self.by_name.get(None, ())]:
            function(change)


class _Observed(Shell):
    """What the shell is made of from the moment on that somebody observes it."""

    def __setattr__(self, name, value):
        from rhumba import _attributes

        if _attributes._setting(name) is None or not self._observers.watch(name):
            super().__setattr__(name, value)
            return
        old = getattr(self, name, None)
        super().__setattr__(name, value)
        self._observers.tell(self, name, old, getattr(self, name, None))


_Observed.__name__ = _Observed.__qualname__ = Shell.__name__


def write(shell, setting, value):
    """Sets a setting that isn't an attribute of its own, and tells who observes it."""
    observers = vars(shell).get("_observers")
    if observers is None or not observers.watch(setting.name):
        setting._write(shell, value)
        return
    before, count = setting.read(shell), observers.count
    setting._write(shell, value)
    # Some are kept on the shell after all, and were told of as such.
    if observers.count == count:
        observers.tell(shell, setting.name, before, setting.read(shell))


# -- methods of the shell


def _listed(names):
    return [names] if names is None or isinstance(names, str) else list(names)


def observe(shell, handler, names=None, type="change"):
    """Has a function told of changes of these settings, or of all: it is called with a `Change`."""
    if "_observers" not in vars(shell):
        shell._observers = Observers()
        shell.__class__ = _Observed
    for name in _listed(names):
        shell._observers.add(handler, name)


def unobserve(shell, handler, names=None, type="change"):
    """Tells a function no more; ValueError if it wasn't told."""
    for name in _listed(names):
        (vars(shell).get("_observers") or Observers()).remove(handler, name)


def unobserve_all(shell, name=None):
    """Tells nobody any more of a setting, or of any."""
    observers = vars(shell).get("_observers")
    if observers is not None and name is None:
        observers.by_name.clear()
    elif observers is not None:
        observers.by_name.pop(name, None)
