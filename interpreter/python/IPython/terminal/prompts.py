"""The prompts of the shell, to build others on: `get_ipython().prompts = MyPrompts(get_ipython())`.

What they are made of is `rhumba._prompts`'s.
"""

from rhumba._prompts import Prompts, Token

__all__ = ["ClassicPrompts", "Prompts", "Token"]


class ClassicPrompts(Prompts):
    """Python's own."""

    def in_prompt_tokens(self):
        return [(Token.Prompt, ">>> ")]

    def continuation_prompt_tokens(self, width=None, *, lineno=None, wrap_count=None):
        return [(Token.Prompt, "... ")]

    def rewrite_prompt_tokens(self):
        return []

    def out_prompt_tokens(self):
        return []
