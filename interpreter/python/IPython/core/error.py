"""The error of a magic that was called in a way it doesn't know."""

from rhumba.shell import UsageError

__all__ = ["UsageError"]
