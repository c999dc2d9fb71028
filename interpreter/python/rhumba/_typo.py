"""Finds the keyword that was meant where a name stands: `fro x in y:`.

Only for a syntax error that has no better explanation; the rest of what is told of an
exception is in `_failure`.
"""

import keyword

import _suggestions
import _tokenize

from rhumba._stack import dedent

# The tokens' number for a name, in every version.
_NAME = 1
# Beyond these, the search would take longer than a person waits.
_LONGEST_SOURCE = 1024
_MOST_NAMES = 10
_MOST_KEYWORDS = 3
_LEAST_LIKENESS = 0.5


def keyword_meant(exception):
    """The error told anew with the keyword in its message, or None.

    The result is the text, offset, end offset, whether both are on one line, and
    the message. Raises whatever the source makes the tokenizer raise.
    """
    metadata = getattr(exception, "_metadata", None)
    if not metadata:
        return None
    line, _, source = metadata
    end_line = exception.lineno if exception.lineno is not None else 0
    is_file = False
    if source is None:
        source, is_file = _source(exception)
        if source is None:
            line, end_line, source = 0, 1, exception.text
    source = dedent("\n".join(source.splitlines()[max(line - 1, 0) : end_line]))
    if len(source) > _LONGEST_SOURCE:
        return None
    lines = source.splitlines()
    names = 0
    for kind, text, start, end, token_line in _tokens(source):
        if kind != _NAME:
            continue
        # In a file, only names on the line of the error.
        if is_file and start[0] + line != (end_line if line == 0 else end_line + 1):
            continue
        if text in keyword.kwlist:
            continue
        names += 1
        if names > _MOST_NAMES:
            break
        for candidate in _near_keywords(text):
            if _is_valid_with(lines, start, end, candidate):
                message = f"invalid syntax. Did you mean '{candidate}'?"
                return token_line, start[1] + 1, end[1] + 1, start[0] == end[0], message
    return None


def _source(exception):
    """The text of the file that the error names, and whether it could be read."""
    if not exception.filename:
        return exception.text, False
    try:
        with open(exception.filename) as file:
            return file.read(), True
    except Exception:
        return None, False


def _tokens(source):
    lines = iter(source.splitlines(keepends=True))
    return _tokenize.TokenizerIter(lambda: next(lines, ""), extra_tokens=True)


def _near_keywords(name):
    nearest = _suggestions._generate_suggestions(keyword.kwlist, name)
    likeness = [(_likeness(known, name), known) for known in keyword.kwlist]
    near = sorted((pair for pair in likeness if pair[0] >= _LEAST_LIKENESS), reverse=True)
    meant = [known for _, known in near]
    return ([nearest, *meant] if nearest else meant)[:_MOST_KEYWORDS]


def _likeness(one, other):
    """From 0 to 1: the share of characters in common, as `difflib` counts it."""
    total = len(one) + len(other)
    if 2 * min(len(one), len(other)) < _LEAST_LIKENESS * total:
        return 0.0
    return 2.0 * _common(one, other) / total


def _common(one, other):
    """How many characters are in the longest common part, and in those on both sides of it."""
    size = start = other_start = 0
    for index in range(len(one)):
        for other_index in range(len(other)):
            end = 0
            for a, b in zip(one[index:], other[other_index:]):
                if a != b:
                    break
                end += 1
            if end > size:
                size, start, other_start = end, index, other_index
    if not size:
        return 0
    before = _common(one[:start], other[:other_start])
    return before + size + _common(one[start + size :], other[other_start + size :])


def _is_valid_with(lines, start, end, candidate):
    """Whether the source is Python, or the start of Python, with the keyword in place."""
    import codeop

    tried = list(lines)
    line = tried[start[0] - 1]
    tried[start[0] - 1] = line[: start[1]] + candidate + line[end[1] :]
    try:
        codeop.compile_command("\n".join(tried), symbol="exec", flags=codeop.PyCF_ONLY_AST)
    except SyntaxError:
        return False
    return True
