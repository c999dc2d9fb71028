"""Tracebacks in the modes that `%xmode` knows, for a person who looks at them.

    Plain     as the standard traceback module writes them
    Context   each frame with the lines around its place
    Verbose   the same with the values that its names had
    Minimal   only what was raised, and the members of a group
    Docs      as documentation and doctests write them: without the frames

Causes, contexts, groups and notes are the same in all of them but Minimal, and are `_failure`'s;
the frames and their carets are `_stack`'s. An engine imports this only if it is asked to.
"""

import keyword
import sys

from rhumba import _failure, _stack

MODES = ("Plain", "Context", "Verbose", "Minimal", "Docs")
# Lines before the place of a frame, and behind it.
_LINES_AROUND = 2
# Functions that call each other in turn are told once, from so many rounds on.
_ROUNDS_MIN = 4
_ROUND_LENGTH_MAX = 24
# A line of source, and the values of one frame, are told as far as this.
_LINE_CHARS_MAX = 400
_VALUE_CHARS_MAX = 160
_VALUES_MAX = 24

_mode = None
# Whether frames that ask to be hidden are shown all the same.
shows_hidden = False


def mode():
    """The mode that tracebacks are shown in: until one is chosen, Context for a person who types."""
    return _mode or ("Context" if sys.flags.interactive else "Plain")


def set_mode(name=None):
    """Chooses a mode by its name, in any case; without one, the next in their order.

    Returns the name; ValueError if there is no such mode.
    """
    global _mode
    if name is None:
        _mode = MODES[(MODES.index(mode()) + 1) % len(MODES)]
    else:
        _mode = known_mode(name)
    return _mode


def known_mode(name):
    """The mode that a person means; ValueError if there is none of that name."""
    wanted = name.strip().lower()
    # IPython's name for the same.
    wanted = "docs" if wanted == "doctest" else wanted
    for known in MODES:
        if known.lower() == wanted:
            return known
    raise ValueError(f"there is no mode {name!r}: the modes are {', '.join(MODES)}")


def text(exception, named=None):
    """The traceback of an exception, in the mode that is set or in the one that is named."""
    chosen = named or mode()
    if type(exception).__name__ == "BdbQuit" and type(exception).__module__ == "bdb":
        return "The debugger has ended what ran."
    if chosen == "Minimal":
        return "".join(_in_short(exception)).rstrip("\n")
    return _failure.chain_text(exception, _STACKS[chosen])


def _in_short(exception, depth=0):
    """The last lines of an exception; below those of a group, those of its members."""
    margin = "  " * depth
    lines = [_stack.indent(line, margin) for line in _failure._last_lines(exception)]
    if not isinstance(exception, BaseExceptionGroup):
        return lines
    if depth > _failure._DEEPEST_GROUP:
        return [*lines, f"{margin}  …\n"]
    members = exception.exceptions
    for member in members[: _failure._WIDEST_GROUP]:
        lines += _in_short(member, depth + 1)
    untold = len(members) - _failure._WIDEST_GROUP
    if untold > 0:
        lines.append(f"{margin}  and {untold} more exception{'s' if untold > 1 else ''}\n")
    return lines


def _context(tb):
    return _stack.format_stack(tb, _InContext())


def _verbose(tb):
    return _stack.format_stack(tb, _WithValues())


def _left_out(tb):
    # What stands there in documentation, and what doctest takes for any frames.
    return ["    ...\n"] if _stack.format_stack(tb) else []


_STACKS = {
    "Plain": _stack.format_stack,
    "Context": _context,
    "Verbose": _verbose,
    "Docs": _left_out,
}


class _LiveFrame(_stack._Frame):
    """A frame with the names in it."""

    __slots__ = ("live",)

    def __init__(self, tb):
        super().__init__(tb)
        self.live = tb.tb_frame

    def is_hidden(self):
        try:
            return not shows_hidden and bool(self.live.f_locals.get("__tracebackhide__"))
        except Exception:
            return False


class _InContext(_stack._Shown):
    """Frames with the lines around their places."""

    frame_type = _LiveFrame

    def format(self, frames):
        visible = [frame for frame in frames if not frame.is_hidden()]
        texts = self._without_rounds(visible or frames)
        hidden = len(frames) - len(visible)
        if visible and hidden:
            texts.append(f"  [{hidden} hidden frame{'s' if hidden > 1 else ''} not shown]\n")
        return texts

    def _without_rounds(self, frames):
        """The frames as text; of functions that call each other round and round, the first round."""
        places = [frame.place() for frame in frames]
        texts, pending, at = [], [], 0
        while at < len(frames):
            length, rounds = _round(places, at)
            if not length:
                pending.append(frames[at])
                at += 1
                continue
            texts += super().format([*pending, *frames[at : at + length]])
            texts.append(f"  [Previous {length} frames repeated {rounds - 1} more times]\n")
            pending = []
            at += length * rounds
        return texts + super().format(pending)

    def _text(self, frame):
        key = (*frame.place(), frame.end_line, frame.column, frame.end_column, frame.code)
        text = self._texts.get(key)
        if text is None:
            text = self._texts[key] = self._headline(frame) + around(frame)
        return text

    def _headline(self, frame):
        return _headline(frame, ", ".join(mark + name for mark, name in _parameters(frame.code)))


def _round(places, at):
    """How many places from this one on are met again and again, and how often; 0 and 0 if none are."""
    if places[at : at + 1] == places[at + 1 : at + 2]:
        # One place alone is counted by itself.
        return 0, 0
    for length in range(2, min(_ROUND_LENGTH_MAX, (len(places) - at) // _ROUNDS_MIN) + 1):
        first = places[at : at + length]
        rounds = 1
        while places[at + rounds * length : at + (rounds + 1) * length] == first:
            rounds += 1
        if rounds >= _ROUNDS_MIN:
            return length, rounds
    return 0, 0


class _WithValues(_InContext):
    """Frames with the lines around them and the values of their names."""

    def _text(self, frame):
        # Two frames at one place have values of their own.
        return self._headline(frame) + around(frame) + _values(frame)

    def _headline(self, frame):
        names = frame.live.f_locals
        told = []
        for mark, name in _parameters(frame.code):
            told.append(f"{mark}{name}={brief(names[name])}" if name in names else mark + name)
        return _headline(frame, ", ".join(told))


def _headline(frame, parameters):
    filename = frame.filename
    if filename.startswith("<stdin-") and filename.endswith(">"):
        filename = "<stdin>"
    # A method is told with its class, a function inside of another with that.
    where = "" if frame.name == "<module>" else f", in {frame.code.co_qualname}"
    if where and not frame.name.startswith("<"):
        where += f"({parameters})"
    return f'  File "{filename}", line {frame.line}{where}\n'


def _parameters(code):
    """Each parameter as a pair of its stars and its name."""
    count = code.co_argcount + code.co_kwonlyargcount
    names = [("", name) for name in code.co_varnames[:count]]
    at = count
    if code.co_flags & 0x04:
        names.insert(code.co_argcount, ("*", code.co_varnames[at]))
        at += 1
    if code.co_flags & 0x08:
        names.append(("**", code.co_varnames[at]))
    return names


# -- the source around a place


def around(frame, before=_LINES_AROUND, after=_LINES_AROUND):
    """The numbered lines around a frame's place, with an arrow at it and carets below it."""
    if frame.line is None:
        return ""
    count = after + 1
    lines = []
    for number in range(max(1, frame.line - before), frame.line + count):
        line = _stack._line(frame, number)
        if line or number <= frame.line:
            lines.append((number, line))
    if not any(line.strip() for _, line in lines):
        return ""
    while not lines[-1][1].strip():
        lines.pop()
    while not lines[0][1].strip():
        lines.pop(0)
    margin = min(
        len(line) - len(line.lstrip()) for _, line in lines if line.strip()
    )
    marks = _marks(frame)
    width = len(str(lines[-1][0]))
    shown = []
    for number, line in lines:
        arrow = "---->" if number == frame.line else "     "
        prefix = f"{arrow} {number:>{width}} "
        cut = line[margin:]
        if len(cut) > _LINE_CHARS_MAX:
            shown.append(f"{prefix}{cut[:_LINE_CHARS_MAX]}…\n")
            continue
        shown.append(f"{prefix}{cut}".rstrip() + "\n")
        if number in marks:
            below = marks[number][margin:] if len(marks[number]) > margin else ""
            if below.strip():
                shown.append(" " * len(prefix) + below + "\n")
    return "".join(shown)


def _marks(frame):
    """What stands below each line of the place, from the line's first column on."""
    if frame.column is None or frame.end_column is None:
        return {}
    original = [_stack._line(frame, number) for number in range(frame.line, frame.end_line + 1)]
    dedented = _stack.dedent("\n".join(original) + "\n")
    if not dedented.strip() or _stack._is_magic(frame, original[0].strip()):
        return {}
    try:
        excerpt = _stack._Excerpt(frame, original, dedented.splitlines())
        removed = len(original[0]) - len(dedented.splitlines()[0])
        marks = {}
        for index in range(frame.end_line - frame.line + 1):
            marked = excerpt._marked(index)
            if len(marked) > 1:
                marks[frame.line + index] = " " * removed + marked[1].rstrip("\n")
        return marks
    except Exception:
        # Source that has changed since it ran may be anything.
        return {}


# -- the values of names


def _values(frame):
    """The values of a function's names, or of those that the line of a module names."""
    names = frame.live.f_locals
    line = _stack._line(frame, frame.line) if frame.line is not None else ""
    told = []
    parameters = {name for _, name in _parameters(frame.code)}
    if frame.name != "<module>":
        told = [("", name) for name in names if name not in parameters and _is_plain(name)]
    known = {name for _, name in told} | parameters
    for name in _words(line):
        if name in known or keyword.iskeyword(name):
            continue
        known.add(name)
        if frame.name == "<module>" and name in names:
            told.append(("", name))
        elif name in frame.live.f_globals:
            told.append(("global ", name))
    shown = []
    for scope, name in told[:_VALUES_MAX]:
        value = frame.live.f_globals[name] if scope else names[name]
        shown.append(f"      {scope}{name} = {brief(value)}\n")
    if len(told) > _VALUES_MAX:
        shown.append(f"      … and {len(told) - _VALUES_MAX} more names\n")
    return "".join(shown)


def _is_plain(name):
    return isinstance(name, str) and not name.startswith(("__", "@", "."))


def _words(line):
    """The names in a line of source; what follows a dot belongs to what is before it."""
    words = []
    word = ""
    before = ""
    for char in line + " ":
        if char == "_" or char.isalnum():
            word += char
            continue
        if word and not word[0].isdigit() and before != ".":
            words.append(word)
        if word or not char.isspace():
            before = char
        word = ""
    return words


def brief(value):
    """The repr of a value, cut where it is long; what it raises is named in its place."""
    global _repr
    if _repr is None:
        _repr = _made_repr()
    told = " ".join(_repr.repr(value).split("\n"))
    if len(told) > _VALUE_CHARS_MAX:
        told = told[: _VALUE_CHARS_MAX - 20] + "<…>" + told[-17:]
    return told


_repr = None


def _made_repr():
    import reprlib

    class Brief(reprlib.Repr):
        """Asks objects themselves only for what they show of themselves, and survives that."""

        def repr_instance(self, value, level):
            try:
                return repr(value)
            except Exception as failure:
                return f"<{type(value).__name__}: its repr() raised {type(failure).__name__}>"

    return Brief(
        maxlevel=4,
        maxdict=8,
        maxlist=10,
        maxtuple=10,
        maxset=10,
        maxfrozenset=10,
        maxdeque=10,
        maxarray=10,
        maxstring=_VALUE_CHARS_MAX,
        maxlong=80,
        maxother=_VALUE_CHARS_MAX,
    )
