"""What a client asks of the cluster's task store: records, and results of others.

ipyparallel keeps them in its hub. A query is a dict as MongoDB has them; here
it becomes a flat list of steps, which the controller's store turns into SQL.
Results come to who asks for them when they are there: nobody looks again and
again. The native calls are those of `_rhumba.Connection`.
"""

from .. import error
from .asyncresult import AsyncResult
from .parts import Parts
from .reply import Metadata, told_apart

_TIMES = ("submitted", "started", "completed", "received")

# What a record has, besides what of it is large.
_KEYS = (
    "msg_id", "client_uuid", "client", "kind", "queue", "function", "execute_input", "label",
    "engine_id", "engine_uuid", *_TIMES, "status", "error", "ename", "evalue", "traceback",
    "after", "follow", "retries", "resubmitted", "arguments_bytes", "result_bytes", "stdout",
    "stderr", "outputs", "execute_result",
)  # fmt: skip

# What is made of several others.
_MADE_OF = {
    "header": ("msg_id", "kind", "client_uuid", "client", "submitted"),
    "metadata": ("after", "follow", "retries", "label", "engine_uuid"),
    "content": ("execute_input",),
    "result_header": ("msg_id", "kind", "engine_uuid", "completed"),
    "result_content": ("status", "ename", "evalue", "traceback"),
    "result_metadata": ("engine_uuid", "started", "status"),
}

# What the parts of these are called where that isn't what they are kept under.
_CALLED = {
    "header": {"msg_type": "kind", "session": "client_uuid", "username": "client", "date": "submitted"},
    "content": {"code": "execute_input"},
    "result_header": {"msg_type": "kind", "session": "engine_uuid", "date": "completed"},
    "result_metadata": {"engine": "engine_uuid"},
}

# What the kind of a request has behind it as the type of a message.
_MESSAGE_TYPES = {"header": "_request", "result_header": "_reply"}

# What stands for nothing under some keys; in the store there is no value then.
_NOTHING = {"after": [], "follow": [], "outputs": [], "stdout": "", "stderr": ""}

# How many values a query may compare with: the store's own limit is a little higher.
_VALUES_MAX = 30_000

_COMPARISONS = ("$eq", "$lt", "$lte", "$gt", "$gte")
_OPERATORS = (
    *_COMPARISONS, "$ne", "$in", "$nin", "$all", "$and", "$or", "$not", "$mod", "$exists", "$glob",
)  # fmt: skip
# Other names for them.
_SAME_AS = {"$le": "$lte", "$ge": "$gte"}


class Session:
    """What a client is called.

    session: its `client_uuid` in records
    """

    def __init__(self, connection):
        self.session = connection.session

    def __repr__(self):
        return f"<Session {self.session}>"


def settled(client, terms, others):
    """Returns the terms of a dependency without what is known to be met already, None if all of it is.

    others: those of its message ids that this client hasn't asked for

    The controller remembers the work of clients that are there. Of what others have asked for, and of
    what was asked for in an earlier process, the records tell how it ended. What isn't recorded, or
    can't be met any more, stays: the call that depends on it says so.
    """
    ids, needs_all, success, failure = terms
    try:
        rows = client._connection.find_records([("msg_id", "$in", others)], ["msg_id", "status"])
    except RuntimeError:
        # There are no records.
        return terms
    met = {msg_id for msg_id, status in rows if (success if status == "ok" else failure and status == "error")}
    if met and not needs_all:
        return None
    left = [each for each in ids if each not in met]
    return (left, needs_all, success, failure) if left else None


def steps_of(query):
    """Returns a query as the steps that `_rhumba.Connection.find_records` takes.

    Raises TypeError for what isn't a query, ValueError for an operator that
    there isn't, a value that it doesn't take, or too many of them.
    """
    steps = _steps(query)
    # Ids are looked up, and not compared with.
    count = sum(len(step[2]) for step in steps if len(step) == 3 and step[0] != "msg_id")
    if count > _VALUES_MAX:
        raise ValueError(
            f"a query compares with at most {_VALUES_MAX:,} values, and this one has {count:,}:"
            " ask in several queries"
        )
    return steps


def _steps(query):
    if not isinstance(query, dict):
        raise TypeError(f"a query is a dict of keys and conditions, not {query!r}")
    steps = []
    for key, wanted in query.items():
        if not isinstance(key, str):
            raise TypeError(f"the keys of a query are str, not {key!r}")
        if key in ("$and", "$or"):
            steps += _combined(key, _listed(key, wanted), _steps)
        elif key == "$not":
            steps += [*_steps(wanted), ("$not",)]
        elif key[:1] == "$":
            raise ValueError(_no_operator(key))
        else:
            steps += _tested(key, wanted)
    return steps if len(query) == 1 else [*steps, ("$and", len(query))]


def _made_of(key, wanted):
    """Returns the steps of a condition on what is made of several others: a dict of conditions on
    its parts, of which those that aren't named may be anything.

    Raises TypeError for another condition, ValueError for a part that there isn't.
    """
    if not isinstance(wanted, dict):
        raise TypeError(
            f"{key} has parts, which a query names in a dict such as {{{_parts_of(key)[0]!r}: …}}, not {wanted!r}"
        )
    conditions = {}
    for part, condition in wanted.items():
        if part not in _parts_of(key):
            raise ValueError(f"{key} has no {part!r}: there are {', '.join(_parts_of(key))}")
        if part == "msg_type":
            condition = _kind(condition, _MESSAGE_TYPES[key])
        conditions[_CALLED.get(key, {}).get(part, part)] = condition
    return _steps(conditions)


def _parts_of(key):
    """Returns what the parts of it are called, where it is made of several."""
    called = {kept: part for part, kept in _CALLED.get(key, {}).items()}
    return [called.get(kept, kept) for kept in _MADE_OF[key]]


def _kind(condition, ending):
    """Returns a condition on the type of a message as one on the kind of a request."""
    if isinstance(condition, dict):
        return {operator: _kind(value, ending) for operator, value in condition.items()}
    if isinstance(condition, (list, tuple, set, frozenset)):
        return [_kind(each, ending) for each in condition]
    if not isinstance(condition, str):
        return condition
    # No kind is called '': nothing is of a type that there isn't.
    return condition.removesuffix(ending) if condition.endswith(ending) else ""


def _tested(key, wanted):
    """Returns the steps of one key's condition: a value, or a dict of operators."""
    if key in _MADE_OF:
        return _made_of(key, wanted)
    if not isinstance(wanted, dict):
        return [_equal(key, wanted)]
    steps = []
    for operator, value in wanted.items():
        operator = _SAME_AS.get(operator, operator)
        if operator == "$eq":
            steps.append(_equal(key, value))
        elif operator in _COMPARISONS:
            steps.append((key, operator, [_value(key, value)]))
        elif operator == "$ne":
            steps += [_equal(key, value), ("$not",)]
        elif operator in ("$in", "$nin"):
            # A text alone is a list of one.
            values = [value] if isinstance(value, str) else _listed(operator, value)
            steps.append(_among(key, values))
            steps += [("$not",)] if operator == "$nin" else []
        elif operator == "$all":
            values = [_value(key, each) for each in _listed(operator, value)]
            steps.append((key, "$all", values))
        elif operator == "$mod":
            values = _listed(operator, value)
            if len(values) != 2 or not all(isinstance(each, int) for each in values):
                raise ValueError(f"$mod takes a divisor and a remainder, not {value!r}")
            steps.append((key, "$mod", [_bounded(key, each) for each in values]))
        elif operator == "$exists":
            steps.append((key, "$exists", [int(bool(value))]))
        elif operator == "$glob":
            if not isinstance(value, str):
                raise TypeError(f"$glob takes a pattern such as 'sim*', not {value!r}")
            steps.append((key, "$glob", [value]))
        elif operator in ("$and", "$or"):
            conditions = _listed(operator, value)
            steps += _combined(operator, conditions, lambda condition: _tested(key, condition))
        elif operator == "$not":
            steps += [*_tested(key, value), ("$not",)]
        else:
            raise ValueError(_no_operator(operator))
    return steps if len(wanted) == 1 else [*steps, ("$and", len(wanted))]


def _equal(key, value):
    """Returns the step that a value is what a record shows under a key."""
    if _stands_for_nothing(key, value):
        return _among(key, [value])
    if value is None and key in _NOTHING:
        # It is never shown there.
        return (key, "$in", [])
    return (key, "$eq", [_value(key, value)])


def _among(key, values):
    """Returns the step that one of these values is what a record shows under a key."""
    shown = [each for each in values if each is not None or key not in _NOTHING]
    found = [_value(key, each) for each in shown]
    if any(_stands_for_nothing(key, each) for each in values):
        found.append(None)
    return (key, "$in", found)


def _stands_for_nothing(key, value):
    value = list(value) if isinstance(value, tuple) else value
    return value is not None and key in _NOTHING and value == _NOTHING[key]


def _combined(operator, conditions, steps_of_each):
    steps = [step for condition in conditions for step in steps_of_each(condition)]
    return [*steps, (operator, len(conditions))]


def _listed(operator, value):
    if not isinstance(value, (list, tuple, set, frozenset)):
        raise TypeError(f"{operator} takes a list, not {value!r}")
    return list(value)


def _no_operator(name):
    return f"there is no operator {name!r} in queries: there are {', '.join(_OPERATORS)}"


def _value(key, value):
    """Returns a value as the store compares it: times in microseconds since 1970."""
    if key in ("after", "follow") and isinstance(value, (list, tuple)):
        import json

        return json.dumps(list(value), separators=(",", ":"))
    if key not in _TIMES or value is None:
        return _bounded(key, value)
    from datetime import datetime

    if isinstance(value, datetime):
        return round(value.timestamp() * 1e6)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        from math import isfinite

        if not isfinite(value):
            raise ValueError(f"{key} compares with a moment, not with {value}")
        return _bounded(key, round(value * 1e6))
    raise ValueError(f"{key} compares with a datetime or with seconds since 1970, not {value!r}")


def _bounded(key, value):
    """Returns a value, unless it is a number that no record can have."""
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise ValueError(f"{key} compares with numbers of 64 bits, not with {value}")
    return value


def _asked(call, *args):
    """Asks the store; says it with an exception of its own if that can't answer."""
    try:
        return call(*args)
    except RuntimeError as failure:
        raise error.TaskStoreError(str(failure)) from None


def db_query(client, query, keys=None):
    """Does what `Client.db_query` says."""
    if keys is None:
        keys = [*_KEYS, *_MADE_OF]
    elif isinstance(keys, str):
        keys = [keys]
    try:
        keys = list(dict.fromkeys(["msg_id", *keys]))
    except TypeError:
        raise TypeError(f"keys are a list of str, not {keys!r}") from None
    asked = []
    for key in keys:
        if not isinstance(key, str):
            raise TypeError(f"keys are str, not {key!r}")
        asked += _MADE_OF.get(key, (key,))
    asked = list(dict.fromkeys(asked))
    rows = _asked(client._connection.find_records, steps_of(query), asked)
    return [_record(dict(zip(asked, row)), keys) for row in rows]


def _record(found, keys):
    for key, value in found.items():
        if value is None:
            nothing = _NOTHING.get(key)
            found[key] = list(nothing) if isinstance(nothing, list) else nothing
        elif key in _TIMES:
            found[key] = _moment(value)
        elif key in ("after", "follow", "outputs", "execute_result"):
            found[key] = _form(key, value)
    for key in keys:
        if key == "content":
            code = found["execute_input"]
            found[key] = {} if code is None else {"code": code}
        elif key == "result_content" and found["ename"] is None:
            found[key] = {"status": found["status"]}
        elif key in _MADE_OF:
            called = _CALLED.get(key, {})
            found[key] = {part: found[called.get(part, part)] for part in _parts_of(key)}
            if key in _MESSAGE_TYPES:
                found[key]["msg_type"] += _MESSAGE_TYPES[key]
    return Metadata((key, found[key]) for key in keys)


def _form(key, text):
    import json

    value = json.loads(text)
    if key == "outputs":
        return [told_apart(dict(forms)) for forms in value]
    if key == "execute_result":
        count, forms = value
        # Early rows have nothing but the text.
        data = {"text/plain": forms} if isinstance(forms, str) else dict(forms)
        return {"execution_count": count, **told_apart(data)}
    return value


def _moment(microseconds):
    from datetime import datetime, timedelta, timezone

    return datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(microseconds=microseconds)


def hub_history(client):
    """Does what `Client.hub_history` says."""
    return [msg_id for (msg_id,) in _asked(client._connection.find_records, [], ["msg_id"])]


def unfinished_requests(client, engine_ids):
    """Returns what is recorded of the requests that engines have to do, by their ids.

    Each is a dict of 'msg_id', 'kind', 'function' and 'execute_input', in the
    order in which they came. Tasks aren't among them: which engine has one is
    recorded when it has ended.

    Raises TaskStoreError if there is no task store.
    """
    steps = [
        ("status", "$exists", [0]), ("queue", "$eq", ["mux"]),
        ("engine_id", "$in", list(engine_ids)), ("$and", 3),
    ]  # fmt: skip
    keys = ["engine_id", "msg_id", "kind", "function", "execute_input"]
    unfinished = {engine: [] for engine in engine_ids}
    for engine, *row in _asked(client._connection.find_records, steps, keys):
        unfinished[engine].append(dict(zip(keys[1:], row)))
    return unfinished


# What is asked about a result of somebody else.
_ABOUT = ("msg_id", "kind", "function", "label", "execute_input", "submitted", "received", "status", "engine_id")


def about(client, msg_ids):
    """Returns what is recorded of these, by their ids.

    Raises KeyError for one of which there is no record.
    """
    if not msg_ids:
        return {}
    filter = [("msg_id", "$in", list(msg_ids))]
    rows = _asked(client._connection.find_records, filter, _ABOUT)
    records = {row[0]: dict(zip(_ABOUT, row)) for row in rows}
    for msg_id in msg_ids:
        if msg_id not in records:
            raise KeyError(f"there is no record of {msg_id}: it was purged, or never asked for")
    return records


class FetchedParts(Parts):
    """Parts of which some were asked for by somebody else, or by this user before.

    records: for each part what is recorded of it, None of those that are this client's
    """

    def __init__(self, client, places, records):
        Parts.__init__(self, places)
        self._client = client
        self.records = records

    def metadata(self, position):
        known = Parts.metadata(self, position)
        record = self.records[position]
        if record is not None:
            if record["received"] is None and known["status"] is not None:
                record = self._look_again(position)
            for name in ("submitted", "received"):
                if record[name] is not None:
                    known[name] = record[name] / 1e6
        return known

    def _look_again(self, position):
        """It has ended since it was looked at."""
        msg_id = self.records[position]["msg_id"]
        try:
            self.records[position] = about(self._client, [msg_id])[msg_id]
        except (KeyError, ConnectionError, error.TaskStoreError):
            pass  # it was purged, or nobody can tell any more: what is known stands
        return self.records[position]


class AsyncHubResult(AsyncResult):
    """A result that somebody else has asked for, or this user in an earlier process.

    It is there as soon as the work has ended, and can be waited for like any
    other. `abort` and `cancel` stop the work, whoever asked for it.
    """

    def places_with_records(self, own):
        """Returns where its parts are, as a `Memory` keeps them.

        own: the same of those that this client has asked for, by their ids
        """
        places = []
        for place, record in zip(self._group.places, self._group.records):
            if record is None:
                places.append(own[place[0].metadata(place[1])["msg_id"]])
            else:
                places.append((*place, record["kind"], record["function"] or record["kind"], record))
        return places

    def __getitem__(self, key):
        if key not in ("label", "execute_input"):
            return AsyncResult.__getitem__(self, key)
        values = [None if record is None else record[key] for record in self._group.records]
        return values[0] if self._single_result else values

    @property
    def metadata(self):
        """All that is known: a dict with attribute access, or a list with one per part."""
        metadata = AsyncResult.metadata.fget(self)
        parts = [metadata] if self._single_result else metadata
        for part, record in zip(parts, self._group.records):
            if record is not None:
                part["label"], part["execute_input"] = record["label"], record["execute_input"]
        return metadata


def fetch(client, msg_ids, places, single):
    """Returns the result of parts that this client doesn't all know.

    places: of those that it knows, where they are, by their ids
    """
    unknown = [msg_id for msg_id in dict.fromkeys(msg_ids) if msg_id not in places]
    records = about(client, unknown)
    group = client._connection.fetch(unknown)
    there = {msg_id: (group, index) for index, msg_id in enumerate(unknown)}
    there.update({msg_id: place[:2] for msg_id, place in places.items()})
    parts = FetchedParts(
        client, [there[msg_id] for msg_id in msg_ids], [records.get(msg_id) for msg_id in msg_ids]
    )
    first = records[unknown[0]]
    name = first["function"] or first["kind"]
    return AsyncHubResult(client, parts, name, first["kind"], single)


def under_way(client, msg_ids, targets=()):
    """Returns, as groups, what of these has not ended, whoever asked for it, on `targets` if there are some.

    Raises KeyError for one of which there is no record.
    """
    records = about(client, msg_ids)
    left = [msg_id for msg_id, record in records.items() if record["status"] is None]
    if targets:
        left = [msg_id for msg_id in left if records[msg_id]["engine_id"] in targets]
    if not left:
        return []
    group = client._connection.fetch(left)
    return [Parts([(group, index) for index in range(len(left))])]


def result_status(client, msg_ids, status_only):
    """Does what `Client.result_status` says."""
    records = about(client, msg_ids)
    status = {
        "pending": [msg_id for msg_id in msg_ids if records[msg_id]["status"] is None],
        "completed": [msg_id for msg_id in msg_ids if records[msg_id]["status"] is not None],
    }
    if not status_only and status["completed"]:
        completed = status["completed"]
        result = fetch(client, completed, {}, False)
        values = result.get(return_exceptions=True)
        status.update(zip(completed, values))
    return status


def resubmit(client, msg_ids, single):
    """Does what `Client.resubmit` says."""
    records = about(client, msg_ids)
    places = []
    for msg_id in msg_ids:
        group = _asked(client._connection.resubmit, msg_id)
        places.append((group, 0))
    first = records[msg_ids[0]]
    name = first["function"] or first["kind"]
    result = AsyncResult(client, Parts(places), name, first["kind"], single)
    result._label, result._execute_input = first["label"], first["execute_input"]
    if len(places) == 1:
        client._watch(places[0][0], result)
        return result
    # A client keeps one group for each result, so each part is one, too.
    result._split = tuple(
        AsyncResult(client, group, records[msg_id]["function"] or name, first["kind"], True)
        for msg_id, (group, _) in zip(msg_ids, places)
    )
    for part in result._split:
        client._watch(part._group, part)
    return result


def purge(client, msg_ids, engine_ids):
    """Forgets records of these pieces (None: all), and of what ran on these engines.

    Raises RuntimeError if one of the pieces hasn't ended, KeyError if one has no record.
    """
    if msg_ids is None:
        _asked(client._connection.purge_records, [])
        return
    records = about(client, msg_ids)
    for msg_id in msg_ids:
        if records[msg_id]["status"] is None:
            raise RuntimeError(
                f"{msg_id} is still under way: abort() it or wait() for it before it is purged"
            )
    filter = [("msg_id", "$in", list(msg_ids)), ("engine_id", "$in", list(engine_ids)), ("$or", 2)]
    if msg_ids or engine_ids:
        _asked(client._connection.purge_records, filter)
