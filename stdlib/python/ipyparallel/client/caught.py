"""What raises within a part of a map whose other items are to go on: `return_exceptions`.

A part that raises fails as a whole. Where it has several items, what is called
on the engine catches what each of them raises, and gives the RemoteError that it
would be by itself.
"""

from ..error import RemoteError, UnmetDependency


class Catching:
    """A function that returns what it raises as a RemoteError; engines call it."""

    def __init__(self, f):
        if not callable(f):
            raise TypeError(f"engines call functions, not {type(f).__name__} objects")
        self.f = f
        self.__name__ = getattr(f, "__name__", type(f).__name__)

    def __call__(self, *args):
        try:
            return self.f(*args)
        except UnmetDependency:
            # It is this engine that can't; a task goes to another one.
            raise
        except Exception as failure:
            return _as_remote(failure)


def _as_remote(failure):
    from traceback import format_exception

    # What is above is not the user's.
    below = failure.__traceback__.tb_next
    try:
        evalue = str(failure)
    except Exception:
        evalue = f"<no message: str() of {type(failure).__name__} fails>"
    text = "".join(format_exception(type(failure), failure, below))
    return RemoteError(type(failure).__name__, evalue, text, {"method": "map"})


def catching(f, items_max):
    """Returns what engines call for a map whose parts have so many items at most."""
    return Catching(f) if items_max > 1 else f


def tell_engine(items, engine_id):
    """Completes the errors among the items of a part, which don't know where they were raised."""
    for item in items:
        if isinstance(item, RemoteError):
            item.engine_info.setdefault("engine_id", engine_id)
