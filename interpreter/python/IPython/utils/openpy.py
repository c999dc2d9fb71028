"""Source of Python as text."""

import io
import re
from tokenize import detect_encoding

__all__ = [
    "cookie_comment_re", "detect_encoding", "read_py_file", "read_py_url", "source_to_unicode", "strip_encoding_cookie",
]

cookie_comment_re = re.compile(r"^\s*#.*coding[:=]\s*([-\w.]+)")


def source_to_unicode(txt, errors="replace", skip_encoding_cookie=True):
    """Source as text: of bytes, as their first lines say, else as UTF-8."""
    if isinstance(txt, str):
        return txt
    data = txt if isinstance(txt, bytes) else txt.read()
    try:
        encoding, _ = detect_encoding(io.BytesIO(data).readline)
    except SyntaxError:
        encoding = "ascii"
    text = io.TextIOWrapper(io.BytesIO(data), encoding, errors=errors, line_buffering=True)
    return "".join(strip_encoding_cookie(text)) if skip_encoding_cookie else text.read()


def strip_encoding_cookie(filelike):
    """The lines, without the one that says how the file is encoded, if that is among the first two."""
    for number, line in enumerate(filelike):
        if number > 1 or not cookie_comment_re.match(line):
            yield line


def read_py_file(filename, skip_encoding_cookie=True):
    """The source in a file."""
    with open(filename, "rb") as file:
        return source_to_unicode(file.read(), "strict", skip_encoding_cookie)


def read_py_url(url, errors="replace", skip_encoding_cookie=True):
    """The source behind an address."""
    from urllib.request import urlopen

    with urlopen(url) as answer:
        return source_to_unicode(answer.read(), errors, skip_encoding_cookie)
