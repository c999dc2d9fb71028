"""Objects that know one form of themselves, and `display`, which shows any object."""

from _rhumba_shell import display

__all__ = [
    "HTML", "JSON", "Javascript", "Latex", "Markdown", "Math", "Pretty", "SVG", "clear_output", "display",
]


class DisplayObject:
    """Text with a MIME type, from memory or from a file."""

    _mime = "text/plain"

    def __init__(self, data=None, url=None, filename=None, metadata=None):
        if data is None and filename is not None:
            with open(filename, encoding="utf-8") as file:
                data = file.read()
        if data is None and url is not None:
            from urllib.request import urlopen

            with urlopen(url) as answer:
                data = answer.read().decode()
        self.data = data
        self.metadata = metadata or {}

    def _repr_mimebundle_(self, include=None, exclude=None):
        return {self._mime: self.data, "text/plain": repr(self)}

    def __repr__(self):
        return f"<IPython.display.{type(self).__name__} object>"


class HTML(DisplayObject):
    _mime = "text/html"


class Markdown(DisplayObject):
    _mime = "text/markdown"


class Latex(DisplayObject):
    _mime = "text/latex"


class Math(DisplayObject):
    _mime = "text/latex"

    def _repr_mimebundle_(self, include=None, exclude=None):
        return {self._mime: f"$\\displaystyle {self.data.strip('$')}$", "text/plain": repr(self)}


class SVG(DisplayObject):
    _mime = "image/svg+xml"


class JSON(DisplayObject):
    _mime = "application/json"


class Javascript(DisplayObject):
    _mime = "application/javascript"


class Pretty(DisplayObject):
    def __repr__(self):
        return str(self.data)


def clear_output(wait=False):
    """Does nothing on a terminal, where what was written stays."""
