"""A view whose calls are one message, however many engines it names.

The controller passes a call on to all engines, and their replies come back as
one message and one result, in the order of the targets. Maps and scattered
sequences have a part of their own for each engine, and go as those of a
DirectView.
"""

from .view import DirectView


class BroadcastView(DirectView):
    """Addresses many engines at once: `client.broadcast_view()` makes one.

    is_coalescing: whether the replies of all engines come together, when the
        last one is there; else each comes by itself. What they print comes as
        it is printed in any case.
    """

    def __init__(self, client, targets="all", is_coalescing=False, **flags):
        DirectView.__init__(self, client, targets, **flags)
        self.is_coalescing = is_coalescing

    @property
    def is_coalescing(self):
        return self._manner[1]

    @is_coalescing.setter
    def is_coalescing(self, is_coalescing):
        self._manner = (self._manner[0], bool(is_coalescing))

    def apply_async(self, f, /, *args, **kwargs):
        """Calls `f(*args, **kwargs)` on the engines and returns an AsyncResult at once."""
        return self._marked(DirectView.apply_async(self, f, *args, **kwargs))

    def _deliver(self, result, block):
        return DirectView._deliver(self, self._marked(result), block)

    def _marked(self, result):
        result._is_broadcast, result._is_coalescing = True, self.is_coalescing
        return result
