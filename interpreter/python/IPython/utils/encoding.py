"""How text is put into bytes."""

import sys

__all__ = ["DEFAULT_ENCODING", "get_stream_enc", "getdefaultencoding"]


def get_stream_enc(stream, default=None):
    """How a stream puts text into bytes."""
    return getattr(stream, "encoding", None) or default


def getdefaultencoding(prefer_stream=True):
    """How text is put into bytes here."""
    return (prefer_stream and get_stream_enc(sys.stdin)) or sys.getdefaultencoding()


DEFAULT_ENCODING = getdefaultencoding()
