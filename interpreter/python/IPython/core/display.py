"""Objects that know one form of themselves: text, pictures, sound, pages.

Each holds data or the place where it is, and gives its form to `display`. Pictures
and sound are data here; who shows them is the terminal's affair, or nobody's.
"""

import os
from enum import Enum

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
    # The forms that are the data as it is have a method each, which a subclass may replace.
    _show_mem_addr = False

    def __init__(self, data=None, url=None, filename=None, metadata=None):
        if isinstance(data, os.PathLike):
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

    def _data_and_metadata(self):
        """The data, with what is said of it if that is anything."""
        return (self.data, dict(self.metadata)) if self.metadata else self.data

    def __repr__(self):
        if self._show_mem_addr:
            return object.__repr__(self)
        return f"<{type(self).__module__}.{type(self).__name__} object>"


class TextDisplayObject(DisplayObject):
    """Data that is text."""

    def __init__(self, data=None, url=None, filename=None, metadata=None):
        super().__init__(data, url, filename, metadata)
        if self.data is not None and not isinstance(self.data, str):
            raise TypeError(f"{type(self).__name__} shows text, not {self.data!r}")


class Pretty(TextDisplayObject):
    """Text that is shown as it is."""

    def _repr_pretty_(self, p, cycle):
        p.text(self.data)


class HTML(TextDisplayObject):
    """A piece of a page."""

    def _repr_html_(self):
        return self._data_and_metadata()

    def __html__(self):
        return self.data


class Markdown(TextDisplayObject):
    def _repr_markdown_(self):
        return self._data_and_metadata()


class Latex(TextDisplayObject):
    def _repr_latex_(self):
        return self._data_and_metadata()


class Math(TextDisplayObject):
    """A formula, in the words of LaTeX."""

    def _repr_latex_(self):
        formula = f"$\\displaystyle {self.data.strip('$')}$"
        return (formula, dict(self.metadata)) if self.metadata else formula


class SVG(DisplayObject):
    """A drawing; of a whole document, its svg element."""

    # A drawing that is packed is none before it is unpacked.
    _read_flags = "rb"

    def _repr_svg_(self):
        return self._data_and_metadata()

    def reload(self):
        super().reload()
        if isinstance(self.data, (bytes, bytearray)):
            if self.data.startswith(b"\x1f\x8b"):
                import gzip

                self.data = gzip.decompress(self.data)
            self.data = bytes(self.data).decode("utf-8", "replace")
        start = -1 if self.data is None else self.data.find("<svg")
        end = -1 if self.data is None else self.data.rfind("</svg>")
        if start > 0 and end > start:
            self.data = self.data[start : end + len("</svg>")]


class JSON(DisplayObject):
    """Data of dicts, lists and scalars, or text that is JSON."""

    def __init__(self, data=None, url=None, filename=None, expanded=False, metadata=None, root="root", **kwargs):
        super().__init__(data, url, filename, {"expanded": expanded, "root": root, **(metadata or {}), **kwargs})

    def reload(self):
        super().reload()
        if isinstance(self.data, str):
            import json

            if self.url is None and self.filename is None:
                import warnings

                warnings.warn("JSON shows data; text is read as JSON here, and means that elsewhere", stacklevel=4)
            self.data = json.loads(self.data)

    def _repr_json_(self):
        return self.data, self.metadata


class GeoJSON(JSON):
    """Places on a map.

    layer_options, url_template: what of the map is drawn, for the page
    """

    def __init__(self, *args, **kwargs):
        layer = {name: kwargs.pop(name) for name in ("layer_options", "url_template") if name in kwargs}
        super().__init__(*args, **kwargs)
        self.metadata.update(layer)

    def _repr_mimebundle_(self, include=None, exclude=None):
        return {"application/geo+json": self.data}, {"application/geo+json": self.metadata}


class Javascript(TextDisplayObject):
    """A script of a page, behind the scripts and styles that it needs.

    lib, css: the addresses of these
    """

    def __init__(self, data=None, url=None, filename=None, lib=None, css=None):
        super().__init__(data, url, filename)
        self.lib = [lib] if isinstance(lib, str) else list(lib or [])
        self.css = [css] if isinstance(css, str) else list(css or [])

    def _repr_javascript_(self):
        import json

        styles = "".join(
            "document.head.appendChild(Object.assign(document.createElement('link'), "
            f"{{rel: 'stylesheet', href: {json.dumps(address)}}}));\n"
            for address in self.css
        )
        if not self.lib:
            return styles + (self.data or "")
        # One after the other, as each may need those before it.
        return (
            f"{styles}{json.dumps(self.lib)}.reduce((before, src) => before.then(() => new Promise((done, failed) =>\n"
            "    document.head.appendChild(Object.assign(document.createElement('script'), "
            "{src, onload: done, onerror: failed}))\n"
            f")), Promise.resolve()).then(() => {{\n{self.data or ''}\n}});\n"
        )


class ImageFormat(Enum):
    """The kinds of pictures that pages show."""

    png = "image/png"
    jpeg = "image/jpeg"
    gif = "image/gif"
    webp = "image/webp"

    @property
    def mime_type(self):
        return self.value

    @classmethod
    def from_data(cls, data):
        """The kind of a picture, by how it begins; None if it is none of these."""
        if data.startswith(b"\x89PNG\r\n\x1a\n"):
            return cls.png
        if data.startswith(b"\xff\xd8"):
            return cls.jpeg
        if data.startswith((b"GIF87a", b"GIF89a")):
            return cls.gif
        return cls.webp if data[:4] == b"RIFF" and data[8:12] == b"WEBP" else None


def _attributes(**values):
    """The attributes of an element of a page, those that are None left out."""
    from html import escape

    return "".join(f' {name}="{escape(str(value))}"' for name, value in values.items() if value is not None)


class Image(DisplayObject):
    """A picture: its bytes, a file, or an address.

    embed: whether the data is read and sent along; a picture at an address is not by default
    width, height: in pixels
    retina: it is shown half as large as it is
    unconfined: it may be wider than the page
    alt: what is said of it where it can't be seen

    Text that is no address and no file is the picture in base64.
    """

    _read_flags = "rb"

    def __init__(
        self, data=None, url=None, filename=None, format=None, embed=None, width=None, height=None, retina=False,
        unconfined=False, metadata=None, alt=None,
    ):
        said = dict(metadata or {})
        if isinstance(data, os.PathLike):
            filename, data = os.fspath(data), None
        if isinstance(data, str):
            url, filename, data = _placed(data, url, filename)
        if data is None and url is None and filename is None:
            raise ValueError("a picture needs data, a filename or a url")
        named = filename or url or ""
        ending = os.path.splitext(named.partition("?")[0])[1][1:].lower()
        self.width, self.height, self.alt = (
            said.pop(name, None) if given is None else given
            for name, given in (("width", width), ("height", height), ("alt", alt))
        )
        self.retina = retina
        self.unconfined = bool(said.pop("unconfined", False)) or unconfined
        self.embed = url is None if embed is None else embed
        if self.embed:
            # A file is what its bytes say, whatever it is called.
            kind = format or (ending if filename is not None and not os.path.exists(filename) else "")
            if kind and not _is_picture(kind):
                raise _no_picture(kind)
            super().__init__(data, url, filename, said)
        else:
            self.data, self.url, self.filename, self.metadata = data, url, filename, said
        found = ImageFormat.from_data(self.data) if isinstance(self.data, (bytes, bytearray)) else None
        kind = (format or (found.name if found else "") or ending or "png").lower()
        self.format = "jpeg" if kind == "jpg" else kind
        if not _is_picture(self.format) and (format or self.embed):
            raise _no_picture(kind)
        if retina and self.data and self.width is None:
            self.width, self.height = (side // 2 for side in image_size(self.data))

    def _source(self):
        return self.url or self.filename

    def _repr_html_(self):
        if self.embed:
            return None
        shown = "unconfined" if self.unconfined else None
        sizes = _attributes(width=self.width, height=self.height, **{"class": shown}, alt=self.alt)
        return f"<img{_attributes(src=self._source())}{sizes}/>"

    def _data_and_metadata(self):
        said = dict(self.metadata)
        for name in ("width", "height", "alt"):
            if getattr(self, name) is not None:
                said[name] = getattr(self, name)
        if self.unconfined:
            said["unconfined"] = True
        return (self.data, said) if said else self.data

    def _repr_mimebundle_(self, include=None, exclude=None):
        if not self.embed:
            return {"text/html": self._repr_html_()}
        kind = ImageFormat[self.format].mime_type
        form = self._data_and_metadata()
        data, said = form if isinstance(form, tuple) else (form, {})
        return {kind: data}, {kind: said} if said else {}

    def _repr_png_(self):
        return self._data_and_metadata() if self.embed and self.format == "png" else None

    def _repr_jpeg_(self):
        return self._data_and_metadata() if self.embed and self.format == "jpeg" else None


def _placed(text, url, filename):
    """What the text in the place of data is: an address, a file, or the data in base64."""
    if text.startswith(("http://", "https://")):
        return text, filename, None
    if not os.path.exists(text):
        import base64
        import binascii

        try:
            return url, filename, base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            # It isn't that either: opening it tells that there is no such file.
            pass
    return url, text, None


def _is_picture(kind):
    return kind.lower() == "jpg" or kind.lower() in ImageFormat.__members__


def _no_picture(kind):
    return ValueError(f"a picture is one of {', '.join(sorted(ImageFormat.__members__))}, not {kind}")


def png_size(data):
    """The width and the height of a PNG, from its bytes."""
    if len(data) < 24 or not data.startswith(b"\x89PNG\r\n\x1a\n"):
        raise ValueError("that is no PNG")
    return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")


def image_size(data):
    """The width and the height of a picture, from its bytes; ValueError if they don't tell."""
    kind = ImageFormat.from_data(data)
    if kind is ImageFormat.png:
        return png_size(data)
    if kind is ImageFormat.gif and len(data) >= 10:
        return int.from_bytes(data[6:8], "little"), int.from_bytes(data[8:10], "little")
    if kind is ImageFormat.jpeg:
        return _jpeg_size(data)
    if kind is ImageFormat.webp:
        return _webp_size(data)
    raise ValueError("that is no picture whose size can be told")


def _jpeg_size(data):
    # Segments follow each other, each with its kind and its length; those of a frame tell its size.
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        kind = data[at + 1]
        if 0xC0 <= kind <= 0xCF and kind not in (0xC4, 0xC8, 0xCC):
            return int.from_bytes(data[at + 7 : at + 9], "big"), int.from_bytes(data[at + 5 : at + 7], "big")
        at += 1 if kind == 0xFF else 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    raise ValueError("that is no JPEG with a frame in it")


def _webp_size(data):
    chunk = data[12:16]
    if chunk == b"VP8X" and len(data) >= 30:
        return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    if chunk == b"VP8L" and len(data) >= 25:
        sides = int.from_bytes(data[21:25], "little")
        return 1 + (sides & 0x3FFF), 1 + (sides >> 14 & 0x3FFF)
    if chunk == b"VP8 " and len(data) >= 30:
        return int.from_bytes(data[26:28], "little") & 0x3FFF, int.from_bytes(data[28:30], "little") & 0x3FFF
    raise ValueError("that is no WEBP picture whose size can be told")


class Video(DisplayObject):
    """A film in a page: a file or an address, sent along where `embed` is set.

    Text that is no address and no file is the film in base64, which needs `embed`.
    """

    _read_flags = "rb"

    def __init__(
        self, data=None, url=None, filename=None, embed=False, mimetype=None, width=None, height=None,
        html_attributes="controls",
    ):
        if isinstance(data, os.PathLike):
            filename, data = os.fspath(data), None
        if isinstance(data, str):
            url, filename, data = _placed(data, url, filename) if embed else _addressed(data, url, filename)
        if data is not None and not embed:
            raise ValueError("a film that is given as bytes is shown with embed=True")
        import mimetypes

        self.mimetype = mimetype or mimetypes.guess_type(filename or url or "")[0] or "video/mp4"
        self.embed, self.width, self.height, self.html_attributes = embed, width, height, html_attributes
        if embed:
            super().__init__(data, url, filename)
        else:
            self.data, self.url, self.filename, self.metadata = None, url, filename, {}

    def _repr_html_(self):
        source = self.url or self.filename
        if self.embed:
            import base64

            source = f"data:{self.mimetype};base64,{base64.b64encode(self.data).decode()}"
        sizes = _attributes(width=self.width or None, height=self.height or None)
        return f"<video{_attributes(src=source)} {self.html_attributes}{sizes}></video>"


def _addressed(text, url, filename):
    return (text, filename, None) if "://" in text else (url, text, None)


class ProgressBar(DisplayObject):
    """How far something is; iterating over it counts, and shows that.

    html_width: how wide it is in a page; text_width: in text
    """

    def __init__(self, total):
        self.total = total
        self._progress = 0
        self._display_id = os.urandom(8).hex()
        self.html_width = "60ex"
        self.text_width = 60

    def __repr__(self):
        share = self._progress / self.total if self.total else 0
        filled = int(share * self.text_width)
        return f"[{'=' * filled}{' ' * (self.text_width - filled)}] {self._progress}/{self.total}"

    def _repr_html_(self):
        sizes = _attributes(style=f"width:{self.html_width}", max=self.total, value=self._progress)
        return f"<progress{sizes}></progress>"

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
