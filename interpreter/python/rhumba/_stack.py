"""The frames of a traceback as text: each with its source, and carets where these say more.

The text is the standard traceback module's, but for frames of rhumba's own frozen code and of the
import system between an import and what it runs, which are left out, and for the middle of a
recursion that was very deep. Nothing here imports what isn't in
memory already: see `_failure`, which tells of the exception itself.
"""

import codecs
import linecache
import os
import sys
from itertools import islice

import _ast
import _imp

_OWN = ("rhumba", "ipyparallel", "IPython")
_IMPORT_SYSTEM = ("<frozen importlib>", "<frozen importlib._bootstrap>", "<frozen importlib._bootstrap_external>")
# What the import system ends with where it isn't itself what fails: it runs or compiles a module, or finds none.
_IMPORT_ENDS = ("_call_with_frames_removed", "_find_and_load_unlocked")
# A recursion may leave a million frames; those in the middle tell nothing new.
_FRAMES_KEPT = 1_000
# Frames at one and the same place are counted from here on.
_REPEATS_SHOWN = 3


def format_stack(tb, shown=None):
    """A list of texts, one for each frame; empty if there is none to show."""
    first, left_out, last = _ends(tb)
    shown = shown or _Shown()
    texts = shown.format(_frames(first, shown.frame_type))
    # Nothing of a stack is shown that begins with nothing but frames of rhumba's own.
    if texts and last is not None:
        if left_out:
            texts.append(f"  [{left_out:,} frames are left out here]\n")
        texts += shown.format(_frames(_entries(last), shown.frame_type))
    return texts


def _entries(tb):
    while tb is not None:
        yield tb
        tb = tb.tb_next


def _ends(tb):
    """The first entries, how many are left out, and the entry that the last ones begin with."""
    first = list(islice(_entries(tb), _FRAMES_KEPT))
    if not first or first[-1].tb_next is None:
        return first, 0, None
    count = _FRAMES_KEPT
    start = tb
    for _ in _entries(first[-1].tb_next):
        start = start.tb_next
        count += 1
    left_out = count - 2 * _FRAMES_KEPT
    # `start` is as many entries from the end as are kept; those told first aren't told again.
    for _ in range(-left_out):
        start = start.tb_next
    return first, max(left_out, 0), start


class _Frame:
    """Where one frame stood: lines count from one, columns are bytes and count from zero."""

    __slots__ = ("filename", "line", "end_line", "column", "end_column", "name", "code")

    def __init__(self, tb):
        self.code = tb.tb_frame.f_code
        self.filename = self.code.co_filename
        self.name = self.code.co_name
        self.line, end_line, self.column, self.end_column = _position(self.code, tb.tb_lasti)
        if self.line is None:
            self.line = tb.tb_lineno
        self.end_line = self.line if end_line is None else end_line

    def place(self):
        return self.filename, self.line, self.name


def _position(code, instruction):
    if instruction < 0:
        return None, None, None, None
    return next(islice(code.co_positions(), instruction // 2, None))


def _frames(entries, frame_type):
    frames = []
    filenames = set()
    for tb in entries:
        frame = frame_type(tb)
        # Frozen code has its module's name in place of a file's.
        if not _imp.is_frozen(frame.filename):
            filenames.add(frame.filename)
            linecache.lazycache(frame.filename, tb.tb_frame.f_globals)
        elif frame.filename.partition(".")[0] not in _OWN:
            frame.filename = f"<frozen {frame.filename}>"
        else:
            continue
        frames.append(frame)
    for filename in filenames:
        linecache.checkcache(filename)
    return _without_imports(frames)


def _without_imports(frames):
    """The frames without those of the import system, as import statements leave them out by themselves."""
    kept, importing = [], []
    for frame in [*frames, None]:
        if frame is not None and frame.filename in _IMPORT_SYSTEM:
            importing.append(frame)
            continue
        if importing and importing[-1].name not in _IMPORT_ENDS:
            kept += importing
        importing = []
        if frame is not None:
            kept.append(frame)
    return kept


class _Shown:
    """Frames as text; what was made once for a place is not made again."""

    frame_type = _Frame

    def __init__(self):
        self._texts = {}

    def format(self, frames):
        texts = []
        place = None
        count = 0
        for frame in frames:
            if frame.place() != place:
                texts += _repeated(count)
                place = frame.place()
                count = 0
            count += 1
            if count <= _REPEATS_SHOWN:
                texts.append(self._text(frame))
        return texts + _repeated(count)

    def _text(self, frame):
        key = (*frame.place(), frame.end_line, frame.column, frame.end_column, frame.code)
        text = self._texts.get(key)
        if text is None:
            filename = frame.filename
            if filename.startswith("<stdin-") and filename.endswith(">"):
                filename = "<stdin>"
            text = f'  File "{filename}", line {frame.line}, in {frame.name}\n{_source(frame)}'
            self._texts[key] = text
        return text


def _repeated(count):
    count -= _REPEATS_SHOWN
    if count < 1:
        return []
    return [f"  [Previous line repeated {count} more time{'s' if count > 1 else ''}]\n"]


# -- the source of a frame


def _source(frame):
    """The lines below a frame's headline; '' where there is no source."""
    if frame.line is None:
        return ""
    lines = [_line(frame, number) for number in range(frame.line, frame.end_line + 1)]
    text = "\n".join(lines) + "\n"
    dedented = dedent(text)
    if not dedented.strip():
        return ""
    first = lines[0].strip()
    if frame.column is None or frame.end_column is None or _is_magic(frame, first):
        return indent(first, "    ", blank=False) + "\n"
    shown = _Excerpt(frame, text.splitlines(), dedented.splitlines()).lines()
    return indent(dedent("".join(shown)), "    ")


def _is_magic(frame, line):
    """Whether the line shown isn't the line that was compiled, so that its columns mean nothing."""
    if not frame.filename.startswith("<"):
        return False
    _, equals, value = line.partition("=")
    assigned = value.lstrip() if equals else ""
    return line.startswith(("%", "!", "?")) or assigned.startswith(("%", "!")) or line.endswith("?")


class _Excerpt:
    """The source of one frame, over one line or several, with what marks the place in it.

    An operator, or the brackets of a call or subscript, stand out from their operands: carets
    there, tildes around them.
    """

    def __init__(self, frame, original, dedented):
        extent = frame.end_line - frame.line
        self._lines = dedented[: extent + 1]
        removed = len(original[0]) - len(self._lines[0])
        start = max(0, _characters(original[0], frame.column) - removed)
        end = max(0, _characters(original[extent], frame.end_column) - removed)
        text = "\n".join(self._lines)
        segment = text[start : len(text) - (len(self._lines[-1]) - end)]
        try:
            self._anchors = _anchors(segment)
        except Exception:
            # Source that has changed since it ran may be anything.
            self._anchors = None
        self._is_marked = _is_part(self._lines, start, end, bool(self._anchors))
        self._start = columns_of(self._lines[0], start)
        self._end = columns_of(self._lines[-1], end)
        if self._anchors:
            left_line, left, right_line, right = self._anchors
            # They count from the start of the segment.
            left += 0 if left_line else start
            right += 0 if right_line else start
            self._anchors = (
                (left_line, columns_of(self._lines[left_line], left)),
                (right_line, columns_of(self._lines[right_line], right)),
            )

    def lines(self):
        """The first line, the last, and those around the anchors."""
        told = {0, len(self._lines) - 1}
        for line, _ in self._anchors or ():
            told.update((line - 1, line, line + 1))
        shown = []
        previous = -1
        for line in sorted(told.intersection(range(len(self._lines)))):
            between = line - previous - 1
            if between == 1:
                shown += self._marked(line - 1)
            elif between:
                shown.append(f"...<{between} lines>...\n")
            shown += self._marked(line)
            previous = line
        return shown

    def _marked(self, number):
        line = self._lines[number]
        if not self._is_marked:
            return [line + "\n"]
        start = len(line) - len(line.lstrip())
        if number == 0:
            start = max(start, self._start)
        end = self._end if number == len(self._lines) - 1 else columns_of(line, len(line))
        marks = (self._mark(number, column) for column in range(start, end))
        return [line + "\n", f"{' ' * min(start, end)}{''.join(marks)}\n"]

    def _mark(self, line, column):
        if not self._anchors:
            return "^"
        left, right = self._anchors
        return "^" if left <= (line, column) < right else "~"


def _anchors(segment):
    """Where an operator, or the brackets of a call or subscript, begin and end.

    The result is a line and a column for each; None if the source is none of these.
    """
    try:
        # In brackets, an expression may go over several lines.
        tree = compile(f"(\n{segment}\n)", "<segment>", "exec", _ast.PyCF_ONLY_AST)
    except SyntaxError:
        return None
    if len(tree.body) != 1 or not isinstance(tree.body[0], _ast.Expr):
        return None
    lines = segment.splitlines()
    expression = tree.body[0].value
    if isinstance(expression, _ast.BinOp):
        return _operator(lines, expression)
    if isinstance(expression, _ast.Subscript):
        before, bracket = expression.value, "["
    elif isinstance(expression, _ast.Call):
        before, bracket = expression.func, "("
    else:
        return None
    line, column = _seek(lines, before, lambda char: char == bracket)
    end_line = expression.end_lineno - 2
    return line, column, end_line, _characters(lines[end_line], expression.end_col_offset)


def _operator(lines, expression):
    line, column = _seek(lines, expression.left, lambda char: not char.isspace() and char != ")")
    end = column + 1
    right = expression.right
    right_line = right.lineno - 2
    # An operator has one character or two.
    if (
        end < len(lines[line])
        and (right_line > line or end < _characters(lines[right_line], right.col_offset))
        and not lines[line][end].isspace()
        and lines[line][end] not in "\\#"
    ):
        end += 1
    return line, column, line, end


def _seek(lines, expression, is_wanted):
    """The first character wanted behind an expression, comments and line ends passed over."""
    # The tree counts lines from one, and the bracket in front has a line of its own.
    line = expression.end_lineno - 2
    column = _characters(lines[line], expression.end_col_offset)
    while True:
        while column >= len(lines[line]):
            line, column = line + 1, 0
        char = lines[line][column]
        if char in "\\#":
            line, column = line + 1, 0
        elif is_wanted(char):
            return line, column
        else:
            column += 1


def _is_part(lines, start, end, has_anchors):
    """Whether carets tell more than the lines do by themselves."""
    try:
        tree = compile("\n".join(lines), "<lines>", "exec", _ast.PyCF_ONLY_AST)
    except SyntaxError:
        pass
    else:
        if not tree.body:
            return False
        call = _only_call(tree.body[0])
        if call is not None and (call.lineno, call.end_lineno) == (1, len(lines)):
            if (call.col_offset, call.end_col_offset) == (start, end):
                return False
    return has_anchors or bool(lines[0][:start].lstrip() or lines[-1][end:].rstrip())


def _only_call(statement):
    """The call in `return f(…)` and in `name = …(…)`, which is all that can have failed there."""
    call = getattr(statement, "value", None)
    if not isinstance(call, _ast.Call):
        return None
    if isinstance(statement, _ast.Return):
        return call if isinstance(call.func, _ast.Name) else None
    if isinstance(statement, _ast.Assign) and len(statement.targets) == 1:
        return call if isinstance(statement.targets[0], _ast.Name) else None
    return None


# -- the lines of a file


def _line(frame, number):
    """One line of a frame's source without its end; '' if there is none."""
    lines = _lines(frame.filename)
    line = lines[number - 1].rstrip() if 1 <= number <= len(lines) else ""
    if not line and frame.filename.startswith("<"):
        line = linecache._getline_from_code(frame.code, number).rstrip()
    return line


def _library_lines(filename):
    """The lines of a module of the standard library, by its name as tracebacks show it."""
    source = sys.modules["_frozen_importlib"].FrozenImporter.get_source(filename[8:-1])
    lines = source.splitlines(True) if source else []
    if lines:
        linecache.cache[filename] = len(source), None, lines, filename
    return lines


def _lines(filename):
    """The lines of a source, from the cache that all of Python shares, or put there now."""
    known = linecache.cache.get(filename)
    if known is not None and len(known) != 1:
        return known[2]
    if filename.startswith("<frozen "):
        return _library_lines(filename)
    if not filename or (filename.startswith("<") and filename.endswith(">")):
        return []
    try:
        status = os.stat(filename)
    except ValueError:
        return []
    except OSError:
        # The module's loader may have it, as that of an archive does, or a folder of sys.path.
        return linecache.getlines(filename)
    # The cache would read the file by way of `tokenize`, which needs five megabytes.
    try:
        with open(filename, "rb") as file:
            lines = _decoded(file.read())
    except (OSError, UnicodeError, LookupError):
        return []
    linecache.cache[filename] = status.st_size, status.st_mtime, lines, filename
    return lines


def _decoded(data):
    """The lines of a source file, in the encoding that it declares."""
    encoding = "utf-8"
    if data.startswith(codecs.BOM_UTF8):
        encoding = "utf-8-sig"
    first, second, *_ = (data.removeprefix(codecs.BOM_UTF8) + b"\n\n").split(b"\n", 2)
    declared = _declared_encoding(first)
    if declared is None and first.strip(b" \t\f\r")[:1] in (b"", b"#"):
        declared = _declared_encoding(second)
    if declared is not None:
        is_utf8 = codecs.lookup(declared).name == "utf-8"
        if encoding == "utf-8-sig" and not is_utf8:
            raise LookupError("the file's mark and its declaration name different encodings")
        if not is_utf8:
            encoding = declared
    text = data.decode(encoding).replace("\r\n", "\n").replace("\r", "\n")
    lines = [line + "\n" for line in text.split("\n")]
    if len(lines) > 1 and lines[-1] == "\n":
        del lines[-1]
    return lines


def _declared_encoding(line):
    """The name in a comment such as `# coding: latin-1`."""
    text = line.decode().lstrip(" \t\f")
    if not text.startswith("#"):
        return None
    at = text.find("coding")
    while at >= 0:
        rest = text[at + len("coding") :]
        if rest[:1] in (":", "="):
            rest = rest[1:].lstrip(" \t")
            end = 0
            while end < len(rest) and (rest[end] in "-_." or rest[end].isascii() and rest[end].isalnum()):
                end += 1
            if end:
                return rest[:end]
        at = text.find("coding", at + 1)
    return None


# -- text


def dedent(text):
    """The text without the indentation that all of its lines have."""
    lines = text.split("\n")
    told = [line for line in lines if line and not line.isspace()]
    margin = 0
    if told:
        least, greatest = min(told), max(told)
        while least[margin] in " \t" and least[margin] == greatest[margin]:
            margin += 1
    return "\n".join("" if line.isspace() else line[margin:] for line in lines)


def indent(text, margin, blank=True):
    """The text with a margin before each line, or before each that isn't blank."""
    lines = text.splitlines(keepends=True)
    return "".join(line if line.isspace() and not blank else margin + line for line in lines)


def _characters(text, byte_count):
    """How many characters the first bytes of a text are."""
    return len(text.encode()[:byte_count].decode(errors="replace"))


def columns_of(text, end):
    """How many columns of a terminal the first characters of a text take."""
    if text.isascii():
        return end
    import unicodedata

    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text[:end])
