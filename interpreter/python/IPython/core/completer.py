"""What completes names, by the names by which programs import it."""

import re

from rhumba._interface import Completer, Completion

__all__ = [
    "AnyCompletion", "Completer", "Completion", "CompletionContext", "CompletionSplitter", "IPCompleter",
    "ProvisionalCompleterWarning", "SimpleCompletion", "SimpleMatcherResult", "completion_matcher", "context_matcher",
    "cursor_to_position", "get__all__entries", "has_any_completions", "has_open_quotes", "position_to_cursor",
    "protect_filename", "provisionalcompleter", "rectify_completions",
]

IPCompleter = Completer


class ProvisionalCompleterWarning(FutureWarning):
    """What programs silence before they ask for completions; here nobody is warned."""


class provisionalcompleter:
    """A block in which programs may ask for completions; here they always may."""

    def __init__(self, action="ignore"):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        return False


class SimpleCompletion:
    """What a matcher offers."""

    def __init__(self, text, *, type=None):
        self.text, self.type = text, type

    def __repr__(self):
        return f"<SimpleCompletion text={self.text!r} type={self.type!r}>"


AnyCompletion = SimpleCompletion | Completion


class SimpleMatcherResult(dict):
    """What a matcher that is given a context gives back, for those who write annotations; any dict will do.

    It has `completions`, objects with a `text`, and may have `suppress` and `do_not_suppress`.
    """


def has_any_completions(result):
    """Whether a matcher offers something."""
    # They may be a generator, which would be used up by looking.
    result["completions"] = list(result["completions"])
    return bool(result["completions"])


class CompletionContext:
    """What a matcher is told: the word to complete, the text up to the cursor, and where that is."""

    def __init__(self, token, full_text, cursor_position, cursor_line, limit):
        self.token, self.full_text = token, full_text
        self.cursor_position, self.cursor_line, self.limit = cursor_position, cursor_line, limit

    @property
    def line_with_cursor(self):
        return self.full_text.split("\n")[self.cursor_line]

    @property
    def text_until_cursor(self):
        return self.line_with_cursor[: self.cursor_position]


def completion_matcher(*, priority=None, identifier=None, api_version=1):
    """Marks a matcher: of version 1 it is given the word, of version 2 a context."""

    def mark(function):
        function.matcher_priority = priority or 0
        function.matcher_identifier = identifier or function.__qualname__
        function.matcher_api_version = api_version
        return function

    return mark


def context_matcher(**marks):
    """Marks a matcher that is given a context."""
    return completion_matcher(api_version=2, **marks)


def cursor_to_position(text, line, column):
    """The offset of a place in a text, lines and columns counted from 0."""
    lines = text.split("\n")
    if line >= len(lines):
        raise ValueError(f"the text has {len(lines)} lines, and none of number {line}")
    return sum(len(each) + 1 for each in lines[:line]) + column


def position_to_cursor(text, offset):
    """The line and the column of an offset, counted from 0."""
    if not 0 <= offset <= len(text):
        raise ValueError(f"the text has {len(text)} characters: {offset} is outside of it")
    before = text[:offset]
    return before.count("\n"), offset - (before.rfind("\n") + 1)


def rectify_completions(text, completions):
    """The same completions, all with the start and the end that spans those of all."""
    found = list(completions)
    if not found:
        return
    start = min(each.start for each in found)
    end = max(each.end for each in found)
    for each in found:
        whole = text[start : each.start] + each.text + text[each.end : end]
        yield Completion(start, end, whole, type=each.type, signature=each.signature, _origin=each._origin)


# -- pieces of a line

# What a shell of the system would read as more than a letter of a name.
PROTECTABLES = " ()[]{}?=\\|;:'#*\"^&"
# What stands between the words of a line.
DELIMS = " \t\n`!@#$^&*()=+[{]}\\|;:'\",<>?"


def protect_filename(s, protectables=PROTECTABLES):
    """A name of a file with backslashes before what isn't part of a word."""
    return "".join("\\" + letter if letter in protectables else letter for letter in s)


def has_open_quotes(s):
    """The quote that a text leaves open; False if it closes all."""
    for quote in ('"', "'"):
        if s.count(quote) % 2:
            return quote
    return False


class CompletionSplitter:
    """Finds the word to complete in a line: what stands behind the last of the delimiters."""

    def __init__(self, delims=None):
        self.delims = DELIMS if delims is None else delims

    @property
    def delims(self):
        return self._delims

    @delims.setter
    def delims(self, delims):
        self._delims = delims
        self._delim_expr = f"[{''.join(chr(92) + each for each in delims)}]"

    def split_line(self, line, cursor_pos=None):
        """The word that ends at the cursor."""
        return re.split(self._delim_expr, line[:cursor_pos])[-1]


def get__all__entries(obj):
    """The names that a module or another object says it gives away."""
    return [name for name in getattr(obj, "__all__", ()) if isinstance(name, str)]
