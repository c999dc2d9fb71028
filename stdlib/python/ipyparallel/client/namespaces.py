"""Results of what is done with whole namespaces: checkpointed, restored, copied.

A checkpoint of several engines is a part for each in the store, `name@2` of
engine 2; of an engine addressed by its id, one that isn't in parts. Which part
goes where when it is restored is decided here; `view.py` sends it.
"""

from threading import Event, Thread

import _rhumba
from rhumba.namespace import Left, _saved

from .asyncresult import AsyncResult
from .interruption import offer_interrupt
from .parts import Parts

# How long a wait takes at most to notice a Ctrl-C, in seconds.
_SLICE_S = 0.02


class NamespaceResult(AsyncResult):
    """The result of a checkpoint (a Saved for each engine) or of a restore (names for each)."""

    def __init__(self, client, group, fname, single, kept_parts=None):
        AsyncResult.__init__(self, client, group, fname, fname, single)
        # The name and the parts that make up the checkpoint once all is written.
        self._kept_parts = kept_parts

    @property
    def left_out(self):
        """What it goes without, for each engine a list of `rhumba.namespace.Left`; waits for the result."""
        self.wait()
        parts = [AsyncResult._part(self, index, True) for index in range(len(self))]
        return [[Left(*each) for each in part["left_out"]] if isinstance(part, dict) else [] for part in parts]

    def _collect(self):
        value = AsyncResult._collect(self)
        if self._kept_parts is not None:
            self._client._connection.keep_parts(*self._kept_parts)
        return value

    def _join(self, values):
        return AsyncResult._join(self, [self._told(value) for value in values])

    def _part(self, index, return_exceptions=False):
        return self._told(AsyncResult._part(self, index, return_exceptions))

    def _alone(self, place):
        part = NamespaceResult(self._client, Parts([place]), self._fname, True)
        return part._described_as(self)

    def _told(self, value):
        if not isinstance(value, dict):
            return value
        return value["names"] if self._fname == "restore" else _saved(value)


class TransferResult(NamespaceResult):
    """The result of copying or moving a namespace: a Saved for each engine that has it now.

    It takes several steps, each of which waits for the one before. A thread
    sees to that, so that it goes on whether anybody waits for it or not.
    """

    def __init__(self, client, fname, source, targets, single, partial):
        connection = client._connection
        group = connection.submit_take(source, partial)
        NamespaceResult.__init__(self, client, group, fname, single)
        self._source = source
        self._targets = targets
        self._failure_of_step = None
        self._over = Event()
        client._watch(group)
        client._transfers.add(self)
        Thread(target=self._proceed, daemon=True).start()

    def _proceed(self):
        client, taken = self._client, self._group
        try:
            taken.wait(None)
            if taken.metadata(0)["status"] == "ok":
                put = client._connection.submit_put(self._targets, taken)
                client._watch(put)
                self._group = put
                put.wait(None)
                if self._fname == "move_to" and put.metadata(0)["status"] == "ok":
                    self._clear_source()
        except BaseException as failure:
            self._failure_of_step = failure
        finally:
            self._over.set()
            client._transfers.discard(self)

    def _clear_source(self):
        cleared = self._client._connection.submit_clear([self._source])
        cleared.wait(None)
        if cleared.metadata(0)["status"] != "ok":
            self._group = cleared

    def wait(self, timeout=-1, return_when=None):
        """Waits until the result is there; see `AsyncResult.wait`."""
        from time import monotonic

        if return_when is not None:
            # Its parts are there only when it is over, all together.
            self.wait(timeout)
            return NamespaceResult.wait(self, 0, return_when)

        end = None if timeout is None or timeout < 0 else monotonic() + timeout
        try:
            while not self._over.is_set():
                left = _SLICE_S if end is None else min(_SLICE_S, end - monotonic())
                if left <= 0:
                    return False
                self._over.wait(left)
        except KeyboardInterrupt:
            offer_interrupt(self._client._connection, [self._group], self._fname)
            raise
        return True

    def ready(self):
        """Returns whether the result is there, successful or not."""
        return self._over.is_set()

    done = ready

    def __len__(self):
        return len(self._targets)

    def _wait_for_part(self, index):
        self.wait()

    def _collect(self):
        if self._failure_of_step is not None:
            raise self._failure_of_step
        return NamespaceResult._collect(self)


def checkpoint_names(name, ids, single):
    """Returns what each engine's namespace is called in the store, and the parts there are then."""
    if not isinstance(name, str):
        raise TypeError(f"a checkpoint's name is a str, not {type(name).__name__}")
    _rhumba.check_checkpoint_name(name)
    if single:
        return [name], (name, [None])
    return [f"{name}@{engine}" for engine in ids], (name, list(ids))


def parts_to_restore(connection, name, ids):
    """Returns what each of these engines gets of a checkpoint, in their order.

    Raises LookupError if there is no such checkpoint, ValueError if it has
    parts, not as many as there are engines, and none of some of these.
    """
    parts = connection.checkpoint_parts(name)
    if len(parts) == 1:
        return [parts[0][0]] * len(ids)
    own = {engine: stored for stored, engine in parts}
    if len(parts) != len(ids) and all(engine in own for engine in ids):
        return [own[engine] for engine in ids]
    if len(parts) != len(ids):
        engines = ", ".join(str(engine) for _, engine in parts)
        raise ValueError(
            f"the checkpoint {name!r} has {len(parts)} parts, of the engines {engines}, and can't"
            f" be restored on {len(ids)}: name as many engines, or one part, {parts[0][0]!r}"
        )
    given = dict(zip(sorted(ids), (stored for stored, _ in parts)))
    return [given[engine] for engine in ids]


def taken_names(client, source):
    """Returns the names of an engine's namespace with copies of their objects, as a dict, and a list
    of what can't be carried and is left out: paths and reasons.

    Raises RemoteError.
    """
    connection = client._connection
    group = connection.submit_take(source, True)
    taken = AsyncResult(client, group, "take_namespace", "take_namespace", True)
    taken.wait()
    if group.metadata(0)["status"] != "ok":
        taken.get()
    return connection.taken_names(group)
