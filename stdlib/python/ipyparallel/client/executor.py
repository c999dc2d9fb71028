"""A view as a `concurrent.futures.Executor`: for programs that know that interface.

Its futures are AsyncResults. Imported only where somebody asks for one.
"""

from concurrent.futures import Executor

from .checks import whole
from .interruption import offer_interrupt


class ViewExecutor(Executor):
    """An Executor whose calls go through a view; engines are never stopped by it.

    A `with` block waits at its end for what was asked for in it. Ctrl-C stops that, too, or asks first
    on a terminal.

    view: where calls go
    """

    def __init__(self, view):
        self.view = view
        self._pending = []
        self._pending_max = 16
        self._over = False

    def submit(self, fn, /, *args, **kwargs):
        """Calls `fn(*args, **kwargs)` and returns its AsyncResult, which is a Future.

        Raises RuntimeError after `shutdown`.
        """
        self._check_open()
        result = self.view.apply_async(fn, *args, **kwargs)
        self._note(result)
        return result

    def _note(self, result):
        self._pending.append(result)
        if len(self._pending) > self._pending_max:
            self._look_through()

    def map(self, func, *iterables, timeout=None, chunksize=1, buffersize=None, **options):
        """Returns an iterator over `func` of each item, which takes its input as it goes.

        timeout: in seconds from this call on; the iterator raises TimeoutError after it
        chunksize: how many items make one task, on a load-balanced view; then
            all of the input is taken at once
        buffersize: how many calls are under way at most; None means no limit
        options: those of the view's `imap`

        Raises ValueError unless `chunksize` and `buffersize` are at least 1.
        """
        self._check_open()
        whole("chunksize", chunksize, 1, None)
        if buffersize is not None:
            whole("buffersize", buffersize, 1, None)
        if timeout is None and chunksize == 1 and hasattr(self.view, "retries"):
            options.setdefault("max_outstanding", buffersize or 0)
            return self.view._imap(func, iterables, note=self._note, **options)
        if chunksize > 1:
            options["chunksize"] = chunksize
        result = self.view.map_async(func, *iterables, **options)
        self._note(result)
        return iter(result) if timeout is None else _in_time(result, timeout)

    def shutdown(self, wait=True, *, cancel_futures=False):
        """Takes no more calls; waits for those that it took.

        cancel_futures: aborts those that have not started
        """
        self._over = True
        self._look_through()
        connection = self.view._connection
        groups = [result._group for result in self._pending]
        if cancel_futures and groups:
            for result in self._pending:
                # It was cancelled if that is how it ends.
                result._is_stopped = True
            connection.abort(groups, [])
        if wait and groups:
            try:
                connection.wait(groups, None)
            except KeyboardInterrupt:
                offer_interrupt(connection, groups)
                raise

    def __exit__(self, kind, failure, traceback):
        if kind is not None and issubclass(kind, KeyboardInterrupt):
            self._look_through()
            offer_interrupt(self.view._connection, [result._group for result in self._pending])
        return Executor.__exit__(self, kind, failure, traceback)

    def _check_open(self):
        if self._over:
            raise RuntimeError("this executor was shut down: it takes no more calls")

    def _look_through(self):
        self._pending = [result for result in self._pending if not result.ready()]
        self._pending_max = max(16, 2 * len(self._pending))


def _in_time(result, timeout):
    import time

    deadline = time.monotonic() + timeout
    for position in range(len(result._group)):
        if not result._group.wait(max(0.0, deadline - time.monotonic()), position + 1):
            raise TimeoutError(f"not all of {result._fname} was there after {timeout} seconds")
    yield from result
