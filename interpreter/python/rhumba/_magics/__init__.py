"""The magics of the shell, by name: which module has them.

It is an index and nothing else: a module is imported when one of its magics is
first used. A new magic is a function in the module of its concept, declared
with `rhumba._options.magic`, and a line here.
"""

import sys


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
    aliases="alias unalias rehashx "
    "cat:alias_cat clear:alias_clear cp:alias_cp ldir:alias_ldir less:alias_less lf:alias_lf lk:alias_lk ll:alias_ll "
    "ls:alias_ls lx:alias_lx man:alias_man mkdir:alias_mkdir more:alias_more mv:alias_mv rm:alias_rm rmdir:alias_rmdir",
    appearance="automagic autocall autoindent autoawait colors pprint precision page doctest_mode",
    configuring="config",
    debugging="debug pdb tb xmode",
    elsewhere="pip conda mamba micromamba uv gui matplotlib pylab",
    extensions="load_ext unload_ext reload_ext",
    files="pycat",
    folders="pwd cd pushd popd dirs dhist bookmark env set_env",
    help="lsmagic magic:magic_ quickref alias_magic",
    clipboard="paste cpaste",
    history="history hist:history recall rep:recall rerun",
    log="logstart logon logoff logstate logstop",
    sources="macro save load loadpy:load edit ed:edit notebook pastebin",
    introspection="pinfo pinfo2 pdef pdoc psource pfile psearch",
    names="who who_ls whos reset reset_selective xdel",
    processes="sx system:sx sc killbgscripts",
    profiling="prun lprun memit",
    reloading="autoreload aimport",
    running="run",
    timing="time timeit",
    wrapping="code_wrap",
)

CELL = _index(
    debugging="debug",
    display="html HTML:html svg SVG:svg latex markdown javascript js:javascript capture",
    files="writefile file:writefile",
    processes="script bash sh perl ruby pypy python python2 python3 sx system:sx !:sx",
    profiling="prun lprun memit",
    timing="time timeit",
    wrapping="code_wrap",
)

_BY_KIND = {"line": LINE, "cell": CELL}


def known(kind):
    """The names of all magics of a kind, "line" or "cell"."""
    return _BY_KIND[kind].keys()


def place(name, kind):
    """The module of a magic, and the name of its function there; None if there is no such magic."""
    return _BY_KIND[kind].get(name)


# The modules that have been imported, by their names here. To import one again would ask `sys.modules`.
_imported = {}


def find(name, kind):
    """Returns the function of a magic, or None; imports the module that has it."""
    found = place(name, kind)
    if found is None:
        return None
    module, function = found
    if module not in _imported:
        path = "rhumba._magics." + module
        # Not by importlib: it isn't in memory, and the shell asks for names here with every cell.
        __import__(path)
        _imported[module] = sys.modules[path]
    return getattr(_imported[module], function)


def imported(name, kind):
    """Returns the function of a magic whose module has been imported, or None."""
    module, function = place(name, kind) or (None, None)
    return getattr(_imported[module], function) if module in _imported else None
