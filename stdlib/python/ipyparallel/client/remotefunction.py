"""Functions that run on engines when they are called: `@remote` and `@parallel`.

    @view.remote(block=True)
    def host():
        return socket.gethostname()

    @view.parallel(block=True)
    def total(numbers):
        return sum(numbers)

`host()` runs on each engine of the view; `total(numbers)` runs on each with a
part of the numbers.
"""

from ..error import KernelError
from .asyncresult import AsyncMapResult
from .checks import whole
from .map import Map, distribution, listed, sized


def remote(view, block=None, **flags):
    """Makes a function one that runs on the engines of a view: a decorator; see `View.remote`."""
    _check_flags(view, flags)

    def decorate(f):
        return RemoteFunction(view, f, block, **flags)

    return decorate


def parallel(view, dist="b", block=None, ordered=True, **flags):
    """Makes a function one that runs on parts of sequences: a decorator; see `View.parallel`."""
    _check_flags(view, flags)
    distribution(dist)

    def decorate(f):
        return ParallelFunction(view, f, dist, block, ordered, **flags)

    return decorate


class RemoteFunction:
    """A function that runs on the engines of a view.

    view, func: where it runs, and what
    block: whether calling it waits; None means as the view says
    flags: the view's flags during its calls
    """

    def __init__(self, view, f, block=None, **flags):
        if not callable(f):
            raise TypeError(f"functions run on engines, not {type(f).__name__} objects")
        self.view = view
        self.func = f
        self.block = block
        self.flags = flags
        self.__name__ = getattr(f, "__name__", type(f).__name__)
        about = f"{type(self).__name__} on {view!r}."
        self.__doc__ = "\n\n".join(filter(None, (about, getattr(f, "__doc__", None))))

    def __repr__(self):
        return f"<{type(self).__name__}({self.__name__}) on {self.view!r}>"

    def __call__(self, *args, **kwargs):
        """Calls the function on the engines; returns what `View.apply` returns."""
        return self._own_view().apply(self.func, *args, **kwargs)

    def _own_view(self):
        """Returns a view with the flags of its calls; others may use theirs meanwhile."""
        flags = self.flags if self.block is None else {**self.flags, "block": self.block}
        return self.view._with(flags) if flags else self.view


class ParallelFunction(RemoteFunction):
    """A function of sequences that runs on a part of them on each engine.

    Calling it gives each engine the parts of all sequences that belong
    together, and puts what it returns for them together again. `map` calls the
    function for each item instead.

    dist: how sequences are cut
    chunksize: how many items make a part, on a load-balanced view; by default
        as many as make one part for each engine
    ordered: whether iterating over the result keeps the order of the input
    """

    def __init__(
        self, view, f, dist="b", block=None, ordered=True, chunksize=None,
        return_exceptions=False, **flags,
    ):  # fmt: skip
        RemoteFunction.__init__(self, view, f, block, **flags)
        self.dist = dist
        self.chunksize = None if chunksize is None else whole("chunksize", chunksize, 1, None)
        self.ordered = ordered
        self.return_exceptions = return_exceptions

    def __call__(self, *sequences):
        """Calls the function on parts of the sequences, which must be of the same length.

        Returns the list of all that it returned if it blocks, else an AsyncMapResult.
        Raises TypeError without a sequence, ValueError if their lengths differ.
        """
        if not sequences:
            raise TypeError(f"{self.__name__} needs at least one sequence to share out")
        sequences = [sized(sequence) for sequence in sequences]
        lengths = set(map(len, sequences))
        if len(lengths) > 1:
            raise ValueError(f"the sequences must have the same length, not {sorted(lengths)}")
        return self._own_view()._call_on_parts(self, sequences, lengths.pop())

    def map(self, *sequences):
        """Calls the function for each item of the sequences; see the view's `map`."""
        options = {"return_exceptions": self.return_exceptions}
        return self._own_view().map(self.func, *sequences, **options)


def call_on_engines(view, function, sequences, count):
    """Calls a ParallelFunction on a DirectView: one part for each engine."""
    ids, _ = view._resolve(None)
    ids = ids[: max(1, min(len(ids), count))]
    map_ = distribution(function.dist)
    parts = [
        [tuple(map_.getPartition(seq, part, len(ids)) for seq in sequences)]
        for part in range(len(ids))
    ]
    group = view._connection.submit_map(ids, function.func, parts, view._label)
    return _result(view, group, function, map_)


def call_on_any(view, function, sequences, count):
    """Calls a ParallelFunction on a LoadBalancedView: one part for each task."""
    map_ = distribution(function.dist)
    if function.chunksize is None:
        part_count = max(1, min(len(view), count))
    else:
        part_count = max(1, -(-count // function.chunksize))
    parts = [
        [map_.getPartition(seq, part, part_count) for part in range(part_count)]
        for seq in sequences
    ]
    group = view._connection.submit_task_map(
        function.func, listed(parts), 1, view._terms, view._label
    )
    return _result(view, group, function, map_)


def _result(view, group, function, map_):
    def join(values):
        # What ran on a part is a list of one: what the function returned for it.
        failed = [isinstance(value, KernelError) for value in values]
        parts = [value if is_error else value[0] for value, is_error in zip(values, failed)]
        # With errors in the place of some they can't be put together as they were cut.
        return (Map() if any(failed) else map_).joinPartitions(parts)

    result = AsyncMapResult(
        view.client, group, function.__name__, "map", joiner=join, ordered=function.ordered,
        return_exceptions=function.return_exceptions,
    )  # fmt: skip
    return view._deliver(result, None)


def _check_flags(view, flags):
    for name in flags:
        if name not in view._flag_attributes and name not in ("chunksize", "return_exceptions"):
            known = ", ".join(view._flag_attributes)
            raise TypeError(f"{name!r} is not a flag of this view; its flags are {known}")


__all__ = ["ParallelFunction", "RemoteFunction", "parallel", "remote"]
