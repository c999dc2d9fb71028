"""What programs show objects with: `display`, and objects that know one form of themselves."""

import os
import sys
import types

from IPython.core.display import *  # noqa: F403
from IPython.core.display import DisplayObject, __all__ as _core, _attributes

__all__ = [
    *_core, "Audio", "Code", "FileLink", "FileLinks", "IFrame", "ScribdDocument", "VimeoVideo",
    "YouTubeVideo", "set_matplotlib_close", "set_matplotlib_formats",
]


class Audio(DisplayObject):
    """Sound in a page: the bytes of a file, a file, an address, or samples with their rate.

    data: bytes, or numbers (or a list of channels of numbers) with `rate` samples a second
    """

    _read_flags = "rb"

    def __init__(
        self, data=None, filename=None, url=None, embed=None, rate=None, autoplay=False, normalize=True, *,
        element_id=None,
    ):
        if filename is None and url is None and data is None:
            raise ValueError("sound needs data, a filename or a url")
        if isinstance(data, os.PathLike):
            filename, data = os.fspath(data), None
        if isinstance(data, str):
            url, filename, data = (data, filename, None) if "://" in data else (url, data, None)
        self.autoplay, self.element_id = autoplay, element_id
        self.embed = url is None if embed is None else embed
        self.mimetype = "audio/wav"
        samples = None
        if data is not None and not isinstance(data, (bytes, bytearray)):
            if rate is None:
                raise ValueError("samples need their rate: Audio(samples, rate=44100)")
            samples, data = data, None
        if samples is not None:
            self.data, self.url, self.filename, self.metadata = _wave(samples, rate, normalize), None, None, {}
            return
        import mimetypes

        self.mimetype = mimetypes.guess_type(filename or url or "")[0] or "audio/wav"
        if url is not None and not self.embed:
            self.data, self.url, self.filename, self.metadata = None, url, None, {}
        else:
            super().__init__(data, url, filename)

    def src_attr(self):
        return _attributes(src=self._source()).lstrip()

    def autoplay_attr(self):
        return 'autoplay="autoplay"' if self.autoplay else ""

    def element_id_attr(self):
        return _attributes(id=self.element_id or None).lstrip()

    def _source(self):
        if not self.embed or self.data is None:
            return self.url or ""
        import base64

        return f"data:{self.mimetype};base64,{base64.b64encode(self.data).decode()}"

    def _repr_html_(self):
        words = ['audio controls="controls"', self.element_id_attr(), self.autoplay_attr(), self.src_attr()]
        return f"<{' '.join(filter(None, words))}></audio>"


def _wave(samples, rate, normalize):
    """Samples as the bytes of a WAV file."""
    import array
    import io
    import wave

    samples = list(samples)
    channels = [list(each) for each in samples] if samples and hasattr(samples[0], "__len__") else [samples]
    loudest = max((abs(value) for channel in channels for value in channel), default=0)
    if not normalize and loudest > 1:
        raise ValueError("samples are between -1 and 1 where normalize is False")
    scale = 32767 / (loudest or 1) if normalize else 32767
    frames = array.array("h", (int(value * scale) for together in zip(*channels) for value in together))
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setnchannels(len(channels))
        written.setframerate(rate)
        written.setsampwidth(2)
        written.writeframes(frames.tobytes())
    return file.getvalue()


class IFrame:
    """A page inside of a page."""

    def __init__(self, src, width, height, extras=None, **params):
        self.src, self.width, self.height = src, width, height
        self.extras = list(extras or [])
        self.params = params

    def _repr_html_(self):
        from urllib.parse import urlencode

        query = "?" + urlencode(self.params) if self.params else ""
        place = _attributes(width=self.width, height=self.height, src=f"{self.src}{query}")
        extras = "".join(" " + each for each in self.extras)
        return f'<iframe{place}{extras} frameborder="0" allowfullscreen></iframe>'


class YouTubeVideo(IFrame):
    def __init__(self, id, width=400, height=300, allow_autoplay=False, **kwargs):
        self.id = id
        if allow_autoplay:
            kwargs.update(autoplay=1, extras=[*kwargs.get("extras", ()), 'allow="autoplay"'])
        super().__init__(f"https://www.youtube.com/embed/{id}", width, height, **kwargs)


class VimeoVideo(IFrame):
    def __init__(self, id, width=400, height=300, **kwargs):
        self.id = id
        super().__init__(f"https://player.vimeo.com/video/{id}", width, height, **kwargs)


class ScribdDocument(IFrame):
    def __init__(self, id, width=400, height=300, **kwargs):
        self.id = id
        super().__init__(f"https://www.scribd.com/embeds/{id}/content", width, height, **kwargs)


class FileLink:
    """A link to a file; on a terminal, its path."""

    def __init__(self, path, url_prefix="", result_html_prefix="", result_html_suffix="<br>"):
        path = os.fspath(path)
        if os.path.isdir(path):
            raise ValueError(f"{path} is a folder: FileLinks lists what is in it")
        self.path = path
        self.url_prefix = url_prefix
        self.result_html_prefix = result_html_prefix
        self.result_html_suffix = result_html_suffix

    def _link(self, path, text):
        from html import escape
        from urllib.parse import quote

        link = f'<a href="{escape(self.url_prefix + quote(path))}" target="_blank">{escape(text)}</a>'
        return self.result_html_prefix + link + self.result_html_suffix

    def _missing(self):
        from html import escape

        return f"Path (<tt>{escape(self.path)}</tt>) is not there: it is misspelt, or still to be made."

    def _repr_html_(self):
        return self._link(self.path, self.path) if os.path.exists(self.path) else self._missing()

    def __repr__(self):
        return os.path.abspath(self.path)


class FileLinks(FileLink):
    """Links to the files of a folder and of those in it.

    included_suffixes: the endings of the files that are listed, such as ".csv"; None: all
    recursive: what is in the folders in it, too
    notebook_display_formatter, terminal_display_formatter: functions of a folder, the names of its files and the
        endings; they return the lines that tell of it in a page, and on a terminal
    """

    def __init__(
        self, path, url_prefix="", included_suffixes=None, result_html_prefix="", result_html_suffix="<br>",
        notebook_display_formatter=None, terminal_display_formatter=None, recursive=True,
    ):
        path = os.fspath(path)
        if os.path.isfile(path):
            raise ValueError(f"{path} is a file: FileLink links to it")
        self.path = path.rstrip("/") or path
        self.included_suffixes, self.recursive = included_suffixes, recursive
        self.url_prefix = url_prefix
        self.result_html_prefix = result_html_prefix
        self.result_html_suffix = result_html_suffix
        self.notebook_display_formatter = notebook_display_formatter or self._lines_of_page
        self.terminal_display_formatter = terminal_display_formatter or self._lines_of_text

    def _lines_of_page(self, folder, names, included_suffixes):
        from html import escape

        names = self._wanted(names, included_suffixes)
        links = ["&nbsp;&nbsp;" + self._link(os.path.join(folder, name), name) for name in names]
        return [f"{escape(folder)}/<br>", *links] if links else []

    def _lines_of_text(self, folder, names, included_suffixes):
        names = self._wanted(names, included_suffixes)
        return [folder + "/", *("  " + name for name in names)] if names else []

    @staticmethod
    def _wanted(names, endings):
        return [name for name in names if endings is None or os.path.splitext(name)[1] in endings]

    def _lines(self, formatter):
        lines = []
        for folder, folders, names in os.walk(self.path):
            folders[:] = sorted(folders) if self.recursive else []
            lines += formatter(folder, sorted(names), self.included_suffixes)
        return "\n".join(lines)

    def _repr_html_(self):
        return self._lines(self.notebook_display_formatter) if os.path.exists(self.path) else self._missing()

    def __repr__(self):
        return self._lines(self.terminal_display_formatter)


class Code(DisplayObject):
    """Source of a program."""

    def __init__(self, data=None, url=None, filename=None, language=None):
        self.language = language
        super().__init__(data, url, filename)

    def __repr__(self):
        return self.data or ""

    def _repr_html_(self):
        from html import escape

        return f"<pre>{escape(self.data)}</pre>"


def set_matplotlib_formats(*formats, **kwargs):
    """Plots come elsewhere: says so."""
    raise NotImplementedError("this shell draws no plots")


def set_matplotlib_close(close=True):
    """Plots come elsewhere: says so."""
    raise NotImplementedError("this shell draws no plots")


class _CallableModule(types.ModuleType):
    """`IPython.display` is a module, and programs call it as the function in it too."""

    def __call__(self, *objs, **options):
        return self.display(*objs, **options)


sys.modules[__name__].__class__ = _CallableModule
