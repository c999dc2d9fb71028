"""What makes the forms of an object, under the names by which programs import it.

How forms are found is `rhumba._formatters`'s; a class here is the formatter of one MIME type. Where traitlets is there
these are Configurables, and what is made of them may have traits.
"""

import functools

from rhumba import _traits
from rhumba._formatters import (
    METHODS, DisplayFormatter, FormatterABC, FormatterWarning, PlainTextFormatter, TypeFormatter, _BundleFormatter,
    formatter, safely,
)
from rhumba.shell import get_ipython

__all__ = [
    "BaseFormatter", "DisplayFormatter", "FormatterABC", "FormatterWarning", "HTMLFormatter", "IPythonDisplayFormatter",
    "JPEGFormatter", "JSONFormatter", "JavascriptFormatter", "LatexFormatter", "MarkdownFormatter",
    "MimeBundleFormatter", "PDFFormatter", "PNGFormatter", "PlainTextFormatter", "SVGFormatter", "catch_format_error",
    "format_display_data",
]

_BASES = _traits.bases()


class _OfFormatters(*(type(each) for each in _BASES or (object,))):
    """Has the shell's own formatters count as BaseFormatters: they have no traits."""

    def __instancecheck__(cls, obj):
        return super().__instancecheck__(obj) or cls is BaseFormatter and isinstance(obj, TypeFormatter)


class BaseFormatter(TypeFormatter, *_BASES, metaclass=_OfFormatters):
    """What programs make formatters of: `format_type` and `print_method` say what it makes, and by which method."""

    def __init__(self, format_type=None, print_method=None, parent=None, config=None, **settings):
        for base in _BASES:
            # What shows objects is no Configurable, and the shell is.
            base.__init__(self, parent=parent if isinstance(parent, base) else get_ipython(), config=config)
        super().__init__(format_type, print_method, **settings)


class MimeBundleFormatter(_BundleFormatter):
    """Asks an object for all of its forms at once."""

    format_type = "*"
    print_method = "_repr_mimebundle_"


class IPythonDisplayFormatter(BaseFormatter):
    """Has an object show itself."""

    format_type = "*"
    print_method = "_ipython_display_"


def _of_kind(name, kind):
    documented = f"Makes the form {kind} of an object."
    return type(BaseFormatter)(name, (BaseFormatter,), {
        "__doc__": documented, "__module__": __name__, "format_type": kind, "print_method": METHODS[kind],
    })


HTMLFormatter = _of_kind("HTMLFormatter", "text/html")
MarkdownFormatter = _of_kind("MarkdownFormatter", "text/markdown")
SVGFormatter = _of_kind("SVGFormatter", "image/svg+xml")
PNGFormatter = _of_kind("PNGFormatter", "image/png")
PDFFormatter = _of_kind("PDFFormatter", "application/pdf")
JPEGFormatter = _of_kind("JPEGFormatter", "image/jpeg")
LatexFormatter = _of_kind("LatexFormatter", "text/latex")
JSONFormatter = _of_kind("JSONFormatter", "application/json")
JavascriptFormatter = _of_kind("JavascriptFormatter", "application/javascript")


def catch_format_error(method):
    """A method of a formatter that shows the traceback of what it raises, and gives None then."""

    @functools.wraps(method)
    def caught(self, *args, **kwargs):
        return safely(method, self, *args, **kwargs)

    return caught


def format_display_data(obj, include=None, exclude=None):
    """The forms of an object and what is said of them."""
    return formatter().format(obj, include, exclude)


def _mod_name_key(typ):
    """The key of a type that need not be imported yet: the names of its module and its own."""
    return getattr(typ, "__module__", None), getattr(typ, "__name__", None)
