"""Lists: without what comes again, in pieces."""

__all__ = ["chop", "uniq_stable"]


def uniq_stable(elems):
    """The elements, each at its first place only."""
    return list(dict.fromkeys(elems))


def chop(seq, size):
    """A sequence in pieces of a size."""
    return [seq[at : at + size] for at in range(0, len(seq), size)]
