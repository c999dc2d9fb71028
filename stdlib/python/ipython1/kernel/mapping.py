"""Mapping as IPython 0.9 has it: objects with a `map`, and functions made parallel by them."""

from functools import update_wrapper


class Mapper:
    """Maps functions over sequences in one particular way.

    Made by the method `mapper` of a client.
    """

    def __init__(self, run):
        # What maps a function over a list of sequences of the same length.
        self._run = run

    def map(self, func, *sequences):
        """Calls `func` for each item of the sequences, with one item of each.

        Raises TypeError without a sequence, ValueError if their lengths differ.
        """
        return self._run(func, of_one_length(sequences))


def of_one_length(sequences):
    """Returns a list of sequences whose lengths are known to be the same."""
    if not sequences:
        raise TypeError("map needs at least one sequence")
    sequences = [each if hasattr(each, "__len__") else list(each) for each in sequences]
    lengths = set(map(len, sequences))
    if len(lengths) > 1:
        raise ValueError(f"the sequences must have the same length, not {sorted(lengths)}")
    return sequences


def parallel_by(mapper):
    """Returns a decorator that makes a function map itself over sequences."""

    def decorate(func):
        def parallel(*sequences):
            return mapper.map(func, *sequences)

        # A function on the engines may be given by its name.
        return update_wrapper(parallel, func) if callable(func) else parallel

    return decorate
