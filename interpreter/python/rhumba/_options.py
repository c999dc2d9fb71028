"""The line of a magic: what it may hold is declared once.

    @magic(
        option("-n", "--loops", value="LOOPS", kind=count, help="how often it runs in one measurement"),
        option("-q", "--quiet", help="shows no result"),
        rest="STATEMENT",
    )
    def timeit(given, cell=None):
        \"""Tells how long a statement takes.\"""

From that the line is read into `given` (`given.loops`, `given.quiet`, `given.rest`), a wrong
line is answered with how it is written, `%timeit?` and `-h` are put together, and options are
completed. What the options mean is the magic's.

What may stand behind the options is one of
    rest="STATEMENT"    text as it was typed, read no further: code, a command
    words="FILE [NAME ...]"  words as the system's shell splits them, in `given.words`
An upper-case word names what is to be put in its place; brackets mean that it may be missing,
and dots that there may be several.
"""

from rhumba.shell import UsageError

__all__ = ["FILES", "FOLDERS", "Given", "LineReader", "Option", "count", "magic", "option"]


class Option:
    """One option: how it is written, whether a value follows it, and what it is for."""

    def __init__(
        self, flags, name, value=None, kind=str, help="", default=None, choices=(), sets=True, complete=None, repeats=False,
        last=False,
    ):
        self.flags = flags
        self.value = value
        self.kind = kind
        self.help = help
        self.default = default
        self.choices = choices
        self.name = name
        self.sets = sets
        self.complete = complete
        self.repeats = repeats
        self.last = last

    @property
    def written(self):
        """How it is written in a line of usage: `-n LOOPS`."""
        return f"{self.flags[0]} {self.value}" if self.value else self.flags[0]


def option(*flags, name=None, value=None, **declared):
    """Declares an option.

    flags: `-n`, `--loops`; the longest names the attribute, unless `name` does
    value: what stands for its value in the help; without it the option has none
    kind: makes the value of its text, and raises ValueError for text that it can't be made of
    help: what it is for
    default: what the attribute is without the option: by default None, or False if it has no value
    choices: the texts that make sense
    sets: what the attribute becomes by an option without a value; several may set the same one
    complete: called with the word that is typed, gives what its value could be
    repeats: whether it may be there several times; the attribute is the list of its values
    last: whether what follows it is no option any more
    """
    if name is None:
        name = max(flags, key=len).lstrip("-").replace("-", "_")
    if value is None and "sets" not in declared:
        declared.setdefault("default", False)
    return Option(flags, name, value, **declared)


def count(text):
    """The kind of an option that says how many: 1 or more."""
    number = int(text)
    if number < 1:
        raise ValueError
    return number


# What a value that can't be made of its text should have been.
_EXPECTED = {int: "a whole number", float: "a number", count: "a whole number from 1 on"}


class Given:
    """What a line held: an attribute for each option, `rest`, `words`, and the line itself.

    `chosen` has the names of the options that were really there.
    """

    def __init__(self, line):
        self.line = line
        self.rest = ""
        self.words = []
        self.chosen = set()
        self.local_ns = None

    def namespace(self):
        """What code in the line runs with: the names of the session, and those of the function that calls the magic."""
        from rhumba.shell import get_ipython

        names, local = get_ipython().user_ns, self.local_ns
        return names if local is None or local is names else {**names, **local}


# What completes as a path: any, or those of folders.
FILES = "files"
FOLDERS = "folders"

_HELP = option("-h", "--help", help="shows this")


def magic(
    *options, rest=None, words=None, name=None, raw_line=None, options_first=False, lenient=False, complete=None,
    runs_code=False,
):
    """Makes a function of `given`, and of `cell` if it can be a cell magic, a magic.

    name: by default, the function's
    raw_line: whether `$name` and `{expression}` in the line stay; by default they do in a `rest`
    options_first: whether options end where the first word stands, as those that follow are
        another's
    lenient: whether what looks like an option and isn't declared is the magic's own to read
    complete: called with the word that is typed, gives what could stand there; or FILES or FOLDERS,
        which a magic whose words are those needs not say
    runs_code: whether code in the line sees the names of its caller: `given.namespace()`
    """

    def decorate(function):
        declared = function.__code__.co_argcount
        needs_cell = declared == 2 and not function.__defaults__
        mark = "%%" if needs_cell else "%"
        reader = LineReader(name or function.__name__, options, rest, words, options_first, lenient)

        def line_magic(line):
            given = reader.read(line, "%")
            return print(run.__doc__) if given.help else function(given)

        def line_or_cell_magic(line, cell=None, local_ns=None):
            given = reader.read(line, "%" if cell is None else "%%")
            given.local_ns = local_ns
            return print(run.__doc__) if given.help else function(given, cell)

        run = line_magic if declared == 1 else line_or_cell_magic
        run.__name__ = run.__qualname__ = reader.name
        run.__module__ = function.__module__
        run.__doc__ = reader.help(function.__doc__, mark)
        run.__wrapped__ = function
        run.raw_line = rest is not None if raw_line is None else raw_line
        run.needs_local_scope = runs_code
        run.options = reader.options
        run.usage = reader.usage(mark)
        if complete is not None:
            run.complete_argument = complete
        elif words and "FILE" in words:
            run.complete_argument = FILES
        elif words and "FOLDER" in words:
            run.complete_argument = FOLDERS
        return run

    return decorate


class LineReader:
    """Reads the lines of one magic, and tells how they are written; see `magic` for what it is given."""

    def __init__(self, name, options, rest=None, words=None, options_first=False, lenient=False):
        self.name = name
        self.options = (*options, _HELP)
        self.rest = rest
        self.words = words
        self.options_first = options_first or rest is not None
        self.lenient = lenient
        self.by_flag = {flag: each for each in self.options for flag in each.flags}

    def usage(self, mark="%"):
        parts = [mark + self.name]
        parts += [f"[{each.written}]" for each in self.options if each is not _HELP]
        return " ".join(parts + [self.rest or self.words or ""]).rstrip()

    def help(self, doc, mark="%"):
        lines = [self.usage(mark)]
        if doc:
            lines += ["", *_dedented(doc)]
        written = [(_all_flags(each), each) for each in self.options]
        width = min(max(len(text) for text, _ in written), 24)
        lines.append("")
        for text, each in written:
            told = each.help
            if each.choices:
                told = f"{told} ({', '.join(each.choices)})"
            gap = f"\n{'':{width + 4}}" if len(text) > width else " " * (width - len(text) + 2)
            lines.append(f"  {text}{gap}{told}")
        return "\n".join(lines)

    def read(self, line, mark="%"):
        """Reads a line into a `Given`; raises UsageError if it doesn't make sense."""
        given = Given(line)
        for each in self.options:
            setattr(given, each.name, [] if each.repeats else each.default)
        at = 0
        while True:
            at = _skip_blanks(line, at)
            if at == len(line):
                break
            if not self.is_option(line, at):
                if self.options_first:
                    break
                word, at = self.word(line, at, mark)
                given.words.append(word)
                continue
            word, end = self.word(line, at, mark)
            at = end
            if word == "--":
                break
            at = self.take(given, word, line, at, mark)
            if given.help:
                return given
            if any(each.last and each.name in given.chosen for each in self.options):
                break
        if self.rest is not None:
            given.rest = line[at:].strip()
            return given
        while (at := _skip_blanks(line, at)) < len(line):
            word, at = self.word(line, at, mark)
            if self.lenient and word.partition("=")[0] in self.by_flag and word not in _HELP.flags:
                # What belongs to a program is left to it, but options of the magic's own are known anywhere.
                at = self.take(given, word, line, at, mark)
            else:
                given.words.append(word)
        self.check_words(given, mark)
        return given

    def is_option(self, line, at):
        """Whether an option stands there; `-1` and `-(x)` are none."""
        if line[at] != "-":
            return False
        if self.lenient:
            return line[at:].split(None, 1)[0] in self.by_flag
        after = line[at + 1 : at + 3]
        if after[:1] == "-":
            return after[1:].isalpha() or not after[1:].strip()
        return after[:1].isalpha()

    def take(self, given, word, line, at, mark):
        """Takes one option, or several letters in one word, and gives where the line goes on."""
        if word.startswith("--"):
            flag, inline, value = word.partition("=")
            value = value if inline else None
            letters = ""
        elif word in self.by_flag:
            # Some have long names with one minus.
            flag, letters, value = word, "", None
        else:
            flag, letters, value = word[:2], word[2:], None
        each = self.by_flag.get(flag)
        if each is None:
            self.fail(mark, f"has no option {flag!r}{self.hint_for_minus()}")
        given.chosen.add(each.name)
        if each.value is None:
            if value is not None:
                self.fail(mark, f"{flag} takes no value")
            setattr(given, each.name, each.sets)
            if letters:
                return self.take(given, "-" + letters, line, at, mark)
            return at
        if letters:
            value = letters.removeprefix("=")
        if value is None:
            at = _skip_blanks(line, at)
            if at == len(line):
                self.fail(mark, f"{flag} needs {each.value} behind it")
            value, at = self.word(line, at, mark)
        value = self.value(each, flag, value, mark)
        if each.repeats:
            getattr(given, each.name).append(value)
        else:
            setattr(given, each.name, value)
        return at

    def value(self, each, flag, text, mark):
        if each.choices and text not in each.choices:
            self.fail(mark, f"{flag} is one of {', '.join(each.choices)}, not {text!r}")
        try:
            return each.kind(text)
        except ValueError as failure:
            expected = _EXPECTED.get(each.kind) or str(failure)
            self.fail(mark, f"{flag} needs {expected}, not {text!r}")

    def check_words(self, given, mark):
        asked = (self.words or "").replace("[", " ").replace("]", " ").split()
        needed = (self.words or "").partition("[")[0].replace("...", "").split()
        if len(given.words) < len(needed):
            self.fail(mark, f"needs {' and '.join(needed[len(given.words):])}")
        if "..." not in asked and len(given.words) > len(asked):
            extra = " ".join(given.words[len(asked):])
            self.fail(mark, f"doesn't know what to do with {extra!r}")

    def word(self, line, at, mark):
        word, end = _word(line, at)
        if word is None:
            self.fail(mark, f"finds no end of the quote in {line[at:]!r}")
        return word, end

    def hint_for_minus(self):
        return "; -- goes before what begins with a minus" if self.rest else ""

    def fail(self, mark, told):
        gap = ": " if told.startswith("-") else " "
        raise UsageError(f"{mark}{self.name}{gap}{told}.\nUsage: {self.usage(mark)}")


def _all_flags(each):
    text = ", ".join(each.flags)
    return f"{text} {each.value}" if each.value else text


def _dedented(doc):
    """The lines of a docstring without the indent of the code that it stands in."""
    lines = doc.strip().splitlines()
    indents = [len(line) - len(line.lstrip()) for line in lines[1:] if line.strip()]
    indent = min(indents, default=0)
    return [lines[0], *(line[indent:] for line in lines[1:])]


def _skip_blanks(line, at):
    while at < len(line) and line[at].isspace():
        at += 1
    return at


def _word(line, at):
    """The word that begins there, without its quotes and backslashes, and where it ends."""
    text, quote = [], None
    while at < len(line):
        letter = line[at]
        if quote is None and letter.isspace():
            break
        if letter == "\\" and quote != "'" and at + 1 < len(line) and (quote is None or line[at + 1] in '"\\'):
            text.append(line[at + 1])
            at += 1
        elif letter == quote:
            quote = None
        elif quote is None and letter in "\"'":
            quote = letter
        else:
            text.append(letter)
        at += 1
    return (None if quote else "".join(text)), at
