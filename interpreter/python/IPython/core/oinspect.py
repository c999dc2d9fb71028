"""Tells of objects, by the names by which programs import it; what is told is `rhumba._inspect`'s."""

import inspect

from rhumba import _inspect
from rhumba._inspect import Inspector

__all__ = [
    "Inspector", "OInfo", "find_file", "find_source_lines", "getdoc", "getsource", "is_simple_callable", "object_info",
]


class OInfo:
    """What a name means in the shell: `found`, `obj`, `parent`, `namespace`, `ismagic`, `isalias`."""

    def __init__(self, ismagic=False, isalias=False, found=False, namespace=None, parent=None, obj=None):
        self.ismagic = ismagic
        self.isalias = isalias
        self.found = found
        self.namespace = namespace
        self.parent = parent
        self.obj = obj

    def get(self, field):
        return getattr(self, field, None)

    def __eq__(self, other):
        return vars(self) == vars(other) if isinstance(other, OInfo) else NotImplemented

    __hash__ = None

    def __repr__(self):
        return f"OInfo({', '.join(f'{name}={value!r}' for name, value in vars(self).items())})"

    def __repr__(self):
        return "OInfo(" + ", ".join(f"{name}={value!r}" for name, value in vars(self).items()) + ")"


def object_info(**known):
    """What is told of an object, as a dict in which nothing is missing."""
    return {**dict.fromkeys(_inspect.facts(None)), "found": False, **known}


def getdoc(obj):
    """What an object says of itself; None if that is nothing, whatever its code raises."""
    try:
        text = obj.getdoc() if hasattr(obj, "getdoc") and not isinstance(obj, type) else None
        return text if isinstance(text, str) else inspect.getdoc(obj)
    except Exception:
        return None


def getsource(obj, oname=""):
    """The source of an object; None if there is none."""
    if isinstance(obj, property):
        parts = [
            f"{oname}.{name} = \n{text}"
            for name in ("fget", "fset", "fdel")
            if getattr(obj, name) is not None and (text := _inspect.source(getattr(obj, name))) is not None
        ]
        return "\n".join(parts) or None
    return _inspect.source(obj)


def find_file(obj):
    """The file in which an object was made; None if there is none."""
    path = _inspect.file(obj)
    return None if path is None or path.startswith("<frozen ") else path


def find_source_lines(obj):
    """The number of the line at which the source of an object begins; None if there is none."""
    try:
        return inspect.getsourcelines(inspect.unwrap(obj) if callable(obj) else obj)[1]
    except Exception:
        # Cells have no file, and inspect wants one.
        line = getattr(getattr(obj, "__code__", obj), "co_firstlineno", None)
        return line if isinstance(line, int) else None


def _render_signature(obj_signature, obj_name):
    """A signature behind a name, on a line if it fits on it, else with a parameter on each."""
    return _inspect.rendered(obj_signature, {}, obj_name)


def is_simple_callable(obj):
    """Whether an object is a function or a method."""
    return inspect.isroutine(obj)
