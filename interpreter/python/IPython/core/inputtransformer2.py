"""Cells to Python, by the names by which programs import it."""

import re

from rhumba._interface import InputTransformerManager
from rhumba.shell import get_ipython

__all__ = [
    "ESC_HELP", "ESC_HELP2", "ESC_MAGIC", "ESC_MAGIC2", "ESC_PAREN", "ESC_QUOTE", "ESC_QUOTE2", "ESC_SHELL",
    "ESC_SH_CAP", "PromptStripper", "TransformerManager", "cell_magic", "classic_prompt", "ipython_prompt",
    "leading_empty_lines", "leading_indent",
]

# The marks that begin a line which isn't Python.
ESC_SHELL, ESC_SH_CAP = "!", "!!"
ESC_HELP, ESC_HELP2 = "?", "??"
ESC_MAGIC, ESC_MAGIC2 = "%", "%%"
ESC_QUOTE, ESC_QUOTE2, ESC_PAREN = ",", ";", "/"


class TransformerManager(InputTransformerManager):
    """Turns cells into Python and tells whether they are whole; needs no session."""

    def __init__(self):
        super().__init__(get_ipython())

    def transform_cell(self, cell):
        import _rhumba_shell

        return _rhumba_shell.transform_cell(cell)

    def check_complete(self, cell):
        import _rhumba_shell

        status, indent = _rhumba_shell.check_complete(cell)
        return status, indent if status == "incomplete" else None


def leading_empty_lines(lines):
    """The lines without the empty ones in front; all of them if there are no others."""
    for index, line in enumerate(lines):
        if line and not line.isspace():
            return lines[index:]
    return lines


def leading_indent(lines):
    """The lines without the blanks that the first one begins with."""
    blanks = re.match(r"[ \t]*", lines[0])[0] if lines else ""
    return [line.removeprefix(blanks) for line in lines]


class PromptStripper:
    """Takes prompts off lines, if the first or the second line begins with one.

    prompt_re: what prompts look like; initial_re: what that of the first line looks like
    """

    def __init__(self, prompt_re, initial_re=None, *, doctest=False):
        self.prompt_re = prompt_re
        self.initial_re = initial_re or prompt_re

    def __call__(self, lines):
        is_pasted = lines and self.initial_re.match(lines[0]) or len(lines) > 1 and self.prompt_re.match(lines[1])
        return [self.prompt_re.sub("", line, count=1) for line in lines] if is_pasted else lines


classic_prompt = PromptStripper(re.compile(r"^(>>>|\.\.\.)( |$)"), re.compile(r"^>>>( |$)"))
ipython_prompt = PromptStripper(re.compile(r"^(((\[nav\]|\[ins\])?\s*)?In\s*\[\d+\]:\s*|\s*\.{3,}:\s?)"))


def cell_magic(lines):
    """A cell that begins with `%%name` as the call that it stands for; other lines as they are."""
    found = re.match(r"%%(\w+)(?:[ \t]+(.*))?\n?$", lines[0]) if lines else None
    if found is None:
        return lines
    name, line = found.groups()
    return [f"get_ipython().run_cell_magic({name!r}, {line or ''!r}, {''.join(lines[1:])!r})\n"]
