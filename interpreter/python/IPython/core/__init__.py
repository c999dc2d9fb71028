"""The parts of IPython's core that programs import by name."""

from IPython import _part


def __getattr__(name):
    return _part(__name__, name)
