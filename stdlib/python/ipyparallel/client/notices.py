"""What becomes of namespaces without being asked for.

A cluster whose policy says so checkpoints its engines, and replaces one that
dies by another that has its namespace as of the latest checkpoint. Its clients
are told: each Client keeps the notices, calls who wants to be called, and in a
shell they are shown: at once above a cell that is typed, else before and after cells.
"""

import sys
from _thread import allocate_lock, start_new_thread
from weakref import ref

from _rhumba_shell import is_cell_running

# The rest is imported where it is used: a shell follows the notices of every client.

# What a restored namespace goes without is named up to so many.
_LEFT_OUT_SHOWN = 4

# How long a thread that follows notices keeps the connection of a client that is gone.
_LOOK_INTERVAL_S = 1.0

# Why an engine is gone that somebody wanted to be.
_SHUT_DOWN = "it was shut down"


class Notice:
    """What became of the namespace of an engine.

    engine: the engine that has it now, or None if no engine took the place of
        the one that died
    replaces: the engine that died; None if none did
    checkpoint: what was restored, None if nothing was
    taken: when that was taken, an aware datetime in UTC
    requests_lost: how many requests and tasks finished since, so that what they
        did to the namespace is lost
    reason: why it was not restored, or not checkpointed; None if all went well
    left_out: what the namespace goes without, as it can't be carried or rebuilt: a list of
        `rhumba.namespace.Left`; empty if nothing was restored

    As text it is a sentence.
    """

    __slots__ = ("engine", "replaces", "checkpoint", "taken", "requests_lost", "reason", "left_out")

    def __init__(self, engine, replaces, checkpoint, taken, requests_lost, reason, left_out=()):
        self.left_out = list(left_out)
        self.engine = engine
        self.replaces = replaces
        self.checkpoint = checkpoint
        self.taken = taken
        self.requests_lost = requests_lost
        self.reason = reason

    def __repr__(self):
        return f"<Notice: {self}>"

    def __str__(self):
        lost = "1 request" if self.requests_lost == 1 else f"{self.requests_lost} requests"
        if self.replaces is None:
            return f"engine {self.engine} can't be checkpointed: {self.reason}"
        if self.reason is None:
            time = self.taken.astimezone().strftime("%H:%M:%S")
            since = f"what {lost} did since is lost" if self.requests_lost else "nothing ran since"
            without = ", ".join(left.path for left in self.left_out[:_LEFT_OUT_SHOWN])
            if len(self.left_out) > _LEFT_OUT_SHOWN:
                without += f" and {len(self.left_out) - _LEFT_OUT_SHOWN} more"
            without = f"; it goes without {without}" if without else ""
            return (
                f"engine {self.replaces} died; engine {self.engine} has its namespace as of"
                f" {time} (checkpoint {self.checkpoint}); {since}{without}"
            )
        place = f"; engine {self.engine} took its place, empty" if self.engine is not None else ""
        return (
            f"engine {self.replaces} died, and its namespace is lost with what {lost} did"
            f" since its last checkpoint: {self.reason}{place}"
        )


class LockNotice(Notice):
    """Engines are another client's alone, and what was asked of them waits.

    engines: which
    holder: the name, process id and label of that client, as a tuple
    """

    __slots__ = ("engines", "holder")

    def __init__(self, engines, holder):
        Notice.__init__(self, None, None, None, None, 0, None)
        self.engines = engines
        self.holder = holder

    def __str__(self):
        name, pid, label = self.holder
        noun = "engine" if len(self.engines) == 1 else "engines"
        named = ", ".join(map(str, self.engines))
        purpose = f", for {label}" if label else ""
        return (
            f"{noun} {named} used exclusively by {name} (pid {pid}){purpose}: what is asked of"
            " them waits until that ends"
        )


def since(connection, cursor):
    """Returns a new cursor, and the notices since the given one."""
    cursor, told = connection.notices_since(cursor)
    if not told:
        return cursor, []
    from datetime import UTC, datetime

    from rhumba.namespace import Left

    notices = []
    for engine, replaces, checkpoint, taken_us, requests_lost, reason, *left_out in told:
        if isinstance(checkpoint, tuple):
            # Who has the engines stands where a checkpoint would, and they where its time would.
            notices.append(LockNotice(taken_us, checkpoint[1:]))
            continue
        taken = None if taken_us is None else datetime.fromtimestamp(taken_us / 1e6, UTC)
        left_out = [Left(*each) for each in left_out[0]] if left_out else ()
        notices.append(Notice(engine, replaces, checkpoint, taken, requests_lost, reason, left_out))
    return cursor, notices


def call(client, callback):
    """Calls back for each notice from now on, in a thread, as long as the client is there."""
    from threading import Thread

    connection, held = client._connection, ref(client)
    cursor, _ = since(connection, 0)

    def follow(connection, cursor):
        while held() is not None and not connection.closed:
            if connection.wait_notice(cursor, _LOOK_INTERVAL_S):
                cursor, notices = since(connection, cursor)
                for notice in notices:
                    _call(callback, notice)

    Thread(target=follow, args=(connection, cursor), name="notices", daemon=True).start()


def show_in_shell(client, shell, is_typed_at):
    """Shows the notices of a client, and which engines have ended, before and after cells, in whose
    output it doesn't mix; and at once between them, where the shell is one that somebody types at."""
    held, cursor, gone = ref(client), 0, 0
    one_at_a_time = allocate_lock()

    def show():
        client = held()
        if client is None or client._connection.closed:
            shell.events.unregister("pre_run_cell", show)
            shell.events.unregister("post_run_cell", show)
        if client is not None:
            with one_at_a_time:
                show_new(client)

    def show_new(client):
        nonlocal cursor, gone
        cursor, notices = since(client._connection, cursor)
        departures = client._connection.departures()[gone:]
        gone += len(departures)
        # What took the place of an engine is told with what became of its namespace.
        told = {notice.replaces for notice in notices}
        for engine, cause in departures:
            if cause != _SHUT_DOWN and engine not in told:
                print(f"Notice: engine {engine} ended: {cause}.", file=sys.stderr)
        for notice in notices:
            print(f"Notice: {notice}.", file=sys.stderr)

    def follow(following):
        # It ends with the connection, which it doesn't keep.
        while following.wait():
            client = held()
            if client is None:
                return
            if not is_cell_running():
                with one_at_a_time:
                    show_new(client)
            # While it waits the client may go.
            del client

    shell.events.register("pre_run_cell", show)
    shell.events.register("post_run_cell", show)
    if is_typed_at:
        start_new_thread(follow, (client._connection.following(),))


def policy(checkpoint_every, restore_on_death):
    """Returns what a native policy takes: requests, seconds, and whether to restore.

    Raises TypeError or ValueError for what isn't one.
    """
    if checkpoint_every is None:
        if restore_on_death:
            raise ValueError(
                "restore_on_death needs checkpoint_every: without checkpoints there is nothing to"
                " restore"
            )
        return None, None, False
    from datetime import timedelta

    requests = seconds = None
    each = checkpoint_every if isinstance(checkpoint_every, (tuple, list)) else [checkpoint_every]
    for every in each:
        if isinstance(every, timedelta):
            seconds = every.total_seconds()
            if seconds <= 0:
                raise ValueError(f"checkpoint_every must be a time above 0, not {every}")
        elif isinstance(every, int) and not isinstance(every, bool):
            requests = every
            if requests < 1:
                raise ValueError(f"checkpoint_every must be at least 1 request, not {every}")
        else:
            raise TypeError(
                "checkpoint_every is a number of requests, a datetime.timedelta, or a tuple of"
                f" both, not {every!r}"
            )
    return requests, seconds, bool(restore_on_death)


def _call(callback, notice):
    try:
        callback(notice)
    except Exception:
        import traceback

        print("a callback for notices failed:", file=sys.stderr)
        traceback.print_exc()
