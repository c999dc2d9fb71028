"""A map over input that may never end: `LoadBalancedView.imap`.

Input is taken in the thread that asks for results, and only when there is room
for another task: nothing runs behind the caller's back.
"""

from .interruption import offer_interrupt


class LazyMapIterator:
    """Yields the results of a lazy map.

    The first tasks are submitted when it is made, one more for each result
    that is taken.
    """

    def __init__(self, view, f, calls, ordered, limit, return_exceptions, note=None):
        from collections import deque

        self._view = view
        self._f = f
        self._calls = calls
        self._ordered = ordered
        self._limit = limit
        self._return_exceptions = return_exceptions
        # Called with each result that is asked for.
        self._note = note
        # What taking the input raised.
        self._failure = None
        # In the order of the input; those that were found finished are moved
        # to `_finished` where results are taken as they arrive.
        self._pending = deque()
        self._finished = deque()
        self._submit()

    def cancel(self):
        """Takes no more input. What is under way still yields its results."""
        self._calls = None

    def close(self):
        """Takes no more input, and aborts what has not started. Nothing is yielded any more."""
        self._calls = self._failure = None
        groups = [result._group for result in self._pending if not result.ready()]
        self._pending.clear()
        self._finished.clear()
        if groups:
            self._view._connection.abort(groups, [])

    def __iter__(self):
        return self

    def __next__(self):
        self._submit()
        if not (self._pending or self._finished):
            failure, self._failure = self._failure, None
            raise StopIteration if failure is None else failure
        if self._ordered:
            self._interruptible(self._pending[0]._group.wait)
            result = self._pending.popleft()
        else:
            result = self._first_finished()
        return result.get(return_exceptions=self._return_exceptions)

    def _submit(self):
        while self._calls is not None and not (0 < self._limit <= self._under_way()):
            try:
                arguments = next(self._calls)
            except StopIteration:
                self._calls = None
                return
            except Exception as failure:
                # What was taken before comes first.
                self._calls, self._failure = None, failure
                return
            result = self._view.apply_async(self._f, *arguments)
            self._pending.append(result)
            if self._note is not None:
                self._note(result)

    def _under_way(self):
        return len(self._pending) + len(self._finished)

    def _first_finished(self):
        """Waits until some task has finished and takes it out.

        All that have finished are found at one look, so that looking costs
        little however many there are.
        """
        while not self._finished:
            unfinished = type(self._pending)()
            for result in self._pending:
                (self._finished if result.ready() else unfinished).append(result)
            self._pending = unfinished
            if not self._finished:
                self._wait_for_any()
        return self._finished.popleft()

    def _wait_for_any(self):
        groups = [result._group for result in self._pending]
        self._interruptible(self._view._connection.wait_any, groups)

    def _interruptible(self, wait, *args):
        """Waits; Ctrl-C stops all that is under way."""
        try:
            wait(*args, None)
        except KeyboardInterrupt:
            offer_interrupt(self._view._connection, [result._group for result in self._pending])
            raise
