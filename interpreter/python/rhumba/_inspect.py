"""The text of `obj?` and `obj??`, on top of the standard inspect module.

Whatever an object's own code raises while it is looked at is told in its place.
"""

import inspect

_TEXT_MAX = 500
# What calling something says where nothing else is said.
_ANY_CALL = "Call self as a function."


def describe(obj, name, detail):
    """What an object is, how it is called, what it says of itself; with `detail`, its source."""
    found = facts(obj, name, detail)
    rows = []

    def tell(label, key, block=False):
        text = found.get(key)
        if text is not None and text != "":
            rows.append((label, "\n" + text.rstrip() if block else _block(str(text))))

    if found["isclass"]:
        tell("Init signature", "init_definition")
    else:
        tell("Signature", "definition")
        tell("Call signature", "call_def")
    if not found["isclass"] and not found["definition"]:
        tell("Type", "type_name")
        tell("String form", "string_form")
        tell("Length", "length")
    if found["source"] is not None:
        tell("Source", "source", block=True)
    else:
        rows.append(("Docstring", _block(found["docstring"] or "<no docstring>")))
        tell("Init docstring", "init_docstring")
        tell("Class docstring", "class_docstring")
        tell("Call docstring", "call_docstring")
    tell("File", "file")
    if found["isclass"] or found["definition"]:
        tell("Type", "type_name")
    tell("Subclasses", "subclasses")
    return _told_in_rows(rows)


def describe_magic(function, name, detail):
    """What a magic says of itself, or its source; how its function is called is nobody's to know."""
    text = source(function) if detail else None
    if text is None:
        rows = [("Docstring", _block(_doc(function) or "<no docstring>"))]
    else:
        rows = [("Source", "\n" + text.rstrip())]
    path = file(function)
    if path is not None and not path.startswith("<frozen "):
        rows.append(("File", path))
    return _told_in_rows(rows)


def _told_in_rows(rows):
    return "\n".join(f"{label + ':':<15} {text}".rstrip() for label, text in rows)


def facts(obj, name="", detail=False):
    """What is known of an object, as a dict; what there is nothing of is None."""
    is_class = isinstance(obj, type)
    is_callable = callable(obj)
    is_function = is_callable and not is_class and inspect.isroutine(obj)
    doc = _doc(obj)
    found = {
        "name": name,
        "found": True,
        "isclass": is_class,
        "ismagic": name.startswith("%"),
        "isalias": False,
        "namespace": None,
        "type_name": type(obj).__name__,
        "base_class": str(type(obj)),
        "string_form": _shown(obj, detail),
        "length": None,
        "definition": None,
        "init_definition": None,
        "call_def": None,
        "docstring": doc,
        "class_docstring": None,
        "init_docstring": None,
        "call_docstring": None,
        "source": source(obj) if detail else None,
        "file": file(obj),
        "subclasses": _subclasses(obj) if is_class else None,
    }
    if is_class:
        found["init_definition"] = definition(obj, name)
        found["init_docstring"] = _special_doc(obj, "__init__")
    elif is_function:
        found["definition"] = definition(obj, name)
    else:
        found["length"] = _length(obj)
        found["init_docstring"] = _special_doc(type(obj), "__init__")
        if is_callable:
            found["call_def"] = definition(obj, name)
            found["call_docstring"] = _special_doc(type(obj), "__call__")
        class_doc = _doc(type(obj))
        # What all modules or properties are is nothing that this one says.
        if class_doc and class_doc != doc and type(obj).__module__ != "builtins":
            found["class_docstring"] = class_doc
    return found


def definition(obj, name):
    """How an object is called: `area(width, height=2)`; None if that isn't known."""
    try:
        return rendered(*signature(obj), name.rsplit(".", 1)[-1].lstrip("%"))
    except Exception:
        return None


def signature(obj):
    """The signature of something that can be called, and how it is put into text."""
    try:
        return inspect.signature(obj), {}
    except NameError:
        # A name in its annotations isn't bound: they are told as they were written.
        import annotationlib

        told = inspect.signature(obj, annotation_format=annotationlib.Format.STRING)
        return told, {"quote_annotation_strings": False}


def rendered(signature, way, name):
    """A signature behind a name; where it is too long for a line, with a parameter on each."""
    text = signature.format(**way)
    if len(name) + len(text) > 79:
        text = signature.format(max_width=0, **way).replace("\n)", ",\n)", 1)
    return name + text


def source(obj):
    """The source of an object; None if there is none."""
    try:
        whole = inspect.unwrap(obj) if callable(obj) else obj
    except Exception:
        whole = obj
    if isinstance(whole, property):
        return _source_of_property(whole)
    if inspect.ismodule(whole) and getattr(whole, "__file__", None) is None:
        get_source = getattr(getattr(whole, "__loader__", None), "get_source", None)
        return get_source(whole.__name__) if get_source else None
    for looked_at in (whole, type(obj)):
        if looked_at is type(obj) and (inspect.isroutine(obj) or isinstance(obj, type) or inspect.ismodule(obj)):
            break
        try:
            return inspect.getsource(looked_at)
        except Exception:
            text = _source_of_class(looked_at) if isinstance(looked_at, type) else _source_of_code(looked_at)
            if text is not None:
                return text
    return None


def _source_of_property(whole):
    """The source of what reads, writes and deletes an attribute; None if none of it has any."""
    texts = [source(each) for each in (whole.fget, whole.fset, whole.fdel) if each is not None]
    # Methods of one decorator may share their text.
    return "\n".join(dict.fromkeys(text for text in texts if text is not None)) or None


def _source_of_code(obj):
    try:
        code = obj.__code__
        # Cells have no file, and inspect wants one.
        lines = _lines(code.co_filename)
        return "".join(inspect.getblock(lines[code.co_firstlineno - 1 :])) or None
    except Exception:
        return None


def _lines(filename):
    from rhumba import _stack

    return _stack._lines(_shown_path(filename))


def _source_of_class(cls):
    """The source of a class that was made in a cell, or that is part of the executable."""
    from rhumba import _sources

    found = _sources.place(cls)
    return None if found is None else "".join(inspect.getblock(found[0][found[1] :]))


def file(obj):
    """The file in which an object was made; None if there is none."""
    try:
        whole = inspect.unwrap(obj) if callable(obj) else obj
        written_in = None
        if isinstance(whole, type) and whole.__module__ == "__main__":
            # `__main__` has one file at most; classes of the session are of cells, and of files that %run ran.
            from rhumba import _sources

            written_in = _sources.file_name(whole)
        return _shown_path(written_in or inspect.getfile(whole.fget if isinstance(whole, property) else whole))
    except Exception:
        pass
    if type(obj).__module__ in ("builtins", "__main__") or inspect.isroutine(obj):
        return None
    try:
        return _shown_path(inspect.getfile(type(obj)))
    except Exception:
        return None


def _shown_path(path):
    """The path of a file; for code that is part of the executable, as tracebacks name it."""
    import _imp

    return f"<frozen {path}>" if _imp.is_frozen(path) else path


def _doc(obj):
    """What an object says of itself: by a method `getdoc` of its class, else by its `__doc__`."""
    try:
        own = None if isinstance(obj, type) else getattr(type(obj), "getdoc", None)
        text = own(obj) if callable(own) else None
        if not isinstance(text, str):
            text = inspect.getdoc(obj)
    except Exception as failure:
        return f"<__doc__ raised {_told(failure)}>"
    return text if isinstance(text, str) else None


def _special_doc(cls, method):
    """What a special method of a class says, if it isn't what all of them say."""
    try:
        function = getattr(cls, method)
        if function is getattr(object, method, None) or not hasattr(function, "__code__"):
            return None
        text = inspect.getdoc(function)
        return None if text in (inspect.getdoc(getattr(object, method, None)), _ANY_CALL) else text
    except Exception:
        return None


def _shown(obj, detail):
    """The repr of an object, cut where it is long, unless it is looked at in detail."""
    try:
        text = repr(obj)
    except Exception as failure:
        return f"<repr() raised {_told(failure)}>"
    if len(text) > _TEXT_MAX and not detail:
        text = text[: _TEXT_MAX - 60] + " ... " + text[-50:]
    return text


def _told(failure):
    try:
        return f"{type(failure).__name__}: {failure}"
    except Exception:
        return type(failure).__name__


def _length(obj):
    try:
        return str(len(obj))
    except Exception:
        return None


def _block(text):
    return text if "\n" not in text else "\n" + text


def _subclasses(cls):
    try:
        names = [child.__name__ for child in type.__subclasses__(cls)]
    except TypeError:
        return None
    return ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")


class Inspector:
    """Tells of objects, as `obj?` and its magics do; what `shell.inspector` is. It prints what it tells.

    theme_name, str_detail_level and other options: taken, and without effect
    """

    def __init__(self, shell=None, theme_name=None, str_detail_level=0, **options):
        self.shell = shell

    def info(self, obj, oname="", info=None, detail_level=0):
        """What is known of an object, as a dict; of its docstring and its source there is one."""
        found = facts(obj, oname, detail_level > 0)
        if found["source"] is not None:
            found["docstring"] = None
        return found

    def pinfo(self, obj, oname="", formatter=None, info=None, detail_level=0, enable_html_pager=True):
        """Tells all that is known of an object."""
        self._tell(describe(obj, oname, detail_level > 0), "")

    def pdef(self, obj, oname=""):
        """Tells how an object is called."""
        self._tell(definition(obj, oname) if callable(obj) else None, f"{oname or 'it'} can't be called")

    def pdoc(self, obj, oname="", formatter=None):
        """Tells what an object says of itself."""
        self._tell(_doc(obj), f"{oname or 'it'} has no documentation")

    def psource(self, obj, oname=""):
        """Shows the source of an object."""
        self._tell(source(obj), f"{oname or 'it'} has no source that can be found")

    def pfile(self, obj, oname=""):
        """Shows the file in which an object was made."""
        path = file(obj)
        self._tell("".join(_lines(path)) or None if path else None, f"{oname or 'it'} is from no file")

    def noinfo(self, msg, oname):
        """Says that there is nothing to tell."""
        print(f"{oname or 'it'} has no {msg}")

    def _tell(self, text, otherwise):
        if text is None:
            print(otherwise)
        else:
            from rhumba._pager import page

            page(text.rstrip("\n"))
