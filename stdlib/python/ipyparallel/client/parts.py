"""Parts chosen from groups, to be waited for and asked like a group of their own.

What `AsyncResult.split`, `AsyncResult.join` and `Client.get_result` are made of.
It has the methods of the native `_rhumba.Group` and keeps nothing but places.
"""

# How long a wait for one of several groups lasts before it looks at the others.
_LOOK_INTERVAL_S = 0.05


class Parts:
    """Some parts of one or several groups, in an order of their own.

    places: (group, index) pairs, of native groups
    """

    def __init__(self, places):
        self.places = places
        # The native groups, each once.
        self.groups = list({id(group): group for group, _ in places}.values())
        # Positions in the order in which they were found finished.
        self._order = []
        self._pending = list(range(len(places)))

    def __len__(self):
        return len(self.places)

    def done(self):
        """Returns how many of the parts are finished."""
        if self._pending:
            self._look()
        return len(self._order)

    def _look(self):
        whole = {id(group): group.done() >= len(group) for group in self.groups}
        pending = []
        for position in self._pending:
            group, index = self.places[position]
            if whole[id(group)] or group.metadata(index)["status"] is not None:
                self._order.append(position)
            else:
                pending.append(position)
        self._pending = pending

    def order(self, k):
        """Returns the position of the part that was the k-th to be found finished."""
        return self._order[k]

    def wait(self, timeout, count=None):
        """Waits until `count` parts (all by default) are finished. Returns whether they are."""
        import time

        deadline = None if timeout is None else time.monotonic() + timeout
        if count is None or count >= len(self):
            # One after the other is as soon as all together: all are wanted.
            return all(self._wait_until(position, deadline) for position in self._pending)
        while True:
            # What the groups have is counted first, so that news which arrive
            # while looking make the wait below short.
            counted = [group.done() for group in self.groups]
            if self.done() >= count:
                return True
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                return False
            if len(self.groups) > 1:
                # Any of them may be the next one.
                left = _LOOK_INTERVAL_S if left is None else min(left, _LOOK_INTERVAL_S)
            pending = self.places[self._pending[0]][0]
            pending.wait(left, counted[self.groups.index(pending)] + 1)

    def wait_for_part(self, position):
        """Waits until one part is finished."""
        self._wait_until(position, None)

    def _wait_until(self, position, deadline):
        import time

        group, index = self.places[position]
        while True:
            counted = group.done()
            if counted >= len(group) or group.metadata(index)["status"] is not None:
                return True
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                return False
            group.wait(left, counted + 1)

    def outcome(self, position):
        group, index = self.places[position]
        return group.outcome(index)

    def metadata(self, position):
        group, index = self.places[position]
        return group.metadata(index)

    def data(self, position):
        group, index = self.places[position]
        return group.data(index)

    def output(self, position):
        group, index = self.places[position]
        return group.output(index)

    def outputs_since(self, cursor):
        """Returns a new cursor and what was printed since; the first cursor is 0."""
        groups = self.groups
        cursors = cursor or [0] * len(groups)
        position_of = {(id(group), index): at for at, (group, index) in enumerate(self.places)}
        after, triples = [], []
        for group, before in zip(groups, cursors):
            new, items = group.outputs_since(before)
            after.append(new)
            for index, kind, data in items:
                at = position_of.get((id(group), index))
                if at is not None:
                    triples.append((at, kind, data))
        return after, triples

    def wait_output(self, cursor, timeout):
        """Waits until something was printed since, or all is finished. Returns whether so."""
        import time

        deadline = time.monotonic() + timeout
        groups = self.groups
        cursors = cursor or [0] * len(groups)
        while True:
            if self.done() >= len(self):
                return True
            for group, before in zip(groups, cursors):
                left = deadline - time.monotonic()
                slice_s = left if len(groups) == 1 else min(left, _LOOK_INTERVAL_S)
                if group.done() < len(group) and group.wait_output(before, max(0.0, slice_s)):
                    return True
            if time.monotonic() >= deadline:
                return False

    @property
    def msg_ids(self):
        # One by one: a part of a large group must not cost as much as all of it.
        return [group.metadata(index)["msg_id"] for group, index in self.places]

    @property
    def targets(self):
        known = {id(group): group.targets for group in self.groups}
        return [known[id(group)][index] for group, index in self.places]


def cancel_parts(connection, group):
    """Aborts what of a group or of parts has not started, and stops what has.

    Returns how many parts were aborted, and how many are being stopped.
    """
    if isinstance(group, Parts):
        chosen = {}
        for native, index in group.places:
            chosen.setdefault(id(native), (native, []))[1].append(index)
        chosen = list(chosen.values())
    else:
        chosen = [(group, list(range(len(group))))]
    cancelled = [connection.cancel_parts(native, indices) for native, indices in chosen]
    return sum(aborted for aborted, _ in cancelled), sum(stopped for _, stopped in cancelled)


def groups_of(group):
    """Returns the native groups behind a group, or behind parts of some."""
    return group.groups if isinstance(group, Parts) else [group]


def abort_parts(connection, group, targets=()):
    """Aborts what of a group or of parts has not started, of parts on `targets` if there are some.

    Returns how many parts that were.
    """
    if not isinstance(group, Parts):
        return connection.abort([group], list(targets))
    chosen = {}
    meant = group.targets if targets else [None] * len(group)
    for (native, index), target in zip(group.places, meant):
        if not targets or target in targets:
            chosen.setdefault(id(native), (native, []))[1].append(index)
    return sum(connection.abort_parts(native, indices) for native, indices in chosen.values())
