"""Magics about the names of the session: which there are, and their end."""

import _rhumba_shell

from rhumba._options import magic, option
from rhumba.shell import get_ipython as _shell


@magic(words="[TYPE ...]")
def who(given):
    """Lists the names that were bound, or those bound to such types."""
    names = _names(given.words)
    print("\t".join(names) if names else _none(given))


@magic(words="[TYPE ...]")
def who_ls(given):
    """Returns the names that were bound, as a sorted list."""
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


def _none(given):
    return "No such names." if given.words else "No names are bound."


def _names(kinds):
    namespace = _shell().user_ns
    return sorted(
        name
        for name in _rhumba_shell.names()
        if not name.startswith("_") and (not kinds or type(namespace[name]).__name__ in kinds)
    )


def _brief(value):
    if isinstance(value, (list, tuple, dict, set, frozenset)):
        return f"n={len(value)}"
    try:
        text = " ".join(repr(value).split())
    except Exception as failure:
        return f"<repr() raised {type(failure).__name__}>"
    return text if len(text) <= 60 else text[:40] + "<...>" + text[-15:]


@magic(
    option("-f", "--force", help="asks nothing"),
    option("-s", "--soft", help="keeps the history of inputs and outputs"),
)
def reset(given):
    """Unbinds every name; asks first."""
    if not given.force:
        answer = input("Once deleted, variables cannot be recovered. Proceed (y/[n])? ")
        if answer.strip().lower() not in ("y", "yes"):
            print("Nothing done.")
            return
    _rhumba_shell.clear()
