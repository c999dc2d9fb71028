"""A view whose calls are one message, however many engines it names.

The controller passes a call on to all engines; their replies come back as one
result, in the order of the targets. Maps and scattered sequences have a part
of their own for each engine, and go as those of a DirectView.
"""

from .view import DirectView


class BroadcastView(DirectView):
    """Addresses many engines at once: `client.broadcast_view()` makes one.

    is_coalescing: accepted for scripts; replies are one result in any case
    """

    def __init__(self, client, targets="all", is_coalescing=False, **flags):
        self.is_coalescing = bool(is_coalescing)
        DirectView.__init__(self, client, targets, **flags)
