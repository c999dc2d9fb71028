"""`%store`: values that stay over sessions, by name.

Each is a file of a saved namespace with one name in it (see `namespace.py`), in the folder
`stored` of the state folder, so that functions and classes can be kept, too, and several shells
can do so at once. Whole sessions are `%checkpoint`'s.
"""

import os

import rhumba
from rhumba import _configuration
from rhumba._options import magic, option
from rhumba.shell import UsageError, get_ipython

_SUFFIX = ".ns"
_ALIAS_SUFFIX = ".alias"


def _folder():
    state = _configuration.state_folder()
    if state is None:
        raise UsageError("%store has no folder to keep values in: set $RHUMBA_HOME to one")
    return os.path.join(state, "stored")


def _stored(suffix=_SUFFIX):
    try:
        files = os.listdir(_folder())
    except FileNotFoundError:
        return []
    except OSError as failure:
        raise UsageError(f"%store can't look into {_folder()}: {failure.strerror}") from None
    return sorted(name.removesuffix(suffix) for name in files if name.endswith(suffix))


def _file(name, suffix=_SUFFIX):
    return os.path.join(_folder(), name + suffix)


def _names(typed):
    here = [name for name in get_ipython().user_ns if not name.startswith("_")]
    return [name for name in sorted({*here, *_stored()}) if name.startswith(typed)]


@magic(
    option("-r", "--restore", help="binds the names again, or all that are kept"),
    option("-d", "--delete", help="forgets the names"),
    option("-z", "--clear", help="forgets all"),
    rest="[NAME ...] [> FILE]",
    complete=_names,
)
def store(given):
    """Keeps the values of names over sessions.

    %store                shows what is kept
    %store NAME ...       keeps the values, as they are now; aliases of %alias, too
    %store -r [NAME ...]  binds them again, or all
    %store -d NAME ...    forgets them;  %store -z forgets all
    %store NAME > FILE    writes the value to a file of text; >> adds it at its end
    """
    if not given.chosen and ">" in given.rest:
        _write(given.rest)
        return
    names = given.rest.split()
    if given.clear:
        names = [*_stored(), *_stored(_ALIAS_SUFFIX)]
        _forget(names)
        print(f"{len(names)} forgotten.")
    elif given.delete:
        if not names:
            raise UsageError("%store -d needs NAME")
        _forget(names)
    elif given.restore:
        _restore(names)
    elif names:
        for name in names:
            _keep(name)
    else:
        _show()


def _show():
    kept = _stored()
    if not kept:
        print("Nothing is stored; %store NAME keeps a value.")
        return
    from rhumba._magics.names import _brief

    width = max(map(len, kept))
    print("Stored variables and their in-db values:")
    for name in kept:
        try:
            text = _brief_value(_loaded(name), _brief)
        except UsageError as failure:
            text = f"<{failure}>"
        print(f"{name:<{width}} -> {text}")


def _brief_value(value, brief):
    # A short list tells more than its length.
    text = repr(value) if isinstance(value, (list, tuple, dict, set)) and len(value) <= 8 else ""
    return text if text and len(text) <= 60 else brief(value)


def _keep(name):
    shell = get_ipython()
    if not name.isidentifier():
        raise UsageError(f"%store keeps names of this session, and {name!r} is none")
    if name not in shell.user_ns:
        from rhumba._magics import aliases

        alias = aliases.known().get(name)
        if alias is None:
            raise UsageError(f"%store: no name {name!r} is bound")
        _save(_file(name, _ALIAS_SUFFIX), name, alias.command)
        print(f"Alias stored: {name} ({alias.command})")
        return
    value = shell.user_ns[name]
    _save(_file(name), name, value)
    print(f"Stored {name!r} ({type(value).__name__})")


def _save(path, name, value):
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        rhumba.namespace.save(path, {name: value})
    except rhumba.SnapshotError as failure:
        raise UsageError(f"%store can't keep {name}: {failure}") from None
    except OSError as failure:
        raise UsageError(f"%store can't write {path}: {failure.strerror or failure}") from None


def _loaded(name, suffix=_SUFFIX):
    try:
        return rhumba.namespace.load(_file(name, suffix))[name]
    except FileNotFoundError:
        raise UsageError(f"%store keeps no {name}; %store shows what it keeps") from None
    except (rhumba.SnapshotError, OSError, KeyError) as failure:
        raise UsageError(f"{name} can't be brought back: {failure}") from None
    except Exception as failure:
        raise UsageError(f"{name} can't be brought back: {type(failure).__name__}: {failure}") from None


def _restore(names):
    shell = get_ipython()
    every = not names
    for name in names or _stored():
        if not every and name not in _stored() and name in _stored(_ALIAS_SUFFIX):
            _restore_alias(name)
            continue
        try:
            shell.user_ns[name] = _loaded(name)
        except UsageError as failure:
            if not every:
                raise
            # One that is damaged keeps no other from coming back.
            print(f"{failure}; %store -d {name} forgets it")
    if every:
        for name in _stored(_ALIAS_SUFFIX):
            _restore_alias(name)


def _restore_alias(name):
    from rhumba._magics import aliases

    aliases.define(name, _loaded(name, _ALIAS_SUFFIX))


def _forget(names):
    for name in names:
        found = [path for path in (_file(name), _file(name, _ALIAS_SUFFIX)) if os.path.exists(path)]
        if not found or os.sep in name:
            raise UsageError(f"%store keeps no {name}; %store shows what it keeps")
        for path in found:
            try:
                os.unlink(path)
            except OSError as failure:
                raise UsageError(f"%store can't remove {path}: {failure.strerror}") from None


def _write(rest):
    name, mark, path = rest.partition(">")
    append = path.startswith(">")
    name, path = name.strip(), os.path.expanduser(path.lstrip(">").strip())
    if not name or not path:
        raise UsageError("%store writes a value to a file: %store NAME > FILE")
    try:
        value = get_ipython().ev(name)
    except Exception as failure:
        raise UsageError(f"%store: {name!r} has no value: {type(failure).__name__}: {failure}") from None
    if isinstance(value, str):
        text = value
    elif isinstance(value, (list, tuple)) and all(isinstance(each, str) for each in value):
        text = "\n".join(value)
    else:
        import pprint

        text = pprint.pformat(value)
    try:
        with open(path, "a" if append else "w", encoding="utf-8") as file:
            file.write(text if text.endswith("\n") else text + "\n")
    except OSError as failure:
        raise UsageError(f"%store can't write {path!r}: {failure.strerror}") from None
    print(f"Writing {name!r} ({type(value).__name__}) to file {os.path.basename(path)!r}.")
