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

    def __init__(self, view, f, calls, ordered, limit, return_exceptions):
        self._view = view
        self._f = f
        self._calls = calls
        self._ordered = ordered
        self._limit = limit
        self._return_exceptions = return_exceptions
        self._pending = []
        self._submit()

    def cancel(self):
        """Takes no more input. What is under way still yields its results."""
        self._calls = None

    def __iter__(self):
        return self

    def __next__(self):
        self._submit()
        if not self._pending:
            raise StopIteration
        result = self._pending.pop(0 if self._ordered else self._first_finished())
        return result.get(return_exceptions=self._return_exceptions)

    def _submit(self):
        while self._calls is not None and not (0 < self._limit <= len(self._pending)):
            try:
                arguments = next(self._calls)
            except StopIteration:
                self._calls = None
                return
            self._pending.append(self._view.apply_async(self._f, *arguments))

    def _first_finished(self):
        """Waits until some task has finished and returns its position."""
        while True:
            for position, result in enumerate(self._pending):
                if result.ready():
                    return position
            self._wait_for_any()

    def _wait_for_any(self):
        groups = [result._group for result in self._pending]
        try:
            self._view._connection.wait_any(groups, None)
        except KeyboardInterrupt:
            offer_interrupt(self._view._connection, groups)
            raise
