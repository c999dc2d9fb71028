"""The magics of the shell, by name: which module has them.

It is an index and nothing else: a module is imported when one of its magics is
first used. A new magic is a function in the module of its concept, declared
with `rhumba._options.magic`, and a line here.
"""

from importlib import import_module


def _index(**modules):
    """Turns `module="name other:function"` into {name: (module, function)}."""
    index = {}
    for module, names in modules.items():
        for entry in names.split():
            name, _, function = entry.partition(":")
            index[name] = module, function or name
    return index


# `name:function` where the function can't have the magic's name.
LINE = _index(
    folders="pwd cd env set_env",
    help="lsmagic",
    history="history hist:history",
    introspection="pinfo pinfo2",
    names="who who_ls whos reset",
    running="run",
    timing="time timeit",
)

CELL = _index(
    files="writefile",
    processes="bash sh:bash",
    timing="time timeit",
)

_BY_KIND = {"line": LINE, "cell": CELL}


def known(kind):
    """The names of all magics of a kind, "line" or "cell"."""
    return _BY_KIND[kind].keys()


def find(name, kind):
    """Returns the function of a magic, or None; imports the module that has it."""
    place = _BY_KIND[kind].get(name)
    if place is None:
        return None
    module, function = place
    return getattr(import_module("rhumba._magics." + module), function)
