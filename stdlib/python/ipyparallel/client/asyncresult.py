"""What a view gives back at once: the result that is still to come.

An AsyncResult is one request to one or several engines, or one map. It wraps
one native group, which collects the parts of the result as they arrive; this
module only waits, raises, and puts the parts together. Result objects of
`execute` are in `reply.py`; how output is shown is in `output.py`; telling
others that it is there (callbacks, `await`) is in `future.py`.

Times are wall-clock times of the machine that took them, as aware `datetime`
objects in UTC; durations are in seconds.
"""

from .. import error
from .closing import ClosedConnection
from .future import Future
from .interruption import offer_interrupt
from .parts import Parts, abort_parts, cancel_parts, groups_of
from .reply import ExecuteReply, metadata_of
from .timeout import seconds

_METADATA_KEYS = frozenset(
    (
        "msg_id", "engine_id", "engine_uuid", "status",
        "submitted", "started", "completed", "received",
        "stdout", "stderr", "outputs", "execute_result", "error",
        "label", "execute_input", "follow", "after", "data", "is_broadcast", "is_coalescing",
    )
)  # fmt: skip

# Those of them that are known from the call, and not from where it ran.
_ASKED_WITH = ("label", "execute_input", "follow", "after", "is_broadcast", "is_coalescing")

# What a wait may return at, by the names that `concurrent.futures` gives them.
FIRST_COMPLETED = "FIRST_COMPLETED"
FIRST_EXCEPTION = "FIRST_EXCEPTION"
ALL_COMPLETED = "ALL_COMPLETED"
_RETURN_WHEN = (None, FIRST_COMPLETED, FIRST_EXCEPTION, ALL_COMPLETED)


class AsyncResult(Future):
    """The result of one call, of which a part comes from each engine it was sent to.

    `get()` waits for it and returns it: one object if the call named a single
    engine by its number (or was load-balanced), else a list with one per
    engine. It raises what the engines raised.

    What is known about the execution can be read as attributes or as items,
    also before the result is there: `msg_id`, `engine_id`, `status` ('ok',
    'error', 'aborted' or None), `submitted`, `started`, `completed`,
    `received`, `stdout`, `stderr`, `outputs`, `execute_result`, `error` (the
    exception that was raised, None if none was or none yet), `label` (the
    view's when it was asked for), `execute_input` (the code, of an `execute`),
    `follow` and `after` (the ids of what a task depends on), `is_broadcast` and
    `is_coalescing` (whether a BroadcastView sent it, and how), and `data` (what
    has been published so far, see `ipyparallel.datapub`). Each is one value, or
    a list with one per part, as the result is.

    It can be awaited inside asyncio, and given to `concurrent.futures.wait`
    and `as_completed`.
    """

    _label = None
    _execute_input = None
    _is_broadcast = _is_coalescing = False
    # What a task was sent with: a dict, if it depends on anything.
    _terms = None
    # The results of the parts, once somebody has split it.
    _split = None
    # The exceptions that were given out in the place of results, by the indices of their parts.
    _given_out = None
    # What the client remembers of it; see `memory.py`.
    _remembered = None
    # Whether it is the one that has its parts; see `Client.get_result`.
    owner = True

    def __init__(self, client, group, fname, method, single=False, return_exceptions=False):
        self._client = client
        self._group = group
        self._fname = fname
        self._method = method
        self._single_result = single
        self._return_exceptions = return_exceptions
        self._value = None
        self._settled = False

    def __reduce_ex__(self, protocol):
        raise TypeError("it belongs to the process of its client; get() gives what it holds")

    # Its errors were shown as they arrived.
    _errors_shown = False

    # -- waiting

    def get(self, timeout=None, return_exceptions=None, return_when=None):
        """Waits for the result and returns it.

        timeout: in seconds; None or a negative number waits for ever
        return_exceptions: if true, what engines raised is returned in its
            place in the result, instead of being raised
        return_when: 'FIRST_EXCEPTION' raises the first exception as soon as it
            is there; 'ALL_COMPLETED', 'FIRST_COMPLETED' and None wait for all
            parts, as the result is made of all of them

        Raises TimeoutError if it isn't there in time, RemoteError if the call
        failed on its one engine, CompositeError if it failed on at least one
        of several (what was cancelled raises one that is also a
        `concurrent.futures.CancelledError`), ValueError for another
        `return_when`, and KeyboardInterrupt after Ctrl-C.
        """
        if return_exceptions is None:
            return_exceptions = self._return_exceptions
        left = timeout
        if return_when is not None:
            left = self._raise_early(timeout, return_exceptions, return_when)
        if not self.wait(left):
            raise TimeoutError(
                f"no result of {self._fname} after {timeout} seconds:"
                f" {self._group.done()} of {len(self._group)} parts are there"
            )
        if return_exceptions:
            return self._join([self._part(index, True) for index in range(len(self._group))])
        if not self._settled:
            self._value = self._collect()
            self._settled = True
        return self._value

    def _raise_early(self, timeout, return_exceptions, return_when):
        """Waits as `return_when` says; raises the first exception, or returns the time left."""
        _check_return_when(return_when)
        if return_when == FIRST_EXCEPTION and not return_exceptions:
            done, pending = self.wait(timeout, return_when)
            if pending:
                for part in done:
                    part.get(0)
                return 0
        return timeout

    @property
    def r(self):
        """The result, waited for: `get()`."""
        return self.get()

    def wait(self, timeout=-1, return_when=None):
        """Waits until the result is there. Returns whether it is.

        timeout: in seconds; None or a negative number waits for ever
        return_when: 'FIRST_COMPLETED', 'FIRST_EXCEPTION' or 'ALL_COMPLETED':
            then it waits for that, and returns two sets of results of single
            parts, as `split` gives them: those that are there, and the others

        Raises ValueError for another `return_when`.
        """
        if timeout is not None:
            timeout = seconds(timeout)
        try:
            if return_when is None:
                is_there, remembered = self._group.wait(timeout), self._remembered
                if is_there and remembered is not None:
                    # From here on it alone keeps its values.
                    remembered[0] = None
                return is_there
            _check_return_when(return_when)
            return self._wait_for_some(timeout, return_when)
        except KeyboardInterrupt:
            offer_interrupt(self._client._connection, self._groups(), self._fname)
            raise

    def _wait_for_some(self, timeout, return_when):
        import time

        group, parts = self._group, self.split()
        deadline = None if timeout is None else time.monotonic() + timeout
        looked_at = 0
        while True:
            done = group.done()
            enough = done >= len(group) or (done > 0 and return_when == FIRST_COMPLETED)
            if return_when == FIRST_EXCEPTION and not enough:
                enough = any(not self._succeeded(group.order(k)) for k in range(looked_at, done))
                looked_at = done
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            if enough or left == 0.0:
                break
            group.wait(left, len(group) if return_when == ALL_COMPLETED else done + 1)
        finished = {group.order(k) for k in range(done)}
        there = {part for index, part in enumerate(parts) if index in finished}
        return there, set(parts) - there

    def ready(self):
        """Returns whether the result is there, successful or not."""
        return self._group.done() >= len(self._group)

    done = ready

    def successful(self):
        """Returns whether the call succeeded on every engine.

        Raises RuntimeError if the result isn't there yet.
        """
        if not self.ready():
            raise RuntimeError(f"the result of {self._fname} isn't there yet: wait() for it first")
        return all(map(self._succeeded, range(len(self._group))))

    def _succeeded(self, index):
        return self._group.metadata(index)["status"] == "ok"

    def result(self, timeout=None):
        """Returns what `get(timeout)` returns: the name that futures give it."""
        return self.get(timeout)

    def exception(self, timeout=None):
        """Waits for the result and returns what `get` would raise, or None.

        Raises TimeoutError if it isn't there in time.
        """
        if not self.wait(timeout):
            raise TimeoutError(f"{self._fname} is still under way after {timeout} seconds")
        try:
            self.get()
        except Exception as failure:
            return failure
        return None

    def abort(self):
        """Aborts the parts that have not started; they raise TaskAborted.

        What runs goes on. Raises RuntimeError if everything is done already.
        """
        if self.ready():
            raise RuntimeError(f"{self._fname} is done already and can't be aborted")
        self._abort_parts()

    def _abort_parts(self):
        return abort_parts(self._client._connection, self._group)

    def _cancel_parts(self):
        return cancel_parts(self._client._connection, self._group)

    def _groups(self):
        """Returns the native groups that the parts belong to."""
        return groups_of(self._group)

    def wait_interactive(self, interval=0.1, timeout=-1, widget=None, return_when=None):
        """Waits for the result and shows on stderr how far it is, with a bar on a terminal.

        interval: how often to look, in seconds
        timeout: in seconds; None or a negative number waits for ever
        widget: accepted for notebooks; there is no widget to show
        return_when: as in `wait`, and then returns what `wait` returns

        Raises TimeoutError if the result isn't there in time, ValueError for
        another `return_when`.
        """
        from .progress import watch_progress

        if return_when is None:
            watch_progress(self, interval, timeout)
            return None
        _check_return_when(return_when)
        watch_progress(self, interval, timeout, lambda: self._enough(return_when))
        return self.wait(0, return_when)

    def _enough(self, return_when):
        done = self._group.done()
        if return_when == FIRST_COMPLETED:
            return done > 0
        order = map(self._group.order, range(done))
        return return_when == FIRST_EXCEPTION and not all(map(self._succeeded, order))

    # -- parts

    @classmethod
    def join(cls, *results):
        """Returns the results as one, with all their parts: the inverse of `split`.

        Raises ValueError if there are none, TypeError for what is no AsyncResult.
        """
        if not results:
            raise ValueError("join takes at least one result")
        for result in results:
            if not isinstance(result, AsyncResult):
                raise TypeError(f"join takes AsyncResults, not {result!r}")
        first = results[0]
        if len(results) == 1:
            return first
        places = [place for result in results for place in result._places()]
        joined = AsyncResult(
            first._client, Parts(places), first._fname, first._method,
            return_exceptions=first._return_exceptions,
        )  # fmt: skip
        joined.owner = False
        return joined._described_as(first)

    def split(self):
        """Returns a tuple of results, one for each part of this one.

        What has only one part is its own. A part of a map is a list of its items.
        """
        if len(self._group) == 1:
            return (self,)
        if self._split is None:
            self._split = tuple(map(self._alone, self._places()))
        return self._split

    def _places(self):
        """Returns where its parts are, as pairs of a native group and an index."""
        if isinstance(self._group, Parts):
            return self._group.places
        return [(self._group, index) for index in range(len(self._group))]

    def _alone(self, place):
        part = AsyncResult(
            self._client, Parts([place]), self._fname, self._method,
            single=self._parts_are_single, return_exceptions=self._return_exceptions,
        )  # fmt: skip
        part.owner = False
        return part._described_as(self)

    def _again(self, group):
        """Returns another result of the same parts, which are found in this group."""
        again = AsyncResult(
            self._client, group, self._fname, self._method, self._single_result,
            self._return_exceptions,
        )  # fmt: skip
        return again._described_as(self)

    def _described_as(self, other):
        """Takes over what another result was asked for with, and returns itself."""
        self._label, self._execute_input = other._label, other._execute_input
        self._terms = other._terms
        self._is_broadcast, self._is_coalescing = other._is_broadcast, other._is_coalescing
        return self

    def _asked_with(self, key):
        """Returns what is known of how it was asked for."""
        if key not in ("follow", "after"):
            return getattr(self, "_" + key)
        dependency = self._terms.get(key) if isinstance(self._terms, dict) else None
        return list(dependency[0]) if dependency else []

    # Whether what a part gives is a result by itself.
    _parts_are_single = True

    def __len__(self):
        return len(self._group)

    def __iter__(self):
        """Yields the results in their order, each as soon as it is there.

        Raises TypeError if this is a single result, and CompositeError in
        place of the first result that failed.
        """
        if self._single_result:
            raise TypeError(f"the result of {self._fname} is a single one; get() returns it")
        return self._iterate(range(len(self._group)))

    def _iterate(self, indices):
        for index in indices:
            self._wait_for_part(index)
            yield self._part(index)

    def _wait_for_part(self, index):
        group = self._group
        if isinstance(group, Parts):
            self._interruptible(group.wait_for_part, index)
            return
        while True:
            # Counted before looking, so that a part that arrives between the
            # two makes the wait short instead of endless.
            done = group.done()
            if group.outcome(index) is not None:
                return
            self._interruptible(group.wait, None, done + 1)

    def _interruptible(self, wait, *args):
        try:
            wait(*args)
        except KeyboardInterrupt:
            offer_interrupt(self._client._connection, self._groups())
            raise

    def __getitem__(self, key):
        """Returns a result for a number, results for a slice, metadata for a name.

        Raises TimeoutError if results are asked for before all are there,
        KeyError for a name that isn't metadata.
        """
        if isinstance(key, str):
            if key not in _METADATA_KEYS:
                raise KeyError(key)
            if key in _ASKED_WITH:
                values = [self._asked_with(key) for _ in range(len(self._group))]
            elif key == "error":
                values = list(map(self._error, range(len(self._group))))
            else:
                values = [metadata_of(self._group, index, key) for index in range(len(self._group))]
            return values[0] if self._single_result else values
        if isinstance(key, (int, slice)):
            return self.get(0)[key]
        raise TypeError(f"a result is asked for by int, slice or str, not by {type(key).__name__}")

    def __getattr__(self, name):
        if name in _METADATA_KEYS:
            return self[name]
        raise AttributeError(f"AsyncResult has no attribute {name!r}")

    def __dir__(self):
        return sorted(_METADATA_KEYS.union(object.__dir__(self)))

    def __repr__(self):
        if not self.ready():
            state = "pending"
        else:
            state = "finished" if self.successful() else "failed"
        return f"<{type(self).__name__}({self._fname}): {state}>"

    def get_dict(self, timeout=-1):
        """Waits for the results and returns them as a dict by engine id.

        Of a map, each engine has the list of its own items.

        Raises what `get` raises, and ValueError if one engine has several parts.
        """
        self.get(timeout)
        indices = range(len(self._group))
        engine_ids = [metadata_of(self._group, index, "engine_id") for index in indices]
        by_engine = dict(zip(engine_ids, map(self._part, indices)))
        if len(by_engine) < len(engine_ids):
            raise ValueError("an engine has several parts of this result: take get(), a list")
        return by_engine

    @property
    def result_dict(self):
        """The results as a dict by engine id, waited for: `get_dict()`."""
        return self.get_dict()

    # -- what is known about the execution

    @property
    def msg_ids(self):
        """The ids of the parts, as strings."""
        return self._group.msg_ids

    @property
    def metadata(self):
        """All that is known: a dict with attribute access, or a list with one per part."""
        parts = [metadata_of(self._group, index) for index in range(len(self._group))]
        for index, part in enumerate(parts):
            part.update({key: self._asked_with(key) for key in _ASKED_WITH}, error=self._error(index))
        return parts[0] if self._single_result else parts

    @property
    def sent(self):
        """True: objects are copied before a call returns, so they may be changed at once."""
        return True

    def wait_for_send(self, timeout=-1):
        """Returns at once; see `sent`."""

    def wait_for_output(self, timeout=-1):
        """Waits like `wait`: output arrives before the result that it belongs to."""
        return self.wait(timeout)

    @property
    def progress(self):
        """How many of the `len(result)` results are there."""
        return self._group.done()

    @property
    def elapsed(self):
        """Seconds since it was submitted, or until it was received if it is there."""
        if self.ready():
            return self.wall_time
        import time

        return time.time() - min(self._stamps("submitted"))

    def _waited_s(self):
        """Returns the seconds since its first part was submitted."""
        import time

        return time.time() - self._group.metadata(0)["submitted"] if len(self._group) else 0.0

    @property
    def serial_time(self):
        """Seconds that all parts took on their engines, together.

        Raises TimeoutError if the result isn't there yet.
        """
        self._check_ready()
        return sum(
            completed - started
            for started, completed in zip(self._all("started"), self._all("completed"))
            if started is not None and completed is not None
        )

    @property
    def wall_time(self):
        """Seconds from the submission to the arrival of the last part.

        Raises TimeoutError if the result isn't there yet.
        """
        self._check_ready()
        if not len(self._group):
            return 0.0
        return max(self._stamps("received")) - min(self._stamps("submitted"))

    @property
    def speedup(self):
        """How many times longer the parts took together than the waiting for them did.

        Raises TimeoutError if the result isn't there yet.
        """
        wall_time = self.wall_time
        return self.serial_time / wall_time if wall_time else 1.0

    def timedelta(self, start, end, start_key=min, end_key=max):
        """Returns the seconds between two times or lists of times, such as
        `result.timedelta(result.started, result.completed)`.

        `start_key` and `end_key` choose one from a list.
        """
        start = start_key(start) if isinstance(start, (list, tuple)) else start
        end = end_key(end) if isinstance(end, (list, tuple)) else end
        return (end - start).total_seconds()

    def _all(self, key):
        metadata = self._group.metadata
        return [metadata(index)[key] for index in range(len(self._group))]

    def _stamps(self, key):
        return [stamp for stamp in self._all(key) if stamp is not None]

    def _check_ready(self):
        if not self.ready():
            raise TimeoutError(f"the result of {self._fname} isn't there yet: wait() for it first")

    def display_outputs(self, groupby="type", result_only=False):
        """Waits, then shows what the engines printed and displayed, labelled by engine.

        What came of a single engine is shown as it was written, without labels.

        groupby: 'type' (all stdout, then all stderr, …), 'engine' (all of one
            engine, then all of the next) or 'order' (like 'type', but the
            first display of each engine comes before the second of any)
        result_only: shows only the value of the last expression

        Raises ValueError for any other `groupby`.
        """
        from .output import display_outputs

        self.wait()
        display_outputs(self._group, groupby, result_only, labelled=not self._single_result)

    def stream_output(self):
        """Shows what the engines print and display as it comes, within a `with` block.

        What came before is shown at its begin. Errors are shown as they arrive.
        """
        from .output import StreamedOutput

        return StreamedOutput(self)

    # -- from parts to the result

    def _collect(self):
        """Returns the result of a finished group, or raises why there is none."""
        outcomes = list(map(self._group.outcome, range(len(self._group))))
        failed = [index for index, outcome in enumerate(outcomes) if not outcome[0]]
        if failed:
            raise self._failure(failed)
        if self._method == "execute":
            values = [ExecuteReply(self._group, index) for index in range(len(outcomes))]
        else:
            values = [outcome[1] for outcome in outcomes]
        return self._join(values)

    def _join(self, values):
        return values[0] if self._single_result else values

    def _part(self, index, return_exceptions=False):
        """Returns the value of one finished part; raises or returns its exception."""
        outcome = self._group.outcome(index)
        if outcome[0]:
            if self._method == "execute":
                return ExecuteReply(self._group, index)
            return self._told_where(index, outcome[1])
        if return_exceptions:
            return self._error(index)
        raise self._failure([index])

    def _told_where(self, index, value):
        """Returns the value of a part; errors among the items of a map get to know their engine."""
        if self._return_exceptions and self._method == "map":
            from .caught import tell_engine

            tell_engine(value, self._group.metadata(index)["engine_id"])
        return value

    def _exception(self, index):
        engine_id = self._group.metadata(index)["engine_id"]
        kind, exception, message, traceback = self._group.outcome(index)[1:5]
        connection = self._client._connection
        if isinstance(connection, ClosedConnection):
            message = connection.said_of(exception, message)
        return error.from_failure(kind, exception, message, traceback, engine_id, self._method)

    def _error(self, index):
        """Returns the exception of a part, None if it succeeded or isn't there yet.

        It is the same one whenever it is asked for.
        """
        outcome = self._group.outcome(index)
        if outcome is None or outcome[0]:
            return None
        if self._given_out is None:
            self._given_out = {}
        if index not in self._given_out:
            self._given_out[index] = self._exception(index)
        return self._given_out[index]

    def _failure(self, indices):
        """Returns the exception that stands for these failed parts."""
        failure = self._failure_of(indices)
        if self._errors_shown:
            failure._is_shown = True
        return error.as_cancelled(failure) if self.cancelled() else failure

    def _failure_of(self, indices):
        exceptions = [self._exception(index) for index in indices]
        if self._single_result or isinstance(exceptions[0], error.NoEnginesRegistered):
            return exceptions[0]
        elist = []
        for exception in exceptions:
            if isinstance(exception, error.RemoteError):
                where = exception.engine_info
                elist.append((exception.ename, exception.evalue, exception.traceback, where))
            else:
                elist.append((type(exception).__name__, str(exception), "", {}))
        return error.CompositeError(f"one or more exceptions raised in: {self._fname}", elist)


class AsyncMapResult(AsyncResult):
    """The result of a map or of a gather: a list put together from parts.

    It can be iterated at any time and then yields each item as soon as it is
    there: in the order of the input, or as they arrive if `ordered` is false.
    `len`, `progress` and indexing count items, not parts.
    """

    def __init__(
        self, client, group, fname, method, sizes=None, joiner=None, ordered=True,
        return_exceptions=False,
    ):  # fmt: skip
        AsyncResult.__init__(self, client, group, fname, method, False, return_exceptions)
        # How many items each part has; None if it is one in each.
        self._sizes = sizes
        # Puts parts together that aren't lists of items; None if they are.
        self._joiner = joiner
        self.ordered = ordered

    _parts_are_single = False

    def _again(self, group):
        again = AsyncMapResult(
            self._client, group, self._fname, self._method, self._sizes, self._joiner, self.ordered,
            self._return_exceptions,
        )  # fmt: skip
        return again._described_as(self)

    def __len__(self):
        return len(self._group) if self._sizes is None else sum(self._sizes)

    @property
    def progress(self):
        """How many of the `len(result)` items are there."""
        done = self._group.done()
        if self._sizes is None:
            return done
        return sum(self._sizes[self._group.order(position)] for position in range(done))

    def __iter__(self):
        """Yields the items as they arrive, in their order if `ordered` is true.

        Raises CompositeError in place of the first part that failed, unless
        the map returns exceptions.
        """
        if self._joiner is not None:
            return iter(self.get())
        return self._items()

    def _items(self):
        for position in range(len(self._group)):
            if self.ordered:
                index = position
                self._wait_for_part(index)
            else:
                self._interruptible(self._group.wait, None, position + 1)
                index = self._group.order(position)
            yield from self._part(index, self._return_exceptions)
        self.wait(0)

    def _collect(self):
        if self._joiner is not None:
            return AsyncResult._collect(self)
        outcomes = list(map(self._group.outcome, range(len(self._group))))
        items = []
        extend = items.extend
        for index, outcome in enumerate(outcomes):
            if not outcome[0]:
                raise self._failure([i for i, each in enumerate(outcomes) if not each[0]])
            extend(self._told_where(index, outcome[1]))
        return error.collect_exceptions(items, self._fname) if self._return_exceptions else items

    def _join(self, values):
        if self._joiner is not None:
            return self._joiner(values)
        return [item for part in values for item in part]

    def _part(self, index, return_exceptions=False):
        value = AsyncResult._part(self, index, return_exceptions)
        if self._joiner is None and isinstance(value, error.KernelError):
            # A part that failed as a whole stands for each of its items.
            return [value] * (1 if self._sizes is None else self._sizes[index])
        return value


def _check_return_when(return_when):
    if return_when not in _RETURN_WHEN:
        known = ", ".join(map(str, _RETURN_WHEN))
        raise ValueError(f"return_when must be one of {known}, not {return_when!r}")


def __getattr__(name):
    # A program that never looks into the task store doesn't pay for what does.
    if name != "AsyncHubResult":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .hub import AsyncHubResult

    return AsyncHubResult
