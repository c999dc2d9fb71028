"""What a client remembers of its own results, and for how long.

A result is kept alive by who holds it, and by the client only until all of it
is there: nothing grows with the number of calls. As long as it is alive it can
be found by the ids of its parts. `get_result(..., owner=False)` asks the client
to keep a result, until `purge_results`.

Blocking calls give their values away at once and are not remembered.

That a result is dropped is only noted, by a method of a list: Ctrl-C that arrives in Python code
which runs as an object is dropped would be lost.
"""

from _weakref import ref

from .parts import Parts

# What is over is looked for when there are this many results.
_LOOKED_THROUGH_MIN = 16


class Memory:
    """The results of one client that are under way, held by somebody, or kept.

    Threads may share it: every step is one operation of a dict.
    """

    def __init__(self):
        # Groups in the order in which they were asked for, with what was done
        # and its name: a list; each under a weak reference to its result, or under
        # itself if nobody was given one. The list of a result that was waited for
        # has None in the place of the group, so that the result alone keeps it.
        self._groups = {}
        self._groups_max = _LOOKED_THROUGH_MIN
        # The weak references to what was dropped since it was looked at.
        self._dropped = []
        self._note_dropped = self._dropped.append
        # Results that are to stay, by the ids of their parts.
        self._kept = {}
        # Where parts are by their ids, once somebody has looked for one; what was
        # added since is in `_new`.
        self._index = None
        self._new = []

    def add(self, group, result=None):
        """Remembers a group, and the result that was made of it."""
        groups = self._groups
        if self._dropped:
            self._forget_dropped()
        if result is None:
            key, about = group, [group, "apply", "apply"]
        else:
            key = ref(result, self._note_dropped)
            about = result._remembered = [group, result._method, result._fname]
        groups[key] = about
        if self._index is not None:
            self._new.append(key)
        if len(groups) > self._groups_max:
            self._look_through()

    def _forget_dropped(self):
        """Forgets what was dropped and is there."""
        dropped = self._dropped
        while dropped:
            try:
                key = dropped.pop()
            except IndexError:
                return  # another thread has taken it
            about = self._groups.get(key)
            if about is not None and _is_over(about[0]):
                self._groups.pop(key, None)

    def _look_through(self):
        self._forget_dropped()
        for key, (group, _, _) in self._groups.copy().items():
            if _is_over(group) and (key is group or key() is None):
                self._groups.pop(key, None)
        self._groups_max = max(_LOOKED_THROUGH_MIN, 2 * len(self._groups))
        # It would keep the ids of what is forgotten; it is made again when it is needed.
        self._index, self._new = None, []

    def unfinished(self):
        """Returns the groups that have a part that isn't there yet."""
        self._look_through()
        groups = self._groups.copy().values()
        return [group for group, _, _ in groups if not _is_over(group)]

    def places(self):
        """Returns the parts that can be found, by their ids, in their order.

        Each is a tuple: its group, its index, what was done, and its name; of
        what somebody else has asked for also what is recorded of it.
        """
        self._look_through()
        places = {}
        for key, about in self._groups.copy().items():
            group, (_, method, fname) = _group(key, about), about
            for index, msg_id in enumerate(() if group is None else group.msg_ids):
                places[msg_id] = (group, index, method, fname)
        for msg_id, place in self._kept.copy().items():
            places.setdefault(msg_id, place)
        return places

    def find(self, msg_id):
        """Returns the part that is called so, as in `places`; None if it can't be found."""
        if self._index is None:
            self._index, self._new = {}, list(self._groups)
        index = self._index
        new, self._new = self._new, []
        for key in new:
            about = self._groups.get(key)
            group = None if about is None else _group(key, about)
            if group is not None:
                names = enumerate(group.msg_ids)
                index.update((name, (key, position)) for position, name in names)
        key, position = index.get(msg_id, (None, 0))
        about = None if key is None else self._groups.get(key)
        group = None if about is None else _group(key, about)
        if group is None:
            return self._kept.get(msg_id)
        return group, position, *about[1:]

    def keep(self, msg_ids, places):
        """Keeps parts until they are purged, whether somebody holds them or not."""
        self._kept.update(zip(msg_ids, places))

    def purge(self, msg_ids=None):
        """Forgets parts: all of them, or those with these ids.

        Raises RuntimeError if one of them isn't there yet; nothing is forgotten then.
        """
        places = self.places()
        chosen = set(places if msg_ids is None else msg_ids)
        for msg_id in chosen.intersection(places):
            if not finished(places[msg_id]):
                raise RuntimeError(
                    f"{msg_id} is still under way: abort() it or wait() for it before it is purged"
                )
        for msg_id in chosen:
            self._kept.pop(msg_id, None)
        for key, about in self._groups.copy().items():
            group = _group(key, about)
            if group is None or chosen.issuperset(group.msg_ids):
                self._groups.pop(key, None)


class Results:
    """A mapping of what is there, by the ids of parts: what a part gave, or its exception.

    client: the Client whose results they are
    look: makes of a part that is there what is to be seen of it
    """

    def __init__(self, client, look):
        self._client = client
        self._look = look

    def _places(self):
        places = self._client._memory.places().items()
        return {msg_id: place for msg_id, place in places if finished(place)}

    def __getitem__(self, msg_id):
        place = self._client._memory.find(msg_id)
        if place is None or not finished(place):
            raise KeyError(msg_id)
        return self._look(self._client, place)

    def __contains__(self, msg_id):
        place = self._client._memory.find(msg_id)
        return place is not None and finished(place)

    def get(self, msg_id, default=None):
        """Returns what is there under an id, or the default."""
        try:
            return self[msg_id]
        except KeyError:
            return default

    def __iter__(self):
        return iter(self._places())

    def __len__(self):
        return len(self._places())

    def keys(self):
        """Returns the ids of what is there."""
        return list(self._places())

    def values(self):
        """Returns what is there, in the order in which it was asked for."""
        return [value for _, value in self.items()]

    def items(self):
        """Returns pairs of ids and what is there."""
        look, client = self._look, self._client
        return [(msg_id, look(client, place)) for msg_id, place in self._places().items()]

    def __repr__(self):
        return f"<{len(self)} results>"


def _group(key, about):
    """Returns the group that is remembered under a key, None if its result was dropped."""
    if about[0] is not None:
        return about[0]
    result = key()
    return None if result is None else result._group


def _is_over(group):
    """Returns whether all of a group is there; None stands for one that is."""
    return group is None or group.done() >= len(group)


def record_of(place):
    """Returns what is recorded of the part at a place, None if this client has asked for it."""
    return place[4] if len(place) > 4 else None


def finished(place):
    """Returns whether the part at a place is there."""
    group, index = place[:2]
    return group.done() >= len(group) or group.metadata(index)["status"] is not None
