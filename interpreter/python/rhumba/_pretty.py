"""Nested data as text that fits the width: what a cell's result looks like.

Printers say what stands in a group and where it may be broken; a group that fits on
its line stays on it, of one that doesn't every break is taken, outer groups first.
The names are those of `IPython.lib.pretty`, under which programs import them.
"""

import re
import types

import _rhumba_shell

MAX_SEQ_LENGTH = 1000
_WIDTH = 79

__all__ = [
    "CallExpression", "KeywordArg", "MAX_SEQ_LENGTH", "PrettyPrinter", "RawStringLiteral", "RawText",
    "RepresentationPrinter", "for_type", "for_type_by_name", "pprint", "pretty",
]


def pretty(obj, verbose=False, max_width=_WIDTH, newline="\n", max_seq_length=MAX_SEQ_LENGTH):
    """The text of an object."""
    text = Text()
    printer = RepresentationPrinter(text, verbose, max_width, newline, max_seq_length=max_seq_length)
    printer.pretty(obj)
    printer.flush()
    return text.getvalue()


def pprint(obj, verbose=False, max_width=_WIDTH, newline="\n", max_seq_length=MAX_SEQ_LENGTH):
    """Prints the text of an object."""
    print(pretty(obj, verbose, max_width, newline, max_seq_length))


class Text:
    """A stream that keeps what is written."""

    # Not io.StringIO: every engine that shows a list would have the module of it.

    def __init__(self):
        self._pieces = []

    def write(self, text):
        self._pieces.append(text)

    def getvalue(self):
        return "".join(self._pieces)


class _Break:
    """A place where a line may end, with what stands there if it doesn't."""

    __slots__ = ("text", "indentation", "forced")

    def __init__(self, text, indentation, forced=False):
        self.text = text
        self.indentation = indentation
        self.forced = forced


class _Open:
    """The beginning of a group; `end` is where in the list of pieces it ends."""

    __slots__ = ("end",)

    def __init__(self):
        self.end = None


_CLOSE = object()


class PrettyPrinter:
    """Takes text, breaks and groups, and writes them to a stream when it is flushed."""

    def __init__(self, output, max_width=_WIDTH, newline="\n", max_seq_length=MAX_SEQ_LENGTH):
        self.output = output
        self.max_width = max_width
        self.newline = newline
        self.max_seq_length = max_seq_length
        self.indentation = 0
        self._pieces = []
        self._open = []

    def text(self, obj):
        """Adds text that is never broken."""
        self._pieces.append(obj)

    def breakable(self, sep=" "):
        """Adds a place where the line may be broken; `sep` stands there if it isn't."""
        self._pieces.append(_Break(sep, self.indentation))

    def break_(self):
        """Ends the line, whatever fits."""
        self._pieces.append(_Break("", self.indentation, True))

    def indent(self, indent):
        """Moves what follows a line's end in the block to the right."""
        return _Block(self, indent)

    def group(self, indent=0, open="", close=""):
        """Makes what the block adds a group."""
        return _Block(self, indent, open, close)

    def begin_group(self, indent=0, open=""):
        if open:
            self.text(open)
        group = _Open()
        self._pieces.append(group)
        self._open.append(group)
        self.indentation += indent

    def end_group(self, dedent=0, close=""):
        self.indentation -= dedent
        self._open.pop().end = len(self._pieces)
        self._pieces.append(_CLOSE)
        if close:
            self.text(close)

    def _enumerate(self, seq):
        """Numbers the items; of too many, it says that there are more."""
        for index, item in enumerate(seq):
            if self.max_seq_length and index >= self.max_seq_length:
                self.text(",")
                self.breakable()
                self.text("...")
                return
            yield index, item

    def flush(self):
        """Writes what was added so far."""
        while self._open:
            self.end_group()
        pieces, self._pieces = self._pieces, []
        _Layout(pieces, self.max_width, self.newline, self.output.write).write()


class _Block:
    """A block in which text is indented, or is a group as well."""

    def __init__(self, printer, indent, open=None, close=None):
        self._printer = printer
        self._indent = indent
        self._open = open
        self._close = close

    def __enter__(self):
        if self._open is None:
            self._printer.indentation += self._indent
        else:
            self._printer.begin_group(self._indent, self._open)

    def __exit__(self, *failure):
        if self._open is None:
            self._printer.indentation -= self._indent
        else:
            self._printer.end_group(self._indent, self._close)


class _Layout:
    """Decides which groups are broken, and writes."""

    def __init__(self, pieces, width, newline, write):
        self.pieces = pieces
        self.width = width
        self.newline = newline
        self.put = write
        self.before = []  # the width of all pieces before each one, as if on one line
        self.until = []  # the width of what stands from each one to the next break
        self.forced = []  # how many breaks before each one are forced
        self.measure()

    def measure(self):
        total = forced = 0
        widths = []
        for piece in self.pieces:
            self.before.append(total)
            self.forced.append(forced)
            kind = type(piece)
            if kind is str:
                width = len(piece)
            elif kind is _Break:
                width = len(piece.text)
                forced += piece.forced
            else:
                width = 0
            widths.append(width)
            total += width
        self.before.append(total)
        self.forced.append(forced)
        self.until = [0] * (len(widths) + 1)
        for index in range(len(widths) - 1, -1, -1):
            if type(self.pieces[index]) is not _Break:
                self.until[index] = widths[index] + self.until[index + 1]

    def fits(self, start, column):
        end = self.pieces[start].end
        if self.forced[end] != self.forced[start]:
            return False
        inside = self.before[end] - self.before[start]
        return column + inside + self.until[end] <= self.width

    def write(self):
        column = index = 0
        broken = [True]
        # What isn't in a group breaks only if all of it doesn't fit.
        broken[0] = self.forced[-1] > 0 or self.before[-1] > self.width
        while index < len(self.pieces):
            piece = self.pieces[index]
            kind = type(piece)
            if kind is str:
                self.put(piece)
                column = column + len(piece) if "\n" not in piece else len(piece) - piece.rfind("\n") - 1
            elif kind is _Open:
                if not self.fits(index, column):
                    broken.append(True)
                else:
                    broken.append(False)
            elif piece is _CLOSE:
                broken.pop()
            elif piece.forced or broken[-1]:
                self.put(self.newline + " " * piece.indentation)
                column = piece.indentation
            else:
                self.put(piece.text)
                column += len(piece.text)
            index += 1


class RepresentationPrinter(PrettyPrinter):
    """Prints objects, each by its own printer, the class's or the registered one.

    A class has a printer of its own by `_repr_pretty_(self, p, cycle)`.
    """

    def __init__(
        self, output, verbose=False, max_width=_WIDTH, newline="\n",
        singleton_pprinters=None, type_pprinters=None, deferred_pprinters=None,
        max_seq_length=MAX_SEQ_LENGTH,
    ):
        super().__init__(output, max_width, newline, max_seq_length)
        self.verbose = verbose
        self.stack = []
        # What a program adds to one printer is that one's.
        self.singleton_pprinters = dict(_singletons) if singleton_pprinters is None else singleton_pprinters
        self.type_pprinters = dict(_types) if type_pprinters is None else type_pprinters
        self.deferred_pprinters = dict(_deferred) if deferred_pprinters is None else deferred_pprinters

    def pretty(self, obj):
        """Adds an object."""
        kind = type(obj)
        if kind in _PLAIN and self.type_pprinters.get(kind) is _PLAIN[kind]:
            return self.text(repr(obj))
        key = id(obj)
        cycle = key in self.stack
        self.stack.append(key)
        self.begin_group()
        try:
            printer = self.singleton_pprinters.get(key) or self._printer(kind)
            return printer(obj, self, cycle)
        finally:
            self.end_group()
            self.stack.pop()

    def _printer(self, kind):
        for cls in kind.__mro__:
            printer = self.type_pprinters.get(cls) or self._was_deferred(cls)
            if printer is not None:
                return printer
            own = cls.__dict__.get("_repr_pretty_")
            if callable(own):
                return own
            if cls is not object and callable(cls.__dict__.get("__repr__")):
                return _print_repr
        return _print_default

    def _was_deferred(self, cls):
        key = getattr(cls, "__module__", None), getattr(cls, "__name__", None)
        if key not in self.deferred_pprinters:
            return None
        printer = self.deferred_pprinters.pop(key)
        self.type_pprinters[cls] = printer
        return printer


class CallExpression:
    """Prints as a call that makes an object: `Point(1, y=2)`."""

    def __init__(__self, __name, *args, **kwargs):
        __self.name = __name
        __self.args = args
        __self.kwargs = kwargs

    @classmethod
    def factory(cls, name):
        return lambda *args, **kwargs: cls(name, *args, **kwargs)

    def _repr_pretty_(self, p, cycle):
        opening = self.name + "("
        with p.group(len(opening), opening, ")"):
            parts = [*self.args, *(KeywordArg(name, value) for name, value in self.kwargs.items())]
            for index, part in enumerate(parts):
                if index:
                    p.text(",")
                    p.breakable()
                p.pretty(part)


class KeywordArg:
    """Prints as `name=value`."""

    def __init__(self, name, value):
        self.name = name
        self.value = value

    def _repr_pretty_(self, p, cycle):
        prefix = self.name + "="
        with p.group(len(prefix), prefix):
            p.pretty(self.value)


class RawText:
    """Prints as the text itself."""

    def __init__(self, value):
        self.value = value

    def _repr_pretty_(self, p, cycle):
        p.text(self.value)


class RawStringLiteral:
    """Prints as a raw string: r'a\\b'."""

    def __init__(self, value):
        self.value = value

    def _repr_pretty_(self, p, cycle):
        text = repr(self.value)
        prefix = "br" if text[:1] == "b" else "r"
        p.text(prefix + text.removeprefix("b").replace("\\\\", "\\"))


# -- printers


def _print_repr(obj, p, cycle):
    lines = repr(obj).splitlines()
    with p.group():
        for index, line in enumerate(lines):
            if index:
                p.break_()
            p.text(line)


def _print_default(obj, p, cycle):
    """An object that says nothing of itself: its class and where it is."""
    cls = type(obj)
    p.begin_group(1, "<")
    _print_class(cls, p, False)
    p.text(f" at 0x{id(obj):x}")
    if cycle:
        p.text(" ...")
    elif p.verbose:
        shown = [name for name in dir(obj) if not name.startswith("_")]
        for index, name in enumerate(shown):
            try:
                value = getattr(obj, name)
            except AttributeError:
                continue
            if isinstance(value, types.MethodType):
                continue
            p.text("," if index else "")
            p.breakable()
            p.text(name + "=")
            p.pretty(value)
    p.end_group(1, ">")


def _has_own_repr(obj, base):
    return type(obj) is not base and type(obj).__repr__ is not base.__repr__


def _sequence(base, opening, closing):
    def printer(obj, p, cycle):
        if _has_own_repr(obj, base):
            return _print_repr(obj, p, cycle)
        if cycle:
            return p.text(opening + "..." + closing)
        p.begin_group(len(opening), opening)
        for index, item in p._enumerate(obj):
            if index:
                p.text(",")
                p.breakable()
            p.pretty(item)
        if base is tuple and len(obj) == 1:
            p.text(",")
        p.end_group(len(opening), closing)

    return printer


def _set(base, opening, closing):
    def printer(obj, p, cycle):
        if _has_own_repr(obj, base):
            return _print_repr(obj, p, cycle)
        if cycle:
            return p.text(opening + "..." + closing)
        if not obj:
            return p.text(type(obj).__name__ + "()")
        items = obj
        if not (p.max_seq_length and len(obj) >= p.max_seq_length):
            items = _in_order(obj)
        p.begin_group(len(opening), opening)
        for index, item in p._enumerate(items):
            if index:
                p.text(",")
                p.breakable()
            p.pretty(item)
        p.end_group(len(opening), closing)

    return printer


def _in_order(items):
    try:
        return sorted(items)
    except Exception:
        try:
            return sorted(items, key=str)
        except Exception:
            return list(items)


def _mapping(opening, closing, base=None):
    def printer(obj, p, cycle):
        if base is not None and _has_own_repr(obj, base):
            return _print_repr(obj, p, cycle)
        if cycle:
            return p.text("{...}")
        p.begin_group(len(opening), opening)
        for index, key in p._enumerate(obj.keys()):
            if index:
                p.text(",")
                p.breakable()
            p.pretty(key)
            p.text(": ")
            p.pretty(obj[key])
        p.end_group(len(opening), closing)

    return printer


def _print_class(cls, p, cycle):
    # A metaclass may have a text of its own.
    for meta in type(cls).__mro__:
        if meta is type:
            break
        if "__repr__" in meta.__dict__:
            return _print_repr(cls, p, cycle)
    module = getattr(cls, "__module__", None)
    name = getattr(cls, "__qualname__", None) or cls.__name__
    p.text(name if module in (None, "builtins", "exceptions") else f"{module}.{name}")


def _print_function(obj, p, cycle):
    name = getattr(obj, "__qualname__", None) or obj.__name__
    module = getattr(obj, "__module__", None)
    if module and module not in ("builtins", "exceptions"):
        name = f"{module}.{name}"
    try:
        from rhumba import _inspect

        signature, way = _inspect.signature(obj)
        name += signature.format(**way)
    except Exception:
        # What doesn't tell how it is called is shown without that.
        pass
    p.text(f"<function {name}>")


def _print_exception(obj, p, cycle):
    cls = type(obj)
    if cls.__repr__ is not BaseException.__repr__ and "__repr__" in cls.__dict__:
        return _print_repr(obj, p, cycle)
    name = cls.__qualname__
    if cls.__module__ not in ("exceptions", "builtins"):
        name = f"{cls.__module__}.{name}"
    p.begin_group(len(name) + 1, name + "(")
    for index, arg in enumerate(getattr(obj, "args", ())):
        if index:
            p.text(",")
            p.breakable()
        p.pretty(arg)
    p.end_group(len(name) + 1, ")")


def _print_super(obj, p, cycle):
    p.begin_group(8, "<super: ")
    p.pretty(obj.__thisclass__)
    p.text(",")
    p.breakable()
    p.pretty(obj.__self__)
    p.end_group(8, ">")


def _print_pattern(obj, p, cycle):
    p.text("re.compile(")
    p.pretty(RawStringLiteral(obj.pattern))
    flags = [flag.name for flag in re.RegexFlag if obj.flags & flag and flag is not re.UNICODE]
    if flags:
        p.text(",")
        p.breakable()
        p.text("|".join("re." + flag for flag in flags))
    p.text(")")


def _print_namespace(obj, p, cycle):
    if cycle:
        return p.text("namespace(...)")
    p.pretty(CallExpression("namespace", **vars(obj)))


def _print_defaultdict(obj, p, cycle):
    name = type(obj).__name__
    if cycle:
        return p.text(f"{name}(...)")
    p.pretty(CallExpression(name, obj.default_factory, dict(obj)))


def _print_ordered(obj, p, cycle):
    name = type(obj).__name__
    if cycle:
        return p.text(f"{name}(...)")
    p.pretty(CallExpression(name, *([dict(obj)] if obj else [])))


def _print_counter(obj, p, cycle):
    name = type(obj).__name__
    if cycle:
        return p.text(f"{name}(...)")
    p.pretty(CallExpression(name, *([dict(obj.most_common())] if obj else [])))


def _print_deque(obj, p, cycle):
    name = type(obj).__name__
    if cycle:
        return p.text(f"{name}(...)")
    length = {} if obj.maxlen is None else {"maxlen": obj.maxlen}
    p.pretty(CallExpression(name, list(obj), **length))


def _print_userlist(obj, p, cycle):
    name = type(obj).__name__
    if cycle:
        return p.text(f"{name}(...)")
    p.pretty(CallExpression(name, obj.data))


def _print_environ(obj, p, cycle):
    if cycle:
        return p.text("environ(...)")
    p.pretty(CallExpression("environ", dict(obj)))


_PLAIN = {kind: _print_repr for kind in (int, float, complex, bool, str, bytes, type(None), range, slice)}

_singletons = {id(each): _print_repr for each in (None, True, False, Ellipsis, NotImplemented)}

_types = {
    **_PLAIN,
    tuple: _sequence(tuple, "(", ")"),
    list: _sequence(list, "[", "]"),
    dict: _mapping("{", "}", dict),
    set: _set(set, "{", "}"),
    frozenset: _set(frozenset, "frozenset({", "})"),
    super: _print_super,
    re.Pattern: _print_pattern,
    type: _print_class,
    types.FunctionType: _print_function,
    types.BuiltinFunctionType: _print_function,
    types.MethodType: _print_repr,
    types.SimpleNamespace: _print_namespace,
    types.MappingProxyType: _mapping("mappingproxy({", "})"),
    BaseException: _print_exception,
}

_deferred = {
    ("collections", "defaultdict"): _print_defaultdict,
    ("collections", "OrderedDict"): _print_ordered,
    ("collections", "deque"): _print_deque,
    ("collections", "Counter"): _print_counter,
    ("collections", "UserList"): _print_userlist,
    ("os", "_Environ"): _print_environ,
}


def for_type(typ, func):
    """Sets the printer of a type, and returns the one it had."""
    before = _types.get(typ)
    if func is not None:
        _rhumba_shell.format_every_result()
        _types[typ] = func
    return before


def for_type_by_name(type_module, type_name, func):
    """Sets the printer of a type that need not be imported yet, and returns the one it had."""
    key = type_module, type_name
    before = _deferred.get(key)
    if func is not None:
        _rhumba_shell.format_every_result()
        _deferred[key] = func
    return before
