"""Cells to Python, by the names by which programs import it.

What the shell does with a cell is done in Rust (`interpreter/src/transform`). The classes here find one statement
that isn't Python among tokens, for programs that look at cells themselves, and have it put into Python there.
"""

import re
import textwrap
import tokenize
import warnings

from rhumba._interface import InputTransformerManager
from rhumba.shell import get_ipython

__all__ = [
    "ESC_HELP", "ESC_HELP2", "ESC_MAGIC", "ESC_MAGIC2", "ESC_PAREN", "ESC_QUOTE", "ESC_QUOTE2", "ESC_SHELL",
    "ESC_SH_CAP", "EscapedCommand", "HelpEnd", "MagicAssign", "PromptStripper", "SystemAssign", "TokenTransformBase",
    "TransformerManager", "assemble_continued_line", "cell_magic", "classic_prompt", "find_end_of_continued_line",
    "ipython_prompt", "leading_empty_lines", "leading_indent", "make_tokens_by_line",
]

# The marks that begin a line which isn't Python.
ESC_SHELL, ESC_SH_CAP = "!", "!!"
ESC_HELP, ESC_HELP2 = "?", "??"
ESC_MAGIC, ESC_MAGIC2 = "%", "%%"
ESC_QUOTE, ESC_QUOTE2, ESC_PAREN = ",", ";", "/"


class TransformerManager(InputTransformerManager):
    """Turns cells into Python and tells whether they are whole; needs no session.

    cleanup_transforms, line_transforms: functions of its own from a list of lines to a list of lines, for what is
        typed and for the Python made of it
    """

    def __init__(self):
        super().__init__(get_ipython())
        self._cleanup, self._line = [], []

    @property
    def cleanup_transforms(self):
        return self._cleanup

    @property
    def line_transforms(self):
        return self._line

    def transform_cell(self, cell):
        import _rhumba_shell

        return self._through(self._line, _rhumba_shell.transform_cell(self._through(self._cleanup, cell)))

    def check_complete(self, cell):
        """The state, and the number of spaces to indent by; functions marked `has_side_effects` aren't called."""
        import _rhumba_shell

        harmless = [each for each in self._cleanup if not getattr(each, "has_side_effects", False)]
        status, indent = _rhumba_shell.check_complete(self._through(harmless, cell))
        return status, indent if status == "incomplete" else None

    def _through(self, transforms, text):
        for transform in transforms:
            text = "".join(transform(text.splitlines(keepends=True)))
        return text


def leading_empty_lines(lines):
    """The lines without the empty ones in front; all of them if there are no others."""
    for index, line in enumerate(lines):
        if line and not line.isspace():
            return lines[index:]
    return lines


def leading_indent(lines):
    """The lines without the blanks that the first one begins with."""
    blanks = re.match(r"[ \t]*", lines[0])[0] if lines else ""
    if lines and lines[0].lstrip().startswith("#") and not all(_is_within(line, blanks) for line in lines):
        # A comment may stand anywhere: it says nothing about the code below it.
        return lines
    return [line.removeprefix(blanks) for line in lines]


def _is_within(line, blanks):
    return not line.strip() or line.startswith(blanks)


class PromptStripper:
    """Takes prompts off lines, if the first or the second line begins with one.

    prompt_re: what prompts look like; initial_re: what that of the first line looks like
    doctest: they are Python's own, as in a docstring: the first line has one, and all may be indented
    """

    def __init__(self, prompt_re, initial_re=None, *, doctest=False):
        self.prompt_re = prompt_re
        self.initial_re = initial_re or prompt_re
        self.doctest = doctest

    def __call__(self, lines):
        if self.doctest:
            found = _dedented(lines)
            if not found or not self.initial_re.match(found[0]):
                return lines
            return _dedented([self.prompt_re.sub("", line, count=1) for line in found])
        is_pasted = lines and self.initial_re.match(lines[0]) or len(lines) > 1 and self.prompt_re.match(lines[1])
        return [self.prompt_re.sub("", line, count=1) for line in lines] if is_pasted else lines


def _dedented(lines):
    return textwrap.dedent("".join(lines)).splitlines(keepends=True)


classic_prompt = PromptStripper(re.compile(r"^(>>>|\.\.\.)( |$)"), re.compile(r"^>>>( |$)"), doctest=True)
ipython_prompt = PromptStripper(re.compile(r"^(((\[nav\]|\[ins\])?\s*)?In\s*\[\d+\]: ?|\s*\.{3,}: ?)"))


def cell_magic(lines):
    """A cell that begins with `%%name` as the call that it stands for; other lines as they are."""
    found = re.match(r"%%(\w+)(?:[ \t]+(.*?))?\r?\n?$", lines[0]) if lines else None
    if found is None:
        return lines
    name, line = found.groups()
    return [f"get_ipython().run_cell_magic({name!r}, {line or ''!r}, {''.join(lines[1:])!r})\n"]


# -- one statement among others


def make_tokens_by_line(lines):
    """The tokens of lines with their ends, in a list for each statement: brackets keep lines together."""
    if len(lines) > 1 and not lines[0].endswith(("\n", "\r", "\r\n", "\x0b", "\x0c")):
        told = "`make_tokens_by_line` was given lines that do not have lineending markers: what it makes isn't right"
        warnings.warn(told, stacklevel=2)
    statements, depth = [[]], 0
    try:
        for token in tokenize.generate_tokens(iter(lines).__next__):
            statements[-1].append(token)
            if token.type == tokenize.OP and token.string in "([{":
                depth += 1
            elif token.type == tokenize.OP and token.string in ")]}":
                depth = max(depth - 1, 0)
            ends = token.type == tokenize.NEWLINE or token.type == tokenize.NL and not depth
            if ends:
                statements.append([])
    except (tokenize.TokenError, SyntaxError):
        # As far as it could be read: what isn't Python may be no tokens either.
        pass
    if not statements[-1] and len(statements) > 1:
        statements.pop()
    return statements


def find_end_of_continued_line(lines, start_line):
    """The index of the last line that backslashes join to this one."""
    end = start_line
    while lines[end].endswith("\\\n") and end + 1 < len(lines):
        end += 1
    return end


def assemble_continued_line(lines, start, end_line):
    """The lines from a start (line, column) to a line as one, without the backslashes between them."""
    first, column = start
    parts = [lines[first][column:], *lines[first + 1 : end_line + 1]]
    return " ".join([part.rstrip("\n").removesuffix("\\") for part in parts[:-1]] + [parts[-1].rstrip()])


def _find_assign_op(tokens):
    """The index of the first = that isn't inside of brackets; None if there is none."""
    depth = 0
    for index, token in enumerate(tokens):
        if token.string == "=" and not depth:
            return index
        if token.string and token.string in "([{":
            depth += 1
        elif token.string and token.string in ")]}":
            depth = max(depth - 1, 0)
    return None


class TokenTransformBase:
    """A statement that isn't Python: `find` looks for the first of its kind, `transform` puts it into Python.

    start_line, start_col: where it begins, both counted from 0
    """

    priority = 10

    def __init__(self, start):
        # Tokens count lines from 1.
        self.start_line = start[0] - 1
        self.start_col = start[1]

    @classmethod
    def find(cls, tokens_by_line):
        """An object for the first statement of this kind, or None."""
        raise NotImplementedError

    def transform(self, lines):
        return self._put(lines, find_end_of_continued_line(lines, self.start_line))

    def _put(self, lines, end_line):
        import _rhumba_shell

        before = lines[self.start_line][: self.start_col]
        statement = assemble_continued_line(lines, (self.start_line, self.start_col), end_line)
        # Behind an = it is read as a value.
        name = "" if not before.strip() else "_ = "
        python = _rhumba_shell.transform_cell(f"{name}{statement}\n").removeprefix(name).rstrip("\n")
        return [*lines[: self.start_line], f"{before}{python}\n", *lines[end_line + 1 :]]


class MagicAssign(TokenTransformBase):
    """`name = %magic`."""

    @classmethod
    def find(cls, tokens_by_line):
        for tokens in tokens_by_line:
            at = _find_assign_op(tokens)
            value = tokens[at + 1 : at + 3] if at else []
            if len(value) == 2 and value[0].string == "%" and value[1].type == tokenize.NAME:
                return cls(value[0].start)
        return None


class SystemAssign(TokenTransformBase):
    """`name = !command`."""

    @classmethod
    def find(cls, tokens_by_line):
        for tokens in tokens_by_line:
            at = _find_assign_op(tokens)
            value = next((token for token in tokens[at + 1 :] if token.string.strip()), None) if at else None
            if value is not None and value.string.startswith("!"):
                return cls(value.start)
        return None


class EscapedCommand(TokenTransformBase):
    """A statement that begins with a mark: %magic, !command, ?name, ,f /f ;f."""

    @classmethod
    def find(cls, tokens_by_line):
        for tokens in tokens_by_line:
            first = _first(tokens)
            if first is not None and first.string[:1] in ("%", "!", "?", ",", ";", "/"):
                return cls(first.start)
        return None


class HelpEnd(TokenTransformBase):
    """A statement that ends with a question mark.

    q_line, q_col: where that is, both counted from 0
    """

    # It is looked for before marks, as `%magic?` has one, too.
    priority = 5

    def __init__(self, start, q_locn):
        super().__init__(start)
        self.q_line = q_locn[0] - 1
        self.q_col = q_locn[1]

    @classmethod
    def find(cls, tokens_by_line):
        for tokens in tokens_by_line:
            marked = [token for token in tokens if token.string.strip()]
            if len(marked) > 1 and marked[-1].string == "?":
                return cls(_first(tokens).start, marked[-1].start)
        return None

    def transform(self, lines):
        import _rhumba_shell

        end = max(self.q_line, self.start_line) + 1
        statement = "".join(lines[self.start_line : end])[self.start_col :]
        python = _rhumba_shell.transform_cell(" ".join(statement.replace("\\\n", "").split("\n")).strip() + "\n")
        before = lines[self.start_line][: self.start_col]
        return [*lines[: self.start_line], f"{before}{python.rstrip()}\n", *lines[end:]]


def _first(tokens):
    """The first token that stands for text."""
    layout = (tokenize.INDENT, tokenize.DEDENT)
    return next((token for token in tokens if token.type not in layout and token.string.strip()), None)
