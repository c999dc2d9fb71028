"""What a client can be asked of the past: its own results, and what its cluster remembers.

Results that somebody holds are found in this process (`memory.py`); those of others, and all
records, in the cluster's task store (`hub.py`). Here is what people call; `Client` has it.
"""

from .. import error
from .asyncresult import AsyncResult
from .memory import Results, record_of
from .parts import Parts


class Remembering:
    """What of a Client is about results and records; see `Client`."""

    # -- results

    @property
    def history(self):
        """The ids of the parts of this client's results, in the order in which they were asked for.

        As far as they can be found: see `get_result`.
        """
        places = self._memory.places().items()
        return [msg_id for msg_id, place in places if record_of(place) is None]

    @property
    def results(self):
        """What is there, by the ids of parts: a mapping to values, and to the exceptions of
        what failed. As far as it can be found: see `get_result`.
        """
        return Results(self, _value_of)

    @property
    def metadata(self):
        """What is known of the parts that are there, by their ids; see `AsyncResult.metadata`."""
        return Results(self, _metadata_of)

    def get_result(self, indices_or_msg_ids=None, block=None, owner=True):
        """Returns the result of parts by their ids, whoever has asked for them.

        indices_or_msg_ids: an id, a position in `history` (-1, the default, is
            the last one), an AsyncResult, or a list of these
        owner: if false, the client keeps what it gives until `purge_results`.
            Else the client finds a result as long as it is under way, or
            somebody holds it.

        What this client doesn't find, because another one asked for it or an
        earlier process of this user, comes from the cluster's task store as an
        AsyncHubResult.

        Waits for it if it blocks.
        Raises KeyError for an id that isn't known, IndexError for such a
        position, TaskStoreError if there is no task store to look into.
        """
        chosen = -1 if indices_or_msg_ids is None else indices_or_msg_ids
        single = _is_single(chosen)
        msg_ids = self._named_in_history(chosen)
        found = {msg_id: self._memory.find(msg_id) for msg_id in msg_ids}
        places = {msg_id: place for msg_id, place in found.items() if place is not None}
        if not all(msg_id in places for msg_id in msg_ids):
            from .hub import fetch

            result = fetch(self, msg_ids, places, single)
            if not owner:
                self._memory.keep(msg_ids, result.places_with_records(places))
            if self.block if block is None else block:
                result.wait()
            return result
        known = [places[msg_id] for msg_id in msg_ids]
        if not owner:
            self._memory.keep(msg_ids, known)
        method, fname = known[0][2:4]
        group = _parts_at(self, known)
        if isinstance(chosen, AsyncResult):
            result = chosen._again(group)
        else:
            result = AsyncResult(self, group, fname, method, single)
        if record_of(known[0]) is not None:
            record = record_of(known[0])
            result._label, result._execute_input = record["label"], record["execute_input"]
        result.owner = owner
        if self.block if block is None else block:
            result.wait()
        return result

    def _named_in_history(self, chosen):
        """Returns the ids of what is chosen by ids, positions in `history` and results."""
        chosen = _listed(chosen)
        # All that there is has to be looked at for positions alone.
        counted = any(isinstance(each, int) for each in chosen)
        msg_ids = self._named(chosen, self.history if counted else ())
        if not msg_ids:
            raise TypeError("this takes at least one id, position or AsyncResult")
        return msg_ids

    def _named(self, chosen, known=None):
        """Returns the ids of what is chosen by ids and results, and by positions among `known`."""
        msg_ids = []
        for each in _listed(chosen):
            if isinstance(each, AsyncResult):
                msg_ids.extend(each.msg_ids)
            elif isinstance(each, str):
                msg_ids.append(each)
            elif not isinstance(each, int) or known is None:
                raise TypeError(f"results are found by {_named_by(known)}, not by {each!r}")
            elif -len(known) <= each < len(known):
                msg_ids.append(known[each])
            else:
                raise IndexError(
                    f"there is no result {each}: this client knows {len(known)}; what nobody holds is"
                    " forgotten once it is there, and found by its msg_id alone"
                )
        return msg_ids

    # -- forgetting

    def purge_local_results(self, jobs=(), targets=None):
        """Forgets results that are there: they can no longer be found, and are no longer kept.

        jobs: 'all', an id, an AsyncResult, or a list of these
        targets: forgets what ran on these engines, too

        Raises RuntimeError, forgetting nothing, if some of it is still under
        way, KeyError for an id that isn't known, ValueError if nothing is named.
        """
        _check_named(jobs, targets)
        self._purge_local(jobs, targets)

    def _purge_local(self, jobs, targets):
        if isinstance(jobs, str) and jobs == "all":
            self._memory.purge()
            return
        places = self._memory.places()
        chosen = set(self._named(_jobs(jobs), list(places)))
        for msg_id in chosen:
            if msg_id not in places:
                raise KeyError(f"this client knows of no result {msg_id}")
        ids = self._engines_named(targets)
        if ids:
            for msg_id, (group, index, _, _) in places.items():
                if group.metadata(index)["engine_id"] in ids:
                    chosen.add(msg_id)
        self._memory.purge(chosen)

    def purge_hub_results(self, jobs=(), targets=None):
        """Forgets records of the cluster's task store, whoever asked for what they tell of.

        jobs: 'all', an id, an AsyncResult, or a list of these
        targets: forgets what ran on these engines, too

        With 'all', what is under way stays. Raises RuntimeError, forgetting
        nothing, if one of the jobs is still under way, KeyError for an id that
        isn't known, ValueError if nothing is named, TaskStoreError if there is no
        task store.
        """
        _check_named(jobs, targets)
        self._purge_hub(jobs, targets)

    def _purge_hub(self, jobs, targets):
        from .hub import purge

        everything = isinstance(jobs, str) and jobs == "all"
        msg_ids = None if everything else self._named(_jobs(jobs))
        purge(self, msg_ids, self._engines_named(targets))

    def purge_results(self, jobs=(), targets=None):
        """Forgets results, here and in the cluster's task store if it has one.

        The arguments are those of `purge_local_results` and `purge_hub_results`, and
        so is what is raised.
        """
        _check_named(jobs, targets)
        places = self._memory.places()
        everything = isinstance(jobs, str) and jobs == "all"
        chosen = [] if everything else self._named(_jobs(jobs), list(places))
        mine = [msg_id for msg_id in chosen if msg_id in places]
        self._purge_local("all" if everything else mine, targets)
        try:
            self._purge_hub("all" if everything else chosen, targets)
        except error.TaskStoreError:
            if len(mine) < len(chosen) or self._has_task_store():
                raise

    def purge_everything(self):
        """Forgets all results, here and in the cluster's task store if it has one.

        Raises RuntimeError, forgetting nothing, if some of this client's are
        still under way, TaskStoreError if the task store can't be used at the
        moment: then what it keeps stays.
        """
        self.purge_results("all")

    def _has_task_store(self):
        """Returns whether the cluster has one, be it that it can be used or not."""
        try:
            return bool(self.task_store)
        except error.TaskStoreError:
            return False

    def _engines_named(self, targets):
        """Returns the ids of these engines, none for None and for no targets at all."""
        if targets is None or (isinstance(targets, (list, tuple)) and not targets):
            return []
        return self._select(targets)[0]

    # -- what the cluster remembers

    def db_query(self, query, keys=None):
        """Returns the records that a query finds in the cluster's task store, in their order.

        query: a dict of keys and what they are to be: a value, or a dict of the
            operators $eq, $ne, $lt, $lte, $gt, $gte, $in, $nin, $all, $mod,
            $exists, $not, $and, $or; {} finds all. $and and $or may also stand
            in the place of a key, before a list of queries.
        keys: what of each record is wanted (`msg_id` always is); by default all
            but `buffers` and `result_buffers`, the bytes of arguments and result

        Times are aware datetimes in UTC; a datetime without a zone means local
        time. What isn't there is None. A query compares with 30,000 values at
        most, ids not counted.

            rc.db_query({"status": "error", "submitted": {"$gt": an_hour_ago}}, ["ename"])

        Raises TypeError for what isn't a query, ValueError for a key or an
        operator that there isn't, or too many values, TaskStoreError if there is no task store.
        """
        from .hub import db_query

        return db_query(self, query, keys)

    def hub_history(self):
        """Returns the ids of all that the cluster's task store remembers, in their order.

        Raises TaskStoreError if there is no task store.
        """
        from .hub import hub_history

        return hub_history(self)

    def result_status(self, indices_or_msg_ids, status_only=True):
        """Returns which of these are there, whoever has asked for them.

        A dict with two lists of ids, 'pending' and 'completed'; unless
        `status_only`, also with what has been completed by its ids: its value,
        or the exception that it raised.

        Raises KeyError for an id that isn't known, TaskStoreError if there is
        no task store.
        """
        from .hub import result_status

        return result_status(self, self._named_in_history(indices_or_msg_ids), status_only)

    def resubmit(self, indices_or_msg_ids=None, metadata=None, block=None):
        """Sends again what was sent before, by anybody. Returns its AsyncResult.

        It is sent as it was: the same function and arguments, on the same
        terms, under a new id, which is recorded as `resubmitted` with the old one.
        What is still under way goes on, and runs again beside that.

        metadata: accepted for scripts

        Waits for it if it blocks.
        Raises KeyError for an id that isn't known, TaskStoreError if there is
        no task store, or what it takes was too large to be kept.
        """
        from .hub import resubmit

        chosen = -1 if indices_or_msg_ids is None else indices_or_msg_ids
        single = isinstance(chosen, (int, str))
        result = resubmit(self, self._named_in_history(chosen), single)
        if self.block if block is None else block:
            result.wait()
        return result

    @property
    def task_store(self):
        """How much the cluster remembers: a dict.

        'path' (None in memory), 'records', 'bytes', 'records_max', 'bytes_max',
        'lost' (what could not be recorded), 'problem' (why nothing can be
        written at the moment, or None).

        Raises TaskStoreError if there is no task store.
        """
        from .hub import _asked

        return _asked(self._connection.task_store)


def _value_of(client, place):
    """Returns what a part gave, or the exception that it raised."""
    return _alone(client, place).get(0, return_exceptions=True)


def _metadata_of(client, place):
    return _alone(client, place).metadata


def _alone(client, place):
    method, fname = place[2:4]
    return AsyncResult(client, _parts_at(client, [place]), fname, method, True)


def _parts_at(client, places):
    """Returns the parts at places of a `Memory`. When others have asked for theirs is in records."""
    records = list(map(record_of, places))
    bare = [place[:2] for place in places]
    if not any(records):
        return Parts(bare)
    from .hub import FetchedParts

    return FetchedParts(client, bare, records)


def _listed(chosen):
    """Returns what is chosen as a list, be it one or several."""
    if isinstance(chosen, (int, str, AsyncResult)):
        return [chosen]
    try:
        return list(chosen)
    except TypeError:
        raise TypeError(f"results are found by {_named_by(())}, not by {chosen!r}") from None


def _is_single(chosen):
    """Returns whether what is chosen has a single result: a part, or what was asked of one engine."""
    return chosen._single_result if isinstance(chosen, AsyncResult) else isinstance(chosen, (int, str))


def _check_named(jobs, targets):
    """Raises ValueError if neither of them names anything that is to be forgotten."""
    for each in (jobs, targets):
        if each is not None and not (isinstance(each, (list, tuple, set)) and not each):
            return
    raise ValueError(
        "name what is to be forgotten: jobs='all', msg_ids or AsyncResults, or the engines where it"
        " ran as targets"
    )


def _named_by(known):
    return "msg_ids and AsyncResults" if known is None else "msg_ids, positions and AsyncResults"


def _jobs(jobs):
    """Returns what is to be forgotten; a number by itself could be meant as an engine's."""
    if isinstance(jobs, int):
        raise TypeError(
            f"what is forgotten is named by 'all', msg_ids and AsyncResults, not by {jobs!r};"
            " what ran on an engine by targets="
        )
    return () if jobs is None else jobs
