"""What can go wrong on a cluster, as exceptions.

What failed on an engine is data there and an exception only here: a
`RemoteError` holds the exception's name, its message and its traceback as
text, and never the exception itself, whose class may not exist on this side.
The text is made by the engine; nothing here reads a traceback.
"""

import builtins

# Scripts import it from here as well.
TimeoutError = builtins.TimeoutError

# The longest message that the list of a CompositeError shows of one error.
_SUMMARY_CHARS_MAX = 200

# How many kinds of exceptions it counts of those that it doesn't show.
_KINDS_TOLD_MAX = 5

# What helps where no engines have joined yet, and how the controller says that there are none.
_WAITING = "Client.wait_for_engines(n) waits for engines to join"
_NONE_JOINED = "there are no engines"


class IPythonError(Exception):
    """The base of every error of this package."""


class KernelError(IPythonError):
    """The base of the errors that have to do with engines."""


class NoEnginesRegistered(KernelError):
    """The operation needs an engine, and there is none, or none of those that may run it.

    `Client.wait_for_engines(n)` waits for engines to join. Ids are not used again: an
    engine that has left doesn't come back by that.
    """

    def __str__(self):
        return Exception.__str__(self) or f"the cluster has no engines; {_WAITING}"


class RemoteError(KernelError):
    """An exception that was raised on an engine.

    ename: the name of its class, such as 'ZeroDivisionError'
    evalue: its message
    traceback: the whole traceback as text, '' if there is none
    engine_info: a dict with 'engine_id' and 'engine_uuid' (None if no engine was
        reached) and 'method', what the engine was asked to do ('apply', 'execute', …)
    """

    def __init__(self, ename, evalue, traceback="", engine_info=None):
        self.ename = ename
        self.evalue = evalue
        self.traceback = traceback or ""
        self.engine_info = engine_info or {}
        self.args = (ename, evalue, self.traceback, self.engine_info)

    def __repr__(self):
        engine_id = self.engine_info.get("engine_id", "")
        return f"<{type(self).__name__}[{engine_id}]:{self.ename}({self.evalue})>"

    def __str__(self):
        headline = f"{_label(self.engine_info)} {self.ename}: {self.evalue}"
        if self.traceback:
            return headline + "\n" + self.traceback.rstrip("\n")
        return headline

    def render_traceback(self):
        """Returns the lines to show: where it was raised, then the remote traceback."""
        text = self.traceback or f"{self.ename}: {self.evalue}"
        return [_label(self.engine_info), *text.splitlines()]

    # Whoever asked for the result has seen it as it arrived.
    _is_shown = False

    def _render_traceback_(self):
        # The shell shows these lines in place of the local traceback.
        if self._is_shown:
            return [f"{str(self).splitlines()[0]} (shown above)"]
        return self.render_traceback()

    def _render_again_(self):
        # The shell shows these lines where somebody asks for the last failure again.
        return self.render_traceback()

    def _raised_on_(self):
        # The debugger of the shell names these engines: what it would look at here isn't where it was raised.
        engine = self.engine_info.get("engine_id")
        return [] if engine is None else [engine]

    def print_traceback(self, excid=None):
        """Prints the lines of `render_traceback` on stdout."""
        print("\n".join(self.render_traceback()))


class _UnfinishedError(RemoteError):
    """The base of what is told about a piece of work without running it to its end.

    There is no remote traceback, and `ename` is the name of the class itself,
    so that catching it by class and asking for its `ename` both work.
    """

    def __init__(self, message, engine_info=None):
        RemoteError.__init__(self, type(self).__name__, message, "", engine_info)
        self.args = (message, self.engine_info)

    def _raised_on_(self):
        return []

    def __str__(self):
        if self.engine_info:
            return f"{_label(self.engine_info)} {self.evalue}"
        return str(self.evalue)


class EngineError(_UnfinishedError):
    """An engine ended, so that what it was asked has no result."""


class TaskAborted(_UnfinishedError):
    """The work was aborted before it started."""


class TaskTimeout(_UnfinishedError):
    """A task waited for an engine, or ran, for longer than it may; see `LoadBalancedView`."""


class TaskStoreError(KernelError, KeyError):
    """The cluster keeps no records, or its task store can't be used; it says why."""

    # A KeyError shows its argument as a key.
    __str__ = Exception.__str__


class EngineLocked(_UnfinishedError):
    """An engine is another client's alone, and nobody waits for it; the message says whose."""


class UnmetDependency(KernelError):
    """An engine doesn't have what a function needs; see `depend` and `require`."""


class TaskRejectError(KernelError):
    """What a function raises where it can't run; with `retries` it is tried on another engine.

    `depend` and `require` do so before it runs, and without using up a retry.
    """


class MultipleInstanceError(IPythonError):
    """Scripts catch it where applications may be there twice. Nothing raises it here."""


class ImpossibleDependency(UnmetDependency, _UnfinishedError):
    """What a task depends on can't come true: others failed, or no engine is left for it."""


class DependencyTimeout(TaskTimeout, ImpossibleDependency):
    """What a task depends on had not come true after as long as the task may wait."""


class InvalidDependency(ImpossibleDependency):
    """What a task depends on makes no sense: there is no such task."""


class CompositeError(RemoteError):
    """One or more engines raised an exception.

    elist: a tuple (ename, evalue, traceback, engine_info) for each
    """

    tb_limit = 4  # how many are shown; all of them are in elist

    def __init__(self, message, elist):
        RemoteError.__init__(self, "CompositeError", message)
        self.msg = message
        self.elist = elist
        self.args = (message, elist)

    def __repr__(self):
        return f"CompositeError({len(self.elist)})"

    def __str__(self):
        lines = [str(self.msg)]
        for ename, evalue, _, engine_info in self.elist[: self.tb_limit]:
            lines.append(f"{_label(engine_info)} {ename}: {_summary(evalue)}")
        lines.extend(self._remainder())
        first_traceback = self.elist[0][2] if self.elist else ""
        if first_traceback:
            lines.append("The first one:")
            lines.append(first_traceback.rstrip("\n"))
        return "\n".join(lines)

    def _raised_on_(self):
        # Only what has run has a traceback.
        engines = [info.get("engine_id") for _, _, traceback, info in self.elist if traceback]
        return [engine for engine in dict.fromkeys(engines) if engine is not None]

    def _remainder(self):
        """Returns a line on the exceptions that aren't shown, if there are any: how many of which kind."""
        rest = self.elist[self.tb_limit :]
        if not rest:
            return []
        counts = {}
        for ename, *_ in rest:
            counts[ename] = counts.get(ename, 0) + 1
        kinds = sorted(counts.items(), key=lambda item: -item[1])
        if len(kinds) == 1:
            return [f"... {len(rest)} more exceptions, all {kinds[0][0]} ..."]
        told = [f"{count} {ename}" for ename, count in kinds[:_KINDS_TOLD_MAX]]
        if len(kinds) > _KINDS_TOLD_MAX:
            told.append(f"{len(kinds) - _KINDS_TOLD_MAX} other kinds")
        return [f"... {len(rest)} more exceptions: {', '.join(told)} ..."]

    def render_traceback(self, excid=None):
        """Returns the lines to show: the first `tb_limit` tracebacks, or only
        the one with the index `excid`.

        Raises IndexError if there is no exception with that index.
        """
        shown = self.elist[: self.tb_limit] if excid is None else [self._entry(excid)]
        lines = []
        for ename, evalue, traceback, engine_info in shown:
            lines.append(_label(engine_info) + ":")
            lines.extend((traceback or f"{ename}: {evalue}").splitlines())
            if excid is None:
                lines.append("")
        return lines + self._remainder() if excid is None else lines

    def print_traceback(self, excid=None):
        """Prints the lines of `render_traceback(excid)` on stdout."""
        print("\n".join(self.render_traceback(excid)))

    def raise_exception(self, excid=0):
        """Raises the exception with the index `excid` as a RemoteError.

        Raises IndexError if there is none.
        """
        raise RemoteError(*self._entry(excid))

    def _entry(self, excid):
        try:
            return self.elist[excid]
        except (IndexError, TypeError):
            raise IndexError(
                f"there is no exception with the index {excid!r}, only {len(self.elist)} exceptions"
            ) from None


class AlreadyDisplayedError(RemoteError):
    """The errors of a result have been shown as they arrived; this only counts them."""

    def __init__(self, original_error):
        self.original_error = original_error
        self.n = len(original_error.elist) if isinstance(original_error, CompositeError) else 1
        RemoteError.__init__(self, original_error.ename, original_error.evalue)
        self.args = (original_error,)

    def __repr__(self):
        return f"<AlreadyDisplayedError({self})>"

    def __str__(self):
        return "1 error" if self.n == 1 else f"{self.n} errors"

    def render_traceback(self):
        """Returns one line that counts the errors."""
        return [str(self)]

    def _raised_on_(self):
        return self.original_error._raised_on_()

    def _render_again_(self):
        return self.original_error.render_traceback()


def collect_exceptions(results, method="unspecified"):
    """Returns `results` (a list or a dict) unless it holds RemoteErrors.

    Raises a CompositeError of those it holds. `method` names what was done.
    """
    values = results.values() if isinstance(results, dict) else results
    elist = []
    for value in values:
        if isinstance(value, CompositeError):
            elist.extend(value.elist)
        elif isinstance(value, RemoteError):
            elist.append((value.ename, value.evalue, value.traceback, value.engine_info))
    if elist:
        raise CompositeError(f"one or more exceptions raised in: {method}", elist)
    return results


def wrap_exception(engine_info={}):
    """Returns the exception that is being handled as plain data, as `unwrap_exception` takes it.

    engine_info: where it was raised; see `RemoteError`

    Raises RuntimeError if none is being handled.
    """
    import sys
    from traceback import format_exception

    kind, exception, traceback = sys.exc_info()
    if kind is None:
        raise RuntimeError("wrap_exception tells of the exception that an except block handles; there is none")
    return {
        "status": "error",
        "ename": kind.__name__,
        "evalue": str(exception),
        "traceback": format_exception(kind, exception, traceback),
        "engine_info": engine_info,
    }


def unwrap_exception(content):
    """Returns the RemoteError that plain data tells of.

    content: a dict with 'ename', 'evalue', 'traceback' (a list of texts), and 'engine_info' if
        it is known
    """
    traceback = "\n".join(content["traceback"])
    return RemoteError(content["ename"], content["evalue"], traceback, content.get("engine_info", {}))


def from_failure(kind, exception, message, traceback, engine_id, method):
    """Returns the exception for one piece of work that failed.

    The first four are what `_rhumba` tells of a failure. `engine_id` is None
    where no engine was reached.
    """
    engine_uuid = None if engine_id is None else f"engine-{engine_id}"
    engine_info = {"engine_id": engine_id, "engine_uuid": engine_uuid, "method": method}
    if kind == "raised":
        return RemoteError(exception, message, traceback, engine_info)
    if kind == "engine_died" or (kind == "no_engine" and engine_id is not None):
        return EngineError(message, engine_info)
    if kind == "aborted":
        return TaskAborted(message, engine_info)
    if kind == "timeout":
        dependency = exception == "DependencyTimeout"
        return (DependencyTimeout if dependency else TaskTimeout)(message, engine_info)
    if kind == "dependency":
        invalid = exception == "InvalidDependency"
        return (InvalidDependency if invalid else ImpossibleDependency)(message, engine_info)
    if kind == "locked":
        return EngineLocked(message, engine_info)
    if kind == "no_engine":
        waiting = f"; {_WAITING}" if message.startswith(_NONE_JOINED) else ""
        return NoEnginesRegistered(message + waiting)
    if exception == "TaskStoreError":
        return TaskStoreError(message)
    return RemoteError(exception, message, traceback, engine_info)


# For classes of exceptions here those that are futures' as well.
_cancelled_classes = {}


def as_cancelled(failure):
    """Returns a failure that catches as `concurrent.futures.CancelledError`, too.

    Programs that know futures expect that one of what was cancelled.
    """
    cls = type(failure)
    if cls not in _cancelled_classes:
        # Only a program that cancels pays for the import.
        from concurrent.futures import CancelledError

        said = {"__module__": cls.__module__, "__doc__": cls.__doc__, "__reduce__": _plain}
        _cancelled_classes[cls] = type(cls.__name__, (cls, CancelledError), said)
    cancelled = _cancelled_classes[cls](*failure.args)
    vars(cancelled).update(vars(failure))
    return cancelled


def _plain(failure):
    """Reduces what `as_cancelled` made: nobody else could find its class."""
    return type(failure).__bases__[0], failure.args


def _label(engine_info):
    """Names where an exception comes from, such as '[0:apply]'."""
    if not engine_info:
        return "[engine]"
    engine_id = engine_info.get("engine_id", "engine")
    engine = "unassigned" if engine_id is None else engine_id
    return f"[{engine}:{engine_info.get('method', '')}]"


def _summary(evalue):
    """Returns the first line of a message, shortened where it is very long."""
    text = str(evalue)
    line = text.split("\n", 1)[0]
    if len(line) > _SUMMARY_CHARS_MAX:
        line = line[:_SUMMARY_CHARS_MAX]
    return line if line == text else line + " ..."
