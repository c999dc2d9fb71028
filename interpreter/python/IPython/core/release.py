"""The level of the interface that these names follow."""

from IPython import __version__, version_info

__all__ = ["version", "version_info"]

version = __version__
