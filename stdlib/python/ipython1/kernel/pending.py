"""A result that isn't waited for: what a command returns with `block=False`."""

from ipyparallel import TaskAborted

from .error import InvalidDeferredID, NotDefined, QueueCleared


class PendingResult:
    """A promise of a result.

    Made by the methods of a RemoteController or MultiEngineClient, not by scripts.
    """

    def __init__(self, result, finish):
        # The AsyncResult, and what makes of it what a blocking command returns.
        self._result = result
        self._finish = finish
        self._callbacks = []
        self._outcome = None
        self._flushed = False

    def getResult(self, default=None, block=True):
        """Returns the result, waiting for it if it blocks; else `default` if it isn't there.

        Raises what the command raised, each time; QueueCleared if it was
        cleared, InvalidDeferredID after a `barrier` that it took part in,
        unless it has been asked for before.
        """
        if self._outcome is None:
            if self._flushed:
                raise InvalidDeferredID(
                    "barrier() has waited for this result and flushed it: ask before the barrier"
                )
            if not block and not self._result.ready():
                return default
            self._outcome = self._settled()
        value, failure = self._outcome
        if failure is not None:
            raise failure
        return value

    def _settled(self):
        try:
            value = self._finish(self._result.get())
            for callback, args, kwargs in self._callbacks:
                value = callback(value, *args, **kwargs)
            return value, None
        except Exception as failure:
            return None, _translated(failure, self._result._method)

    get_result = getResult

    r = property(getResult, doc="The result, waited for.")

    def addCallback(self, f, *args, **kwargs):
        """Makes the result what `f(result, *args, **kwargs)` returns.

        Several are called one after the other, each with what the one before
        returned, when the result is asked for. Not after an error.
        """
        self._callbacks.append((f, args, kwargs))

    add_callback = addCallback

    def _wait(self):
        """Waits, and raises what was raised, as `barrier` does."""
        if self._outcome is None:
            failure = self._settled()[1]
        else:
            failure = self._outcome[1]
        if failure is not None:
            raise failure

    def _settle(self):
        """Waits, and keeps what came of it to be asked for."""
        if self._outcome is None and not self._flushed:
            self._outcome = self._settled()

    def _flush(self):
        self._flushed = True

    def __repr__(self):
        state = "there" if self._result.ready() else "not there yet"
        return f"<PendingResult of {self._result._fname}: {state}>"


class Known:
    """What is there at once, in the place of an AsyncResult."""

    def __init__(self, name, value):
        self._method = self._fname = name
        self._value = value

    def get(self):
        return self._value

    def ready(self):
        return True


def _translated(failure, method):
    """Returns the failure as this interface names it."""
    aborted = isinstance(failure, TaskAborted)
    elist = getattr(failure, "elist", None)
    if aborted or elist and all(entry[0] == "TaskAborted" for entry in elist):
        return QueueCleared("the command was cleared from the queue before it ran")
    names = [entry[0] for entry in elist] if elist else [getattr(failure, "ename", "")]
    if method == "pull" and set(names) == {"NameError"}:
        return NotDefined(str(elist[0][1] if elist else failure.evalue))
    return failure
