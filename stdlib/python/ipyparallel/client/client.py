"""The client of a cluster: who is there, and what concerns all of them.

A Client finds its cluster, keeps the one connection to its controller (the
native `_rhumba.Connection`, which has a thread of its own), and makes views.
What views do is in `view.py`.
"""

import os
import sys
from _thread import allocate_lock

import _rhumba

from .. import error
from .asyncresult import AsyncResult
from .interruption import offer_interrupt
from .reply import ExecuteReply, Metadata
from .view import DirectView, LoadBalancedView

__all__ = ["Client", "ExecuteReply", "Metadata"]

# Results that nobody waits for are looked through when there are this many.
_WATCHED_MIN = 16


class Client:
    """A connection to a running cluster.

    `len(client)` is the number of engines, iterating yields a view of each,
    and indexing makes a DirectView: `client[0]` of the engine with id 0,
    `client[-1]` of the last one, `client[:]`, `client[::2]` and `client[[0, 2]]`
    of several. As a context manager it closes itself.

    block: what new views have as their `block` (False by default)
    cluster: the Cluster that made it, or None
    """

    def __init__(
        self, connection_info=None, *, cluster_id="", timeout=None, cluster=None, block=False
    ):
        """Connects to a cluster.

        connection_info: the path of its cluster file. By default it is found:
            the one that `rhumba -n` made for this script, else the one that
            runs under `cluster_id`, else the only one that runs.
        timeout: how long to wait, in seconds, for the cluster to appear and to
            answer. By default a cluster that isn't there fails at once, and
            one that is there has 10 seconds to answer.

        Raises FileNotFoundError if there is no such cluster, TimeoutError or
        ConnectionError if it doesn't answer, PermissionError if its file is
        not this user's alone.
        """
        self._connection = _connect(connection_info, cluster_id, timeout)
        self.cluster = cluster
        self.block = block
        self._watched = []
        self._watched_max = _WATCHED_MIN
        # Namespaces on their way between engines, which takes several groups.
        self._transfers = set()
        # Threads may share a client.
        self._watched_lock = allocate_lock()
        _register_magics(self)

    def __repr__(self):
        if self._connection.closed:
            return "<Client: closed>"
        return f"<Client of {self._connection.cluster_file}: {len(self)} engines>"

    # -- who is there

    @property
    def ids(self):
        """The ids of the engines that are there now, in order."""
        return [engine for engine, _ in self._connection.engines()]

    def __len__(self):
        return len(self._connection.engines())

    def __iter__(self):
        for engine in self.ids:
            yield self.direct_view(engine)

    def __getitem__(self, key):
        if not isinstance(key, (int, slice, list, tuple, range)):
            raise TypeError(
                "engines are chosen by an int, a slice or a list of ints,"
                f" not by {type(key).__name__}"
            )
        return self.direct_view(key)

    def wait_for_engines(
        self, n=None, *, timeout=-1, block=True, interactive=None, widget=None
    ):
        """Waits until at least `n` engines are there (by default as many as its Cluster has).

        timeout: in seconds; None or a negative number waits for ever
        block: if false, returns a `concurrent.futures.Future` at once
        interactive, widget: accepted for scripts; nothing is shown

        Raises TimeoutError if they aren't there in time, EngineError if an
        engine ends while it waits, ValueError if `n` isn't given nor known.
        """
        if n is None:
            if self.cluster is None:
                raise ValueError("wait_for_engines(n) needs the number of engines to wait for")
            n = self.cluster.n
        if not block:
            return _in_future(self.wait_for_engines, n, timeout=timeout)
        if timeout is not None and timeout < 0:
            timeout = None
        departed = len(self._connection.departures())
        enough = self._connection.wait_for_engines(n, timeout)
        if len(self) >= n:
            return None
        self._check_open()
        for engine, cause in self._connection.departures()[departed:]:
            raise error.EngineError(f"engine {engine} ended while waiting for {n} engines: {cause}")
        if enough:
            raise error.EngineError(f"an engine ended while waiting for {n} engines")
        raise TimeoutError(f"{n} engines were not there after {timeout} seconds, only {len(self)}")

    def _select(self, targets):
        """Returns the ids that `targets` names, and whether it names a single engine.

        Raises NoEnginesRegistered if there are no engines at all, IndexError
        if some of these aren't there, TypeError if it names no engines, and
        ConnectionError if the connection is over.
        """
        ids = self.ids
        if not ids:
            self._check_open()
            raise error.NoEnginesRegistered("the cluster has no engines")
        if targets is None or (isinstance(targets, str) and targets == "all"):
            return ids, False
        if isinstance(targets, int):
            return [_engine(targets, ids)], True
        if isinstance(targets, slice):
            selected = ids[targets]
        elif isinstance(targets, (list, tuple, range)):
            selected = [_engine(target, ids) for target in targets]
        else:
            raise TypeError(
                f"targets are an engine id, a list of ids, a slice or 'all', not {targets!r}"
            )
        if not selected:
            raise IndexError(f"{targets!r} names none of the engines {ids}")
        return selected, False

    def _check_open(self):
        if self._connection.closed:
            raise ConnectionError(
                "the connection to the controller is over: it was closed, or the controller ended;"
                " if the cluster still runs, Client() connects anew"
            )

    # -- views

    def direct_view(self, targets="all", **flags):
        """Returns a DirectView of an engine id, a list, a slice, or 'all'.

        'all' means the engines that are there at the time of each call, while
        a slice means those that it names now. `flags` are set on the view.
        """
        return DirectView(self, targets, **flags)

    def load_balanced_view(self, targets=None, **flags):
        """Returns a LoadBalancedView, which sends each call to a free engine.

        `flags` are set on the view, such as `retries`.
        """
        return LoadBalancedView(self, targets, **flags)

    def activate(self, targets="all", suffix=""):
        """Makes a view that blocks and gives it the magics; see `DirectView.activate`."""
        view = self.direct_view(targets, block=True)
        view.activate(suffix)
        return view

    # -- waiting and aborting

    @property
    def outstanding(self):
        """The ids of all parts of this client's results that are not there yet, as a set."""
        return {
            msg_id
            for group in self._watched_groups()
            for index, msg_id in enumerate(group.msg_ids)
            if group.metadata(index)["status"] is None
        }

    def wait(self, jobs=None, timeout=-1):
        """Waits for results. Returns whether all of them are there.

        jobs: an AsyncResult, the id of a part, or a list of them; by default
            all that this client has asked for
        timeout: in seconds; None or a negative number waits for ever
        """
        if timeout is not None and timeout < 0:
            timeout = None
        if self._transfers:
            from time import monotonic

            started = monotonic()
            if not self._wait_for_transfers(jobs, timeout):
                return False
            if timeout is not None:
                timeout = max(0.0, timeout - (monotonic() - started))
        groups = self._watched_groups() if jobs is None else self._groups(jobs)
        if not groups:
            return True
        try:
            return self._connection.wait(groups, timeout)
        except KeyboardInterrupt:
            offer_interrupt(self._connection, groups)
            raise

    def _wait_for_transfers(self, jobs, timeout):
        """Waits for those of these results that take several steps. Returns whether they are over."""
        from time import monotonic

        end = None if timeout is None else monotonic() + timeout
        jobs = [jobs] if isinstance(jobs, (str, AsyncResult)) else jobs
        for transfer in list(self._transfers):
            if jobs is None or any(job is transfer for job in jobs):
                left = None if end is None else max(0.0, end - monotonic())
                if not transfer.wait(left):
                    return False
        return True

    def wait_interactive(self, jobs=None, interval=1.0, timeout=-1):
        """Waits like `wait`, and shows on stderr how far it is.

        Raises TimeoutError if the results aren't there in time.
        """
        from .output import watch_progress

        groups = self._watched_groups() if jobs is None else self._groups(jobs)
        watch_progress(_Several(self, groups), interval, timeout)

    def abort(self, jobs=None, targets=None, block=None):
        """Aborts what has not started: it raises TaskAborted. What runs goes on.

        jobs: an AsyncResult, the id of a part, or a list of them; by default
            all that this client has asked for
        targets: only on these engines; by default wherever it is

        Returns when it is done, whether `block` is true or not. To stop what
        runs, use `send_signal`.
        """
        groups = self._watched_groups() if jobs is None else self._groups(jobs)
        if groups:
            anywhere = targets is None or (isinstance(targets, str) and targets == "all")
            self._connection.abort(groups, [] if anywhere else self._select(targets)[0])

    def _watch(self, group):
        """Keeps a group until it has finished, for `wait` and `abort` of everything."""
        with self._watched_lock:
            self._watched.append(group)
            if len(self._watched) > self._watched_max:
                self._watched = _unfinished(self._watched)
                self._watched_max = max(_WATCHED_MIN, 2 * len(self._watched))

    def _watched_groups(self):
        """Returns the groups that are kept and have not finished."""
        with self._watched_lock:
            self._watched = _unfinished(self._watched)
            return list(self._watched)

    def _groups(self, jobs):
        """Returns the groups of results; parts that are no longer known have finished."""
        if isinstance(jobs, (str, AsyncResult)):
            jobs = [jobs]
        watched = self._watched_groups()
        groups = []
        for job in jobs:
            if isinstance(job, AsyncResult):
                groups.append(job._group)
            elif isinstance(job, str):
                groups.extend(group for group in watched if job in group.msg_ids)
            else:
                raise TypeError(f"jobs are AsyncResults or their msg_ids, not {job!r}")
        return groups

    # -- steering engines

    def send_signal(self, sig, targets=None, block=None):
        """Delivers a signal to the engines, whatever they are doing.

        sig: its number, or its name such as 'SIGINT', which raises
            KeyboardInterrupt in what runs there
        targets: 'all' by default

        Raises ValueError for a name that isn't a signal's.
        """
        self._connection.signal(self._select(targets)[0], _signal_number(sig))

    def queue_status(self, targets="all"):
        """Returns how much each engine has to do.

        A dict by engine id of dicts with 'queue' (requests that wait or run),
        'tasks' (load-balanced ones that wait there or run) and 'completed'
        (finished since it joined), and under 'unassigned' the number of tasks
        that no engine has yet. For a single engine id, only its own dict.
        """
        ids, single = self._select(targets)
        status = self._connection.queue_status(ids)
        return status[ids[0]] if single else status

    def clear(self, targets=None, block=None):
        """Empties the engines' namespaces (of all engines by default)."""
        return self.direct_view("all").clear(targets, self.block if block is None else block)

    def shutdown(self, targets="all", restart=False, hub=False, block=None):
        """Stops engines.

        hub: also stops the controller and with it the whole cluster, and closes
            this client

        Raises NotImplementedError for `restart`.
        """
        if restart:
            raise NotImplementedError("engines can't be restarted in place; start new ones")
        if hub:
            self._connection.shutdown([], True)
            self.close()
            return
        try:
            ids = self._select(targets)[0]
        except error.NoEnginesRegistered:
            return
        self._connection.shutdown(ids, False)

    # -- namespaces that are kept without being asked for

    def set_policy(self, checkpoint_every=None, restore_on_death=False):
        """Says when the cluster checkpoints its engines, and whether it brings back those that die.

        It holds for all engines and clients, until it is set anew; without
        arguments, nothing is done any more. What the arguments are is said at
        `Cluster`.

        Raises TypeError or ValueError for what isn't a policy.
        """
        from .notices import policy

        self._connection.set_policy(*policy(checkpoint_every, restore_on_death))

    @property
    def notices(self):
        """What became of namespaces without being asked for, as a list of `Notice`.

        Engines that died and were replaced, with what was restored and what was
        lost since; and those that can't be checkpointed.
        """
        from .notices import since

        return since(self._connection, 0)[1]

    def on_notice(self, callback):
        """Calls `callback(notice)` for each notice from now on, in a thread of its own."""
        from .notices import call

        call(self, callback)

    def close(self, linger=None):
        """Closes the connection. The cluster goes on; what was asked of it is dropped."""
        self._connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.close()


class _Several:
    """Several groups as one result, as far as watching their progress needs it."""

    _fname = "results"

    def __init__(self, client, groups):
        self._client = client
        self._groups = groups

    def __len__(self):
        return sum(map(len, self._groups))

    @property
    def progress(self):
        return sum(group.done() for group in self._groups)

    def wait(self, timeout):
        if not self._groups:
            return True
        try:
            return self._client._connection.wait(self._groups, timeout)
        except KeyboardInterrupt:
            offer_interrupt(self._client._connection, self._groups)
            raise


def _connect(connection_info, cluster_id, timeout):
    """Finds the cluster file, waiting for it if a timeout is given, and connects."""
    answer_timeout = 10.0 if timeout is None else timeout
    if connection_info is not None:
        return _rhumba.Connection(os.fspath(connection_info), answer_timeout)
    own = "" if cluster_id else os.environ.get("RHUMBA_CLUSTER_FILE", "")
    if own:
        return _rhumba.Connection(own, answer_timeout)
    if timeout is None:
        return _rhumba.Connection(_rhumba.find_cluster_file(cluster_id or None), answer_timeout)
    import time

    deadline = time.monotonic() + timeout
    while True:
        try:
            path = _rhumba.find_cluster_file(cluster_id or None)
        except FileNotFoundError:
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                raise
            # Another process may be about to write the file.
            time.sleep(min(0.05, remaining))
        else:
            return _rhumba.Connection(path, max(1.0, deadline - time.monotonic()))


def _unfinished(groups):
    return [group for group in groups if group.done() < len(group)]


def _engine(target, ids):
    """Returns the id of an engine that is there; a negative number counts from the end."""
    if not isinstance(target, int):
        raise TypeError(f"engines are chosen by their ids, which are ints, not by {target!r}")
    if target < 0 and -target <= len(ids):
        return ids[target]
    if target not in ids:
        raise IndexError(f"there is no engine {target}; the engines are {_brief(ids)}")
    return target


def _brief(ids):
    return str(ids) if len(ids) <= 16 else f"{str(ids[:4])[:-1]}, ..., {ids[-1]}]"


def _signal_number(sig):
    import signal

    if isinstance(sig, str):
        number = getattr(signal, sig, None)
        if number is None or not sig.startswith("SIG") or sig.startswith("SIG_"):
            raise ValueError(f"{sig!r} is not the name of a signal; 'SIGINT' is one")
        return int(number)
    return int(sig)


def _in_future(call, *args, **kwargs):
    """Makes a call on a thread of its own and returns its Future."""
    from concurrent.futures import Future
    from threading import Thread

    future = Future()

    def run():
        try:
            future.set_result(call(*args, **kwargs))
        except BaseException as failure:
            future.set_exception(failure)

    future.set_running_or_notify_cancel()
    Thread(target=run, daemon=True).start()
    return future


def _register_magics(client):
    """Gives a person's shell its parallel magics when the first client is made."""
    # A script that never asks for the shell does not pay for it.
    if sys.flags.interactive or "rhumba.shell" in sys.modules:
        from rhumba.shell import get_ipython

        from .magics import activate_once
        from .notices import show_in_shell

        activate_once(client)
        show_in_shell(client, get_ipython())
