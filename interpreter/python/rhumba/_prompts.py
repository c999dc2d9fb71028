"""Prompts of a person's own: what an object made of `IPython.terminal.prompts.Prompts` says.

Prompts are lists of pairs, a token and a text. Tokens are only names here, with dots
between their parts; a theme (`_themes.py`) may have a colour for one. `rendered` is what the
terminal asks before each cell (`repl/src/shell/looks.rs`) once `get_ipython().prompts` is
set, and when the mode of vi changes; the usual prompts are the terminal's own.
"""

import sys

__all__ = ["Prompts", "Token", "line_numbers", "rendered"]

# The tag of vi's mode that prompts are made for.
_mode = "[ins] "


class _Token(tuple):
    """A token: `Token.Prompt` is a part of `Token`, made when it is asked for."""

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        return _Token((*self, name))

    def __repr__(self):
        return ".".join(("Token", *self))


Token = _Token()


class Prompts:
    """The usual prompts, as a class to build others on."""

    def __init__(self, shell):
        self.shell = shell

    def vi_mode(self):
        """The tag of vi's mode, `[ins] `, `[nav] ` or `[rep] `; empty where the prompt isn't to say it."""
        is_told = getattr(self.shell, "editing_mode", "emacs") == "vi" and self.shell.prompt_includes_vi_mode
        return _mode if is_told else ""

    def current_line(self):
        """The line of the cell that the cursor is in; 0, as prompts are made before it is typed."""
        return 0

    def in_prompt_tokens(self):
        return [
            (Token.Prompt.Mode, self.vi_mode()),
            (Token.Prompt, "In ["),
            (Token.PromptNum, str(self.shell.execution_count)),
            (Token.Prompt, "]: "),
        ]

    def continuation_prompt_tokens(self, width=None, *, lineno=None, wrap_count=None):
        if width is None:
            width = _width(self.in_prompt_tokens())
        return [(Token.Prompt, "...: ".rjust(width))]

    def rewrite_prompt_tokens(self):
        width = _width(self.in_prompt_tokens())
        return [(Token.Prompt, "-" * (width - 2) + "> ")]

    def out_prompt_tokens(self):
        return [
            (Token.OutPrompt, "Out["),
            (Token.OutPromptNum, str(self.shell.execution_count)),
            (Token.OutPrompt, "]: "),
        ]


def _width(tokens):
    return sum(len(text) for _, text in tokens)


def rendered(shell, mode="[ins] "):
    """What stands before the next cell, before its further lines, and before its value, in a mode of vi.

    Each is a list of pairs: the name that a style has for the terminal, or an empty one, and a
    text. None where the prompts are the usual ones.
    """
    global _mode
    _mode = mode
    prompts = shell.__dict__.get("prompts")
    if prompts is None or type(prompts) is Prompts:
        return None
    try:
        before = _parts(prompts.in_prompt_tokens())
        width = len("".join(text for _, text in before).rpartition("\n")[2])
        further = _parts(prompts.continuation_prompt_tokens(width))
        after = _parts(prompts.out_prompt_tokens())
    except Exception as failure:
        del shell.__dict__["prompts"]
        name = type(prompts).__name__
        print(
            f"rhumba: {name} makes no prompt ({type(failure).__name__}: {failure}); the usual ones are back",
            file=sys.stderr,
        )
        return None
    return before, further, after


def line_numbers(shell, count, row):
    """What stands before the prompts of so many lines of a cell, while the cursor is in the line of this index."""
    form = shell.prompt_line_number_format
    try:
        return [form.format(line=line + 1, rel_line=line - row) for line in range(count)]
    except Exception as failure:
        shell.prompt_line_number_format = ""
        told = f"{type(failure).__name__}: {failure}"
        print(f"rhumba: prompt_line_number_format makes no number ({told}); there are none now", file=sys.stderr)
        return []


def _parts(tokens):
    from rhumba._themes import PARTS

    parts = []
    for token, text in tokens:
        if not isinstance(text, str):
            raise TypeError(f"a prompt is made of pairs of a token and a text, not {text!r}")
        names = list(token) if isinstance(token, tuple) else []
        # A token without a style of its own has that of what it is a part of.
        while names and ".".join(map(str, names)) not in PARTS:
            names.pop()
        parts.append((PARTS[".".join(names)] if names else "", text))
    return parts
