"""Magics that read and write files: `%%writefile`, `%pycat`."""

import os
import sys

from rhumba._options import magic, option
from rhumba.shell import UsageError, get_ipython as _shell


@magic(option("-a", "--append", help="adds the cell at its end"), words="FILE")
def writefile(given, cell):
    """Writes the cell to a file."""
    path = os.path.expanduser(given.words[0])
    existed = os.path.exists(path)
    try:
        with open(path, "a" if given.append else "w", encoding="utf-8") as file:
            file.write(cell)
    except OSError as failure:
        raise UsageError(f"%%writefile can't write {path!r}: {failure.strerror}") from None
    print(("Appending to" if given.append else "Overwriting" if existed else "Writing"), path)


@magic(words="FILE|ADDRESS|RANGE|NAME ...")
def pycat(given):
    """Shows Python with colours where the terminal has them: of a file, an address, cells, a macro or text.

    A name may be bound to the path of the file.
    """
    from rhumba import _past
    from rhumba._pager import page

    path = " ".join(given.words)
    bound = _shell().user_ns.get(path)
    if isinstance(bound, str) and "\n" not in bound and not os.path.exists(path) and os.path.exists(bound):
        path = bound
    is_file = os.path.exists(os.path.expanduser(path))
    text = read_text("%pycat", path) if is_file else _past.source_of(given.words)
    page(_coloured(text).rstrip("\n"))


def _coloured(source):
    """Python source with the colours of a terminal, if there is one that shows them."""
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return source
    from rhumba import _themes
    from .appearance import scheme

    if scheme(_shell()) == "nocolor":
        return source
    import io
    import keyword
    import tokenize

    # What the theme says nothing of looks as it does without one.
    codes = {"comment": "90", "text": "33", "number": "36", "keyword": "35"} | _themes.codes(scheme(_shell()))
    colours = {
        tokenize.COMMENT: f"\x1b[{codes['comment']}m",
        tokenize.STRING: f"\x1b[{codes['text']}m",
        tokenize.NUMBER: f"\x1b[{codes['number']}m",
    }
    painted = _Painted(source)
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            colour = colours.get(token.type)
            if token.type == tokenize.NAME and keyword.iskeyword(token.string):
                colour = f"\x1b[{codes['keyword']}m"
            if colour is not None and token.string:
                painted.paint(token.start, token.end, colour)
    except (tokenize.TokenError, SyntaxError):
        # What isn't Python is shown as far as it was understood.
        pass
    return painted.text()


class _Painted:
    """A text of which pieces get colours, one after the other."""

    def __init__(self, text):
        self.lines = text.splitlines(True)
        self.parts = []
        self.row, self.column = 1, 0

    def copy_to(self, row, column):
        while self.row < row and self.row <= len(self.lines):
            self.parts.append(self.lines[self.row - 1][self.column :])
            self.row, self.column = self.row + 1, 0
        if self.row <= len(self.lines):
            self.parts.append(self.lines[self.row - 1][self.column : column])
            self.column = column

    def paint(self, start, end, colour):
        self.copy_to(*start)
        before = len(self.parts)
        self.copy_to(*end)
        piece = "".join(self.parts[before:])
        # A colour that runs over the end of a line would colour the terminal's margin.
        self.parts[before:] = [colour, piece.replace("\n", f"\x1b[0m\n{colour}"), "\x1b[0m"]

    def text(self):
        self.copy_to(len(self.lines) + 1, 0)
        return "".join(self.parts)


def read_text(name, path):
    """The text of a file that a person named; UsageError says why there is none."""
    try:
        with open(os.path.expanduser(path), encoding="utf-8") as file:
            return file.read()
    except OSError as failure:
        raise UsageError(f"{name} can't read {path!r}: {failure.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{name} can't read {path!r}: it isn't UTF-8 text") from None
