"""How a sequence is cut into one part per engine, and put together again.

Two distributions, named as in `DirectView.scatter`: 'b' gives each engine a
block of neighbours, 'r' deals the items out one by one, round and round. The
names `Map` and `RoundRobinMap` are ipyparallel's. Nothing here sends anything.
"""


class Map:
    """Blocks: part p of q is a run of neighbours; the first n % q are one longer."""

    def getPartition(self, seq, p, q, n=None):
        """Returns part `p` of `q` of `seq`, of which `n` items count (all of them by default).

        A part has the type that slicing `seq` gives, or is a list where `seq`
        can't be sliced. Raises ValueError unless 0 <= p < q.
        """
        if not 0 <= p < q:
            raise ValueError(f"part {p} of {q} does not exist: it must be at least 0 and below {q}")
        count = len(seq) if n is None else n
        base, longer = divmod(count, q)
        low = p * base + min(p, longer)
        return _cut(seq, slice(low, low + base + (p < longer)))

    def joinPartitions(self, parts):
        """Returns the items of all parts in one list, as they were before they were cut.

        Parts that aren't lists, tuples or ranges (numbers, strings, bytes, …)
        are items themselves, so that the parts come back as they are.
        """
        if not any([isinstance(part, (list, tuple, range)) for part in parts]):
            return list(parts)
        joined = []
        for part in parts:
            # A part of length one may have been scattered as the item itself.
            if isinstance(part, (list, tuple, range)):
                joined.extend(part)
            else:
                joined.append(part)
        return joined


class RoundRobinMap(Map):
    """Dealing out: part p of q has the items p, p + q, p + 2q, …"""

    def getPartition(self, seq, p, q, n=None):
        """Returns part `p` of `q` of `seq`; see `Map.getPartition`."""
        if not 0 <= p < q:
            raise ValueError(f"part {p} of {q} does not exist: it must be at least 0 and below {q}")
        return _cut(seq, slice(p, len(seq) if n is None else n, q))

    def joinPartitions(self, parts):
        """Returns the items of all parts in their first order; see `Map.joinPartitions`."""
        if not any([isinstance(part, (list, tuple, range)) for part in parts]):
            return list(parts)
        parts = [part if isinstance(part, (list, tuple, range)) else [part] for part in parts]
        count, stride = sum(map(len, parts)), len(parts)
        joined = [None] * count
        for position, part in enumerate(parts):
            if len(part) != len(range(position, count, stride)):
                raise ValueError(
                    f"these parts were not dealt out round robin: part {position} of {stride}"
                    f" has {len(part)} of {count} items"
                )
            joined[position::stride] = part
        return joined


dists = {"b": Map, "r": RoundRobinMap}


def distribution(name):
    """Returns the Map for 'b' or 'r'. Raises ValueError for any other name."""
    try:
        return dists[name]()
    except (KeyError, TypeError):
        raise ValueError(f"dist must be 'b' (blocks) or 'r' (round robin), not {name!r}") from None


def sized(seq):
    """Returns `seq` if it has a length and can be cut, else a list of its items."""
    return seq if hasattr(seq, "__len__") and hasattr(seq, "__getitem__") else list(seq)


def listed(sequences):
    """Returns the sequences as lists, each no longer than the shortest that has a length.

    An endless iterator is so taken along by a finite sequence beside it.
    """
    lengths = [len(sequence) for sequence in sequences if hasattr(sequence, "__len__")]
    if len(lengths) == len(sequences) or not lengths:
        return [seq if type(seq) is list else list(seq) for seq in sequences]
    from itertools import islice

    return [list(islice(sequence, min(lengths))) for sequence in sequences]


def _cut(seq, part):
    try:
        return seq[part]
    except (TypeError, KeyError):
        from itertools import islice

        return list(islice(seq, part.start, part.stop, part.step))
