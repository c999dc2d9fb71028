"""Objects and whole namespaces as bytes, files and checkpoints.

    data = dumps(obj)           any object, with all that it refers to
    obj = loads(data)

    save("work.ns")             the names of this session, as one file
    restore("work.ns")          and back, in the place of what is here
    ns = load("work.ns")        or as a dict, leaving what is here alone
    print(diff("work.ns", ns))  which names differ, and how

    checkpoint("monday")        the same, in the store: equal data is kept once
    checkpoints()               what the store has

By value go data of every built-in kind, instances, and functions and classes
made in a namespace, lambdas and closures among them; modules and what can be
imported from them go by name (`register_by_value` makes exceptions). What is
one object before is one object after, cycles included, across all names that
are saved together. What can't be carried raises `rhumba.SnapshotError`, which
names its path (of a namespace: all of them, a line for each, up to ten); with
`partial=True` it is left out and listed.

A file and a checkpoint are compressed and checksummed, and written whole or not
at all. Reading them gives everything or raises, and changes nothing before all
of it is there. They are for the same rhumba: another version says so.

Rebuilding an object may call what the bytes name, as with pickle: read only
what you trust, or say `trust="data"`, which rebuilds data and refuses the rest.

The format is the interpreter's (its module `snapshot`), the store and the file
are the engine's (its module `store`). How views checkpoint engines is in
`ipyparallel/client/view.py`.
"""

import os
import sys
import types
from collections import namedtuple

import _rhumba
from rhumba import SnapshotError

__all__ = [
    "Checkpoint",
    "Left",
    "Saved",
    "SnapshotError",
    "checkpoint",
    "checkpoints",
    "clean",
    "diff",
    "dumps",
    "load",
    "loads",
    "register_by_value",
    "registered_by_value",
    "remove",
    "restore",
    "save",
    "unregister_by_value",
]


class Left(namedtuple("Left", "path reason")):
    """Something that was left out: `path` says where it was, `reason` why it can't be carried."""

    __slots__ = ()

    def __str__(self):
        return f"{self.path}: {self.reason}"


class Saved(namedtuple("Saved", "names size bytes_written left_out")):
    """What saving a namespace came to.

    names: the names inside, in order
    size: the bytes of the objects, uncompressed
    bytes_written: the bytes that went to the disk; to the store, only what was new
    left_out: what could not be carried, a list of Left; empty unless `partial`
    """

    __slots__ = ()


class Checkpoint(namedtuple("Checkpoint", "name created size origin names left_out parts problem")):
    """A checkpoint in the store.

    name: what it is restored by
    created: when its last part was taken, an aware datetime in UTC
    size: in bytes, uncompressed; what parts share is counted in each
    origin: where it was taken: 'session', 'engine 2', '4 engines'
    names: the names inside, in order
    left_out: what could not be carried, a list of Left
    parts: the ids of the engines whose parts it has, [None] if it isn't in
        parts; engine 2's part of `monday` is also a checkpoint, `monday@2`
    problem: why it can't be restored, None if it can
    """

    __slots__ = ()


# -- objects


def dumps(obj, *, globals="receiver"):
    """Returns an object, and all that it refers to, as bytes.

    globals: where functions that were made in a namespace find their global
        names: 'receiver', in the namespace that the bytes are read in;
        'carried', in a copy of those that they use, which goes with them

    Raises SnapshotError, a TypeError, with the path of what can't be carried;
    and whatever `__reduce_ex__` and the like of an object raise.
    """
    return _rhumba.dumps(obj, _one_of("globals", globals, "receiver", "carried"))


def loads(data, *, trust="all"):
    """Returns the object that `dumps` made these bytes of, as a new one.

    data: bytes, or anything that gives its bytes
    trust: 'all', or 'data' for bytes from others: nothing that the bytes name
        is imported or called, and an object that needs it is refused

    Raises SnapshotError if the bytes are damaged, come from another version of
    rhumba, or name something that can't be imported here; and whatever the code
    that rebuilds an object raises.
    """
    return _rhumba.loads(data, _one_of("trust", trust, "all", "data"))


def register_by_value(module):
    """Lets the functions and classes of a module go by value from now on, and the module itself.

    For a module that receivers can't import, or have in another version. It
    stands for the modules below it, too. As with functions of a namespace that
    take their globals along, each gets its own copy of what it uses.

    module: a module, or its name; it must be imported

    Raises ImportError if it isn't, and ValueError for `__main__`, of which
    everything goes by value anyway.
    """
    name = _module_name(module)
    if name == "__main__":
        raise ValueError("what is made in __main__ goes by value anyway")
    if name not in sys.modules:
        raise ImportError(f"{name} isn't imported: import it before it is registered", name=name)
    _rhumba.set_by_value(name, True)


def unregister_by_value(module):
    """Lets what is in a module go by name again. Raises ValueError if it wasn't registered."""
    name = _module_name(module)
    if not _rhumba.set_by_value(name, False):
        raise ValueError(f"{name} isn't registered to go by value")


def registered_by_value():
    """Returns the names of the modules that were registered to go by value, in order."""
    return _rhumba.by_value()


# -- namespaces


def save(path, mapping=None, *, partial=False):
    """Writes names and their objects to a file.

    mapping: a dict by name; by default the names that were bound in this
        session. Of a dict, functions take along the global names that they use;
        in a session these are saved anyway, and functions find them there again.
        What a module has by itself, such as `__name__`, isn't saved.
    partial: leaves out what can't be carried, at the finest level that makes
        sense: an item, an attribute, a name

    Returns a Saved. An existing file is replaced at the end, or stays as it was.

    Raises SnapshotError with the path of what can't be carried, OSError if the
    file can't be written.
    """
    return _saved(_rhumba.save_namespace(_path(path), _names(mapping), bool(partial)))


def load(source, *, trust="all", partial=False):
    """Returns a saved namespace as a dict by name; functions made in it have the dict as globals.

    source: the path of a file, or else the name of a checkpoint
    trust: see `loads`
    partial: leaves out names that can't be rebuilt here, and those that have
        objects in common with them; a warning lists them

    Raises FileNotFoundError if there is neither, SnapshotError if it is damaged
    or can't be rebuilt here, and what the objects' own code raises there.
    """
    only_data = _one_of("trust", trust, "all", "data")
    names, left_out = _rhumba.load_namespace(_path(source), "", only_data, bool(partial))
    _warn_of(left_out)
    return names


def restore(source, *, trust="all", partial=False):
    """Puts a saved namespace in the place of this session's names, and returns its names.

    Names that it doesn't have are unbound, but for those that were left out when
    it was saved, or are now: they stay bound to what they are bound to. Everything is
    rebuilt first: if that fails, the session is as it was. `source`, `trust` and
    `partial`, and what it raises, are those of `load`.
    """
    only_data = _one_of("trust", trust, "all", "data")
    names, left_out = _rhumba.restore_namespace(_path(source), "", only_data, bool(partial))
    _warn_of(left_out)
    return names


def _warn_of(left_out, where=" here"):
    if left_out:
        import warnings

        listed = "".join(f"\n  {path}: {reason}" for path, reason in left_out)
        warnings.warn(f"what can't be rebuilt{where} was left out:{listed}", RuntimeWarning, stacklevel=3)


def diff(a, b=None):
    """Returns how the namespace `b` differs from `a`: a dict by name, which prints as a table.

    a, b: each a mapping, the view of an engine (`rc[0]`), the path of a file, or
        else the name of a checkpoint; None stands for the names of this session

    Each value has a `kind` ('added', 'removed', 'type', 'value'), the path
    `where` of the first difference below the name, and a `text`. Objects are
    compared by what they are made of, not by their own `==`. What engines have
    and can't send is compared by where it is; the attribute `not_compared` of
    what is returned lists it.

    Raises what `load` raises.
    """
    from rhumba._difference import differences

    (old, old_left_out), (new, new_left_out) = _mapping(a), _mapping(b)
    return differences(old, new, old_left_out, new_left_out)


# -- the store


def checkpoint(name, mapping=None, *, partial=False):
    """Keeps names and their objects in the store, in the place of what has this name.

    Only what the store doesn't have yet is written. `mapping` and `partial`, and
    what it returns and raises, are those of `save`; a name that can't be one
    raises ValueError.
    """
    return _saved(_rhumba.write_checkpoint(_checkpoint_name(name), _names(mapping), bool(partial)))


def checkpoints():
    """Returns what the store has, as a list of Checkpoint ordered by name."""
    from datetime import UTC, datetime

    return [
        Checkpoint(
            name=each["name"],
            created=datetime.fromtimestamp(each["created_us"] / 1e6, UTC),
            size=each["size"],
            origin=each["origin"],
            names=each["names"],
            left_out=[Left(*left) for left in each["left_out"]],
            parts=each["parts"],
            problem=each["problem"],
        )
        for each in _rhumba.list_checkpoints()
    ]


def remove(name):
    """Removes a checkpoint with all of its parts; `clean` gives the space back.

    name: with a `*`, which stands for any text, all whose names are like that

    Returns the names of what was removed, each part by its own.
    Raises LookupError if there is none of this name.
    """
    return _rhumba.remove_checkpoint(_checkpoint_name(name))


def clean():
    """Removes data that no checkpoint needs. Returns how many bytes of the disk it took."""
    return _rhumba.clean_store()


# -- arguments


def _module_name(module):
    if isinstance(module, str):
        return module
    if not isinstance(module, types.ModuleType):
        raise TypeError(f"a module or its name is wanted, not {module!r}")
    return module.__name__


def _names(mapping):
    """Returns the mapping as a dict by name; None stands for the session."""
    if mapping is None:
        return None
    if not hasattr(mapping, "keys") and not hasattr(mapping, "__iter__"):
        raise TypeError(f"names and their objects are wanted as a mapping, not {mapping!r}")
    # A dict stays the one that functions of a namespace that was loaded have as their globals.
    names = mapping if type(mapping) is dict else dict(mapping)
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"names must be str, not {name!r}")
    return names


def _mapping(each):
    """Returns one side of `diff` as a mapping, and what it goes without: paths and reasons."""
    if each is None:
        import _rhumba_shell

        namespace = _rhumba_shell.namespace()
        return {name: namespace[name] for name in _rhumba_shell.names()}, ()
    # The view of an engine.
    if hasattr(each, "_taken_names"):
        return each._taken_names()
    return (each if hasattr(each, "keys") else load(each)), ()


def _checkpoint_name(name):
    if not isinstance(name, str):
        raise TypeError(f"a checkpoint's name is a str, not {type(name).__name__}")
    return _as_utf8(name)


def _path(path):
    text = os.fspath(path)
    return _as_utf8(os.fsdecode(text) if isinstance(text, bytes) else text)


def _as_utf8(text):
    """Returns a text as it is, if it has nothing that can't be UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{text!r} can't be a name here, as it isn't UTF-8: choose another") from None
    return text


def _saved(report):
    """Returns what a dict of the native module says."""
    left_out = [Left(*each) for each in report["left_out"]]
    return Saved(report["names"], report["bytes_total"], report.get("bytes_written", 0), left_out)


def _one_of(name, value, first, second):
    """Returns whether the value is the second of the two that it may be."""
    if value not in (first, second):
        raise ValueError(f"{name} must be {first!r} or {second!r}, not {value!r}")
    return value == second
