"""Magics that describe objects: `%pinfo` and its like, which `obj?` and `obj??` stand for, and
`%psearch`, which looks for names by a pattern."""

import builtins
import re

import _rhumba_shell

from rhumba._options import magic, option
from rhumba._pager import page
from rhumba.shell import UsageError, get_ipython as _shell


@magic(rest="NAME", name="pinfo")
def pinfo(given):
    """Describes an object, as `NAME?` does."""
    _describe(given.rest, False)


@magic(rest="NAME", name="pinfo2")
def pinfo2(given):
    """Describes an object and shows its source, as `NAME??` does."""
    _describe(given.rest, True)


@magic(rest="NAME")
def pdef(given):
    """Shows how something is called."""
    from rhumba._inspect import definition

    obj = _named(given.rest, "%pdef")
    text = definition(obj, given.rest) if callable(obj) else None
    if text is None:
        raise UsageError(f"{given.rest} has no signature: it isn't callable, or doesn't tell")
    print(text)


@magic(rest="NAME")
def pdoc(given):
    """Shows what an object says of itself, and how it is made or called."""
    from rhumba._inspect import facts

    found = facts(_named(given.rest, "%pdoc"), given.rest)
    parts = [("Class docstring" if found["isclass"] else "Docstring", found["docstring"])]
    parts += [("Init docstring", found["init_docstring"]), ("Call docstring", found["call_docstring"])]
    told = [f"{label}:\n{_moved(text)}" for label, text in parts if text]
    page("\n".join(told) or f"{given.rest} has no docstring.")


@magic(rest="NAME")
def psource(given):
    """Shows the source of an object."""
    from rhumba._inspect import source

    text = source(_named(given.rest, "%psource"))
    if text is None:
        raise UsageError(f"there is no source of {given.rest}: it isn't written in Python, or its file is gone")
    page(text.rstrip("\n"))


@magic(rest="NAME")
def pfile(given):
    """Shows the file in which an object is defined; of a file's name, that file."""
    import os

    name = given.rest
    path = os.path.expanduser(name)
    if name.endswith(".py") and os.path.isfile(path):
        page(_file_read(path))
    else:
        page(file_text(_named(name, "%pfile"), name))


def file_text(obj, name):
    """The text of the file, or of the cell, in which an object is defined."""
    import linecache
    import os

    from rhumba._inspect import file, source

    path = file(obj)
    if path is not None and os.path.isfile(path):
        return _file_read(path)
    lines = linecache.getlines(path) if path else []
    text = "".join(lines) or source(obj)
    if text is None:
        raise UsageError(f"there is no file with the source of {name}")
    return text.rstrip("\n")


def _file_read(path):
    with open(path, encoding="utf-8", errors="replace") as opened:
        return opened.read().rstrip("\n")


@magic(
    option("-a", help="also names that begin with an underscore"),
    option("-i", help="capital letters and small ones are alike"),
    option("-c", help="capital letters and small ones differ, as usual"),
    option("-e", name="without", value="SPACE", repeats=True, choices=("builtin", "user", "user_global", "internal"), help="leaves out a space of names"),
    option("-s", name="spaces", value="SPACE", repeats=True, choices=("builtin", "user", "user_global", "internal"), help="adds a space of names"),
    option("-l", name="types", help="lists the names of types that may follow the pattern"),
    rest="PATTERN [TYPE]",
    raw_line=True,
)
def psearch(given):
    """Lists the names like a pattern, in which * stands for any letters and ? for one: `psearch os.*path*`."""
    if given.types:
        page("\n".join(sorted({"all", *_types()})))
        return
    words = given.rest.split()
    if not words:
        raise UsageError("%psearch needs a pattern: %psearch a*")
    kind = words[1] if len(words) > 1 else "all"
    if kind not in ("all", *_types()) and not any(type(value).__name__ == kind for value in _shell().user_ns.values()):
        raise UsageError(f"%psearch: {kind!r} is no type of something here; %psearch -l lists those of Python")
    spaces = {"user", "builtin", *given.spaces} - set(given.without)
    found = sorted(_like(words[0], spaces, kind, given.a, given.c or not given.i and _shell().wildcards_case_sensitive))
    page("\n".join(found) or f"No name is like {words[0]}.")


def _like(pattern, spaces, kind, hidden, has_case):
    first, *rest = pattern.split(".")
    names = {}
    if "builtin" in spaces:
        names.update(vars(builtins))
    if spaces & {"user", "user_global", "internal"}:
        own = _shell().user_ns
        of_user = own if "internal" in spaces else {name: own[name] for name in _rhumba_shell.names()}
        names.update(of_user)
    matched = _matched(names, first, hidden, has_case)
    for part in rest:
        matched = {
            f"{path}.{name}": value
            for path, obj in matched.items()
            for name, value in _matched(_rhumba_shell.attributes(obj), part, hidden, has_case).items()
        }
    if kind == "all":
        return list(matched)
    known = _types().get(kind)
    return [path for path, obj in matched.items() if type(obj) is known or type(obj).__name__ == kind]


def _types():
    """The types that have names of their own: the builtin ones, and those of the module `types` (`function`)."""
    import types

    found = {name.removesuffix("Type").lower(): each for name, each in vars(types).items() if name.endswith("Type")}
    own = {name: each for name, each in vars(builtins).items() if isinstance(each, type) and name[0] != "_"}
    return found | own


def _matched(names, pattern, hidden, has_case):
    letters = "".join({"*": ".*", "?": "."}.get(part) or re.escape(part) for part in re.split(r"([*?])", pattern))
    like = re.compile(letters, 0 if has_case else re.IGNORECASE).fullmatch
    shows_hidden = hidden or pattern.startswith("_")
    return {
        name: obj
        for name, obj in names.items()
        if isinstance(name, str) and like(name) and (shows_hidden or not name.startswith("_"))
    }


def _describe(name, detail):
    if "*" in name:
        return psearch(name)
    from rhumba._inspect import describe_magic

    if name.startswith("%"):
        function = _magic(name)
        page(describe_magic(function, name, detail) if function is not None else f"Magic `{name}` not found.")
        return
    try:
        page(_rhumba_shell.inspect(_needed(name, "%pinfo"), detail))
    except NameError as failure:
        function = _magic(name)
        page(str(failure) if function is None else describe_magic(function, name, detail))


def _magic(name):
    bare = name.lstrip("%")
    kinds = ("cell", "line") if name.startswith("%%") else ("line", "cell")
    found = (_shell().find_magic(bare, kind) for kind in kinds)
    return next((function for function in found if function is not None), None)


def _named(name, asked_by):
    """The object of a name, found without running code if that is possible."""
    name = _needed(name, asked_by)
    if name.startswith("%"):
        function = _magic(name)
        if function is None:
            raise UsageError(f"magic {name} isn't known")
        return function
    is_there, obj = _rhumba_shell.find(name)
    if is_there:
        return obj
    try:
        return _shell().ev(name)
    except Exception:
        raise UsageError(f"Object `{name}` not found.") from None


def _needed(name, asked_by):
    if not name:
        raise UsageError(f"{asked_by} needs a name: {asked_by} print")
    return name


def _moved(text):
    return "\n".join("    " + line if line else line for line in text.splitlines())
