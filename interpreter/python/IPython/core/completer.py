"""What completes names, by the names by which programs import it."""

from rhumba._interface import Completer

__all__ = ["IPCompleter", "provisionalcompleter"]

IPCompleter = Completer


class provisionalcompleter:
    """A block in which programs may ask for completions; here they always may."""

    def __init__(self, action="ignore"):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        return False
