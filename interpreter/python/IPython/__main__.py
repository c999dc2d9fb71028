"""`-m IPython` is the shell, or a program, with the options of IPython's command line as far as they mean something.

It starts this executable anew with the words that it knows for the same; what those do is told by `rhumba --help`.
"""

import os
import sys

__all__ = ["command"]

# What is so anyway, or has no counterpart that anybody would miss.
_WITHOUT_EFFECT = (
    "--banner", "--confirm-exit", "--no-confirm-exit", "--no-sep", "--no-term-title", "--no-tip", "--nosep",
    "--term-title", "--tip",
)  # fmt: skip
# What may have its value in a word of its own.
_WITH_VALUE = ("--autocall", "--colors", "--ext", "--logfile", "--profile", "--set", "--theme", "--xmode")


def command(words):
    """The words for this executable that mean the same as words for IPython."""
    options, rest, opens = [], list(words), False
    while rest and rest[0].startswith("-") and rest[0] not in ("-", "--", "-c", "-m"):
        word = rest.pop(0)
        if word == "-i":
            opens = True
        elif word not in _WITHOUT_EFFECT:
            options.append(word)
            if word in _WITH_VALUE and rest:
                options.append(rest.pop(0))
    if rest[:1] == ["--"]:
        del rest[0]
    if rest and not opens and not {"-h", "--help", "-V", "--version"}.intersection(options):
        # What the shell is set to means nothing to a program that runs without it.
        options = []
    return [*(["-i"] if opens else []), *options, *rest]


if __name__ == "__main__":
    os.execv(sys.executable, [sys.executable, *command(sys.argv[1:])])
