"""Who runs what cells await, by the names by which programs import them."""

from rhumba._await import without_loop as _pseudo_sync_runner

__all__ = ["get_asyncio_loop"]


def get_asyncio_loop():
    """The loop in which cells await; it lives as long as the session."""
    from rhumba import _await

    return _await._standard_runner().get_loop()


def _asyncio_runner(coroutine):
    """Runs a coroutine in that loop."""
    from rhumba import _await

    return _await._standard_runner().run(coroutine)


def _should_be_async(cell):
    """Whether Python awaits outside of functions; what isn't Python doesn't."""
    import ast

    try:
        code = compile(cell, "<cell>", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    except (SyntaxError, ValueError, MemoryError):
        return False
    return bool(code.co_flags & _COROUTINE)


# inspect.CO_COROUTINE
_COROUTINE = 0x80
