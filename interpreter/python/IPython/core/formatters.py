"""What makes the forms of an object, under the names by which programs import it."""

from rhumba._formatters import DisplayFormatter, FormatterABC, PlainTextFormatter, TypeFormatter, formatter

__all__ = [
    "BaseFormatter", "DisplayFormatter", "FormatterABC", "PlainTextFormatter", "format_display_data",
]

BaseFormatter = TypeFormatter


def format_display_data(obj, include=None, exclude=None):
    """The forms of an object and what is said of them."""
    return formatter().format(obj, include, exclude)
