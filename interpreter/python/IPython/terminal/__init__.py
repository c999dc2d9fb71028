"""The shell on a terminal, by the names by which programs start it."""

from IPython import _part


def __getattr__(name):
    return _part(__name__, name)
