"""Finds the keyword that was meant where a name stands: `fro x in y:`.

Only for a syntax error that has no better explanation. What is imported for it is
imported then; the rest of what is told of an exception is in `_failure`.
"""

import keyword

import _tokenize

# The tokens' number for a name, in every version.
_NAME = 1
# Beyond these, the search would take longer than a person waits.
_LONGEST_SOURCE = 1024
_MOST_NAMES = 10
_MOST_KEYWORDS = 3


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
    from textwrap import dedent

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
    import difflib

    import _suggestions

    nearest = _suggestions._generate_suggestions(keyword.kwlist, name)
    near = difflib.get_close_matches(name, keyword.kwlist, n=_MOST_KEYWORDS, cutoff=0.5)
    return ([nearest] * bool(nearest) + near)[:_MOST_KEYWORDS]


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
