"""Magics about the names of the session: which there are, and their end."""

import sys

import _rhumba_shell

from rhumba._options import magic, option
from rhumba.shell import UsageError, get_ipython as _shell

# How far apart the tabs of a terminal are.
_TAB_COLUMNS = 8


# -- which there are


@magic(words="[TYPE ...]")
def who(given):
    """Lists the names that were bound, or those bound to such types."""
    names = _names(given.words)
    if not names:
        print(_none(given))
    for row in _rows(names, _columns()):
        print("\t".join(row))


@magic(words="[TYPE ...]")
def who_ls(given):
    """Returns the names that were bound, or those bound to such types, as a sorted list."""
    return _names(given.words)


@magic(words="[TYPE ...]")
def whos(given):
    """Shows the names that were bound, with type and value in short."""
    names = _names(given.words)
    if not names:
        print(_none(given))
        return
    namespace = _shell().user_ns
    rows = [("Variable", "Type", "Data/Info")]
    for name in names:
        rows.append((name, type(namespace[name]).__name__, _brief(namespace[name])))
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    rule = "-" * (sum(widths) + 15)
    for index, (name, kind, text) in enumerate(rows):
        print(f"{name:<{widths[0]}}   {kind:<{widths[1]}}    {text}")
        if index == 0:
            print(rule)


def _rows(names, columns):
    """The names in rows that are no wider than so many columns, with tabs between them; a name that
    is wider itself has a row of its own."""
    from rhumba._stack import columns_of

    row, end = [], 0
    for name in names:
        width = columns_of(name, len(name))
        begin = (end // _TAB_COLUMNS + 1) * _TAB_COLUMNS if row else 0
        # In the last column the cursor would wait at the edge, and a terminal may break the line.
        if row and begin + width >= columns:
            yield row
            row, begin = [], 0
        row.append(name)
        end = begin + width
    if row:
        yield row


def _columns():
    """How wide a row may be: as the terminal is; without one, as it likes."""
    import shutil

    from rhumba._pager import is_terminal

    if not is_terminal(sys.stdout):
        return sys.maxsize
    return shutil.get_terminal_size().columns


def _none(given):
    return "No such names." if given.words else "No names are bound."


def _names(kinds):
    namespace = _shell().user_ns
    # What programs have put there, and nobody has bound since.
    hidden = _shell().__dict__.get("user_ns_hidden", {})
    return sorted(
        name
        for name in _rhumba_shell.names()
        if not name.startswith("_") and (not kinds or type(namespace[name]).__name__ in kinds)
        and not (name in hidden and hidden[name] is namespace[name])
    )


def _brief(value):
    if isinstance(value, (list, tuple, dict, set, frozenset)):
        return f"n={len(value)}"
    try:
        text = " ".join(repr(value).split())
    except Exception as failure:
        return f"<repr() raised {type(failure).__name__}>"
    return text if len(text) <= 60 else text[:40] + "<...>" + text[-15:]


# -- their end

_PARTS = ("in", "out", "dhist", "array")


def _parts(typed):
    return [part for part in _PARTS if part.startswith(typed)]


@magic(
    option("-f", "--force", help="asks nothing"),
    option("-s", "--soft", help="keeps outputs and folders"),
    option("--aggressive", help="forgets all modules that the cells imported, too"),
    words="[PART ...]",
    complete=_parts,
)
def reset(given):
    """Unbinds every name, and forgets outputs and the folders that %cd was in; asks first.

    What was typed stays, for %history and %save. With parts it forgets these only: `in` (inputs),
    `out` (outputs), `dhist` (folders), `array` (names bound to arrays); with -s and parts, these
    and the names.
    """
    parts = [part.lower() for part in given.words]
    unknown = [part for part in parts if part not in _PARTS]
    if unknown:
        raise UsageError(f"%reset knows the parts {', '.join(_PARTS)}, not {', '.join(unknown)}")
    if not given.force and not _confirmed("Once deleted, variables cannot be recovered. Proceed (y/[n])? "):
        print("Nothing done.")
        return
    if given.soft or not parts:
        kept = _outputs() if given.soft else {}
        _rhumba_shell.clear()
        namespace = _shell().user_ns
        namespace.get("Out", {}).update(kept.pop("Out", {}))
        namespace.update(kept)
    if not given.soft and not parts:
        # Numbers and what was typed under them are no objects: they hold nothing in memory.
        _forget_outputs()
        _forget_folders()
        _shell()._last_cell = None
        _shell().__dict__.pop("user_ns_hidden", None)
    for part in parts:
        _RESETS[part]()
    if given.aggressive and not parts:
        _forget_modules()


def _confirmed(question):
    try:
        return input(question).strip().lower() in ("y", "yes")
    except EOFError:
        print()
        return False


def _forget_inputs():
    namespace = _shell().user_ns
    inputs = namespace.get("In")
    if isinstance(inputs, list):
        # Numbers stay those of the cells.
        inputs[:] = [""] * len(inputs)
    _unbind(lambda name: name.startswith("_i") and name[2:].isdigit())
    for name in ("_i", "_ii", "_iii"):
        namespace[name] = ""


def _outputs():
    """The values of the cells, by the names that they have in the session."""
    namespace = _shell().user_ns
    names = [name for name in namespace if name in ("_", "__", "___") or name[:1] == "_" and name[1:].isdigit()]
    return {"Out": dict(namespace.get("Out", {})), **{name: namespace[name] for name in names}}


def _forget_outputs():
    namespace = _shell().user_ns
    outputs = namespace.get("Out")
    if isinstance(outputs, dict):
        outputs.clear()
    _unbind(lambda name: name.startswith("_") and name[1:].isdigit())
    for name in ("_", "__", "___"):
        namespace[name] = ""


def _forget_folders():
    from . import folders

    folders.forget()


def _forget_arrays():
    namespace = _shell().user_ns
    _unbind(lambda name: type(namespace[name]).__name__ in ("ndarray", "array") and not name.startswith("_"))


def _forget_modules():
    import sys

    kept = {"__main__", "_rhumba_shell"}
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        # Modules of the runtime itself have no file: it needs them.
        if file is not None and name not in kept and not name.startswith(("rhumba", "IPython", "ipyparallel")):
            del sys.modules[name]


_RESETS = {"in": _forget_inputs, "out": _forget_outputs, "dhist": _forget_folders, "array": _forget_arrays}


def _unbind(matches):
    namespace = _shell().user_ns
    names = [name for name in namespace if matches(name)]
    for name in names:
        del namespace[name]
    return names


@magic(option("-f", "--force", help="asks nothing"), words="PATTERN")
def reset_selective(given):
    """Unbinds the names in which a regular expression is found; asks first."""
    import re

    try:
        pattern = re.compile(given.words[0])
    except re.error as failure:
        raise UsageError(f"%reset_selective: {given.words[0]!r} is no regular expression: {failure}") from None
    names = [name for name in _names(()) if pattern.search(name)]
    if not names:
        print("No such names.")
        return
    question = f"Once deleted, variables cannot be recovered. Delete {', '.join(names)} (y/[n])? "
    if not given.force and not _confirmed(question):
        print("Nothing done.")
        return
    for name in names:
        _shell().user_ns.pop(name, None)


def _bound_names(typed):
    return [name for name in _rhumba_shell.names() if name.startswith(typed)]


@magic(
    option("-n", "--by-name", help="unbinds only this name, and not what else is bound to the same object"),
    words="NAME",
    complete=_bound_names,
)
def xdel(given):
    """Unbinds a name and drops what the shell itself keeps of its object.

    That is the object under other names of the session, among the outputs and
    as that of the last error.
    """
    import sys

    name = given.words[0]
    namespace = _shell().user_ns
    if name in ("__builtins__", "__name__", "In", "Out", "_ih", "_oh", "_dh"):
        raise UsageError(f"%xdel leaves {name} to the shell")
    if name not in namespace:
        raise UsageError(f"%xdel: no name {name!r} is bound")
    target = namespace.pop(name)
    if given.by_name:
        return
    for other in [other for other, bound in namespace.items() if bound is target]:
        # The last values keep their names; what they were bound to goes.
        if other in ("_", "__", "___"):
            namespace[other] = ""
        else:
            del namespace[other]
    outputs = namespace.get("Out")
    if isinstance(outputs, dict):
        for number in [number for number, value in outputs.items() if value is target]:
            del outputs[number]
    if getattr(sys, "last_value", None) is target:
        for each in ("last_exc", "last_type", "last_value", "last_traceback"):
            if hasattr(sys, each):
                delattr(sys, each)
