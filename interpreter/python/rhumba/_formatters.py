"""What forms an object has: a formatter for each MIME type, and the one that asks them all.

A form comes from a function that was registered for the type, or from the object's
own method (`_repr_html_`). Showing what comes of it is `_display`'s.
"""

import sys

import _rhumba_shell

__all__ = [
    "DisplayFormatter", "FormatterABC", "FormatterWarning", "PlainTextFormatter", "TypeFormatter", "formatter",
]

# The forms an object can have by a method of its own.
METHODS = {
    "text/html": "_repr_html_",
    "text/markdown": "_repr_markdown_",
    "image/svg+xml": "_repr_svg_",
    "image/png": "_repr_png_",
    "application/pdf": "_repr_pdf_",
    "image/jpeg": "_repr_jpeg_",
    "text/latex": "_repr_latex_",
    "application/json": "_repr_json_",
    "application/javascript": "_repr_javascript_",
}

# What these may be: anything else is left out, with a warning.
RETURN_TYPES = {
    "text/html": str,
    "text/markdown": str,
    "image/svg+xml": str,
    "image/png": (bytes, bytearray, str),
    "application/pdf": (bytes, bytearray, str),
    "image/jpeg": (bytes, bytearray, str),
    "text/latex": str,
    "application/json": (dict, list, str),
    "application/javascript": str,
}

_MISSING = object()


class FormatterWarning(UserWarning):
    """Something that a formatter can't do as it was asked."""


class FormatterABC:
    """What makes one form of an object; may be subclassed to say so."""


class TypeFormatter(FormatterABC):
    """Makes the form of one MIME type.

    enabled: whether it is asked at all
    print_method: the method of an object that is asked if nothing is registered for its type

    What the code of an object raises is shown as a traceback, and there is no form then.
    """

    format_type = None
    print_method = None
    enabled = True
    _return_type = None

    def __init__(self, format_type=None, print_method=None, parent=None, **settings):
        self.format_type = format_type or self.format_type
        if self._return_type is None:
            self._return_type = RETURN_TYPES.get(self.format_type)
        self.print_method = print_method or self.print_method
        self.singleton_printers = {}
        self.type_printers = {}
        self.deferred_printers = {}
        for name, value in settings.items():
            if not hasattr(self, name):
                raise TypeError(f"{type(self).__name__} has no setting {name!r}")
            setattr(self, name, value)

    def __call__(self, obj):
        """The form, or (form, metadata), or None if the object hasn't it."""
        return self._check_return(safely(self.made, obj), obj)

    def _check_return(self, form, obj):
        """The form if it is of a type that it may have; None, with a warning, if not."""
        expected = self._return_type
        content = form[0] if isinstance(form, tuple) and form else form
        if expected is None or content is None or isinstance(content, expected):
            return form
        import warnings

        *others, last = (each.__name__ for each in (expected if isinstance(expected, tuple) else (expected,)))
        names = f"{', '.join(others)} or {last}" if others else last
        what = "bundle of forms" if self.format_type == "*" else f"{self.format_type} form"
        warnings.warn(
            f"the {what} of {type(obj).__name__} must be {names}, not {type(content).__name__}: it is left out",
            FormatterWarning, stacklevel=2,
        )
        return None

    def made(self, obj):
        """The same; what the object's code raises is raised."""
        if not self.enabled:
            return None
        if id(obj) in self.singleton_printers:
            return self.singleton_printers[id(obj)](obj)
        printer = self._registered(type(obj))
        return called(obj, self.print_method) if printer is None else printer(obj)

    def __contains__(self, typ):
        """Whether a printer is registered for a type or one of its bases, or for a full name."""
        return self._registered(typ) is not None

    def _registered(self, typ):
        """The printer registered for a type; None if there is none, without a failure on the way."""
        try:
            return self.lookup_by_type(typ)
        except KeyError:
            return None

    def lookup(self, obj):
        """The printer of an object; KeyError if none is registered."""
        if id(obj) in self.singleton_printers:
            return self.singleton_printers[id(obj)]
        return self.lookup_by_type(type(obj))

    def lookup_by_type(self, typ):
        """The printer registered for a type or one of its bases: a type, or its name with its module's."""
        if isinstance(typ, str):
            module, _, name = typ.rpartition(".")
            if (module, name) in self.deferred_printers:
                return self.deferred_printers[module, name]
            for cls in self.type_printers:
                if (cls.__module__, cls.__name__) == (module, name):
                    return self.type_printers[cls]
            raise KeyError(f"no printer is registered for {typ}")
        for cls in typ.__mro__:
            if cls in self.type_printers or self._was_deferred(cls):
                return self.type_printers[cls]
        raise KeyError(f"no printer is registered for {typ!r}")

    def _was_deferred(self, cls):
        if not self.deferred_printers:
            return False
        key = getattr(cls, "__module__", None), getattr(cls, "__name__", None)
        if key not in self.deferred_printers:
            return False
        self.type_printers[cls] = self.deferred_printers.pop(key)
        return True

    def for_type(self, typ, func=None):
        """Registers a printer for a type, or for its full name; returns the one there was."""
        if isinstance(typ, str):
            module, _, name = typ.rpartition(".")
            return self.for_type_by_name(module, name, func)
        if not isinstance(typ, type):
            raise TypeError(f"a printer is registered for a type or for its full name, not for {typ!r}")
        before = self._registered(typ)
        if func is not None:
            _rhumba_shell.format_every_result()
            self.type_printers[typ] = func
        return before

    def for_type_by_name(self, type_module, type_name, func=None):
        """Registers a printer for a type that need not be imported yet."""
        before = self._registered(f"{type_module}.{type_name}")
        if func is not None:
            _rhumba_shell.format_every_result()
            for cls in self.type_printers:
                if (cls.__module__, cls.__name__) == (type_module, type_name):
                    self.type_printers[cls] = func
                    break
            else:
                self.deferred_printers[type_module, type_name] = func
        return before

    def pop(self, typ, default=_MISSING):
        """Takes back what was registered for a type; KeyError if nothing was and there is no default."""
        if isinstance(typ, str):
            module, _, name = typ.rpartition(".")
            found = self.deferred_printers.pop((module, name), _MISSING)
            for cls in list(self.type_printers):
                if (cls.__module__, cls.__name__) == (module, name):
                    found = self.type_printers.pop(cls)
        else:
            self._was_deferred(typ)
            found = self.type_printers.pop(typ, _MISSING)
        if found is not _MISSING:
            return found
        if default is _MISSING:
            raise KeyError(f"no printer is registered for {typ!r}")
        return default


class PlainTextFormatter(TypeFormatter):
    """Makes text: nested data broken to fit the width, or `repr` where `pprint` is off.

    float_format: a format by `%` for floats, "" for repr; float_precision sets it by
        a number of digits or a format; max_seq_length: of longer ones the rest is `...`
    """

    format_type = "text/plain"
    print_method = "_repr_pretty_"

    def __init__(self, parent=None, **settings):
        self._settings = {
            "pprint": True, "verbose": False, "max_width": 79, "newline": "\n",
            "max_seq_length": 1000, "float_format": "",
        }
        self._float_precision = ""
        super().__init__(parent=parent, **settings)

    def made(self, obj):
        from rhumba import _pretty

        settings = self._settings
        if not settings["pprint"]:
            if isinstance(obj, float) and settings["float_format"]:
                return settings["float_format"] % obj
            return repr(obj)
        text = _pretty.Text()
        # A program may have put its own in the place of it.
        library = sys.modules.get("IPython.lib.pretty", _pretty)
        printer = library.RepresentationPrinter(
            text, settings["verbose"], settings["max_width"], settings["newline"],
            type_pprinters=_Layered(self._printers(), _pretty._types),
            deferred_pprinters=_Layered(self.deferred_printers, _pretty._deferred),
            singleton_pprinters=_Layered(self.singleton_printers, _pretty._singletons),
            max_seq_length=settings["max_seq_length"],
        )
        printer.pretty(obj)
        printer.flush()
        return text.getvalue()

    def _printers(self):
        own = self.type_printers
        form = self._settings["float_format"]
        if form and float not in own:
            own = {**own, float: lambda obj, p, cycle: p.text(form % obj)}
        return own

    @property
    def float_precision(self):
        return self._float_precision

    @float_precision.setter
    def float_precision(self, value):
        """A number of digits after the point, a format such as "%.3e", or "" for as many as there are."""
        text = str(value)
        if "%" in text:
            form = text
            try:
                form % 3.14159
            except Exception:
                raise ValueError(f"{text!r} formats no float: '%.3f' does") from None
        elif text:
            if not text.isdecimal():
                raise ValueError(f"a precision is a number of digits or a format such as '%.3f', not {text!r}")
            form = f"%.{int(text)}f"
        else:
            form = ""
        self._float_precision = text
        self.float_format = form


def _setting(name, kind, expected):
    def read(self):
        return self._settings[name]

    def write(self, value):
        if not isinstance(value, kind) or kind is int and isinstance(value, bool):
            raise TypeError(f"{name} must be {expected}, not {value!r}")
        self._settings[name] = value
        _rhumba_shell.format_every_result()

    return property(read, write)


for _name, _kind, _expected in (
    ("pprint", bool, "True or False"), ("verbose", bool, "True or False"),
    ("max_width", int, "a number of columns"), ("max_seq_length", int, "a number of items"),
    ("newline", str, "a str"), ("float_format", str, "a str"),
):
    setattr(PlainTextFormatter, _name, _setting(_name, _kind, _expected))


class _Layered:
    """A mapping in front of another one: what is set or taken stays in the first that has it."""

    def __init__(self, own, shared):
        self.own = own
        self.shared = shared

    def get(self, key, default=None):
        found = self.own.get(key)
        return self.shared.get(key, default) if found is None else found

    def __contains__(self, key):
        return key in self.own or key in self.shared

    def __setitem__(self, key, value):
        self.own[key] = value

    def pop(self, key):
        return self.own.pop(key) if key in self.own else self.shared[key]


class _BundleFormatter(TypeFormatter):
    """Asks an object for all of its forms at once."""

    _return_type = dict

    def __call__(self, obj, include=None, exclude=None):
        return self._check_return(safely(self.made, obj, include=include, exclude=exclude), obj)

    def made(self, obj, include=None, exclude=None):
        if not self.enabled:
            return None
        printer = self._registered(type(obj))
        if printer is None:
            return called(obj, self.print_method, include=include, exclude=exclude)
        return printer(obj, include=include, exclude=exclude)


class _Formatters(dict):
    """Formatters by MIME type; one that is put in makes the shell ask it for every value."""

    def __setitem__(self, kind, each):
        _rhumba_shell.format_every_result()
        super().__setitem__(kind, each)


class DisplayFormatter:
    """Asks the formatters of all MIME types.

    formatters: the formatter of each MIME type
    active_types: the MIME types that are asked for, all of them at first
    parent: taken as by any formatter; nothing is asked of it
    """

    def __init__(self, parent=None):
        formatters = {"text/plain": PlainTextFormatter()}
        for kind, method in METHODS.items():
            formatters[kind] = TypeFormatter(kind, method)
        self.formatters = _Formatters(formatters)
        self.mimebundle_formatter = _BundleFormatter("*", "_repr_mimebundle_")
        self.ipython_display_formatter = TypeFormatter("*", "_ipython_display_")

    @property
    def format_types(self):
        return list(self.formatters)

    @property
    def active_types(self):
        return [kind for kind, each in self.formatters.items() if each.enabled]

    @active_types.setter
    def active_types(self, kinds):
        for kind, each in self.formatters.items():
            each.enabled = kind in kinds

    def register_formatter(self, each):
        """Adds a formatter, by the MIME type that it has; one that there is stays, with a warning."""
        kind = each.format_type
        if kind in self.formatters:
            import warnings

            warnings.warn(f"there is a formatter for {kind}, and it stays", FormatterWarning, stacklevel=2)
            return
        self.formatters[kind] = each

    def shows_itself(self, obj):
        """Lets an object show itself, and tells whether it did."""
        each = self.ipython_display_formatter
        if not each.enabled:
            return False
        return bool(safely(_shows_itself, obj, each._registered(type(obj))))

    def format(self, obj, include=None, exclude=None, shown=None):
        """The forms of an object and what is said of them: two dicts by MIME type.

        shown: the only MIME types whose formatters are asked; None: all of them
        """
        if self.shows_itself(obj):
            return {}, {}
        data, metadata = {}, {}
        bundle = safely(self.mimebundle_formatter, obj, include=include, exclude=exclude)
        if isinstance(bundle, tuple):
            bundle, metadata = bundle[0], dict(bundle[1])
        if isinstance(bundle, dict):
            data = {kind: form for kind, form in bundle.items() if _is_wanted(kind, include, exclude)}
            metadata = {kind: said for kind, said in metadata.items() if kind in data}
        for kind, each in self.formatters.items():
            if kind in data or not _is_wanted(kind, include, exclude) or not _is_wanted(kind, shown):
                continue
            # An object that can't say what it is fails; one that can't be drawn is still shown.
            if kind == "text/plain":
                form = each.made(obj) if type(each).__call__ is TypeFormatter.__call__ else each(obj)
            else:
                form = safely(each, obj)
            if isinstance(form, tuple) and kind != "text/plain":
                form, said = form
                metadata[kind] = said
            if form is not None:
                data[kind] = form
        return data, metadata


def safely(function, *args, **options):
    """What a function of an object returns; None, and the traceback shown, if it raises."""
    try:
        return function(*args, **options)
    except NotImplementedError:
        return None
    except Exception as failure:
        shell = _rhumba_shell.get_ipython()
        if shell is not None:
            shell.showtraceback(failure)
        else:
            sys.excepthook(type(failure), failure, failure.__traceback__)
        return None


def _is_wanted(kind, include, exclude=None):
    return (not include or kind in include) and not (exclude and kind in exclude)


def called(obj, method, marker=False, **options):
    """What a method of an object gives; None (or a marker) if there is no such method."""
    absent = _MISSING if marker else None
    # Of the class, not the object: an object that answers to every name has no such form.
    function = None if isinstance(obj, type) else getattr(type(obj), method, None)
    if not callable(function):
        return absent
    return function(obj, **options)


def _shows_itself(obj, printer):
    """Has a printer show an object, or its own method; whether there was one of the two."""
    if printer is None:
        return called(obj, "_ipython_display_", marker=True) is not _MISSING
    printer(obj)
    return True


_formatter = None


def formatter():
    """The formatter of this process."""
    global _formatter
    if _formatter is None:
        _formatter = DisplayFormatter()
    return _formatter
