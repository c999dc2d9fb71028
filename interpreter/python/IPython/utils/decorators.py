"""Marks of functions, and whether they have run."""

import functools

__all__ = ["flag_calls", "sphinx_options", "undoc"]


def flag_calls(func):
    """The function, with an attribute `called` that tells whether it has run to its end."""
    if hasattr(func, "called"):
        return func

    @functools.wraps(func)
    def flagged(*args, **kwargs):
        flagged.called = False
        value = func(*args, **kwargs)
        flagged.called = True
        return value

    flagged.called = False
    return flagged


def undoc(func):
    """Marks what no documentation tells of."""
    return func


def sphinx_options(**options):
    """Marks how documentation tells of a function."""

    def mark(func):
        func._sphinx_options = options
        return func

    return mark
