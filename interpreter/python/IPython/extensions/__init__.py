"""The extensions that come along with the shell, under the names by which they are loaded."""

from IPython import _part


def __getattr__(name):
    return _part(__name__, name)
