"""What was typed, by the names by which programs import it.

The history itself is kept by who embeds the interpreter; the shell keeps one for all its sessions. Other files
aren't read here. Read next: `rhumba._past`.
"""

from rhumba._interface import HistoryManager

__all__ = ["HistoryAccessor", "HistoryManager", "extract_hist_ranges"]


class HistoryAccessor(HistoryManager):
    """What was typed in all sessions, for programs that only look."""

    def __init__(self, profile="default", hist_file="", **options):
        if hist_file:
            raise ValueError(f"only the shell's own history is read here, not {hist_file}: sqlite3 can open it")
        super().__init__()


def extract_hist_ranges(ranges_str):
    """Ranges of cells, "~8/5-~7/3 6 2/10-", as (session, first, past).

    Sessions are 0 for this one, -1 for the one before, or the number that was given; an open end is None. What is no
    range is passed over.
    """
    from rhumba import _past

    if not ranges_str.strip():
        yield 0, 1, None
    for word in ranges_str.split():
        parsed = _past._parsed(word)
        if parsed is None:
            continue
        session, first, mark, last_session, last = parsed.group("session", "first", "mark", "last_session", "last")
        begin = _signed(session)
        end = begin if last_session is None else _signed(last_session)
        start = int(first) if first else 1
        if mark is None:
            past = start + 1 if first else None
        else:
            past = None if last is None else int(last) + (mark == "-")
        for number in range(begin, end + 1):
            yield number, start if number == begin else 1, past if number == end else None


def _signed(session):
    """A session as it is written, ~2 or 243, as a number."""
    return 0 if session is None else -int(session[1:]) if session.startswith("~") else int(session)
