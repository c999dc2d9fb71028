"""A dict whose items are attributes, too."""

__all__ = ["Struct"]


class Struct(dict):
    """A dict whose items can be read and set as attributes; names of its methods can't be."""

    def __init__(self, *args, **kw):
        object.__setattr__(self, "_allownew", True)
        super().__init__(*args, **kw)

    def __getattr__(self, key):
        try:
            return self[key]
        except KeyError:
            raise AttributeError(f"there is no {key!r}", name=key, obj=self) from None

    def __setattr__(self, key, value):
        if key in self.__dict__ or hasattr(Struct, key):
            raise AttributeError(f"{key!r} is a name of the class itself", name=key, obj=self)
        try:
            self[key] = value
        except KeyError as failure:
            raise AttributeError(failure.args[0], name=key, obj=self) from None

    def __setitem__(self, key, value):
        if not self._allownew and key not in self:
            raise KeyError(f"there is no {key!r}, and allow_new_attr(False) keeps it from being made")
        super().__setitem__(key, value)

    def allow_new_attr(self, allow=True):
        """Sets whether names that aren't there yet can be set."""
        object.__setattr__(self, "_allownew", allow)

    def hasattr(self, key):
        return key in self

    def copy(self):
        return Struct(self)

    def dict(self):
        return self

    def merge(self, other=None, conflicts=None, **kw):
        """Takes the items of another dict; those that are there stay.

        conflicts: what becomes of those, by their keys: a function of both values, or its name:
            "preserve", "update", "add", "add_flip", "add_s"; either way round: {function: keys}
        """
        solved = {}
        for key, value in (conflicts or {}).items():
            if callable(key) or key in _SOLVED:
                names = value.split() if isinstance(value, str) else value
                solved.update(dict.fromkeys(names, key))
            else:
                solved[key] = value
        for key, value in {**(other or {}), **kw}.items():
            if key not in self:
                self[key] = value
                continue
            solve = solved.get(key, "preserve")
            self[key] = (solve if callable(solve) else _SOLVED[solve])(self[key], value)

    def __iadd__(self, other):
        self.merge(other)
        return self

    def __add__(self, other):
        merged = self.copy()
        merged.merge(other)
        return merged

    def __isub__(self, other):
        for key in list(other):
            self.pop(key, None)
        return self

    def __sub__(self, other):
        left = self.copy()
        left -= other
        return left



# What becomes of an item that both have, by the name of the way.
_SOLVED = {
    "preserve": lambda old, new: old,
    "update": lambda old, new: new,
    "add": lambda old, new: old + new,
    "add_flip": lambda old, new: new + old,
    "add_s": lambda old, new: f"{old} {new}",
}
