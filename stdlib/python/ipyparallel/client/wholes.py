"""What a DirectView does with whole namespaces: keeps them, brings them back, copies them.

What comes of it, and which part of a checkpoint goes where, is in `namespaces.py`.
"""

from .checks import whole

# How long `fork` waits for the engines that it starts, in seconds.
_START_TIMEOUT_S = 60


class WholeNamespaces:
    """What of a DirectView is about whole namespaces."""

    def checkpoint(self, name, partial=False, targets=None, block=None):
        """Keeps the engines' namespaces in the store, in the place of what has this name.

        name: what `restore` brings it back by. Of one engine, named by its id,
            it is one namespace; of several it has a part for each, which are
            also there by themselves: `monday@2` of engine 2
        partial: leaves out what can't be carried, and lists it

        Returns a `rhumba.namespace.Saved` for each engine if it blocks, else an
        AsyncResult. Only what the store doesn't have yet is written.

        Raises RemoteError or CompositeError (of SnapshotError, with the path)
        if something can't be carried, ValueError for a name that can't be one.
        """
        from .namespaces import NamespaceResult, checkpoint_names

        ids, single = self._resolve(targets)
        stored, kept_parts = checkpoint_names(name, ids, single)
        group = self._connection.submit_checkpoint(ids, stored, bool(partial))
        result = NamespaceResult(self.client, group, "checkpoint", single, kept_parts)
        delivered = self._deliver(result, block)
        if delivered is result:
            self.client._checkpoints[name] = group
        return delivered

    def restore(self, name, partial=False, targets=None, block=None):
        """Puts a checkpoint in the place of what the engines' namespaces hold.

        A checkpoint of several engines goes to as many, in the order of their
        ids, or each part to the engine that it was taken of; one of a single
        namespace goes to each. Where it can't be rebuilt, the namespace stays
        as it was. A checkpoint that this client has asked for is waited for.

        partial: leaves out names that can't be rebuilt there; `left_out` of the
            AsyncResult lists them, or a warning if it blocks

        Returns the list of names, or one for each engine, if it blocks, else an
        AsyncResult. Raises LookupError if there is no such checkpoint,
        ValueError if it has parts, not as many as the view has engines, and none
        of some of these,
        RemoteError or CompositeError if it can't be rebuilt.
        """
        from .namespaces import NamespaceResult, parts_to_restore

        if not isinstance(name, str):
            raise TypeError(f"a checkpoint's name is a str, not {name!r}")
        ids, single = self._resolve(targets)
        # Which parts there are is known once it is there.
        under_way = self.client._checkpoints.pop(name.partition("@")[0], None)
        if under_way is not None:
            under_way.wait(None)
        parts = parts_to_restore(self._connection, name, ids)
        group = self._connection.submit_restore(ids, parts, bool(partial))
        result = NamespaceResult(self.client, group, "restore", single)
        delivered = self._deliver(result, block)
        if partial and delivered is not result:
            from rhumba.namespace import _warn_of

            for engine, left_out in zip(ids, result.left_out):
                _warn_of(left_out, f" on engine {engine}")
        return delivered

    def copy_to(self, targets, partial=False, block=True):
        """Copies the namespace of this one engine to others, in the place of what they hold.

        targets: as `client[targets]`; the engine itself is passed over
        partial: leaves out what can't be carried, and lists it
        block: waits, whatever the view does otherwise. With False, what is sent
            to the targets meanwhile may run before the namespace has arrived

        Returns a `rhumba.namespace.Saved` for each target if it blocks, else an
        AsyncResult. Where it can't be rebuilt, a namespace stays as it was.

        Raises ValueError if the view isn't of one engine or there is no other,
        RemoteError or CompositeError as `checkpoint` and `restore` do.
        """
        return self._transfer("copy_to", targets, partial, block)

    def move_to(self, target, partial=False, block=True):
        """Moves the namespace of this one engine to another, and empties it here once it is there.

        target: the id of an engine; the rest is as for `copy_to`
        """
        if not isinstance(target, int):
            raise TypeError(f"a namespace moves to one engine, named by its id, not to {target!r}")
        return self._transfer("move_to", target, partial, block)

    def fork(self, n=1, partial=False):
        """Starts `n` engines with a copy of this one engine's namespace, and returns a view of them.

        Waits until they have it. `partial` is that of `copy_to`.

        Raises what `copy_to` raises; the new engines are stopped again then.
        """
        whole("the number of engines to start", n, 1)
        source = self._one("fork")
        new = self.client._start_engines(n, _START_TIMEOUT_S)
        try:
            self.client[source].copy_to(new, partial=partial, block=True)
        except BaseException:
            # Some may have ended of what they were sent.
            left = [engine for engine in new if engine in self.client.ids]
            if left:
                self.client.shutdown(left, block=True)
            raise
        return self.client.direct_view(new, block=self.block)

    def _transfer(self, fname, targets, partial, block):
        from .namespaces import TransferResult

        source = self._one(fname)
        ids, single = self.client._select(targets)
        ids = [engine for engine in ids if engine != source]
        if not ids:
            raise ValueError(f"{fname} needs another engine than {source} itself")
        result = TransferResult(self.client, fname, source, ids, single, bool(partial))
        return result.get() if (self.block if block is None else block) else result

    def _taken_names(self):
        """Returns a copy of the namespace of this one engine as a dict, and what it goes without, for
        `rhumba.namespace.diff`."""
        from .namespaces import taken_names

        return taken_names(self.client, self._one("diff"))

    def _one(self, fname):
        """Returns the id of the one engine that this view names."""
        ids, _ = self._resolve(None)
        if len(ids) != 1:
            raise ValueError(
                f"{fname} is for the namespace of one engine, and this view has {len(ids)}:"
                f" client[{ids[0]}].{fname}(…)"
            )
        return ids[0]
