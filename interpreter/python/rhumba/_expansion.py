"""The values of names and expressions inside a line: `$name`, `${name}`, `{expression}`.

What can't be evaluated stays as it is: it may mean something to whoever reads the
line next, as `${HOME}` and `{1..3}` do to the system's shell.
"""

import re

_PIECE = re.compile(
    r"\\\$"
    r"|\$\$(?P<kept>[A-Za-z_][\w.]*)"
    r"|\$\{(?P<braced>[^{}]+)\}"
    r"|\$(?P<name>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)"
    r"|\{\{(?P<literal>[^{}]*)\}\}"
    r"|\{(?P<expression>(?:[^{}]|\{[^{}]*\})*)\}"
)


def expanded(text, names, global_names):
    """Puts values into a line.

    names: a mapping, of the caller's names for example; global_names: the dict of the namespace
    """

    def value(match):
        kind = match.lastgroup
        if kind == "kept":
            return "$" + match[kind]
        if kind == "literal":
            return "{" + match[kind] + "}"
        if kind == "name" and text.count("'", match.end()) % 2:
            # Inside single quotes it is the command's own.
            return match[0]
        if kind is None:
            return match[0]
        return _value(match[kind], match[0], names, global_names)

    return _PIECE.sub(value, text)


def _value(expression, written, names, global_names):
    inner = expression.strip()
    # `{2}` and `{2,3}` say how often in a pattern, and `{1..3}` counts in the system's shell.
    if not re.match(r"[A-Za-z_(]|\d+\s*[^\s\d,.]", inner):
        return written
    first = re.match(r"\w*", inner)[0]
    if inner.replace(".", "").isidentifier() and first not in names and first not in global_names:
        return written
    try:
        return eval('f"""{' + inner + '}"""', global_names, names)
    except Exception:
        return written
