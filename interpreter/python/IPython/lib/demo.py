"""Scripts that are shown and run a block at a time, in front of people.

Lines of comment say where a block ends and how it is run:

    # <demo> --- stop ---    a block ends here; the dashes may be left out
    # <demo> silent          this block is run at once, and not shown
    # <demo> auto            this block is shown and run, and nobody is asked first
    # <demo> auto_all        in the first block: so are all of them

    from IPython.lib.demo import Demo
    show = Demo("script.py")
    show()                   the next block: shown, and run once Enter is pressed

A script is run in names of its own, which are copied to the session's after each block. What isn't here
is a slide show: no text but the script's is shown. To run a whole file, there is `%run`.
"""

import linecache
import operator
import os
import re
import shlex
import sys

from IPython.utils.openpy import source_to_unicode
from IPython.utils.text import marquee
from rhumba.shell import get_ipython

__all__ = [
    "ClearDemo", "ClearIPDemo", "ClearMixin", "Demo", "DemoError", "IPythonDemo", "IPythonLineDemo", "LineDemo",
]


class DemoError(Exception):
    """A script that can't be a demo, or a demo that can't be run here."""


class _ToldError(Exception):
    """A block has failed, and the shell has said how."""


def _tag(word):
    return re.compile(rf"^[ \t]*#[ \t]*<demo>[ \t]*-*[ \t]*{word}[ \t]*-*[ \t]*$", re.MULTILINE)


class Demo:
    """A script in blocks; a call runs the next one.

    src: the path of the script, or a file that is open, which is read once
    title: what it is called; by default the name of the file
    arg_str: what follows the script's name in sys.argv, as it would be typed
    auto_all: whether nobody is asked before a block is run; None has the script say it
    format_rst, formatter, style: taken, and without effect: colours are those of the shell

    The attributes that are there to be read: src (the text), src_blocks, nblocks, block_index (the block
    that comes next, counted from 0), finished, user_ns (the names of the script). `auto_all` may be set.
    """

    re_stop, re_silent, re_auto, re_auto_all = map(_tag, ("stop", "silent", "auto", "auto_all"))

    def __init__(
        self, src, title="", arg_str="", auto_all=None, format_rst=False, formatter="terminal", style="default"
    ):
        self.shell = get_ipython()
        self._file = src if hasattr(src, "read") else None
        if self._file is None:
            self.fname = os.fspath(src)
            self.title = title or os.path.basename(self.fname)
        else:
            self.fname = str(getattr(src, "name", "an open file"))
            self.title = title or self.fname
        self.sys_argv = [self.fname, *shlex.split(arg_str)]
        self._auto_all = auto_all
        self.reload()

    @property
    def auto_all(self):
        """Whether nobody is asked before a block is run."""
        return self._auto_all_in_script if self._auto_all is None else bool(self._auto_all)

    @auto_all.setter
    def auto_all(self, value):
        self._auto_all = value

    @property
    def nblocks(self):
        return len(self.src_blocks)

    @property
    def finished(self):
        """Whether no block comes next."""
        return self.block_index >= self.nblocks

    # -- reading the script

    def reload(self):
        """Reads the script again and begins it anew."""
        try:
            text = self._read()
        except UnicodeDecodeError:
            raise DemoError(f"{self.title} can't be read: it is neither UTF-8 nor what its first lines say") from None
        blocks, self._auto_all_in_script = self._split(text)
        if not blocks:
            raise DemoError(f"{self.title} has no blocks: there is nothing in it to show or run")
        self.src = text
        self.src_blocks, self._silent, self._auto = map(list, zip(*blocks))
        self.reset()

    def _read(self):
        if self._file is None:
            with open(self.fname, "rb") as file:
                return _text(file.read())
        if hasattr(self, "src"):
            # It is at its end by now, and may be closed: what it gave is kept.
            return self.src
        return _text(self._file.read())

    def _split(self, text):
        """The blocks as (source, whether it is silent, whether it is automatic), and whether all are."""
        parts = [part for part in self.re_stop.split(text) if part.strip()]
        all_auto = bool(parts) and self.re_auto_all.search(parts[0]) is not None
        if all_auto:
            parts[0] = self.re_auto_all.sub("", parts[0])
        blocks = []
        for part in parts:
            marks = [mark.search(part) is not None for mark in (self.re_silent, self.re_auto)]
            source = self.re_auto.sub("", self.re_silent.sub("", part)).strip("\n")
            if source.strip():
                blocks.append((source, *marks))
        return blocks, all_auto

    # -- going to a block

    def reset(self):
        """Begins anew: at the first block, with no names."""
        self.user_ns = {}
        self.block_index = 0

    def seek(self, index):
        """Has this block come next; -1 is the last one."""
        index = operator.index(index)
        self._go_to(index + self.nblocks if index < 0 else index, index)

    def jump(self, num=1):
        """Leaves out that many blocks; a negative number goes back."""
        self._go_to(self.block_index + num)

    def back(self, num=1):
        """Goes back by that many blocks."""
        self._go_to(self.block_index - num)

    def again(self):
        """Runs the last block once more."""
        self.back()
        self()

    def _go_to(self, index, typed=None):
        self.block_index = self._checked(index, typed)

    def _checked(self, index, typed=None):
        if not 0 <= operator.index(index) < self.nblocks:
            wanted = index if typed is None else typed
            raise ValueError(f"{self.title} has no block {wanted}: its blocks are 0 to {self.nblocks - 1}")
        return index

    def _index_or_word(self, index):
        """A block's number: the one given, or the next; None once the demo is over, which is said."""
        if index is not None:
            return self._checked(index)
        if self.finished:
            print("The demo is over: reset() begins it anew, back() and seek() go to a block of it.")
            return None
        return self.block_index

    # -- showing

    def show(self, index=None):
        """Shows a block, by default the next one."""
        index = self._index_or_word(index)
        if index is not None:
            self._print(self._title_of("block", index))
            print(self.highlight(self.src_blocks[index]), flush=True)

    def show_all(self):
        """Shows every block."""
        for index, source in enumerate(self.src_blocks):
            self._print(self._title_of("silent block" if self._silent[index] else "block", index))
            print(self.highlight(source), flush=True)

    def _title_of(self, kind, index):
        return self.marquee(f"<{self.title}> {kind} {index}, {self.nblocks - index - 1} to come")

    def _print(self, line):
        """Prints a marquee; those that a subclass leaves empty take no line."""
        if line:
            print(line)

    def edit(self, index=None):
        """Opens a block in the editor, by default the one that was run last, and runs what it has become.

        The file of the script stays as it is.
        """
        from rhumba._magics.sources import _open

        if self.shell is None:
            raise DemoError("a block is edited in the shell; in a program there is none")
        index = max(self.block_index - 1, 0) if index is None else self._checked(index)
        path = self.shell.mktempfile(self.src_blocks[index] + "\n")
        _open(None, path, 1)
        with open(path, "rb") as file:
            self.src_blocks[index] = _text(file.read()).strip("\n")
        self.block_index = index
        self()

    # -- running

    def __call__(self, index=None):
        """Runs a block, by default the next one; the one behind it comes next then."""
        index = self._index_or_word(index)
        if index is None:
            return
        self.block_index = index + 1
        if self._is_wanted(index):
            self._run(index)
        if self.finished:
            end = self.marquee("The demo ends here; reset() begins it anew")
            if end:
                print(f"\n{end}")

    def _is_wanted(self, index):
        """Shows a block and asks whether to run it, so far as that is to be done."""
        if self._silent[index]:
            self._print(self._title_of("silent block", index))
            return True
        self.pre_cmd()
        self.show(index)
        if self.auto_all or self._auto[index]:
            self._print(self.marquee("output"))
            return True
        print(self.marquee("Enter runs it, q and Enter don't"), end=" ", flush=True)
        try:
            answer = input()
        except EOFError:
            answer = "q"
        if answer.strip():
            self._print(self.marquee("it was not run"))
            return False
        return True

    def _run(self, index):
        before, sys.argv = sys.argv, list(self.sys_argv)
        self._running = index
        try:
            self.run_cell(self.src_blocks[index])
            self.post_cmd()
        except _ToldError:
            return
        except Exception as failure:
            if self.shell is None:
                raise
            self.shell.showtraceback(failure)
            return
        finally:
            sys.argv = before
        if self.shell is not None:
            self.shell.push({name: value for name, value in self.user_ns.items() if name != "__builtins__"})

    def run_cell(self, source):
        """Runs the text of a block."""
        # By this name a traceback finds the line.
        name = f"<{self.title}, block {self._running}>"
        linecache.cache[name] = len(source), None, [line + "\n" for line in source.split("\n")], name
        exec(compile(source, name, "exec", dont_inherit=True), self.user_ns)

    # -- what a subclass may do in its own way

    def marquee(self, txt="", width=78, mark="*"):
        """A line with text in the middle, between marks."""
        return marquee(txt, width, mark)

    def pre_cmd(self):
        """Called before a block is shown."""

    def post_cmd(self):
        """Called after a block was run and has not failed."""

    def highlight(self, block):
        """The text of a block as it is shown: in colours, where the terminal has them."""
        from rhumba._magics.files import _coloured

        return _coloured(block)


def _text(source):
    """The text of a script, with the ends of lines that Python has."""
    return source_to_unicode(source, "strict").replace("\r\n", "\n").replace("\r", "\n")


class IPythonDemo(Demo):
    """A demo whose blocks are cells: with magics and all, run in the session's own names."""

    def __init__(self, *args, **kwargs):
        if get_ipython() is None:
            name = type(self).__name__
            raise DemoError(f"{name} runs cells of a shell, and there is none in this program; Demo runs Python")
        super().__init__(*args, **kwargs)

    def run_cell(self, source):
        if not self.shell.run_cell(source).success:
            raise _ToldError


class LineDemo(Demo):
    """A demo of single lines, which are blocks without any marks; nobody is asked before one is run."""

    def _split(self, text):
        return [(line, False, True) for line in text.splitlines() if line.strip()], True


class IPythonLineDemo(IPythonDemo, LineDemo):
    """A demo of single lines that are cells."""


class ClearMixin:
    """Has a demo clear the screen before each block, and show nothing but the block; first of the bases."""

    def marquee(self, txt="", width=78, mark="*"):
        return ""

    def pre_cmd(self):
        if sys.stdout.isatty():
            print("\033[H\033[2J", end="", flush=True)


class ClearDemo(ClearMixin, Demo):
    """A demo on a screen that is cleared."""


class ClearIPDemo(ClearMixin, IPythonDemo):
    """A demo of cells on a screen that is cleared."""
