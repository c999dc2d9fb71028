"""What makes the forms of an object, under the names by which programs import it.

How forms are found is `rhumba._formatters`'s; a class here is the formatter of one MIME type.
"""

import functools

from rhumba._formatters import (
    METHODS, DisplayFormatter, FormatterABC, FormatterWarning, PlainTextFormatter, TypeFormatter, _BundleFormatter,
    formatter, safely,
)

__all__ = [
    "BaseFormatter", "DisplayFormatter", "FormatterABC", "FormatterWarning", "HTMLFormatter", "IPythonDisplayFormatter",
    "JPEGFormatter", "JSONFormatter", "JavascriptFormatter", "LatexFormatter", "MarkdownFormatter",
    "MimeBundleFormatter", "PDFFormatter", "PNGFormatter", "PlainTextFormatter", "SVGFormatter", "catch_format_error",
    "format_display_data",
]

BaseFormatter = TypeFormatter


class MimeBundleFormatter(_BundleFormatter):
    """Asks an object for all of its forms at once."""

    format_type = "*"
    print_method = "_repr_mimebundle_"


class IPythonDisplayFormatter(TypeFormatter):
    """Has an object show itself."""

    format_type = "*"
    print_method = "_ipython_display_"


def _of_kind(name, kind):
    documented = f"Makes the form {kind} of an object."
    return type(name, (TypeFormatter,), {
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
