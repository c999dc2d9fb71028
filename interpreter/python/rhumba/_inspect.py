"""The text of `obj?` and `obj??`, on top of the standard inspect module."""

import inspect
import linecache

_TEXT_MAX = 500


def describe(obj, name, detail):
    """What an object is, how it is called, what it says of itself; with `detail`, its source."""
    fields = []
    signature = _signature(obj, name)
    if signature:
        fields.append(("Signature", signature))
    if not isinstance(obj, type):
        text = _shown(obj)
        if text is not None and not signature:
            fields.append(("Type", type(obj).__name__))
            fields.append(("String form", text))
            fields += _length(obj)
    source = _source(obj) if detail else None
    doc = inspect.getdoc(obj) if _has_own_doc(obj) else None
    if source:
        fields.append(("Source", "\n" + source.rstrip()))
    else:
        fields.append(("Docstring", _block(doc or "<no docstring>")))
    file = _file(obj)
    if file:
        fields.append(("File", file))
    if isinstance(obj, type) or signature:
        fields.append(("Type", type(obj).__name__))
    if isinstance(obj, type):
        fields += _subclasses(obj)
    elif not source and not signature:
        made = inspect.getdoc(type(obj)) if doc is None else None
        if made and type(obj).__module__ not in ("builtins",):
            fields.append(("Class docstring", _block(made)))
    return "\n".join(f"{label + ':':<16}{text}".rstrip() for label, text in fields)


def _has_own_doc(obj):
    """Whether the docstring tells of this object, rather than of every int or str."""
    plain = (int, float, complex, str, bytes, bool, list, tuple, dict, set, frozenset)
    return True if type(obj) in plain else bool(getattr(obj, "__doc__", None))


def _signature(obj, name):
    if not callable(obj):
        return None
    try:
        signature = str(inspect.signature(obj))
    except (ValueError, TypeError):
        return None
    return name.rsplit(".", 1)[-1].lstrip("%") + signature


def _shown(obj):
    try:
        text = repr(obj)
    except Exception as failure:
        return f"<repr() raised {type(failure).__name__}: {failure}>"
    if len(text) > _TEXT_MAX:
        text = text[: _TEXT_MAX - 60] + " ... " + text[-50:]
    return _block(text)


def _length(obj):
    try:
        return [("Length", str(len(obj)))]
    except Exception:
        return []


def _block(text):
    return text if "\n" not in text else "\n" + text


def _source(obj):
    try:
        return inspect.getsource(inspect.unwrap(obj) if callable(obj) else obj)
    except (OSError, TypeError):
        pass
    code = getattr(obj, "__code__", None)
    if code is None:
        return None
    # Cells have no file, and inspect wants one.
    lines = linecache.getlines(code.co_filename)
    return "".join(inspect.getblock(lines[code.co_firstlineno - 1 :])) if lines else None


def _file(obj):
    try:
        file = inspect.getfile(obj)
    except TypeError:
        return None
    return file


def _subclasses(obj):
    try:
        names = [child.__name__ for child in type.__subclasses__(obj)]
    except TypeError:
        return []
    shown = ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")
    return [("Subclasses", shown)] if names else []
