"""Exceptions as text: the whole chain, groups, notes and suggestions.

The text is the standard traceback module's, letter for letter, but for frames of rhumba's own
frozen code, which are left out: a person debugs the cell, not the shell. The module itself isn't
used: it and what it imports are 12 MB, and every engine has in memory what this file needs.
One traceback's frames are `_stack`'s, a keyword typed wrongly is `_typo`'s, and the modes of
`%xmode`, which only shells have in memory, are `_tracebacks`'s.
"""

import sys
from _collections_abc import Sequence

from rhumba._stack import format_stack, indent

_CAUSE = "\nThe above exception was the direct cause of the following exception:\n\n"
_CONTEXT = "\nDuring handling of the above exception, another exception occurred:\n\n"
# Of a group's members, and of groups inside groups, more are not told.
_WIDEST_GROUP = 15
_DEEPEST_GROUP = 10


def report(exception):
    """The type's name, the message and the traceback of an exception that ended a cell or a request.

    A traceback that a handler of `set_custom_exc` has told in its own way is not told again to a
    person who saw that; a client, who may not have, gets it all the same.
    """
    told = described(exception)
    if _was_told(exception):
        return (*told[:2], "")
    return told


def _was_told(exception):
    shell = sys.modules.get("rhumba.shell")
    embedding = sys.modules.get("rhumba._embedding")
    if shell is None or not (sys.flags.interactive or embedding is not None and embedding._open):
        return False
    return exception is getattr(shell.get_ipython(), "_told_failure", None)


def described(exception):
    """The same of any exception, whoever has told of it."""
    name = type(exception).__name__
    try:
        message = str(exception)
    except Exception as failure:
        message = f"<{name} has no message: str() of it raised {type(failure).__name__}>"
    shell = sys.modules.get("rhumba.shell")
    if shell is not None and isinstance(exception, shell.UsageError):
        return name, message, f"UsageError: {message}"
    lines = _own_lines(exception)
    if lines is not None:
        return name, message, "\n".join(lines)
    modes = sys.modules.get("rhumba._tracebacks")
    if modes is None and sys.flags.interactive:
        from rhumba import _tracebacks as modes
    text = chain_text(exception) if modes is None else modes.text(exception)
    return name, message, text


def chain_text(exception, format_stack=format_stack):
    """The text of a whole chain, with each traceback's frames as `format_stack` tells them."""
    text = _Text()
    text.add_chain(_described(exception, format_stack))
    return "".join(text.parts).rstrip("\n")


def _own_lines(exception):
    """The lines of an exception that shows itself, as those of engines do."""
    render = getattr(type(exception), "_render_traceback_", None)
    if render is None:
        return None
    try:
        return [str(line) for line in render(exception)]
    except Exception:
        return None


def _described(exception, format_stack):
    """The exception with its causes, contexts and members, each met once."""
    seen = set()

    def met(exception):
        seen.add(id(exception))
        return _Described(exception, format_stack(exception.__traceback__))

    first = met(exception)
    pending = [first]
    while pending:
        described = pending.pop()
        exception = described.exception
        if exception.__cause__ is not None and id(exception.__cause__) not in seen:
            described.cause = met(exception.__cause__)
            pending.append(described.cause)
        if exception.__context__ is not None and id(exception.__context__) not in seen:
            described.context = met(exception.__context__)
            pending.append(described.context)
        if isinstance(exception, BaseExceptionGroup):
            described.members = [met(member) for member in exception.exceptions]
            pending += described.members
    return first


class _Described:
    """What is told of one exception: its frames and its last lines."""

    __slots__ = ("exception", "stack", "last_lines", "cause", "context", "members")

    def __init__(self, exception, stack):
        self.exception = exception
        self.stack = stack
        self.last_lines = _last_lines(exception)
        self.cause = self.context = self.members = None

    def before(self):
        """The exception told before this one, and the words between the two."""
        if self.cause is not None:
            return self.cause, _CAUSE
        if self.context is not None and not self.exception.__suppress_context__:
            return self.context, _CONTEXT
        return None, None


class _Text:
    """The text as far as it is made: `parts`, each of whole lines.

    Members of a group stand behind a margin, as deep as they are nested.
    """

    def __init__(self):
        self.parts = []
        self._depth = 0
        self._needs_end = False

    def add_chain(self, described):
        chain = []
        while described is not None:
            before, words = described.before()
            chain.append((words, described))
            described = before
        for words, described in reversed(chain):
            if words is not None:
                self._add(words)
            if described.members is None:
                if described.stack:
                    self._add("Traceback (most recent call last):\n")
                    self._add_all(described.stack)
                self._add_all(described.last_lines)
            elif self._depth > _DEEPEST_GROUP:
                self._add(f"... (max_group_depth is {_DEEPEST_GROUP})\n")
            else:
                self._add_group(described)

    def _add(self, text, margin="|"):
        margin = f"{self._margin()}{margin} " if self._depth else ""
        self.parts.append(indent(text, margin))

    def _add_all(self, texts):
        for text in texts:
            self._add(text)

    def _margin(self):
        return "  " * self._depth

    def _add_group(self, group):
        is_outermost = self._depth == 0
        if is_outermost:
            self._depth = 1
        if group.stack:
            margin = "+" if is_outermost else "|"
            self._add("Exception Group Traceback (most recent call last):\n", margin)
            self._add_all(group.stack)
        self._add_all(group.last_lines)
        told = group.members[:_WIDEST_GROUP]
        untold = len(group.members) - len(told)
        self._needs_end = False
        for index, member in enumerate(told):
            is_last = index + 1 == len(group.members)
            self._begin_member(index, index + 1, is_last)
            self.add_chain(member)
            self._end_member(is_last)
        if untold:
            self._begin_member(len(told), "...", True)
            self._add(f"and {untold} more exception{'s' if untold > 1 else ''}\n")
            self._end_member(True)
        if is_outermost:
            self._depth = 0

    def _begin_member(self, index, title, is_last):
        if is_last:
            self._needs_end = True
        corner = "  " if index else "+-"
        self.parts.append(f"{self._margin()}{corner}+---------------- {title} ----------------\n")
        self._depth += 1

    def _end_member(self, is_last):
        # Where the last member is a group, its end is the end of both.
        if is_last and self._needs_end:
            self.parts.append(f"{self._margin()}+------------------------------------\n")
            self._needs_end = False
        self._depth -= 1


def _last_lines(exception):
    """What follows the frames: type, message and notes; for a syntax error, the place too."""
    text = _shown(exception, "exception")
    try:
        notes = getattr(exception, "__notes__", None)
    except Exception as failure:
        notes = [f"Ignored error getting __notes__: {_shown(failure, '__notes__', repr)}"]
    kind = type(exception).__qualname__
    module = type(exception).__module__
    if module not in ("__main__", "builtins"):
        kind = f"{module if isinstance(module, str) else '<unknown>'}.{kind}"
    if isinstance(exception, SyntaxError):
        lines = _syntax_error_lines(exception, kind)
    else:
        text += _hint(exception)
        lines = [f"{kind}: {text}\n" if text else f"{kind}\n"]
    if isinstance(notes, Sequence) and not isinstance(notes, (str, bytes)):
        for note in notes:
            lines += [line + "\n" for line in _shown(note, "note").split("\n")]
    elif notes is not None:
        lines.append(_shown(notes, "__notes__", repr) + "\n")
    return lines


def _shown(value, what, show=str):
    try:
        return show(value)
    except Exception:
        return f"<{what} {show.__name__}() failed>"


def _hint(exception):
    """The name that was meant, if one is near, or the import that was forgotten."""
    if isinstance(exception, ImportError):
        name = getattr(exception, "name_from", None)
    elif isinstance(exception, (NameError, AttributeError)):
        name = getattr(exception, "name", None)
    else:
        return ""
    if name is None:
        return ""
    near = _near_name(exception, name) if isinstance(name, str) else None
    hint = f". Did you mean: '{near}'?" if near else ""
    if isinstance(exception, NameError) and name in sys.stdlib_module_names:
        start = " Or did" if near else ". Did"
        hint += f"{start} you forget to import '{name}'?"
    return hint


def _near_name(exception, name):
    try:
        if isinstance(exception, AttributeError):
            candidates = _attributes(exception.obj)
            if name[:1] != "_" and not _is_own_attribute(exception):
                candidates = _public(candidates)
        elif isinstance(exception, ImportError):
            candidates = _attributes(__import__(exception.name))
            if name[:1] != "_":
                candidates = _public(candidates)
        elif exception.__traceback__ is None:
            return None
        else:
            frame = _innermost_frame(exception)
            scopes = (frame.f_locals, frame.f_globals, frame.f_builtins)
            candidates = [known for scope in scopes for known in scope if isinstance(known, str)]
            if "self" in frame.f_locals and _has_attribute(frame.f_locals["self"], name):
                return f"self.{name}"
    except Exception:
        return None
    import _suggestions

    return _suggestions._generate_suggestions(candidates, name)


def _has_attribute(value, name):
    try:
        return hasattr(value, name)
    except Exception:
        return False


def _attributes(value):
    try:
        names = value.__dir__()
    except TypeError:  # a class
        names = type(value).__dir__(value)
    return sorted(name for name in names if isinstance(name, str))


def _public(names):
    return [name for name in names if name[:1] != "_"]


def _is_own_attribute(exception):
    """Whether a method asked its own object, whose private names it knows."""
    if exception.__traceback__ is None:
        return False
    names = _innermost_frame(exception).f_locals
    return "self" in names and names["self"] is exception.obj


def _innermost_frame(exception):
    tb = exception.__traceback__
    while tb.tb_next is not None:
        tb = tb.tb_next
    return tb.tb_frame


def _syntax_error_lines(exception, kind):
    lines = []
    suffix = ""
    if exception.lineno is not None:
        lines.append(f'  File "{exception.filename or "<string>"}", line {exception.lineno}\n')
    elif exception.filename is not None:
        suffix = f" ({exception.filename})"
    # Text, offset, end offset, whether both are on one line, and the message.
    place = (
        exception.text,
        exception.offset,
        exception.end_offset,
        exception.lineno == exception.end_lineno,
        exception.msg,
    )
    if isinstance(exception.text, str):
        place = _with_keyword(exception) or place
        lines += _marked(*place[:4])
    lines.append(f"{kind}: {place[4] or '<no detail available>'}{suffix}\n")
    return lines


def _with_keyword(exception):
    """The place and the message, if a keyword that was typed wrongly explains the error."""
    try:
        if exception.msg == "invalid syntax" or "Perhaps you forgot a comma" in exception.msg:
            from rhumba._typo import keyword_meant

            return keyword_meant(exception)
    except Exception:
        # Source that can't be read or split into tokens: then there is no hint.
        pass
    return None


def _marked(text, offset, end_offset, is_one_line):
    """The line of a syntax error, with carets below where the offsets tell the place."""
    line = text.rstrip("\n")
    shown = line.lstrip(" \n\f")
    if offset is not None and not isinstance(offset, int):
        return []
    lines = [f"    {shown}\n"]
    if offset is None:
        return lines
    if not is_one_line:
        end = len(line) + 1
    elif isinstance(end_offset, int) and end_offset != 0:
        end = end_offset
    else:
        end = offset
    if text and offset > len(text):
        offset = len(line) + 1
    if text and end > len(text):
        end = len(line) + 1
    if offset >= end or end < 0:
        end = offset + 1
    # Offsets count from one, and from before the indentation.
    start = offset - 1 - (len(line) - len(shown))
    if start >= 0:
        # What is no space, such as a tab, stays, so that the carets stand below their text.
        before = "".join(char if char.isspace() else " " for char in shown[:start])
        lines.append(f"    {before}{'^' * (end - offset)}\n")
    return lines
