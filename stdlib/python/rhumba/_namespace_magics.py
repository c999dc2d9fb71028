"""The magics that keep namespaces and bring them back.

`%checkpoint`, `%restore` and `%checkpoints` work on the store, for this session
or, with -t, for engines; `%save_namespace` and `%load_namespace` on files, for
this session. They are `rhumba.namespace` and the methods of a view, as a person
types them.
"""

import os

import _rhumba
import rhumba
from rhumba._options import magic, option
from rhumba.shell import UsageError, get_ipython

_PARTIAL = option("-p", "--partial", help="leaves out what can't be carried, and tells what it was")

_RESTORED_PARTIAL = option(
    "-p", "--partial", help="leaves out names that can't be rebuilt here, and tells which they were"
)

# Names inside a checkpoint beyond these characters are told in short.
_NAMES_WIDTH = 40


def register(shell):
    """Gives the shell these magics; those that are there already stay."""
    from rhumba._store import store

    for each in (checkpoint, restore, checkpoints, save_namespace, load_namespace, store):
        shell._magics["line"].setdefault(each.__name__, each)


def _checkpoint_names(prefix):
    """The names that %restore may be given."""
    names = []
    for each in rhumba.namespace.checkpoints():
        names.append(each.name)
        if "@" in prefix:
            names += [f"{each.name}@{part}" for part in each.parts if part is not None]
    return [name for name in names if name.startswith(prefix)]


def _engines(typed):
    """The engines that may stand behind -t, as far as a client is connected."""
    parallel = getattr(get_ipython(), "_parallel_magics", None)
    if not parallel:
        return []
    return next(iter(parallel.values())).complete_option("targets", typed)


# -- the store


@magic(
    option(
        "-t", "--targets", value="TARGETS", complete=_engines,
        help="keeps the namespaces of these engines: an id, a list, a slice such as ::2, or all",
    ),
    _PARTIAL,
    words="[NAME]",
    complete=_checkpoint_names,
)
def checkpoint(given):
    """Keeps all names of this session in the store.

    NAME is what %restore brings it back by; by default date and time. Only what
    the store doesn't have yet is written. %checkpoints lists it.
    """
    name = given.words[0] if given.words else _name_by_time()
    partial = given.partial
    if given.targets is not None:
        with _in_words():
            view = _view("%checkpoint", given.targets)
            ids, _ = view._resolve(None)
            written = view.checkpoint(name, partial=partial, block=True)
        written = written if isinstance(written, list) else [written]
        engines = "1 engine" if len(written) == 1 else f"{len(written)} engines"
        inside = f"{engines}, {_plural(sum(len(each.names) for each in written), 'name')}"
    else:
        with _in_words():
            written = [rhumba.namespace.checkpoint(name, partial=partial)]
        inside = _plural(len(written[0].names), "name")
    size = sum(each.size for each in written)
    new = sum(each.bytes_written for each in written)
    print(f"Checkpoint {name}: {inside}, {_size(size)}; {_size(new)} written to the store")
    if given.targets is None:
        _tell_left_out(written[0].left_out)
        return
    for engine, each in zip(ids, written):
        _tell_left_out(each.left_out, f" on engine {engine}")


@magic(
    option(
        "-t", "--targets", value="TARGETS", complete=_engines,
        help="brings it back on these engines: an id, a list, a slice such as ::2, or all",
    ),
    _RESTORED_PARTIAL,
    words="NAME",
    complete=_checkpoint_names,
)
def restore(given):
    """Brings a checkpoint back in the place of this session's names.

    Names that it doesn't have are unbound, but for those that were left out of
    it. If it can't be brought back, everything stays as it is.

    A checkpoint of several engines goes to as many, in the order of their ids, or
    each part to its own engine; one of a single namespace goes to each. %checkpoints lists them all.
    """
    name = given.words[0]
    if given.targets is not None:
        with _in_words():
            view = _view("%restore", given.targets)
            ids, _ = view._resolve(None)
            result = view.restore(name, partial=given.partial, block=False)
            result.get()
        count = len(view)
        print(f"Restored {name} on {'1 engine' if count == 1 else f'{count} engines'}")
        for engine, left_out in zip(ids, result.left_out):
            _tell_left_out(left_out, f" on engine {engine}")
        return
    with _in_words():
        names, left_out = _rhumba.restore_namespace(name, "checkpoint", False, given.partial)
    print(f"Restored {name}: {_some(names)}")
    _tell_left_out([rhumba.namespace.Left(*each) for each in left_out])


@magic(
    option(
        "--remove", value="NAME",
        help="removes a checkpoint, of several engines all parts; with a `*` in it, all like that",
    ),
    option("--clean", help="gives back the space of what no checkpoint needs"),
    complete=_checkpoint_names,
)
def checkpoints(given):
    """Lists what the store has: names, when, size, where from, names inside."""
    if given.remove is not None:
        with _in_words():
            removed = rhumba.namespace.remove(given.remove)
        print(f"Removed {_some(removed)}; %checkpoints --clean gives the space back")
    if given.clean:
        print(f"{_size(rhumba.namespace.clean())} given back")
    if given.chosen:
        return
    kept = rhumba.namespace.checkpoints()
    if not kept:
        print("The store has no checkpoints; %checkpoint NAME makes one.")
        return
    rows = [("Name", "When", "Size", "From", "Names")]
    for each in kept:
        when = each.created.astimezone().strftime("%Y-%m-%d %H:%M:%S")
        rows.append((each.name, when, _size(each.size), each.origin, _some(each.names)))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for row, each in zip(rows, [None, *kept]):
        print("  ".join(f"{text:<{width}}" for text, width in zip(row, widths)), row[4], sep="  ")
        for left in each.left_out if each else ():
            print(f"    left out: {left}")


# -- files


@magic(_PARTIAL, words="FILE")
def save_namespace(given):
    """Writes all names of this session to a file."""
    file = given.words[0]
    with _in_words():
        written = rhumba.namespace.save(os.path.expanduser(file), partial=given.partial)
    print(
        f"{file}: {_plural(len(written.names), 'name')}, {_size(written.size)},"
        f" as {_size(written.bytes_written)}"
    )
    _tell_left_out(written.left_out)


@magic(
    _RESTORED_PARTIAL,
    words="FILE",
)
def load_namespace(given):
    """Brings a saved namespace back in the place of this session's names.

    Names that it doesn't have are unbound, but for those that were left out of
    it. If it can't be read, everything stays as it is.
    """
    file = given.words[0]
    with _in_words():
        names, left_out = _rhumba.restore_namespace(os.path.expanduser(file), "file", False, given.partial)
    print(f"{file}: {_some(names)}")
    _tell_left_out([rhumba.namespace.Left(*each) for each in left_out])


# -- what they share


class _in_words:
    """What stands in the way of a magic is told in a sentence, without a traceback."""

    def __enter__(self):
        pass

    def __exit__(self, kind, failure, traceback):
        if failure is None or not _is_ours(traceback):
            return
        if isinstance(failure, rhumba.SnapshotError):
            sentence = str(failure)
            if "can't be carried" in sentence:
                sentence += "\n-p leaves them out" if "\n" in sentence else "; -p leaves it out"
            raise UsageError(sentence) from None
        if isinstance(failure, (LookupError, OSError, ValueError)):
            raise UsageError(str(failure)) from None


def _is_ours(traceback):
    """Whether a failure comes from rhumba itself, and not from code that rebuilds an object."""
    while traceback.tb_next is not None:
        traceback = traceback.tb_next
    module = traceback.tb_frame.f_globals.get("__name__", "")
    return module.startswith(("rhumba.", "ipyparallel."))


def _view(magic, targets):
    """Returns a view of the engines that a person wrote, of the client that %px uses."""
    parallel = getattr(get_ipython(), "_parallel_magics", None)
    if not parallel:
        raise UsageError(
            f"{magic} -t needs engines: connect first, with"
            " `import ipyparallel as ipp` and `rc = ipp.Client()`"
        )
    magics = parallel.get("") or next(iter(parallel.values()))
    return magics.view.client.direct_view(magics._chosen_targets(targets), block=True)


def _name_by_time():
    import time

    return time.strftime("%Y-%m-%d-%H%M%S")


def _tell_left_out(left_out, where=""):
    for left in left_out:
        print(f"    left out{where}: {left}")


def _some(names):
    """Names with commas between them, in short if they are many."""
    text = ", ".join(names)
    if len(text) <= _NAMES_WIDTH:
        return text or "no names"
    shown = text[:_NAMES_WIDTH].rpartition(", ")[0]
    more = len(names) - len(shown.split(", "))
    return f"{shown} and {more} more" if shown else _plural(len(names), "name")


def _plural(count, word):
    return f"1 {word}" if count == 1 else f"{count} {word}s"


def _size(count):
    """A number of bytes as people read it: 512 B, 1.2 MB."""
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count} B"
