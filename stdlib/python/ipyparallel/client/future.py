"""An AsyncResult as a future: callbacks, `await`, `concurrent.futures`, `asyncio`.

A future tells others when it is finished; a group only answers who waits for
it. Between the two stands one thread per client, which exists while somebody
wants to be told: the `Watcher`. An AsyncResult that is only waited for never
meets it, nor the modules of the standard library that know futures, which take
longer to import than a cluster takes to start.

What `concurrent.futures.wait` and `as_completed` look at in a future
(`_condition`, `_state`, `_waiters`) is made when they first look.
"""

import sys
from _thread import allocate_lock, start_new_thread

# The states that `concurrent.futures` knows, of which a future here has three.
_RUNNING = "RUNNING"
_CANCELLED = "CANCELLED_AND_NOTIFIED"
_FINISHED = "FINISHED"

# How long the watcher waits for groups before it looks at those added meanwhile.
_LOOK_INTERVAL_S = 0.005

# Beyond this many, the watcher looks from time to time in place of being woken
# by each: being woken costs a look at all of them, and holds up who files results.
_WOKEN_COUNT_MAX = 256

# Looking at all must not take more than this share of a processor.
_LOOK_SHARE_MAX = 0.2

# How often the watcher looks at what was locked when it was to be told.
_LOOK_INTERVAL_LOCKED_S = 0.02

# How long the watcher's thread stays without anything to watch.
_IDLE_S = 5.0


class Future:
    """What of an AsyncResult is a future; see `AsyncResult`."""

    # Made when somebody first wants to be told.
    _future = None
    _cancelled = False
    # Something of it was interrupted, and is about to end.
    _is_stopped = False

    @property
    def __class__(self):
        # A program that asks `isinstance(result, concurrent.futures.Future)`
        # has imported that class; nobody else pays for it.
        if "concurrent.futures" in sys.modules:
            return _future_class(type(self))
        return type(self)

    # -- what a future can be asked

    def add_done_callback(self, fn):
        """Calls `fn(self)` when the result is there, at once if it is there already.

        It is called in a thread of the client. It may call `get`. What it
        raises is shown on stderr.
        """
        state = self._as_future()
        with state.condition:
            if state.name == _RUNNING:
                state.callbacks.append(fn)
                return
        _call(fn, self)

    def running(self):
        """Returns whether the result is still to come."""
        return not self.ready()

    def cancel(self):
        """Aborts what of it has not started, and stops what has. Returns whether that is all of it.

        What runs is interrupted, on its engine alone, which goes on with the
        next. If it doesn't end within some seconds its engine is killed, and
        another one is started in its place.

        Getting the result of what was cancelled raises TaskAborted (a
        CompositeError of it, of several parts) that is also a
        `concurrent.futures.CancelledError`; of what ends by itself meanwhile it
        is the result.
        """
        if self.cancelled() or self.ready():
            return self.cancelled()
        aborted, stopped = self._cancel_parts()
        self._is_stopped = stopped > 0
        if aborted == len(self._group):
            # The answers arrive before that to the abort, or right behind it.
            self._group.wait(None)
            self._cancelled = True
        return aborted + stopped == len(self._group)

    def cancelled(self):
        """Returns whether `cancel` has ended all of it."""
        if self._is_stopped and self.ready():
            statuses = (self._group.metadata(index)["status"] for index in range(len(self._group)))
            self._is_stopped, self._cancelled = False, all(name == "aborted" for name in statuses)
        return self._cancelled

    def __await__(self):
        """Waits inside asyncio, letting the event loop go on, and returns what `get` returns.

        If the waiting task is cancelled, what has not started is aborted.
        """
        if not self.ready():
            import asyncio

            loop = asyncio.get_running_loop()
            arrival = loop.create_future()

            def tell(_):
                try:
                    loop.call_soon_threadsafe(_resolve, arrival)
                except RuntimeError:
                    pass  # the loop was closed: nobody waits any more

            self.add_done_callback(tell)
            try:
                yield from arrival
            except asyncio.CancelledError:
                if not self.ready():
                    self._abort_parts()
                raise
        return self.get()

    # -- what concurrent.futures looks at

    @property
    def _condition(self):
        return self._as_future().condition

    @property
    def _state(self):
        return self._as_future().name

    @property
    def _waiters(self):
        return self._as_future().waiters

    def _as_future(self):
        state = self._future
        if state is None:
            # One step, of which no lock is left behind.
            state = self.__dict__.setdefault("_future", _State())
        if not state.is_watched:
            if self.ready():
                self._tell_finished()
            else:
                self._client._watcher().add(self)
            state.is_watched = True
        return state

    def _tell_finished(self, waits=True):
        """Tells all who want to know that the result is there. Returns whether it has.

        waits: whether it waits for who has the result's lock
        """
        state = self._future
        if not state.condition.acquire(waits):
            return False
        try:
            if state.name != _RUNNING:
                return True
            state.name = _CANCELLED if self.cancelled() else _FINISHED
            for waiter in state.waiters:
                if self._cancelled:
                    waiter.add_cancelled(self)
                elif self.successful():
                    waiter.add_result(self)
                else:
                    waiter.add_exception(self)
            callbacks, state.callbacks = state.callbacks, []
            state.condition.notify_all()
        finally:
            state.condition.release()
        for callback in callbacks:
            _call(callback, self)
        return True


class _State:
    """What a future keeps for those who want to be told."""

    def __init__(self):
        import threading

        self.condition = threading.Condition()
        self.name = _RUNNING
        # Whether it is seen to that it is told.
        self.is_watched = False
        self.waiters = []
        self.callbacks = []


class Watcher:
    """The thread of a client that tells results that they are there.

    It keeps what it watches alive, and ends when there is nothing to watch. Who adds a result takes
    no lock, so that Ctrl-C can't leave one locked; two threads at once are no harm.

    A result whose lock somebody has is told later: Ctrl-C in the midst of `concurrent.futures.wait` or
    `as_completed` may leave it locked for ever, and others want to be told all the same.
    """

    def __init__(self, connection):
        self._connection = connection
        self._added = []
        self._runs = False
        # Released for each that is added.
        self._news = allocate_lock()
        self._news.acquire()

    def add(self, result):
        """Watches a result until it is there."""
        self._added.append(result)
        if not self._runs:
            start_new_thread(self._run, ())
            self._runs = True
        elif self._news.locked():
            try:
                self._news.release()
            except RuntimeError:
                pass  # another thread has done so

    def _run(self):
        import time

        self._runs = True
        watched, locked, added = [], [], self._added
        while True:
            if not (watched or added):
                self._news.acquire(timeout=_LOOK_INTERVAL_LOCKED_S if locked else _IDLE_S)
            if not (watched or added or locked):
                self._runs = False
                # Who has added one before that relies on this thread.
                if not added:
                    return
                self._runs = True
            while added:
                try:
                    watched.append(added.pop(0))
                except IndexError:
                    break  # another thread watches it
            begun = time.monotonic()
            unfinished = []
            finished = []
            for result in watched:
                (finished if result.ready() else unfinished).append(result)
            took_s = time.monotonic() - begun
            watched = unfinished
            locked = [result for result in locked + finished if not result._tell_finished(waits=False)]
            # Nothing here may keep a result that has been told.
            result = finished = unfinished = None
            if len(watched) > _WOKEN_COUNT_MAX:
                time.sleep(max(_LOOK_INTERVAL_S, took_s / _LOOK_SHARE_MAX))
            elif watched:
                groups = [group for result in watched for group in result._groups()]
                result = None
                self._connection.wait_any(groups, _LOOK_INTERVAL_S)
                groups = None


def _resolve(arrival):
    if not arrival.done():
        arrival.set_result(None)


def _call(callback, result):
    try:
        callback(result)
    except Exception:
        import traceback

        print(f"a callback of {result!r} failed:", file=sys.stderr)
        traceback.print_exc()


_future_classes = {}


def _future_class(cls):
    """Returns a class that is both this one and `concurrent.futures.Future`, to be asked about."""
    found = _future_classes.get(cls)
    if found is None:
        from concurrent.futures import Future as StandardFuture

        found = _future_classes[cls] = type(cls.__name__, (cls, StandardFuture), {})
    return found


# -- futures of others


def told_apart(jobs):
    """Returns what of these a client can be asked for, and the futures that are somebody else's."""
    if all(isinstance(job, (str, int, Future)) for job in jobs):
        return jobs, []
    from concurrent.futures import Future as Standard

    own, others = [], []
    for job in jobs:
        is_other = isinstance(job, Standard) and not isinstance(job, Future)
        (others if is_other else own).append(job)
    return own, others


def wait_for_futures(futures, timeout):
    """Waits for futures of others. Returns whether all of them are over."""
    from concurrent.futures import wait

    return not wait(futures, timeout).not_done


def over():
    """Returns the Future of what is over, and has given None."""
    from concurrent.futures import Future as Standard

    future = Standard()
    future.set_result(None)
    return future


def in_future(call, *args, **kwargs):
    """Makes a call on a thread of its own and returns its Future."""
    from concurrent.futures import Future as Standard
    from threading import Thread

    future = Standard()

    def run():
        try:
            future.set_result(call(*args, **kwargs))
        except BaseException as failure:
            future.set_exception(failure)

    future.set_running_or_notify_cancel()
    Thread(target=run, daemon=True).start()
    return future
