"""What completes names, by the names by which programs import it."""

from rhumba._interface import Completer, Completion

__all__ = [
    "Completer", "Completion", "CompletionContext", "IPCompleter", "ProvisionalCompleterWarning",
    "SimpleCompletion", "completion_matcher", "context_matcher", "cursor_to_position", "position_to_cursor",
    "provisionalcompleter", "rectify_completions",
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
