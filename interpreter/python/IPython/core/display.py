"""Objects that know one form of themselves: text, pictures, sound, pages.

Each holds data or the place where it is, and gives its form to `display`. Pictures
and sound are data here; who shows them is the terminal's affair, or nobody's.
"""

import os

from rhumba._display import DisplayHandle, clear_output, display, publish_display_data, update_display

__all__ = [
    "DisplayHandle", "DisplayObject", "GeoJSON", "HTML", "Image", "JSON", "Javascript", "Latex", "Markdown",
    "Math", "Pretty", "ProgressBar", "SVG", "TextDisplayObject", "Video", "clear_output", "display",
    "display_html", "display_javascript", "display_jpeg", "display_json", "display_latex", "display_markdown",
    "display_pdf", "display_png", "display_pretty", "display_svg", "publish_display_data", "update_display",
]


class DisplayObject:
    """Data, or the file or address that it is read from."""

    _read_flags = "r"
    _mime = None

    def __init__(self, data=None, url=None, filename=None, metadata=None):
        if isinstance(data, (os.PathLike,)):
            filename, data = os.fspath(data), None
        elif isinstance(data, str) and url is None and filename is None and self._is_place(data):
            url, filename = (data, None) if "://" in data else (None, data)
            data = None
        self.data = data
        self.url = url
        self.filename = filename
        self.metadata = dict(metadata or {})
        self.reload()

    def _is_place(self, text):
        return text.startswith(("http://", "https://"))

    def reload(self):
        """Reads the data again from where it is."""
        if self.filename is not None:
            encoding = None if "b" in self._read_flags else "utf-8"
            with open(self.filename, self._read_flags, encoding=encoding) as file:
                self.data = file.read()
        elif self.url is not None and self.data is None:
            from urllib.request import urlopen

            with urlopen(self.url) as answer:
                data = answer.read()
            self.data = data if "b" in self._read_flags else data.decode("utf-8", "replace")

    def _repr_mimebundle_(self, include=None, exclude=None):
        if self._mime is None:
            return {"text/plain": repr(self)}
        data = {self._mime: self.data, "text/plain": repr(self)}
        return (data, {self._mime: self.metadata}) if self.metadata else data

    def __repr__(self):
        return f"<IPython.core.display.{type(self).__name__} object>"


class TextDisplayObject(DisplayObject):
    """Data that is text."""

    def __init__(self, data=None, url=None, filename=None, metadata=None):
        super().__init__(data, url, filename, metadata)
        if self.data is not None and not isinstance(self.data, str):
            raise TypeError(f"{type(self).__name__} shows text, not {self.data!r}")


class Pretty(TextDisplayObject):
    """Text that is shown as it is."""

    def _repr_mimebundle_(self, include=None, exclude=None):
        return {"text/plain": self.data}

    def _repr_pretty_(self, p, cycle):
        p.text(self.data)


class HTML(TextDisplayObject):
    """A piece of a page."""

    _mime = "text/html"

    def __html__(self):
        return self.data


class Markdown(TextDisplayObject):
    _mime = "text/markdown"


class Latex(TextDisplayObject):
    _mime = "text/latex"


class Math(TextDisplayObject):
    """A formula, in the words of LaTeX."""

    _mime = "text/latex"

    def _repr_mimebundle_(self, include=None, exclude=None):
        return {self._mime: f"$\\displaystyle {self.data.strip('$')}$", "text/plain": repr(self)}


class SVG(DisplayObject):
    """A drawing; of a whole document, its svg element."""

    _mime = "image/svg+xml"

    def reload(self):
        super().reload()
        if isinstance(self.data, (bytes, bytearray)):
            self.data = bytes(self.data).decode("utf-8", "replace")
        start = -1 if self.data is None else self.data.find("<svg")
        end = -1 if self.data is None else self.data.rfind("</svg>")
        if start > 0 and end > start:
            self.data = self.data[start : end + len("</svg>")]


class JSON(DisplayObject):
    """Data of dicts, lists and scalars, or text that is JSON."""

    _mime = "application/json"

    def __init__(self, data=None, url=None, filename=None, expanded=False, metadata=None, root="root", **kwargs):
        super().__init__(data, url, filename, {"expanded": expanded, "root": root, **(metadata or {}), **kwargs})

    def reload(self):
        super().reload()
        if isinstance(self.data, str):
            import json

            self.data = json.loads(self.data)

    def _repr_json_(self):
        return self.data, self.metadata


class GeoJSON(JSON):
    """Places on a map."""

    _mime = "application/geo+json"


class Javascript(TextDisplayObject):
    """A script of a page."""

    _mime = "application/javascript"

    def __init__(self, data=None, url=None, filename=None, lib=None, css=None):
        super().__init__(data, url, filename)
        self.lib = [lib] if isinstance(lib, str) else list(lib or [])
        self.css = [css] if isinstance(css, str) else list(css or [])


# How files of pictures begin.
_PICTURES = ((b"\x89PNG\r\n\x1a\n", "png"), (b"\xff\xd8", "jpeg"), (b"GIF8", "gif"), (b"RIFF", "webp"))


class Image(DisplayObject):
    """A picture: its bytes, a file, or an address.

    embed: whether the data is read and sent along; a picture at an address is not by default
    width, height: in pixels
    """

    _read_flags = "rb"
    _KINDS = {"png": "image/png", "jpeg": "image/jpeg", "jpg": "image/jpeg", "gif": "image/gif", "webp": "image/webp"}

    def __init__(self, data=None, url=None, filename=None, format=None, embed=None, width=None, height=None, retina=False, unconfined=False, metadata=None, alt=None):
        named = filename or url or (data if isinstance(data, (str, os.PathLike)) else None)
        ending = os.path.splitext(os.fspath(named).partition("?")[0])[1][1:].lower() if named else ""
        self.width, self.height, self.retina, self.unconfined, self.alt = width, height, retina, unconfined, alt
        if isinstance(data, str) and not data.startswith(("http://", "https://")):
            filename, data = data, None
        is_remote = url is not None or isinstance(data, str)
        self.embed = not is_remote if embed is None else embed
        self._at = url or data if is_remote else None
        if is_remote and not self.embed:
            self.data, self.url, self.filename, self.metadata = None, self._at, None, dict(metadata or {})
        else:
            super().__init__(data, url, filename, metadata)
        self.format = (format or self._told_by_bytes() or ending or "png").lower()
        if self.format not in self._KINDS:
            raise ValueError(f"a picture is one of {', '.join(sorted(self._KINDS))}, not {self.format}")
        if retina and self.data and self.format == "png" and self.width is None:
            self.width, self.height = (side // 2 for side in png_size(self.data))

    def _told_by_bytes(self):
        if isinstance(self.data, (bytes, bytearray)):
            for start, kind in _PICTURES:
                if self.data.startswith(start):
                    return kind
        return None

    def _repr_mimebundle_(self, include=None, exclude=None):
        said = dict(self.metadata)
        for name in ("width", "height", "alt"):
            if getattr(self, name) is not None:
                said[name] = getattr(self, name)
        if not self.embed:
            sizes = "".join(f' {name}="{said[name]}"' for name in ("width", "height", "alt") if name in said)
            return {"text/html": f'<img src="{self.url}"{sizes}/>', "text/plain": repr(self)}
        kind = self._KINDS[self.format]
        data = {kind: self.data, "text/plain": repr(self)}
        return (data, {kind: said}) if said else data

    def _repr_png_(self):
        return self.data if self.embed and self.format == "png" else None

    def _repr_jpeg_(self):
        return self.data if self.embed and self.format in ("jpeg", "jpg") else None


def png_size(data):
    """The width and the height of a PNG, from its bytes."""
    if len(data) < 24 or not data.startswith(b"\x89PNG\r\n\x1a\n"):
        raise ValueError("that is no PNG")
    return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")


class Video(DisplayObject):
    """A film in a page: a file or an address, sent along where `embed` is set."""

    _read_flags = "rb"

    def __init__(self, data=None, url=None, filename=None, embed=False, mimetype=None, width=None, height=None, html_attributes="controls"):
        if isinstance(data, str):
            url, filename, data = (data, filename, None) if "://" in data else (url, data, None)
        if data is not None and not embed:
            raise ValueError("a film that is given as bytes is shown with embed=True")
        import mimetypes

        self.mimetype = mimetype or mimetypes.guess_type(filename or url or "")[0] or "video/mp4"
        self.embed, self.width, self.height, self.html_attributes = embed, width, height, html_attributes
        if embed:
            super().__init__(data, url, filename)
        else:
            self.data, self.url, self.filename, self.metadata = None, url, filename, {}

    def _repr_mimebundle_(self, include=None, exclude=None):
        source = self.url or self.filename
        if self.embed:
            import base64

            source = f"data:{self.mimetype};base64,{base64.b64encode(self.data).decode()}"
        sizes = "".join(f' {name}="{value}"' for name, value in (("width", self.width), ("height", self.height)) if value)
        html = f'<video src="{source}" {self.html_attributes}{sizes}></video>'
        return {"text/html": html, "text/plain": repr(self)}


class ProgressBar(DisplayObject):
    """How far something is; iterating over it counts, and shows that."""

    def __init__(self, total):
        self.total = total
        self._progress = 0
        self._display_id = os.urandom(8).hex()

    def __repr__(self):
        share = self._progress / self.total if self.total else 1.0
        width = 60
        filled = int(share * width)
        return f"[{'=' * filled}{' ' * (width - filled)}] {self._progress}/{self.total}"

    def _repr_mimebundle_(self, include=None, exclude=None):
        html = f'<progress style="width:60ex" max="{self.total}" value="{self._progress}"></progress>'
        return {"text/html": html, "text/plain": repr(self)}

    def display(self):
        display(self, display_id=self._display_id)

    def update(self):
        display(self, display_id=self._display_id, update=True)

    @property
    def progress(self):
        return self._progress

    @progress.setter
    def progress(self, value):
        self._progress = value
        self.update()

    def __iter__(self):
        self.display()
        self._progress = -1
        return self

    def __next__(self):
        self.progress += 1
        if self._progress < self.total:
            return self._progress
        raise StopIteration


def _displaying(kind):
    def show(*objs, raw=False, metadata=None, **kwargs):
        if raw:
            for obj in objs:
                publish_display_data({kind: obj}, {kind: metadata} if metadata else None)
            return
        display(*objs, include=["text/plain", kind], metadata=metadata, **kwargs)

    show.__doc__ = f"Shows objects as {kind}; with `raw`, they are that already."
    return show


display_pretty = _displaying("text/plain")
display_html = _displaying("text/html")
display_markdown = _displaying("text/markdown")
display_svg = _displaying("image/svg+xml")
display_png = _displaying("image/png")
display_jpeg = _displaying("image/jpeg")
display_latex = _displaying("text/latex")
display_json = _displaying("application/json")
display_javascript = _displaying("application/javascript")
display_pdf = _displaying("application/pdf")
