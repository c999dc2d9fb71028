"""Magics that show, bring back and run the cells of before."""

import sys

import _rhumba_shell

from rhumba import _past
from rhumba._options import count, magic, option
from rhumba.shell import UsageError


@magic(
    option("-n", "--numbers", help="with their numbers"),
    option("-o", "--outputs", help="with their results"),
    option("-p", "--prompts", help="with >>> before them, as in a docstring"),
    option("-t", "--translated", help="as the Python that they stood for, magics resolved"),
    option("-r", "--raw", help="as they were entered, which is usual"),
    option("-f", "--file", value="FILE", help="into a file"),
    option("-y", "--yes", help="replaces the file without asking"),
    option("-l", "--last", value="COUNT", kind=count, help="the last of all sessions; with -g, the last that match"),
    option("-g", "--grep", help="of all sessions those that match a PATTERN with * and ? somewhere"),
    option("-u", "--unique", help="with -g, of those with the same text only the last"),
    words="[RANGE|PATTERN ...]",
)
def history(given):
    """Shows cells of this session, or of those before.

    RANGE is 5, 3-7, 4-, ~2/3-7 (two sessions ago), 243/1-5 (session 243), ~1/ (all of the last
    session) or ~8/1-~6/5.
    """
    if given.unique and not given.grep:
        raise UsageError("%history -u belongs to -g: %history -u -g PATTERN")
    if given.grep:
        found = _past.matching(" ".join(given.words), given.last, given.unique)
    elif given.words:
        found = _past.cells(given.words)
    elif given.last:
        found = _past.last(given.last)
    else:
        found = _past.this_session()
    text = "".join(_shown(cell, given) for cell in found)
    if given.file:
        _written(given.file, text, given.yes)
    else:
        sys.stdout.write(text)


def _shown(cell, given):
    text = _past.text_of(cell, not given.translated).rstrip("\n")
    lines = text.split("\n")
    if given.prompts:
        text = "\n".join([">>> " + lines[0], *("... " + line for line in lines[1:])])
    if given.numbers or given.grep:
        text = f"{cell.place}:{' ' if len(lines) == 1 and not given.prompts else chr(10)}{text}"
    if given.outputs and cell.result is not None:
        text += "\n" + cell.result.rstrip("\n")
    return text + "\n"


def _written(name, text, yes):
    import os

    path = os.path.expanduser(name)
    if os.path.exists(path) and not yes and not asked(f"File {path} exists. Overwrite it?"):
        print("Nothing was written.")
        return
    write(path, text)


def write(path, text, append=False):
    try:
        with open(path, "a" if append else "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as failure:
        raise UsageError(f"{path} can't be written: {failure.strerror}") from None


def asked(question, unasked=False):
    """Whether a person says yes, and `unasked` where nobody can be asked; a program may answer in the shell's place."""
    from IPython.core.error import StdinNotImplementedError

    try:
        return bool(_rhumba_shell.get_ipython().ask_yes_no(question + " [y/N]", "n"))
    except StdinNotImplementedError:
        return unasked


@magic(words="[RANGE|NAME|TEXT ...]")
def recall(given):
    """Brings cells back to the prompt, to be edited and run.

    Without words it is the last result; a name gives what it is bound to, as text; any other
    text the last cell that holds it.
    """
    words = given.words
    if not words:
        last = _rhumba_shell.namespace().get("_", "")
        bring_back(last if isinstance(last, str) else repr(last))
    elif _past.is_ranges(words):
        found = _past.cells(words)
        if not found:
            raise UsageError(f"{' '.join(words)} means no cell; %history -n shows which there are.")
        bring_back(_past.joined(found).rstrip("\n"))
    elif len(words) == 1 and words[0] in _rhumba_shell.namespace():
        value = _rhumba_shell.namespace()[words[0]]
        bring_back(str(value))
    else:
        found = _past.holding(" ".join(words), 1)
        if not found:
            raise UsageError(f"no cell holds {' '.join(words)!r}.")
        bring_back(found[-1].source)


def bring_back(text, replace=False):
    """Puts text into the next prompt; a program may take it in the shell's place.

    replace: whether it stands for the cell that asks for it
    """
    put = _rhumba_shell.get_ipython().set_next_input
    if replace:
        put(text, replace=True)
    else:
        put(text)


@magic(
    option("-l", "--last", value="COUNT", kind=count, help="the last cells of this session"),
    option("-g", "--grep", value="TEXT", help="the last cell that holds this text"),
    words="[RANGE ...]",
)
def rerun(given):
    """Runs cells again; without words, the one before this."""
    if given.last and (given.grep or given.words):
        raise UsageError("%rerun takes -l alone, without ranges and without -g.")
    if given.grep:
        # The text may have blanks in it.
        found = _past.holding(" ".join([given.grep, *given.words]), 1)
    elif given.words:
        found = _past.cells(given.words)
    else:
        found = _past.before_this()[-(given.last or 1) :]
    if not found:
        raise UsageError("there is no such cell to run again.")
    print("=== Executing: ===")
    print(_past.joined(found), end="")
    print("=== Output: ===")
    for cell in found:
        # Each by itself: any of them may be a %%magic, or one that was typed without its mark.
        if not _rhumba_shell.get_ipython().run_cell(cell.source, store_history=False).success:
            # It has been shown; the cells that follow count on this one.
            return
