"""Where the source is of modules and classes that are in no file of their own.

`inspect` finds functions by their code. Of a frozen module and its classes it knows no file, and of a class that a cell
has made only the file of `__main__`, where it isn't. It looks here first. No names of files are made up:
`inspect.getfile` answers as before. Read next: `_inspect`, which shows source to people.
"""

import sys


def extend(inspect):
    """Has the module `inspect`, just imported, look here first; who imports modules calls it."""
    from functools import wraps

    standard = inspect.findsource

    @wraps(standard)
    def findsource(object):
        found = place(object) if isinstance(object, (type, type(sys))) else None
        if found is not None:
            return found
        found = standard(object)
        # A class that was brought back may be of another program, of whose file it has the line.
        if isinstance(object, type) and object.__module__ == "__main__" and _is_of_another(*found, _names(object)):
            raise OSError("could not find class definition")
        return found

    inspect.findsource = findsource


def place(found):
    """All lines around a module or a class that is in no file, and the index of its first; else None."""
    if not isinstance(found, type):
        lines = _frozen(found)
        return (lines, 0) if lines else None
    line = vars(found).get("__firstlineno__")
    if not isinstance(line, int):
        return None
    for lines in _around(found):
        if _begins(lines, line - 1, _names(found)):
            return lines, line - 1
    return None


def _names(cls):
    """What the statement may call a class: one of its names may have been set since."""
    return cls.__name__, cls.__qualname__.rpartition(".")[2]


def _is_of_another(lines, index, names):
    """Whether what begins on a line is plainly another thing than a class of these names."""
    import re

    first, below = ("".join(lines[at : at + 1]).strip() for at in (index, index + 1))
    if not re.match(r"@|class\b", first):
        return True
    if first.startswith("@"):
        # Below one of several lines is more of it.
        is_whole = all(first.count(opening) == first.count(closing) for opening, closing in ("()", "[]", "{}"))
        first = below if is_whole else ""
    head = re.match(r"(?:async\s+)?(class|def)\s+(\w+)", first)
    return head is not None and (head[1] != "class" or head[2] not in names)


def _begins(lines, index, names):
    """Whether a class of one of these names begins on a line, with its decorators if it has some."""
    import re

    if not re.match(r"\s*(@|class\b)", "".join(lines[index : index + 1])):
        return False
    heads = (re.match(r"\s*(?:async\s+)?(?:class|def)\s+(\w+)", each) for each in lines[index:])
    head = next(filter(None, heads), None)
    return head is not None and head[1] in names and "class" in head[0]


def file_name(cls):
    """The name of the file, or of the cell, that the functions of a class were written in; None without any."""
    for value in vars(cls).values():
        function = getattr(value, "__func__", value)
        # Those that were only assigned to it are from elsewhere.
        if getattr(function, "__qualname__", "").startswith(f"{cls.__qualname__}.") and hasattr(function, "__code__"):
            return function.__code__.co_filename
    return None


def _around(cls):
    """The lines of each text in which a class may stand."""
    import linecache

    name = file_name(cls)
    module = sys.modules.get(cls.__module__)
    if cls.__module__ != "__main__" and module is not None:
        yield _frozen(module)
    elif name is None:
        # One without functions is looked for in the cells, the newest first.
        for cell in reversed(list(linecache.cache)):
            if _is_cell(cell):
                yield linecache.getlines(cell)
    if name is not None and (_is_cell(name) or cls.__module__ == "__main__"):
        yield linecache.getlines(name)


def _is_cell(name):
    return name.startswith("<") and not name.startswith("<frozen ")


def _frozen(module):
    """The lines of a module that is part of the executable; none of any other."""
    if getattr(module, "__file__", None) is not None:
        return []
    get_source = getattr(getattr(module, "__loader__", None), "get_source", None)
    text = get_source(module.__name__) if get_source is not None else None
    return text.splitlines(keepends=True) if text else []
