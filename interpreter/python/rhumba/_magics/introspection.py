"""Magics that describe objects: `%pinfo` and `%pinfo2`, which `obj?` and `obj??` stand for."""

import _rhumba_shell

from rhumba.shell import UsageError, get_ipython as _shell


def pinfo(line):
    """%pinfo NAME describes an object, as `NAME?` does."""
    print(_described(line, False))


def pinfo2(line):
    """%pinfo2 NAME describes an object and shows its source, as `NAME??` does."""
    print(_described(line, True))


def _described(line, detail):
    name = line.strip()
    if not name:
        raise UsageError("name what to describe: %pinfo print")
    if "*" in name:
        import fnmatch

        known = sorted({*_rhumba_shell.names(), *dir(__import__("builtins"))})
        return "\n".join(fnmatch.filter(known, name)) or f"No name is like {name}."
    if name.startswith("%"):
        bare = name.lstrip("%")
        kinds = ("cell", "line") if name.startswith("%%") else ("line", "cell")
        for kind in kinds:
            function = _shell().find_magic(bare, kind)
            if function is not None:
                from rhumba._inspect import describe

                return describe(function, name, detail)
        return f"Magic `{name}` not found."
    try:
        return _rhumba_shell.inspect(name, detail)
    except NameError as failure:
        return str(failure)


pinfo.raw_line = pinfo2.raw_line = True
