"""Source of Python in the colours of a terminal, by the themes of the shell.

Themes are `rhumba._themes`'s. There is nothing here of Pygments, by which IPython builds its own.
"""

import builtins
import io
import keyword
import tokenize

__all__ = ["Parser"]

# What a theme says nothing of.
_PLAIN = {"comment": "90", "text": "33", "number": "36", "keyword": "35"}


class Parser:
    """Colours source.

    out: where `format` writes if it is told nowhere else
    theme_name: one of those that `%colors` lists; None: the one that the shell is set to
    """

    def __init__(self, out=None, *, theme_name=None):
        self.out = out
        self.theme_name = theme_name or _of_shell()

    @property
    def style(self):
        return self.theme_name

    @style.setter
    def style(self, name):
        self.theme_name = name

    def format(self, raw, out=None):
        """The source in colours: returned if `out` is None or "str", else written there."""
        return self.format2(raw, out)[0]

    def format2(self, raw, out=None):
        """The same, and whether the source couldn't be read; what can't be read stays as it is."""
        text, failed = self._coloured(raw)
        target = self.out if out is None else out
        if target is None or target == "str":
            return text, failed
        target.write(text)
        return None, failed

    def _coloured(self, raw):
        from rhumba import _themes

        if self.theme_name.lower() == "nocolor":
            return raw, False
        codes = _PLAIN | _themes.codes(self.theme_name)
        starts = [0]
        for line in raw.split("\n"):
            starts.append(starts[-1] + len(line) + 1)
        parts, at, before = [], 0, ""
        try:
            for token in tokenize.generate_tokens(io.StringIO(raw).readline):
                code = codes.get(_part(token, before))
                before = token.string or before
                if code is None or not token.string:
                    continue
                start, end = (starts[row - 1] + column for row, column in (token.start, token.end))
                parts += (raw[at:start], f"\x1b[{code}m", raw[start:end], "\x1b[0m")
                at = end
        except (tokenize.TokenError, SyntaxError):
            return raw, True
        return "".join(parts) + raw[at:], False


def _part(token, before):
    """What a theme calls the kind of a token."""
    if token.type == tokenize.NAME:
        if before in ("def", "class"):
            return "definition"
        if keyword.iskeyword(token.string):
            return "keyword"
        return "builtin" if before != "." and hasattr(builtins, token.string) else None
    if token.type in _STRINGS:
        return "text"
    return {tokenize.COMMENT: "comment", tokenize.NUMBER: "number", tokenize.OP: "operator"}.get(token.type)


_STRINGS = {
    number
    for number, name in tokenize.tok_name.items()
    if name == "STRING" or name.startswith(("FSTRING_", "TSTRING_"))
}


def _of_shell():
    from rhumba.shell import get_ipython

    return getattr(get_ipython(), "colors", None) or "neutral"
