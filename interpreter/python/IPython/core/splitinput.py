"""A line in pieces: blanks, mark, the name that it begins with, and what follows."""

import re

__all__ = ["LineInfo", "line_split", "split_user_input"]

line_split = re.compile(r"^(\s*)([,;/%]|!!?|\?\??)?\s*(%{0,2}[\w.*]*)(.*?$|$)")


def split_user_input(line, pattern=None):
    """The blanks in front, the mark (`%`, `!`, `?`, …), the first name, and the rest of a line."""
    found = (pattern or line_split).match(line)
    if found is None:
        # Only a pattern of one's own, or a line of several, comes to this.
        blanks = line[: len(line) - len(line.lstrip())]
        first, _, rest = line.lstrip().partition(" ")
        return blanks, "", first, rest
    before, mark, name, rest = found.groups()
    return before, mark or "", name.strip(), rest


class LineInfo:
    """A line and its pieces: `pre`, `esc`, `ifun`, `raw_the_rest`; `the_rest` has no blanks in front."""

    def __init__(self, line, continue_prompt=False):
        self.line = line
        self.continue_prompt = continue_prompt
        self.pre, self.esc, self.ifun, self.raw_the_rest = split_user_input(line)
        self.the_rest = self.raw_the_rest.lstrip()
        self.pre_char = self.pre.strip()
        self.pre_whitespace = "" if self.pre_char else self.pre

    def ofind(self, ip):
        """What the first name means in a shell: an OInfo. Deprecated: `ip._ofind` is asked for the same."""
        import warnings

        told = "LineInfo.ofind() is deprecated; get_ipython()._ofind(line_info.ifun) gives the same"
        warnings.warn(told, DeprecationWarning, stacklevel=2)
        return ip._ofind(self.ifun)

    def __str__(self):
        return f"LineInfo [{self.pre}|{self.esc}|{self.ifun}|{self.the_rest}]"

    def __repr__(self):
        return f"<{self}>"
