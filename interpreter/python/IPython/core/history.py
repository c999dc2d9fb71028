"""What was typed, by the names by which programs import it."""

from rhumba._interface import HistoryManager

__all__ = ["HistoryManager", "extract_hist_ranges"]


def extract_hist_ranges(ranges_str):
    """Ranges of cells, "~8/5-~7/3 6 10-", as (session, first, past): sessions as 0, -1, …, open ends as None."""
    from rhumba import _past

    if not ranges_str.strip():
        yield 0, 1, None
        return
    for word in ranges_str.split():
        yield from _past.spans(word)
