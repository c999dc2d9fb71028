"""Runs cells that await, in one event loop that lives as long as the session.

Tasks that a cell leaves behind go on while a later cell awaits.
"""

_runner = None


def run(coroutine, runner):
    """Runs a cell's coroutine; returns its value and None, or None and what it raised.

    runner: what `%autoawait` or a program has set: a callable of the coroutine, the name of one, or None for asyncio
    """
    code = coroutine.cr_code
    try:
        if isinstance(runner, str):
            runner = _named(runner)
        value = _standard_runner().run(coroutine) if runner is None else runner(coroutine)
        return value, None
    except KeyboardInterrupt as failure:
        coroutine.close()
        return None, _interrupted(failure, code)
    except BaseException as failure:
        coroutine.close()
        return None, failure.with_traceback(_within(failure.__traceback__, code))


def _named(name):
    """The runner of a name: asyncio, sync, or a function as module.name."""
    if name == "asyncio":
        return None
    if name == "sync":
        return without_loop
    from IPython.utils.importstring import import_item

    return import_item(name)


def without_loop(coroutine):
    """Runs a coroutine that awaits nothing that needs a loop."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    raise RuntimeError("the cell awaits something that needs a loop: %autoawait asyncio has one")


def _standard_runner():
    global _runner
    if _runner is None:
        import asyncio
        import atexit

        _runner = asyncio.Runner()
        atexit.register(_runner.close)
    return _runner


def _interrupted(failure, code):
    """The failure with a traceback of where the cell waited.

    The loop cancels what runs when it is interrupted, and only then raises a failure of its own.
    """
    cancelled = failure.__context__
    if type(cancelled).__name__ == "CancelledError" and not _reaches(failure.__traceback__, code):
        failure.__context__ = None
        return failure.with_traceback(_without_loop(_within(cancelled.__traceback__, code)))
    return failure.with_traceback(_within(failure.__traceback__, code))


def _reaches(traceback, code):
    while traceback is not None and traceback.tb_frame.f_code is not code:
        traceback = traceback.tb_next
    return traceback is not None


def _without_loop(traceback):
    """A traceback without the frames of asyncio at its end."""
    last = entry = traceback
    while entry is not None:
        if entry.tb_frame.f_globals.get("__name__", "").partition(".")[0] != "asyncio":
            last = entry
        entry = entry.tb_next
    if last is not None:
        last.tb_next = None
    return traceback


def _within(traceback, code):
    """The part of a traceback that begins in the cell; all of it if it never got there."""
    inner = traceback
    while inner is not None and inner.tb_frame.f_code is not code:
        inner = inner.tb_next
    return inner or traceback
