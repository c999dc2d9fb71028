"""The client of a cluster: who is there, and what concerns all of them.

A Client finds its cluster, keeps the one connection to its controller (the
native `_rhumba.Connection`, which has a thread of its own), and makes views.
What views do is in `view.py`, what is asked of results and records in
`remembering.py`.
"""

import os
import sys

import _rhumba

from .. import error
from .asyncresult import AsyncResult
from .checks import truth, whole
from .closing import ClosedConnection, refusal
from .future import in_future, over, told_apart, wait_for_futures
from .interruption import offer_interrupt
from .memory import Memory
from .parts import Parts, abort_parts, groups_of
from .remembering import Remembering
from .reply import ExecuteReply, Metadata
from .timeout import seconds
from .view import DirectView, LoadBalancedView

__all__ = ["Client", "ExecuteReply", "Metadata"]

# The largest number of a signal.
_SIGNAL_MAX = 64

# How often it is looked how many engines are there, where that is shown.
_LOOK_INTERVAL_S = 0.1

# Waiting for so many engines ends only when one leaves.
_MORE_THAN_THERE_ARE = 1 << 30


class Client(Remembering):
    """A connection to a running cluster.

    `len(client)` is the number of engines, iterating yields a view of each,
    and indexing makes a DirectView: `client[0]` of the engine with id 0,
    `client[-1]` of the last one, `client[:]`, `client[::2]` and `client[[0, 2]]`
    of several. As a context manager it closes itself.

    block: what new views have as their `block` (False by default)
    cluster: the Cluster that made it, or None
    profile: the name that it was looked for by, 'default' without one
    """

    # Accepted for scripts that set it: there are no messages to print.
    debug = False

    def __init__(
        self, connection_info=None, *, cluster_id="", profile="", timeout=None, cluster=None,
        block=False, name=None,
    ):  # fmt: skip
        """Connects to a cluster.

        connection_info: the path of its cluster file. By default it is found:
            the one that `rhumba -n` made for this script, else the one that
            runs under `cluster_id`, else the only one that runs, without those
            that belong to other processes (`rhumba -n`).
        profile: names the cluster, where `cluster_id` doesn't
        name: what others on the cluster see it called; by default
            `user@machine`
        timeout: how long to wait, in seconds, for the cluster to appear and to
            answer. By default a cluster that isn't there fails at once, and
            one that is there has 10 seconds to answer.

        Raises FileNotFoundError if there is no such cluster, TimeoutError or
        ConnectionError if it doesn't answer, PermissionError if its file is
        not this user's alone, TypeError unless `block` is True or False.
        """
        self.block = block
        cluster_id = cluster_id or named_by_profile(profile)
        self._connection = _connect(connection_info, cluster_id, timeout, name)
        self.cluster = cluster
        self.profile = profile or "default"
        self._memory = Memory()
        # Called for each result that isn't waited for at once.
        self._watch = self._memory.add
        self._told_by = None
        # The Watch that follows what others do.
        self._watches = None
        # Namespaces on their way between engines, which takes several groups.
        self._transfers = set()
        # Checkpoints that nobody has waited for, by their names.
        self._checkpoints = {}
        _register_magics(self)

    def __repr__(self):
        if self._connection.closed:
            return "<Client: closed>"
        return f"<Client of {self._connection.cluster_file}: {len(self)} engines>"

    @property
    def block(self):
        return self._block

    @block.setter
    def block(self, block):
        self._block = truth("block", block)

    @property
    def session(self):
        """What this client is called in records: `session.session` is its `client_uuid` there."""
        from .hub import Session

        return Session(self._connection)

    def __reduce_ex__(self, protocol):
        raise TypeError("a connection belongs to its process; Client() connects anew")

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
        interactive: shows on stderr how many are there
        widget: accepted for notebooks; there is no widget to show

        Raises TimeoutError if they aren't there in time, EngineError if an
        engine ends while it waits, ValueError if `n` isn't given nor known, or
        negative.
        """
        if n is None:
            if self.cluster is None:
                raise ValueError("wait_for_engines(n) needs the number of engines to wait for")
            n = self.cluster.n
        n = engine_count(n)
        if not block:
            if len(self) >= n:
                return over()
            return in_future(self.wait_for_engines, n, timeout=timeout, interactive=interactive)
        timeout = seconds(timeout)
        departed = len(self._connection.departures())
        if interactive:
            enough = self._wait_visibly(n, timeout, departed)
        else:
            enough = self._connection.wait_for_engines(n, timeout)
        if len(self) >= n:
            return None
        self._check_open()
        for engine, cause in self._connection.departures()[departed:]:
            raise error.EngineError(f"engine {engine} ended while waiting for {n} engines: {cause}")
        if enough:
            raise error.EngineError(f"an engine ended while waiting for {n} engines")
        raise TimeoutError(f"{n} engines were not there after {timeout} seconds, only {len(self)}")

    def _start_engines(self, count, timeout):
        """Starts engines. Returns their ids, once they are there.

        Only engines that weren't there before count: others may end while it waits.
        """
        from time import monotonic

        present = set(self.ids)
        departed = len(self._connection.departures())
        deadline = monotonic() + timeout
        self._connection.start_engines(count)
        while True:
            new = [engine for engine in self.ids if engine not in present]
            if len(new) >= count:
                return new[:count]
            self._check_open()
            for engine, cause in self._connection.departures()[departed:]:
                if engine not in present:
                    raise error.EngineError(f"engine {engine} ended as it was started: {cause}")
            left = deadline - monotonic()
            if left <= 0:
                raise TimeoutError(f"{len(new)} of {count} engines were there after {timeout} s")
            others = len(self) - len(new)
            self._connection.wait_for_engines(others + count, min(left, _LOOK_INTERVAL_S))

    def _wait_visibly(self, n, timeout, departed):
        """Waits for engines and tells how many are there. Returns whether they are."""
        from time import monotonic

        from .progress import Progress

        deadline = None if timeout is None else monotonic() + timeout
        progress = Progress("engines", n)
        while True:
            left = None if deadline is None else max(0.0, deadline - monotonic())
            slice_s = _LOOK_INTERVAL_S if left is None else min(left, _LOOK_INTERVAL_S)
            enough = self._connection.wait_for_engines(n, slice_s)
            ended = self._connection.closed or len(self._connection.departures()) > departed
            over = enough or ended or left == 0.0
            progress.tell(min(n, len(self)), last=over)
            if over:
                return enough

    def _select(self, targets):
        """Returns the ids that `targets` names, and whether it names a single engine.

        Raises NoEnginesRegistered if there are no engines at all, IndexError
        if some of these aren't there, TypeError if it names no engines, and
        ConnectionError if the connection is over.
        """
        ids = self.ids
        if not ids:
            self._check_open()
            raise error.NoEnginesRegistered()
        if targets is None or (isinstance(targets, str) and targets == "all"):
            return ids, False
        if isinstance(targets, int):
            return [_engine(targets, ids, ids)], True
        if isinstance(targets, slice):
            selected = ids[targets]
        elif isinstance(targets, (list, tuple, range)):
            present = set(ids)
            selected = [_engine(target, ids, present) for target in targets]
        else:
            raise TypeError(
                f"targets are an engine id, a list of ids, a slice or 'all', not {targets!r}"
            )
        if not selected:
            raise IndexError(f"{targets!r} names none of the engines {ids}")
        return selected, False

    def _check_open(self):
        if isinstance(self._connection, ClosedConnection):
            raise refusal()
        if self._connection.closed:
            raise ConnectionError(
                "the connection to the controller is over: the controller ended, or closed it; if"
                " the cluster still runs, Client() connects anew"
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

    def broadcast_view(self, targets="all", is_coalescing=False, **flags):
        """Returns a BroadcastView of an engine id, a list, a slice, or 'all'."""
        from .broadcast import BroadcastView

        return BroadcastView(self, targets, is_coalescing, **flags)

    def executor(self, targets=None):
        """Returns a `concurrent.futures.Executor` over a load-balanced view."""
        return self.load_balanced_view(targets).executor

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
            for group in self._memory.unfinished()
            for index, msg_id in enumerate(group.msg_ids)
            if group.metadata(index)["status"] is None
        }

    def wait(self, jobs=None, timeout=-1):
        """Waits for results. Returns whether all of them are there.

        jobs: an AsyncResult, the id of a part, its place in `history`, a
            `concurrent.futures.Future` of something else, or a list of them; by
            default all that this client has asked for
        timeout: in seconds; None or a negative number waits for ever

        Raises IndexError for a place that `history` doesn't have, or has no more: what nobody
        holds is forgotten once it is there.
        """
        timeout, jobs = seconds(timeout), _listed(jobs)
        jobs, futures = (None, []) if jobs is None else told_apart(jobs)
        if futures or self._transfers:
            from time import monotonic

            started = monotonic()
            if futures and not wait_for_futures(futures, timeout):
                return False
            if self._transfers and not self._wait_for_transfers(jobs, timeout, started):
                return False
            if timeout is not None:
                timeout = max(0.0, timeout - (monotonic() - started))
        return self._wait_for(self._jobs(jobs), timeout)

    def _wait_for(self, groups, timeout):
        from time import monotonic

        natives = [group for group in groups if not isinstance(group, Parts)]
        end = None if timeout is None else monotonic() + timeout
        try:
            if not self._connection.wait(natives, timeout):
                return False
            for parts in groups:
                left = None if end is None else max(0.0, end - monotonic())
                if isinstance(parts, Parts) and not parts.wait(left):
                    return False
            return True
        except KeyboardInterrupt:
            natives = {id(native): native for group in groups for native in groups_of(group)}
            offer_interrupt(self._connection, list(natives.values()))
            raise

    def _wait_for_transfers(self, jobs, timeout, started):
        """Waits for those of these results that take several steps. Returns whether they are over.

        timeout: in seconds since `started`, a moment of `time.monotonic`
        """
        from time import monotonic

        end = None if timeout is None else started + timeout
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
        from .progress import watch_progress

        groups = self._jobs(jobs)
        watch_progress(_Several(self, groups), interval, timeout)

    def abort(self, jobs=None, targets=None, block=None):
        """Aborts what has not started: it raises TaskAborted. What runs goes on.

        jobs: an AsyncResult, the id of a part, its place in `history`, or a list
            of them; by default all that this client has asked for. Ids may be
            of what another client has asked for
        targets: only on these engines; by default wherever it is. Of others' tasks
            it isn't known where they are before they end

        Returns when it is done, whether `block` is true or not. To stop what
        runs, use `send_signal`.

        Raises KeyError for an id that isn't known, IndexError for a place that
        `history` doesn't have, TaskStoreError if there is no task store to look
        for an id that this client doesn't know.
        """
        anywhere = targets is None or (isinstance(targets, str) and targets == "all")
        unknown = []
        groups = self._jobs(jobs, unknown)
        if not (groups or unknown):
            return
        targets = [] if anywhere else self._select(targets)[0]
        others = []
        if unknown:
            from .hub import under_way

            others = under_way(self, unknown, targets)
        natives = [group for group in groups if not isinstance(group, Parts)]
        if natives:
            self._connection.abort(natives, targets)
        for group in groups:
            if isinstance(group, Parts):
                abort_parts(self._connection, group, targets)
        for group in others:
            abort_parts(self._connection, group)

    def _watcher(self):
        """Returns what tells results that they are there."""
        if self._told_by is None:
            from .future import Watcher

            self._told_by = Watcher(self._connection)
        return self._told_by

    def _jobs(self, jobs, unknown=None):
        """Returns the groups of results; parts that are no longer known have finished.

        unknown: a list to which ids are added that this client doesn't know
        """
        if jobs is None:
            return self._memory.unfinished()
        groups = []
        for job in _listed(jobs):
            if isinstance(job, int) and not isinstance(job, bool):
                # By its place among all that this client has asked for.
                [job] = self._named(job, self.history)
            if isinstance(job, AsyncResult):
                groups.append(job._group)
            elif isinstance(job, str):
                place = self._memory.find(job)
                if place is not None:
                    groups.append(Parts([place[:2]]))
                elif unknown is not None:
                    unknown.append(job)
            else:
                raise TypeError(f"jobs are AsyncResults, their msg_ids or places in `history`, not {job!r}")
        return groups

    def spin(self):
        """Does nothing: results arrive by themselves. For scripts that call it."""

    # -- steering engines

    def send_signal(self, sig, targets=None, block=None):
        """Delivers a signal to the engines, whatever they are doing.

        sig: its number, or its name such as 'SIGINT', which raises
            KeyboardInterrupt in what runs there
        targets: 'all' by default

        Raises TypeError for what is neither a number nor a name, ValueError for
        one that no signal has.
        """
        self._connection.signal(self._select(targets)[0], _signal_number(sig))

    def queue_status(self, targets="all", verbose=False):
        """Returns how much each engine has to do.

        A dict by engine id of dicts with 'queue' (requests that wait or run),
        'tasks' (load-balanced ones that wait there or run) and 'completed'
        (finished since it joined), and under 'unassigned' the number of tasks
        that no engine has yet. For a single engine id, only its own dict.

        An engine that is one client's alone (see `DirectView.exclusive`) has
        'held_by' as well: that client as in `clients()`, with its 'label'.

        verbose: gives lists of ids of messages in place of the first two and
            of 'unassigned' (100,000 ids at most; what a client left behind has
            none), and adds 'clients': how many of these are whose, by their
            names. `db_query` tells what is completed
        """
        ids, single = self._select(targets)
        status = self._connection.queue_status(ids, bool(verbose))
        names = {each["id"]: each["name"] for each in self.clients()} if verbose else {}
        for engine in ids:
            queue = status.get(engine)
            if queue is None:
                continue
            if "held_by" in queue:
                keys = ("id", "name", "pid", "label")
                queue["held_by"] = dict(zip(keys, queue["held_by"]))
            if verbose:
                whose = {}
                for number, count in queue.pop("by_client", {}).items():
                    name = names.get(number, f"client {number}")
                    whose[name] = whose.get(name, 0) + count
                queue["clients"] = whose
        return status[ids[0]] if single else status

    # -- the others

    def clients(self):
        """Returns who is connected to the cluster, as a list of dicts.

        Each has 'id' (their number in message ids), 'name', 'pid', and 'is_me'.
        """
        me = self._connection.client_id
        return [
            {"id": number, "name": name, "pid": pid, "is_me": number == me}
            for number, name, pid in self._connection.status().get("clients", [])
        ]

    def watch(self, callback=None, targets=None):
        """Follows what others run on engines, what they print, and how that ends.

        callback: called with a `Watched` for each of these, in a thread of its
            own; by default it is printed
        targets: only on these engines; None: on all, also those that join later

        Returns a `Watch`; `stop()` ends it. A client has one at most: another
        one takes its place. Whoever is slow to see what is told loses the
        oldest of it, and is told how much; nobody else is slowed by that.

        Raises IndexError for an engine that isn't there, TypeError for a
        `callback` that can't be called.
        """
        from .watch import Shown, Watch

        if not (callback is None or callable(callback)):
            raise TypeError(f"a callback is called with what others do: a function, not {callback!r}")
        ids = [] if targets is None else self._select(targets)[0]
        before, self._watches = self._watches, Watch(self, callback or Shown(), ids)
        if before is not None:
            before._is_replaced()
        return self._watches

    def clear(self, targets=None, block=None):
        """Empties the engines' namespaces (of all engines by default)."""
        return self.direct_view("all").clear(targets, self.block if block is None else block)

    def shutdown(self, targets="all", restart=False, hub=False, block=None):
        """Stops engines.

        hub: also stops the controller and with it the whole cluster, and closes
            this client
        block: whether it waits until they are gone; by default as the client says

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
        if self.block if block is None else truth("block", block):
            # What is over has no engines.
            while not set(ids).isdisjoint(self.ids):
                # Ends at once when an engine leaves; it may have left just before.
                self._connection.wait_for_engines(_MORE_THAN_THERE_ARE, _LOOK_INTERVAL_S)

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

    def set_scheduling(self, scheme="leastload", hwm=0):
        """Says how the cluster spreads tasks over its engines, for all clients from now on.

        scheme: which of the engines that have room gets a task: 'leastload' (the
            one with the least to do), 'lru' (whose last task was given to it
            longest ago), 'plainrandom', 'twobin' (the less loaded of two by
            chance), 'weighted' (the same, less loaded ones are likelier), or
            'pure' (in turn, whatever they have to do)
        hwm: how many unfinished tasks an engine is given at most; 0: as many as
            it needs never to wait, measured by how long they take

        Raises ValueError for another scheme, or a negative `hwm`, TypeError for
        what is none.
        """
        if not isinstance(scheme, str):
            raise TypeError(f"a scheme is named by a str such as 'lru', not {scheme!r}")
        self._connection.set_scheduling(scheme, whole("hwm", hwm))

    @property
    def notices(self):
        """What became of namespaces without being asked for, as a list of `Notice`.

        Engines that died and were replaced, with what was restored and what was
        lost since; and those that can't be checkpointed.
        """
        from .notices import since

        return since(self._connection, 0)[1]

    def on_notice(self, callback):
        """Calls `callback(notice)` for each notice from now on, in a thread of its own.

        Raises TypeError for what can't be called.
        """
        from .notices import call

        if not callable(callback):
            raise TypeError(f"a callback is called with each notice: a function, not {callback!r}")
        call(self, callback)

    def close(self, linger=None):
        """Closes the connection. The cluster goes on.

        With a task store, which clusters have unless it is switched off, so does
        what was asked of it, and other clients find its results by their ids;
        `abort` or `cancel` before ends it. Without one it is dropped. Whoever
        waits for it here is told by an EngineError. What is there stays; asking for
        more raises RuntimeError.

        linger: accepted for scripts
        """
        connection = self._connection
        if not isinstance(connection, ClosedConnection):
            self._connection = ClosedConnection(connection)
            connection.close()

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
        return self._client._wait_for(self._groups, timeout)

    def _waited_s(self):
        return 0.0


def named_by_profile(profile):
    """Returns the id of the cluster that a profile stands for: there are no profiles here."""
    return "" if profile == "default" else profile


def _connect(connection_info, cluster_id, timeout, name):
    """Finds the cluster file, waiting for it if a timeout is given, and connects."""
    if timeout is not None:
        # Nobody waits for ever for a cluster that isn't there.
        if seconds(timeout) is None:
            raise ValueError(f"timeout is a number of seconds that isn't negative, not {timeout!r}")
        timeout = float(timeout)
    answer_timeout = 10.0 if timeout is None else timeout
    if connection_info is not None:
        return _rhumba.Connection(os.fspath(connection_info), answer_timeout, name)
    own = "" if cluster_id else os.environ.get("RHUMBA_CLUSTER_FILE", "")
    if own:
        return _rhumba.Connection(own, answer_timeout, name)
    if timeout is None:
        return _rhumba.Connection(
            _rhumba.find_cluster_file(cluster_id or None), answer_timeout, name
        )
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
            return _rhumba.Connection(path, max(1.0, deadline - time.monotonic()), name)


def _engine(target, ids, present):
    """Returns the id of an engine that is there; a negative number counts from the end.

    present: the same ids, in what can be looked through fast where many are asked for
    """
    if not isinstance(target, int):
        raise TypeError(f"engines are chosen by their ids, which are ints, not by {target!r}")
    if target < 0 and -target <= len(ids):
        return ids[target]
    if target not in present:
        raise IndexError(f"there is no engine {target}; the engines are {_brief(ids)}")
    return target


def _brief(ids):
    return str(ids) if len(ids) <= 16 else f"{str(ids[:4])[:-1]}, ..., {ids[-1]}]"


def engine_count(n):
    """Returns a number of engines. Raises TypeError unless it is an int, ValueError if negative."""
    return whole("the number of engines", n)


def _listed(jobs):
    """Returns jobs as a list, be it one or several; None, which means all, as it is."""
    if jobs is None:
        return None
    if isinstance(jobs, (str, int, AsyncResult)):
        return [jobs]
    try:
        return list(jobs)
    except TypeError:
        if told_apart([jobs])[1]:
            return [jobs]
        raise TypeError(f"jobs are AsyncResults or their msg_ids, not {jobs!r}") from None


def _signal_number(sig):
    """Returns the number of a signal that is told by its name or number.

    Raises TypeError for what is neither, ValueError for one that no signal has.
    """
    import signal

    if isinstance(sig, str):
        number = getattr(signal, sig, None)
        if number is None or not sig.startswith("SIG") or sig.startswith("SIG_"):
            raise ValueError(f"{sig!r} is not the name of a signal; 'SIGINT' is one")
        return int(number)
    if not isinstance(sig, int):
        raise TypeError(f"a signal is a number or a name such as 'SIGINT', not {sig!r}")
    if not 1 <= sig <= _SIGNAL_MAX:
        raise ValueError(f"{sig} is not the number of a signal: they go from 1 to {_SIGNAL_MAX}")
    return int(sig)


def _register_magics(client):
    """Gives a person's shell its parallel magics when the first client is made."""
    # A script that never asks for the shell does not pay for it.
    if sys.flags.interactive or "rhumba.shell" in sys.modules:
        from rhumba.shell import get_ipython

        from .magics import activate_once
        from .notices import show_in_shell

        activate_once(client)
        shell = get_ipython()
        if shell is not None:
            show_in_shell(client, shell, bool(sys.flags.interactive))
