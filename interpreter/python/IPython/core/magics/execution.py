"""How times are put into words."""

from rhumba._magics.timing import span

__all__ = ["_format_time"]


def _format_time(timespan, precision=3):
    """A time as people read it: 1.52 ms, 3min 2s."""
    return span(timespan, precision)
