"""What programs may replace in the shell."""

from IPython.core.error import TryNext

__all__ = ["CommandChainDispatcher", "TryNext"]


class CommandChainDispatcher:
    """Functions that are asked one after the other, until one doesn't raise TryNext."""

    def __init__(self, commands=None):
        self.chain = list(commands or [])

    def add(self, func, priority=0):
        """Adds a function; those of a lower priority are asked first."""
        self.chain.append((priority, func))
        self.chain.sort(key=lambda entry: entry[0])

    def __iter__(self):
        return iter(self.chain)

    def __call__(self, *args, **kwargs):
        last = TryNext("no function is there to be asked")
        for _, function in self.chain:
            try:
                return function(*args, **kwargs)
            except TryNext as left:
                last = left
        raise last
