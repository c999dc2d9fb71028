"""What modules with doctests import."""

from IPython import _part


def __getattr__(name):
    return _part(__name__, name)
