"""What stands at a place in source: the name that it is about, and the line.

For frontends that ask about what a person has typed so far; the shell's own answers are made natively.
Read next: `IPython.core.completer`.
"""

import io
import keyword
import tokenize

__all__ = ["Token", "generate_tokens", "generate_tokens_catch_errors", "line_at_cursor", "token_at_cursor"]

Token = tokenize.TokenInfo


def generate_tokens(readline):
    """The tokens of source; source that ends too early ends them."""
    try:
        yield from tokenize.generate_tokens(readline)
    except (tokenize.TokenError, SyntaxError):
        # What is typed now isn't finished.
        return


def generate_tokens_catch_errors(readline, extra_errors_to_catch=None):
    """The tokens of source; where something can't be one, an ERRORTOKEN is the last.

    extra_errors_to_catch: texts; a TokenError with one of them counts as such an error as well. Source that ends
    too early raises its TokenError.
    """
    last = None
    try:
        for last in tokenize.generate_tokens(readline):
            yield last
    except tokenize.TokenError as failure:
        if not _is_error_in_token(str(failure.args[0]), extra_errors_to_catch or ()):
            raise
        start, line = (1, 0), ""
        if last is not None:
            start, line = last.end, last.line
        yield Token(tokenize.ERRORTOKEN, "", start, start, line)


# How the tokenizer tells of what more lines can't mend.
_ERRORS = (
    "unterminated string literal", "invalid non-printable character", "after line continuation character",
    "invalid digit", "leading zeros",
)


def _is_error_in_token(message, further):
    if any(text in message for text in (*_ERRORS, *further)):
        return True
    # "invalid decimal literal", and so for every base.
    return message.startswith("invalid ") and "literal" in message


def line_at_cursor(cell, cursor_pos=0):
    """The line around a place in a cell, and the place at which that begins."""
    start = cell.rfind("\n", 0, max(cursor_pos, 0)) + 1
    if start > len(cell):
        return "", 0
    end = cell.find("\n", start)
    return cell[start:] if end < 0 else cell[start : end + 1], start


def token_at_cursor(cell, cursor_pos=0):
    """The name, with what is in front of its dots, that a place in a cell is about; "" if there is none.

    That is the name at the place; else the function whose call it is in; else the last name that was
    outside of calls. The name in front of a `=` is none of them.
    """
    open_calls, outer, last = [], "", ""
    before = None
    for word in _words_until(cell, cursor_pos):
        if word.name:
            last = word.name
            if word.is_at(cursor_pos):
                return word.name
            if not open_calls:
                outer = word.name
        elif word.text in _OPENING:
            open_calls.append(before.name if before is not None and word.text == "(" else "")
        elif word.text in _CLOSING and open_calls:
            called = open_calls.pop()
            if called and word.is_at(cursor_pos):
                return called
        before = word
    return next((called for called in reversed(open_calls) if called), outer or last)


_OPENING, _CLOSING = ("(", "[", "{"), (")", "]", "}")


class _Word:
    """A token: its text, where it is in the cell, and, of a name, that with what is in front of its dots."""

    __slots__ = ("text", "start", "end", "name")

    def __init__(self, text, start, end, name):
        self.text = text
        self.start = start
        self.end = end
        self.name = name

    def is_at(self, place):
        return self.start <= place < self.end


def _words_until(cell, cursor_pos):
    """The tokens of a cell that begin at a place or before it."""
    starts = [0]
    for line in cell.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    words = []
    for token in generate_tokens(io.StringIO(cell).readline):
        row, column = token.start
        start = starts[row - 1] + column
        if start > cursor_pos:
            if token.string == "=" and words:
                words[-1].name = ""
            break
        row, column = token.end
        end = starts[min(row, len(starts)) - 1] + column
        name = ""
        if token.type == tokenize.NAME and not keyword.iskeyword(token.string):
            name = token.string
            if len(words) > 1 and words[-1].text == "." and words[-2].name:
                name = f"{words[-2].name}.{name}"
        elif token.string == "=" and words:
            words[-1].name = ""
        words.append(_Word(token.string, start, end, name))
    return words
