"""Cells that were entered before, by their numbers: what magics mean by `3-7 ~1/2`.

A range is a line or several of one session: `5`, `1-5` (5 included), `1:5` (without 5), `4-`,
`-7`; with `243/` before it of the session of that number, with `~2/` of the one two before this.
`~2/` alone is all of a session, and `~8/1-~6/5` goes from one session to another.
"""

import re

import _rhumba_history
import _rhumba_shell

from rhumba.shell import UsageError

__all__ = ["Cell", "cells", "is_ranges", "last", "matching", "source_of"]

_RANGE = re.compile(
    r"(?:(?P<session>~?\d+)/)?(?P<first>\d+)?"
    r"(?:(?P<mark>[-:])(?:(?P<last_session>~?\d+)/)?(?P<last>\d+)?)?"
)


class Cell:
    """A cell: its session (None for this one), its number, its text, and the text of its result.

    result: that text, or a function that gives it when somebody asks, as the code of objects may be run for it
    ordinal: how many cells were entered up to it, where that is this session's: several may have one number
    """

    __slots__ = ("session", "number", "source", "_result", "ordinal")

    def __init__(self, session, number, source, result, ordinal=None):
        self.session = session
        self.number = number
        self.source = source
        self._result = result
        self.ordinal = ordinal

    @property
    def result(self):
        """The text of its result; None if there was none."""
        if callable(self._result):
            self._result = self._result(self.ordinal)
        return self._result

    @property
    def place(self):
        """The range that means this cell alone."""
        return str(self.number) if self.session is None else f"{self.session}/{self.number}"


def is_ranges(words):
    """Whether words are ranges, and not names or text."""
    return bool(words) and all(_parsed(word) is not None for word in words)


def _parsed(word):
    found = _RANGE.fullmatch(word)
    return found if found and any(found.group("session", "first", "mark")) else None


def cells(words):
    """The cells that ranges mean, in the order of the ranges."""
    found = []
    for word in words:
        for session, first, past in spans(word):
            found += _of_session(-session, first, past)
    return found


def spans(word):
    """What a range means, as (session, first, past): sessions as 0, -1, …, an open end as None."""
    parsed = _parsed(word)
    if parsed is None:
        raise UsageError(f"{word!r} is no range of cells, such as 5, 3-7, 4-, ~1/ or ~2/3-7.")
    session, first, mark, last_session, last = parsed.group("session", "first", "mark", "last_session", "last")
    begin = _back(session)
    end = _back(last_session) if last_session else begin
    if begin < end:
        raise UsageError(f"the range {word!r} ends in an earlier session than it begins.")
    start = int(first) if first else 1
    if mark is None:
        past = start + 1 if first else None
    elif last is None:
        past = None
    else:
        past = int(last) + (mark == "-")
    return [
        (-back, start if back == begin else 1, past if back == end else None) for back in range(begin, end - 1, -1)
    ]


def _back(session):
    """How many sessions ago."""
    if session is None:
        return 0
    if session.startswith("~"):
        return int(session[1:])
    back = _number() - int(session)
    if back < 0:
        raise UsageError(f"there is no session {session} yet.")
    return back


def _number():
    number = _rhumba_history.session()
    if number is None:
        raise UsageError("cells of other sessions aren't kept here.")
    if not _rhumba_history.is_kept():
        raise UsageError("cells of other sessions are no part of the history while HistoryManager.enabled is False.")
    return number


def _is_over_sessions():
    """Whether there is more to look at than what this session remembers."""
    return bool(_rhumba_history.session()) and _rhumba_history.is_kept()


def _of_session(back, first, past):
    if back == 0:
        return [cell for cell in this_session() if first <= cell.number and (past is None or cell.number < past)]
    session = _number() - back
    rows = _rhumba_history.range(session, first, past)
    return [Cell(*row) for row in rows]


def this_session(after=0):
    """The cells of this session, the one that runs included, without the first so many."""
    entered = _rhumba_shell.entered_cells()
    result_of = _results(entered)
    return [
        Cell(None, entered[ordinal - 1][0], source, result_of, ordinal)
        for ordinal, source in _inputs(entered)
        if ordinal > after
    ]


def _inputs(entered):
    """The texts in `In`, each with the ordinal of the cell that it is of."""
    inputs = _rhumba_shell.inputs()
    if len(inputs) == len(entered) + 1:
        return list(enumerate(inputs))[1:]
    # Some were taken out: the others are still those of their cells.
    ordinals = {}
    for ordinal, (_, source, _) in enumerate(entered, 1):
        ordinals.setdefault(id(source), []).append(ordinal)
    found = [(ordinals[id(source)].pop(), source) for source in reversed(inputs) if ordinals.get(id(source))]
    return found[::-1]


def _results(entered):
    """A function that gives the text of a cell's result by the cell's ordinal, None where there is none."""
    # What is kept under a number is the last one's of those that had it.
    kept = _rhumba_shell.namespace().get("_oh") or {}
    keepers = {number: ordinal for ordinal, (number, _, has_value) in enumerate(entered, 1) if has_value}
    # Where numbers have gone back, another session of the history has begun.
    begin = len(entered)
    while begin > 1 and entered[begin - 2][0] < entered[begin - 1][0]:
        begin -= 1
    stored = None

    def stored_result(number):
        nonlocal stored
        if stored is None:
            session = _rhumba_history.session()
            rows = _rhumba_history.range(session, 1, None) if session else ()
            stored = {row[1]: row[3] for row in rows if row[3] is not None}
        return stored.get(number)

    def result_of(ordinal):
        number = entered[ordinal - 1][0]
        text = _rhumba_history.result(ordinal)
        if text is None and ordinal >= begin:
            text = stored_result(number)
        if text is None and keepers.get(number) == ordinal and number in kept:
            text = _repr(kept[number])
        return text

    return result_of


def _repr(value):
    try:
        return repr(value)
    except Exception as failure:
        return f"<repr() raised {type(failure).__name__}>"


def before_this():
    """The cells of this session up to the one that runs, without it."""
    return this_session()[:-1]


def last(count, with_this=False):
    """The last cells, of this session and those before, without the one that runs unless that is wanted too."""
    if not _is_over_sessions():
        return (this_session() if with_this else before_this())[-count:]
    rows = _rhumba_history.tail(count) if with_this else _rhumba_history.tail(count + 1)[:-1]
    return _own([Cell(*row) for row in rows])


def holding(text, count=None):
    """The cells, of all sessions, that hold a text somewhere, as it is."""
    return matching("".join(f"[{letter}]" if letter in "*?[" else letter for letter in text), count)


def matching(pattern, count=None, unique=False):
    """The cells, of all sessions, whose text a pattern with *, ? and [] matches somewhere."""
    pattern = f"*{pattern}*" if pattern else "*"
    if not _is_over_sessions():
        import fnmatch

        found = [cell for cell in before_this() if fnmatch.fnmatchcase(cell.source, pattern)]
        if unique:
            found = list({cell.source: cell for cell in found}.values())
        return found[-count:] if count else found
    more = None if count is None else count + 1
    rows = _rhumba_history.search(pattern, more, unique)
    current = _rhumba_shell.cell_count()
    session = _rhumba_history.session()
    # The cell that asks holds what it asks for.
    found = [Cell(*row) for row in rows if (row[0], row[1]) != (session, current)]
    return _own(found[-count:] if count else found)


def _own(found):
    """The same cells, those of this session under their bare numbers."""
    session = _rhumba_history.session()
    for cell in found:
        if cell.session == session:
            cell.session = None
    return found


def source_of(words, raw=True, namespace_first=False, skip_cookie=True):
    """The code that is meant by ranges, a file, an address, a macro, or a name bound to text.

    raw: cells as they were entered; else as the Python that they stood for
    namespace_first: an object is looked for first, and its source taken
    skip_cookie: leaves out the line of a file that says how it is encoded
    """
    target = " ".join(words).strip()
    if not target:
        raise UsageError("name what is meant: cells such as 3-7, a file, or a name bound to text.")
    if is_ranges(words):
        return _joined_cells(words, raw)
    if namespace_first:
        found = _source_in_namespace(target)
        if found is not None:
            return found
    if target.startswith(("http://", "https://", "ftp://")):
        return _fetched(target)
    path = file_of(target)
    if path is not None:
        return read(path, skip_cookie)
    found = _source_in_namespace(target)
    if found is None:
        raise UsageError(f"{target!r} is neither cells, nor a file, nor a name bound to text or code.")
    return found


def _joined_cells(words, raw):
    text = joined(cells(words), raw)
    if not text.strip():
        target = " ".join(words)
        # A number may be the name of a file, too.
        path = file_of(target)
        if path is None:
            raise UsageError(f"{target} means no cell with anything in it; %history -n shows which there are.")
        return read(path)
    return text


def joined(found, raw=True):
    """The text of several cells, one under the other."""
    return "".join(text_of(cell, raw).rstrip("\n") + "\n" for cell in found)


def text_of(cell, raw=True):
    return cell.source if raw else _rhumba_shell.transform_cell(cell.source)


def file_of(target):
    """The path of the file that is meant, with or without its .py, or None."""
    import os

    path = os.path.expanduser(target)
    for candidate in (path, path + ".py", path + ".ipy"):
        if os.path.isfile(candidate):
            return candidate
    return None


def read(path, skip_cookie=False):
    """The code in a file, in the encoding that it says it has; of a notebook, the code of its cells."""
    from IPython.utils.openpy import read_py_file

    try:
        text = read_py_file(path, skip_cookie)
    except (OSError, UnicodeDecodeError) as failure:
        raise UsageError(f"{path} can't be read: {failure}") from None
    if path.endswith(".ipynb"):
        import json

        found = json.loads(text).get("cells", [])
        code = ["".join(cell["source"]) for cell in found if cell.get("cell_type") == "code"]
        return "\n\n".join(code) + "\n"
    return text


def _fetched(address):
    from urllib.request import urlopen

    try:
        with urlopen(address, timeout=30) as answer:
            return answer.read().decode("utf-8", "replace")
    except (OSError, ValueError) as failure:
        raise UsageError(f"{address} can't be fetched: {failure}") from None


def _source_in_namespace(target):
    """The text that an expression of names gives, or the source of the object that it gives."""
    if not all(part.isidentifier() for part in target.split(".")):
        return None
    try:
        value = eval(target, _rhumba_shell.namespace())
    except Exception:
        return None
    if isinstance(value, str):
        return value
    import inspect

    from IPython.core.macro import Macro

    if isinstance(value, Macro):
        return value.value

    try:
        return inspect.getsource(value)
    except (TypeError, OSError):
        return None
