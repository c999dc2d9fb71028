"""Names by patterns with * and ?."""

import fnmatch
import re

__all__ = ["dict_dir", "filter_ns", "list_namespace"]


def dict_dir(obj):
    """The attributes of an object that can be read, as a dict by name."""
    from IPython.utils.dir2 import dir2

    found = {}
    for name in dir2(obj):
        try:
            found[name] = getattr(obj, name)
        except Exception:
            # What can't be read isn't listed.
            continue
    return found


def filter_ns(ns, name_pattern="*", type_pattern="all", ignore_case=True, show_all=True):
    """The items of a dict whose names are like a pattern, and whose values are of a type.

    show_all: those that begin with one underscore, too
    """
    like = re.compile(fnmatch.translate(name_pattern), re.IGNORECASE if ignore_case else 0).match
    return {
        name: value
        for name, value in ns.items()
        if like(name)
        and (show_all or not name.startswith("_") or name.startswith("__"))
        and (type_pattern == "all" or type(value).__name__ == type_pattern)
    }


def list_namespace(namespace, type_pattern, filter, ignore_case=False, show_all=False):
    """The items of a dict whose names are like a pattern; parts behind dots are looked for in the values."""
    first, dot, rest = filter.partition(".")
    if not dot:
        return filter_ns(namespace, first, type_pattern, ignore_case, show_all)
    found = {}
    for name, value in filter_ns(namespace, first, "all", ignore_case, show_all).items():
        inner = list_namespace(dict_dir(value), type_pattern, rest, ignore_case, show_all)
        found.update((f"{name}.{each}", value) for each, value in inner.items())
    return found
