"""Names by patterns with * and ?."""

import fnmatch
import re

__all__ = ["filter_ns", "list_namespace"]


def filter_ns(ns, name_pattern="*", type_pattern="all", ignore_case=True, show_all=True):
    """The items of a dict whose names are like a pattern, and whose values are of a type."""
    like = re.compile(fnmatch.translate(name_pattern), re.IGNORECASE if ignore_case else 0).match
    return {
        name: value
        for name, value in ns.items()
        if like(name)
        and (show_all or not name.startswith("_"))
        and (type_pattern == "all" or type(value).__name__ == type_pattern)
    }


def list_namespace(namespace, type_pattern, filter, ignore_case=False, show_all=False):
    """The items of a dict whose names are like a pattern; parts behind dots are looked for in the values."""
    first, dot, rest = filter.partition(".")
    if not dot:
        return filter_ns(namespace, first, type_pattern, ignore_case, show_all)
    found = {}
    for name, value in filter_ns(namespace, first, "all", ignore_case, show_all).items():
        own = {}
        for attribute in dir(value):
            try:
                own[attribute] = getattr(value, attribute)
            except Exception:
                # What can't be read isn't listed.
                continue
        inner = list_namespace(own, type_pattern, rest, ignore_case, show_all)
        found.update((f"{name}.{each}", value) for each, value in inner.items())
    return found
