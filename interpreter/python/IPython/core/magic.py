"""Decorators by which programs define magics: functions, or methods of a `Magics` class."""

from rhumba import _traits
from rhumba._magic_manager import MagicsManager
from rhumba.shell import UsageError, get_ipython

__all__ = [
    "Magics", "MagicsManager", "UsageError", "cell_magic", "compress_dhist", "line_cell_magic", "line_magic",
    "magic_escapes", "magic_kinds", "magics_class", "needs_local_scope", "no_var_expand", "on_off",
    "output_can_be_silenced", "register_cell_magic", "register_line_cell_magic", "register_line_magic",
]

magic_kinds = ("line", "cell")
magic_escapes = {"line": "%", "cell": "%%"}


def _registering(kind):
    def decorator(argument):
        def register(function, name=None):
            shell = get_ipython()
            if shell is None:
                raise NameError("a magic can be defined only in a shell")
            shell.register_magic_function(function, kind, name)
            return function

        if callable(argument):
            return register(argument)
        return lambda function: register(function, argument)

    return decorator


register_line_magic = _registering("line")
register_cell_magic = _registering("cell")
register_line_cell_magic = _registering("line_cell")


def _marking(kind):
    def decorator(argument):
        def mark(function, name=None):
            marks = (*getattr(function, "_magics", ()), (kind, name or function.__name__))
            function._magics = marks
            return function

        if callable(argument):
            return mark(argument)
        return lambda function: mark(function, argument)

    return decorator


line_magic = _marking("line")
cell_magic = _marking("cell")
line_cell_magic = _marking("line_cell")


def needs_local_scope(function):
    """Marks a magic that wants the names of its caller, as the argument local_ns."""
    function.needs_local_scope = True
    return function


def no_var_expand(function):
    """Marks a magic whose line is left as it is: `$name` and `{expression}` stay."""
    function.raw_line = True
    return function


def output_can_be_silenced(function):
    """Marks a magic whose value a semicolon at its end mutes, as that is Python; elsewhere it may end some SQL."""
    function.output_can_be_silenced = True
    return function


def magics_class(cls):
    """Marks a class of magics; those of its methods that are magics are found by name."""
    found = {"line": {}, "cell": {}}
    for name in dir(cls):
        for kind, magic in getattr(getattr(cls, name, None), "_magics", ()):
            for each in ("line", "cell") if kind == "line_cell" else (kind,):
                found[each][magic] = name
    cls.registered = True
    cls.magics = found
    return cls


_BASES = _traits.bases()


class Magics(*_BASES):
    """A group of magics as methods; `register` puts them into the shell.

    Where traitlets is there it is a Configurable: its traits with `config=True` are set by `%config`, by
    configuration files and by `get_ipython().config`.
    """

    options_table = None
    registered = False
    magics = None

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if not _BASES:
            _traits.check_traits(cls)

    def __init__(self, shell=None, **kwargs):
        self.shell = shell if shell is not None else get_ipython()
        self.options_table = {}
        if type(self).__dict__.get("magics") is None:
            magics_class(type(self))
        # What the decorators have found, by the methods of this object.
        self.magics = {
            kind: {magic: getattr(self, name) for magic, name in found.items()}
            for kind, found in type(self).magics.items()
        }
        if _BASES:
            if self.shell is not None:
                self.shell.configurables.append(self)
                kwargs.setdefault("parent", self.shell)
            super().__init__(**kwargs)
            return
        for name, value in kwargs.items():
            setattr(self, name, value)

    def register(self):
        """Puts the magics into the shell, and the object into the registry of its manager."""
        self.shell.magics_manager.registry[type(self).__name__] = self
        for kind, found in self.magics.items():
            for magic, function in found.items():
                self.shell.register_magic_function(function, kind, magic)

    def parse_options(self, arg_str, opt_str, *long_opts, mode="string", list_all=False, posix=True, strict=True, preserve_non_opts=False, remainder_arg=None, **kw):
        """Splits options off a line, as `getopt` declares them: ("-n 3 code", "n:") gives ({"n": "3"}, "code").

        mode: what is left is a "string" or a "list" of words
        list_all: values are lists, one for each time that the option is there
        """
        import getopt
        import shlex

        try:
            words = shlex.split(arg_str, posix=posix)
        except ValueError:
            # What follows the options may be Python, with quotes of its own.
            words = arg_str.split()
        try:
            found, rest = getopt.getopt(words, opt_str, list(long_opts))
        except getopt.GetoptError as failure:
            allowed = " ".join("-" + letter for letter in opt_str.replace(":", ""))
            longer = "".join(f" --{each.rstrip('=')}" for each in long_opts)
            raise UsageError(f"{failure} ( allowed: {allowed!r}{longer})") from None
        options = Options()
        for flag, value in found:
            name = flag.lstrip("-")
            if list_all:
                options.setdefault(name, []).append(value)
            elif name in options:
                known = options[name]
                options[name] = known + [value] if isinstance(known, list) else [known, value]
            else:
                options[name] = value
        if mode == "list":
            return options, rest
        if preserve_non_opts or rest:
            return options, _tail(arg_str, rest)
        return options, ""

    def default_option(self, fn, optstr):
        """Notes options that a magic has by default."""
        self.options_table[fn] = optstr

    def arg_err(self, func):
        print("Error in arguments:")
        print(func.__doc__)

    def format_latex(self, strng):
        return strng


class Options(dict):
    """Options by name, also as attributes; what isn't there is None."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return self.get(name)

    def __setattr__(self, name, value):
        self[name] = value


def _tail(line, rest):
    """The end of a line that the words left over come from, as it was typed."""
    import shlex

    if not rest:
        return ""
    at = 0
    while (at := line.find(rest[0][:1] or '"', at)) >= 0:
        tail = line[at:]
        try:
            words = shlex.split(tail)
        except ValueError:
            words = tail.split()
        if words == rest and (at == 0 or line[at - 1].isspace() or line[at - 1] in "\"'"):
            return tail
        at += 1
    return " ".join(rest)


def on_off(tag):
    """A flag as a word."""
    return ["OFF", "ON"][bool(tag)]


def compress_dhist(dh):
    """A list of folders with those that come again left out, but for the last ten."""
    head, tail = dh[:-10], dh[-10:]
    return list(dict.fromkeys(head)) + tail
