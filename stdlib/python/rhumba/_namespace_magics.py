"""The magics that keep namespaces and bring them back.

`%checkpoint`, `%restore` and `%checkpoints` work on the store, for this session
or, with -t, for engines; `%save_namespace` and `%load_namespace` on files, for
this session. They are `rhumba.namespace` and the methods of a view, as a person
types them. Docstrings are what `%name?` shows.
"""

import os

import _rhumba
import rhumba
from rhumba._options import parse
from rhumba.shell import UsageError, get_ipython

_TARGETS = {"-t": ("targets", str), "--targets": ("targets", str)}
_PARTIAL = {"-p": ("partial", True), "--partial": ("partial", True)}

# Names inside a checkpoint beyond these characters are told in short.
_NAMES_WIDTH = 40


def register(shell):
    """Gives the shell these magics; those that are there already stay."""
    for magic in (checkpoint, restore, checkpoints, save_namespace, load_namespace):
        shell._magics["line"].setdefault(magic.__name__, magic)


# -- the store


def checkpoint(line):
    """%checkpoint [NAME] [-t TARGETS] [-p] keeps all names of this session in the store.

    NAME               what %restore brings it back by; by default date and time
    -t, --targets      keeps the namespaces of these engines in place of this
                       session's: an id, a list, a slice such as ::2, or all
    -p, --partial      leaves out what can't be carried, and tells what it was

    Only what the store doesn't have yet is written. %checkpoints lists it.
    """
    options, words = parse("%checkpoint", line, {**_TARGETS, **_PARTIAL}, words_max=1)
    name = words[0] if words else _name_by_time()
    partial = options.get("partial", False)
    if "targets" in options:
        view = _view("%checkpoint", options["targets"])
        with _in_words():
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
    _tell_left_out([left for each in written for left in each.left_out])


def restore(line):
    """%restore NAME [-t TARGETS] brings a checkpoint back in the place of this session's names.

    -t, --targets      brings it back on these engines: an id, a list, a slice
                       such as ::2, or all. A checkpoint of several engines goes
                       to as many, in the order of their ids; one of a single
                       namespace goes to each.

    Names that it doesn't have are unbound, but for those that were left out of
    it. If it can't be brought back, everything stays as it is.
    """
    options, words = parse("%restore", line, _TARGETS, words_max=1)
    if not words:
        raise UsageError("%restore needs the name of a checkpoint; %checkpoints lists them")
    name = words[0]
    if "targets" in options:
        view = _view("%restore", options["targets"])
        with _in_words():
            view.restore(name, block=True)
        count = len(view)
        print(f"Restored {name} on {'1 engine' if count == 1 else f'{count} engines'}")
        return
    with _in_words():
        names = _rhumba.restore_namespace(name, "checkpoint", False)
    print(f"Restored {name}: {_some(names)}")


def checkpoints(line):
    """%checkpoints lists what the store has: names, when, size, where from, names inside.

    --remove NAME      removes a checkpoint, of several engines all parts; with a
                       `*` in it, all whose names are like that
    --clean            gives back the space of what no checkpoint needs
    """
    known = {"--remove": ("remove", str), "--clean": ("clean", True)}
    options, _ = parse("%checkpoints", line, known)
    if "remove" in options:
        with _in_words():
            removed = rhumba.namespace.remove(options["remove"])
        print(f"Removed {_some(removed)}; %checkpoints --clean gives the space back")
    if "clean" in options:
        print(f"{_size(rhumba.namespace.clean())} given back")
    if options:
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


def save_namespace(line):
    """%save_namespace FILE [-p] writes all names of this session to a file.

    -p, --partial      leaves out what can't be carried, and tells what it was
    """
    options, words = parse("%save_namespace", line, _PARTIAL, words_max=1)
    if not words:
        raise UsageError("%save_namespace needs a file: %save_namespace work.ns")
    with _in_words():
        written = rhumba.namespace.save(os.path.expanduser(words[0]), partial=options.get("partial", False))
    print(
        f"{words[0]}: {_plural(len(written.names), 'name')}, {_size(written.size)},"
        f" as {_size(written.bytes_written)}"
    )
    _tell_left_out(written.left_out)


def load_namespace(line):
    """%load_namespace FILE brings a saved namespace back in the place of this session's names.

    Names that it doesn't have are unbound, but for those that were left out of
    it. If it can't be read, everything stays as it is.
    """
    _, words = parse("%load_namespace", line, {}, words_max=1)
    if not words:
        raise UsageError("%load_namespace needs a file: %load_namespace work.ns")
    with _in_words():
        names = _rhumba.restore_namespace(os.path.expanduser(words[0]), "file", False)
    print(f"{words[0]}: {_some(names)}")


# -- what they share


class _in_words:
    """What stands in the way of a magic is told in a sentence, without a traceback."""

    def __enter__(self):
        pass

    def __exit__(self, kind, failure, traceback):
        if failure is None or not _is_ours(traceback):
            return
        if isinstance(failure, rhumba.SnapshotError):
            hint = "; -p leaves it out" if "can't be carried" in str(failure) else ""
            raise UsageError(f"{failure}{hint}") from None
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


def _checkpoint_names(prefix):
    """The names that %restore may be given."""
    names = []
    for each in rhumba.namespace.checkpoints():
        names.append(each.name)
        if "@" in prefix:
            names += [f"{each.name}@{part}" for part in each.parts if part is not None]
    return [name for name in names if name.startswith(prefix)]


restore.complete_argument = _checkpoint_names
checkpoint.complete_argument = _checkpoint_names
checkpoints.complete_argument = _checkpoint_names


def _name_by_time():
    import time

    return time.strftime("%Y-%m-%d-%H%M%S")


def _tell_left_out(left_out):
    for left in left_out:
        print(f"    left out: {left}")


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
