"""Marks functions whose docstring is no doctest."""

__all__ = ["skip_doctest"]


def skip_doctest(f):
    f.__skip_doctest__ = True
    return f
