"""What is left of a client's connection once the client has closed it.

The native connection only knows that it is over, as it is when the controller
ends. Who closed it is known here, and said wherever it is used again.
"""

# What became of what had not ended when the client was closed.
_PENDING = (
    "this client was closed before the result was there; with a task store another client"
    " finds it by its id: Client().get_result(msg_id)"
)

# What looks only at what has arrived, and what there is to wait for, which is over.
_ANSWERED = frozenset(
    (
        "client_id", "cluster_file", "cluster_id", "departures", "notices_since", "session",
        "wait", "wait_any", "wait_notice",
    )
)  # fmt: skip


class ClosedConnection:
    """Stands in the place of the connection of a client that was closed.

    connection: what it was
    """

    closed = True

    def __init__(self, connection):
        self._connection = connection
        # What was filed before is not the client's doing.
        self._was_over = connection.closed

    def engines(self):
        """Returns that there are none that this client could ask anything of."""
        return []

    def close(self):
        """Does nothing more."""

    def said_of(self, exception, message):
        """Returns the message of a part that failed, which says so if it was for the closing."""
        is_for_it = exception == "ConnectionError" and not self._was_over
        return _PENDING if is_for_it else message

    def __getattr__(self, name):
        if name in _ANSWERED:
            return getattr(self._connection, name)
        if name[:1] == "_":
            raise AttributeError(name)
        raise refusal()


def refusal():
    """Returns the exception for whoever uses a client that was closed."""
    return RuntimeError(
        "this client was closed, and can't be used any more; if the cluster still runs, Client()"
        " connects anew"
    )
