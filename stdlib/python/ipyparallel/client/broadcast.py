"""A view whose calls go out as a tree, however many engines it names.

A call is one message to the controller, one from there to each host, and each
host passes it on to its engines. Replies come back as one result, in the order
of the targets. Maps and scattered sequences have a part of their own for each
engine, and go as those of a DirectView; so does what has to wait for an engine
that is busy with as much as it may be sent.
"""

from .view import DirectView


class BroadcastView(DirectView):
    """Addresses many engines at once: `client.broadcast_view()` makes one.

    On one machine a DirectView is as fast or faster; where engines are many, or
    other clients shouldn't wait for a large call to go out, this costs the
    controller one message for each host instead of one for each engine.

    is_coalescing: whether the replies of all engines come together, when the
        last one is there; else each comes by itself. What they print comes as
        it is printed in any case.
    """

    _manner = (True, False, True)

    def __init__(self, client, targets="all", is_coalescing=False, **flags):
        DirectView.__init__(self, client, targets, **flags)
        self.is_coalescing = is_coalescing

    @property
    def is_coalescing(self):
        return self._manner[1]

    @is_coalescing.setter
    def is_coalescing(self, is_coalescing):
        self._manner = (self._manner[0], bool(is_coalescing), True)

    def apply_async(self, f, /, *args, **kwargs):
        """Calls `f(*args, **kwargs)` on the engines and returns an AsyncResult at once."""
        return self._marked(DirectView.apply_async(self, f, *args, **kwargs))

    def _deliver(self, result, block):
        return DirectView._deliver(self, self._marked(result), block)

    def _marked(self, result):
        result._is_broadcast, result._is_coalescing = True, self.is_coalescing
        return result
