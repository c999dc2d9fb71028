"""Magics that load extensions: modules with `load_ipython_extension(shell)`."""

from rhumba._options import magic
from rhumba.shell import UsageError, get_ipython as _shell


def _modules(typed):
    from rhumba import _modules

    return _modules.matching(typed)


def _managed(action, name):
    """Runs what the shell's extension manager does; what goes wrong in the extension is said to be its."""
    try:
        return getattr(_shell().extension_manager, action)(name)
    except ModuleNotFoundError as missing:
        if missing.name is not None and (name == missing.name or name.startswith(missing.name + ".")):
            raise UsageError(f"there is no module {name!r}, so no extension of that name") from None
        raise UsageError(f"the extension {name!r} can't be loaded: it needs the module {missing.name!r}") from None
    except Exception as failure:
        failure.add_note(f"The extension {name!r} failed.")
        raise


@magic(words="MODULE", complete=_modules)
def load_ext(given):
    """Loads an extension: imports the module and calls its `load_ipython_extension`."""
    name = given.words[0]
    if name in _BUILT_IN:
        print(f"%load_ext {name} isn't needed: {_BUILT_IN[name]} {'are' if ',' in _BUILT_IN[name] else 'is'} there already.")
        return
    outcome = _managed("load_extension", name)
    if outcome == "already loaded":
        print(f"The {name} extension is already loaded. To reload it, use:\n  %reload_ext {name}")
    elif outcome == "no load function":
        print(f"The {name} module is not an extension: it has no load_ipython_extension.")


# What is an extension elsewhere.
_BUILT_IN = {
    "autoreload": "%autoreload, %aimport",
    "storemagic": "%store",
    "line_profiler": "%lprun",
    "memory_profiler": "%memit",
    "ipyparallel": "%px",
}


def is_built_in(name):
    """Whether what an extension of this name brings is in the shell from the start."""
    return name in _BUILT_IN


@magic(words="MODULE", complete=_modules)
def unload_ext(given):
    """Unloads an extension: calls its `unload_ipython_extension`."""
    name = given.words[0]
    outcome = _managed("unload_extension", name)
    if outcome == "not loaded":
        print(f"The {name} extension is not loaded.")
    elif outcome == "no unload function":
        print(f"The {name} extension can't be unloaded: it has no unload_ipython_extension.")


@magic(words="MODULE", complete=_modules)
def reload_ext(given):
    """Unloads an extension and loads it anew, with what its files say now."""
    name = given.words[0]
    outcome = _managed("reload_extension", name)
    if outcome == "no load function":
        print(f"The {name} module is not an extension: it has no load_ipython_extension.")
