"""Ways of addressing engines: these engines, or any engine.

A view holds no connection and no data; it names its targets and hands calls to
the native module, which sends them. `apply_sync` and the maps are the paths
that must be fast: they go through as few Python frames as they can.

How results look is in `asyncresult.py`, how sequences are cut in `map.py`, what
flags are in `flags.py`, and what is done with whole namespaces in `wholes.py`.
"""

from .asyncresult import AsyncMapResult, AsyncResult
from .checks import truth, whole
from .flags import Flags, TaskFlags
from .interruption import offer_interrupt
from .map import distribution, listed, sized
from .wholes import WholeNamespaces

# Requests wait, and are answered by each engine.
_USUAL_MANNER = (True, False, False)

# What of a view holds what its tasks are sent with; see `TaskFlags`.
_TERMS = ("_flags", "_terms")


class View(Flags):
    """What all views have in common.

    client: the Client that made it
    block: whether calls that don't say it themselves wait for their result
    targets: the engines; see the kinds of views
    label: a text by which results that aren't waited for are told apart, or None
    """

    _flag_attributes = {
        "block": ("_block",), "targets": ("targets",), "track": ("_track",), "label": ("_label",),
    }  # fmt: skip

    def __init__(self, client, targets, **flags):
        self.client = client
        self._block = client.block
        self._label = None
        self._track = False
        self.targets = targets
        self.set_flags(**flags)

    def __repr__(self):
        text = str(self.targets)
        return f"<{type(self).__name__} {text if len(text) <= 16 else text[:12] + '...]'}>"

    def __reduce_ex__(self, protocol):
        raise TypeError("a view belongs to the process of its client; Client()[ids] makes it anew")

    def __len__(self):
        """Returns the number of engines that it names now."""
        targets = self.targets
        if isinstance(targets, list):
            return len(targets)
        return 1 if isinstance(targets, int) else len(self.client)

    @property
    def block(self):
        """Whether calls that don't say it themselves wait for their result.

        Setting it raises TypeError for what is neither True nor False.
        """
        return self._block

    @block.setter
    def block(self, block):
        self._block = truth("block", block)

    @property
    def track(self):
        """Accepted for scripts that set it: objects are copied before a call returns, so that there
        is nothing to track.

        Setting it raises TypeError for what is neither True nor False.
        """
        return self._track

    @track.setter
    def track(self, track):
        self._track = truth("track", track)

    @property
    def label(self):
        """A text by which results that aren't waited for are told apart, or None.

        Setting it raises TypeError for what is neither.
        """
        return self._label

    @label.setter
    def label(self, label):
        if not (label is None or isinstance(label, str)):
            raise TypeError(f"a label is a str or None, not {label!r}")
        self._label = label

    def apply(self, f, /, *args, **kwargs):
        """Calls `f(*args, **kwargs)` on the engines.

        Returns what `apply_sync` returns if `block` is true, else what
        `apply_async` returns.
        """
        if self._block:
            return self.apply_sync(f, *args, **kwargs)
        return self.apply_async(f, *args, **kwargs)

    def map(self, f, *sequences, **options):
        """Calls `f` for each item of the sequences; each kind of view has its own way."""
        raise NotImplementedError(f"{type(self).__name__} has no map")

    def map_async(self, f, *sequences, **options):
        """Does what `map` does and returns an AsyncMapResult at once.

        Raises TypeError for `block`, which is said by the name.
        """
        if "block" in options:
            raise TypeError("map_async never waits, and takes no block: map takes it, and map_sync waits")
        return self.map(f, *sequences, block=False, **options)

    def map_sync(self, f, *sequences, **options):
        """Does what `map` does, waits for it, and returns the list of results.

        Raises TypeError for `block`, which is said by the name.
        """
        if "block" in options:
            raise TypeError("map_sync always waits, and takes no block: map takes it, and map_async doesn't wait")
        return self.map(f, *sequences, block=True, **options)

    def remote(self, block=None, **flags):
        """Makes a function one that runs on the engines of this view: a decorator.

        block: whether calling it waits; by default as the view says then
        flags: hold for its calls, such as `targets`
        """
        from .remotefunction import remote

        return remote(self, block, **flags)

    def parallel(self, dist="b", block=None, ordered=True, **flags):
        """Makes a function of sequences one that runs on parts of them on the engines: a decorator.

        dist: how sequences are cut; see `DirectView.scatter`
        block, flags: as for `remote`
        ordered: whether iterating over the result keeps the order of the input
        """
        from .remotefunction import parallel

        return parallel(self, dist, block, ordered, **flags)

    @property
    def executor(self):
        """A `concurrent.futures.Executor` whose calls go through this view."""
        from .executor import ViewExecutor

        return ViewExecutor(self)

    @property
    def results(self):
        """What is there; see `Client.results`."""
        return self.client.results

    @property
    def history(self):
        """The ids of what was asked for; see `Client.history`."""
        return self.client.history

    @property
    def outstanding(self):
        """The ids of what is under way; see `Client.outstanding`."""
        return self.client.outstanding

    def get_result(self, indices_or_msg_ids=None, block=None, owner=True):
        """Finds a result; see `Client.get_result`."""
        block = self._block if block is None else block
        return self.client.get_result(indices_or_msg_ids, block, owner)

    def purge_results(self, jobs=(), targets=None):
        """Forgets results; see `Client.purge_results`."""
        return self.client.purge_results(jobs, targets)

    def spin(self):
        """Does nothing; see `Client.spin`."""

    def wait(self, jobs=None, timeout=-1):
        """Waits for results; see `Client.wait`."""
        return self.client.wait(jobs, timeout)

    def abort(self, jobs=None, targets=None, block=None):
        """Aborts what has not started on the engines of this view; see `Client.abort`."""
        return self.client.abort(jobs, self._targets_or(targets), block)

    def queue_status(self, targets=None, verbose=False):
        """Returns how much is queued on the engines of this view; see `Client.queue_status`."""
        return self.client.queue_status(self._targets_or(targets), verbose)

    def shutdown(self, targets=None, restart=False, hub=False, block=None):
        """Stops the engines of this view; see `Client.shutdown`."""
        block = self._block if block is None else block
        return self.client.shutdown(self._targets_or(targets), restart, hub, block)

    def _targets_or(self, targets):
        targets = self.targets if targets is None else targets
        return "all" if targets is None else targets

    @property
    def _connection(self):
        """The client's, which is another one when it has been closed."""
        return self.client._connection

    def _deliver(self, result, block):
        """Returns the value of a result if the call blocks, else the result."""
        if self._label is not None:
            result._label = self._label
        if self._block if block is None else block:
            return result.get()
        self.client._watch(result._group, result)
        return result


class DirectView(WholeNamespaces, View):
    """Addresses particular engines: each call goes to all of them.

    `client[0]`, `client[::2]`, `client[:]` and `client.direct_view()` make one.
    `targets` is an engine id (results are then single objects), a list of ids
    (results are lists in that order), or 'all', which means the engines that
    are there at the time of each call.

    A view is also a dictionary of the engines' namespaces: `view['a'] = 1`
    pushes, `view['a']` pulls; dotted names reach into objects.
    """

    _flag_attributes = {
        **View._flag_attributes,
        "targets": ("_targets", "_ids", "_single"),
        "exclusive_wait": ("_manner",),
    }

    # Whether calls wait for engines that are another's, whether their answers are told
    # together, and whether they go out as a tree.
    _manner = _USUAL_MANNER

    def __init__(self, client, targets="all", **flags):
        View.__init__(self, client, targets, **flags)

    @property
    def targets(self):
        """The engine id, the list of ids, or 'all'.

        Setting it raises IndexError for an engine that isn't there, and
        TypeError for what doesn't name engines.
        """
        return self._targets

    @targets.setter
    def targets(self, targets):
        if isinstance(targets, str) and targets == "all":
            self._targets, self._ids, self._single = "all", None, False
        else:
            self._ids, self._single = self.client._select(targets)
            self._targets = self._ids[0] if self._single else self._ids

    def _resolve(self, targets):
        """Returns the ids of a call's engines and whether its result is a single one."""
        if targets is None:
            ids = self._ids
            return (self.client._select("all")[0] if ids is None else ids), self._single
        return self.client._select(targets)

    # -- calling functions

    def apply_sync(self, f, /, *args, **kwargs):
        """Calls `f(*args, **kwargs)` on the engines and waits for it.

        Returns the result, or a list of results if `targets` isn't one engine.
        Raises RemoteError or CompositeError if it raised there.
        """
        ids = self._ids
        if ids is None:
            ids = self.client._select("all")[0]
        group = self._connection.submit_apply(ids, f, args, kwargs, self._label, self._manner)
        try:
            group.wait(None)
        except KeyboardInterrupt:
            offer_interrupt(self._connection, [group], _name(f))
            raise
        if self._single:
            outcome = group.outcome(0)
            if outcome[0]:
                return outcome[1]
        return AsyncResult(self.client, group, _name(f), "apply", self._single).get()

    def apply_async(self, f, /, *args, **kwargs):
        """Calls `f(*args, **kwargs)` on the engines and returns an AsyncResult at once."""
        ids = self._ids
        if ids is None:
            ids = self.client._select("all")[0]
        group = self._connection.submit_apply(ids, f, args, kwargs, self._label, self._manner)
        result = AsyncResult(self.client, group, _name(f), "apply", self._single)
        if self._label is not None:
            result._label = self._label
        self.client._watch(group, result)
        return result

    def map(
        self, f, *sequences, block=None, track=None, return_exceptions=False, label=None
    ):  # fmt: skip
        """Calls `f` for each item of the sequences, one block of items on each engine.

        With several sequences, `f` gets one item of each; the shortest ends it.

        return_exceptions: puts a RemoteError into the results in the place of
            what a call raised
        label: the view's, for this call

        Returns a list if it blocks, else an AsyncMapResult.
        Raises RemoteError or CompositeError if a call raised.
        """
        if label is not None:
            options = {"block": block, "return_exceptions": return_exceptions}
            return self._with({"label": label}).map(f, *sequences, **options)
        _check_sequences(sequences)
        ids, _ = self._resolve(None)
        items = list(zip(*sequences))
        cut = distribution("b").getPartition
        chunks = [cut(items, part, len(ids)) for part in range(min(len(ids), len(items)))]
        sizes = list(map(len, chunks))
        called = _caught(f, return_exceptions, max(sizes, default=0))
        group = self._connection.submit_map(ids[: len(chunks)], called, chunks, self._label)
        result = AsyncMapResult(
            self.client, group, _name(f), "map", sizes, return_exceptions=return_exceptions
        )
        return self._deliver(result, block)

    def imap(self, f, *sequences, **options):
        """Returns an iterator over the results of `map_async`."""
        return iter(self.map_async(f, *sequences, **options))

    # -- these engines alone

    @property
    def exclusive_wait(self):
        """Whether calls to engines that are another client's alone wait; else they raise EngineLocked."""
        return self._manner[0]

    @exclusive_wait.setter
    def exclusive_wait(self, waits):
        self._manner = (bool(waits), *self._manner[1:])

    def exclusive(self, wait=True, timeout=None, limit=None):
        """Has the engines of this view for this client alone, within a `with` block.

            with view.exclusive():
                view.execute("step()")

        The block begins when what others had asked of these engines before has
        ended. What they ask of them meanwhile waits until the block ends, or
        raises EngineLocked if their view's flag `exclusive_wait` is false; their
        tasks go elsewhere. They are told whose the engines are, and the view's
        `label`.

        wait: whether to wait while they are somebody else's
        timeout: for how long, in seconds; None: for ever
        limit: how long they are this client's at most, in seconds

        Beginning the block raises EngineLocked where it doesn't wait, or waiting
        makes no sense: who has engines already must not wait for others. It
        raises TimeoutError after `timeout`. Ending it raises TimeoutError if it
        went on beyond `limit`. With the client the lock ends, too.
        """
        from .exclusive import Exclusive, seconds_or_none

        timeout, limit = seconds_or_none("timeout", timeout), seconds_or_none("limit", limit)
        ids, _ = self._resolve(None)
        return Exclusive(self.client, ids, self.label or "", bool(wait), timeout, limit)

    # -- running code

    def execute(self, code, silent=True, targets=None, block=None, label=None):
        """Runs source code in the engines' namespaces.

        silent: if false, the code is a numbered cell, the value of its last
            expression is displayed, and if it fails, what this client has
            queued behind it on that engine is aborted
        label: the view's, for this call

        Returns an AsyncResult of ExecuteReply objects, waited for if it
        blocks; then raises RemoteError or CompositeError if the code raised.
        Raises TypeError if `code` isn't a str.
        """
        if label is not None:
            return self._with({"label": label}).execute(code, silent, targets, block)
        if not isinstance(code, str):
            raise TypeError(f"execute takes source code as a str, not {type(code).__name__}")
        ids, single = self._resolve(targets)
        group = self._connection.submit_execute(ids, code, silent, not silent, self._label, self._manner)
        result = AsyncResult(self.client, group, "execute", "execute", single)
        result._execute_input = code
        self._deliver(result, block)
        return result

    def run(self, filename, targets=None, block=None, label=None):
        """Runs a file, read here, in the engines' namespaces; see `execute`.

        Raises OSError if the file can't be read.
        """
        with open(filename, encoding="utf-8") as file:
            code = file.read()
        return self.execute(code + "\n", targets=targets, block=block, label=label)

    def debug(self):
        """Opens the debugger on the last failure of the one engine of this view.

        The engine does what others ask of it between two commands. Raises ValueError if there
        are several engines, and RuntimeError if nothing has failed there.
        """
        from .debugger import debug

        debug(self)

    # -- moving objects

    def push(self, ns, targets=None, block=None, track=None):
        """Binds the names of the dict `ns` to its objects in the engines' namespaces.

        The objects are sent to the controller once, however many engines there are.
        Raises TypeError if `ns` isn't a dict, or if an object can't be carried.
        """
        if not isinstance(ns, dict):
            raise TypeError(f"push takes a dict of names and objects, not {type(ns).__name__}")
        for name in ns:
            if not isinstance(name, str):
                raise TypeError(f"names must be str, not {name!r}")
        ids, single = self._resolve(targets)
        group = self._connection.submit_push(ids, ns, self._label, self._manner)
        return self._deliver(AsyncResult(self.client, group, "push", "push", single), block)

    def update(self, ns):
        """Does what `push(ns)` does."""
        return self.push(ns)

    def pull(self, names, targets=None, block=None):
        """Returns the objects that the engines have by these names.

        names: a name, for one object; or a list of names, for a list of objects

        Raises RemoteError or CompositeError (of NameError) where a name isn't
        defined, TypeError if `names` holds something other than str.
        """
        single_name = isinstance(names, str)
        keys = [names] if single_name else names
        if not isinstance(keys, (list, tuple, set)) or not all(isinstance(k, str) for k in keys):
            raise TypeError(f"names must be a str or a list of str, not {names!r}")
        ids, single = self._resolve(targets)
        group = self._connection.submit_pull(ids, list(keys), single_name, self._label, self._manner)
        return self._deliver(AsyncResult(self.client, group, "pull", "pull", single), block)

    def get(self, names):
        """Does what `pull` does, and waits."""
        return self.pull(names, block=True)

    def __getitem__(self, names):
        return self.pull(names, block=True)

    def __setitem__(self, name, value):
        self.push({name: value})

    def scatter(self, key, seq, dist="b", flatten=False, targets=None, block=None, track=None):
        """Cuts a sequence into one part per engine, and binds `key` to its part on each.

        dist: 'b' gives blocks of neighbours, the first ones one item longer
            where it doesn't come out even; 'r' deals the items out in turn
        flatten: binds a part of length one as the item itself

        Returns None if it blocks, else an AsyncResult.
        Raises ValueError for another `dist`.
        """
        ids, _ = self._resolve(targets)
        cut = distribution(dist).getPartition
        seq = sized(seq)
        parts = [cut(seq, part, len(ids)) for part in range(len(ids))]
        if flatten:
            parts = [part[0] if len(part) == 1 else part for part in parts]
        group = self._connection.submit_push_each(ids, [{key: part} for part in parts], self._label)
        result = self._deliver(AsyncResult(self.client, group, "scatter", "push"), block)
        return result if isinstance(result, AsyncResult) else None

    def gather(self, key, dist="b", targets=None, block=None):
        """Puts the parts of a scattered sequence together into one list.

        Parts that aren't lists, tuples or ranges are items themselves.

        Returns the list if it blocks, else an AsyncMapResult.
        Raises ValueError for a `dist` other than 'b' and 'r', and RemoteError
        or CompositeError (of NameError) where `key` isn't defined.
        """
        ids, _ = self._resolve(targets)
        group = self._connection.submit_pull(ids, [key], True, self._label, self._manner)
        joiner = distribution(dist).joinPartitions
        result = AsyncMapResult(self.client, group, "gather", "pull", joiner=joiner)
        return self._deliver(result, block)

    def clear(self, targets=None, block=None):
        """Empties the engines' namespaces."""
        ids, single = self._resolve(targets)
        group = self._connection.submit_clear(ids, None, self._manner)
        return self._deliver(AsyncResult(self.client, group, "clear", "clear", single), block)

    # -- how functions travel

    def use_cloudpickle(self):
        """Makes functions take along the global names that they use, as cloudpickle does.

        From now on, and for all views of this client. Without it, functions of
        this session find their globals in the engine's namespace. Classes and
        what functions close over travel in any case.
        """
        self._connection.carry_globals(True)

    def use_dill(self):
        """Makes functions find their globals in the engine's namespace, as dill and pickle do.

        For all views of this client; it is so from the start. Lambdas, closures
        and classes of this session travel in any case.
        """
        self._connection.carry_globals(False)

    use_pickle = use_dill

    def _call_on_parts(self, function, sequences, count):
        from .remotefunction import call_on_engines

        return call_on_engines(self, function, sequences, count)

    # -- modules

    def sync_imports(self, local=True, quiet=False):
        """Makes what is imported within a `with` block be imported on the engines, too.

            with view.sync_imports():
                import json
                from os import path

        What is bound on an engine is what the statement names: `as` is not
        seen there.

        local: whether it is imported here as well. A module that is only on
            the engines can't be: then it is bound on the engines alone.
        quiet: doesn't tell on stdout what is imported where
        """
        from .imports import SyncImports

        return SyncImports(self, local, quiet)

    @property
    def importer(self):
        """`sync_imports()`, as `with view.importer:`."""
        return self.sync_imports()

    def activate(self, suffix=""):
        """Makes `%px`, `%%px`, `%autopx`, `%pxresult` and `%pxconfig` use this view.

        suffix: is put behind those names, so that several views have their own
        """
        from .magics import activate

        activate(self, suffix)


class LoadBalancedView(TaskFlags, View):
    """Addresses any engine: each call goes to one that has the least to do.

    `client.load_balanced_view()` makes one. Its flags hold for the calls that
    follow:

    targets: the ids of the engines that may run them; None: any
    after: what must have ended before: an AsyncResult, a message id, a
        `Dependency`, or a list of these
    follow: the same, and they run on the engine where these ran
    timeout: how long they may wait for that and for an engine, in seconds; then
        they raise DependencyTimeout, or TaskTimeout if only an engine is missing
        (0 and None: for ever)
    retries: how many times more a call that fails is tried, on other engines
        as long as there are some that haven't tried it (0 by default)
    priority: of the calls of one client that wait, those with the highest go
        first (0 by default)
    task_timeout: how long they may run, in seconds; then they are stopped as
        by `AsyncResult.cancel`, and raise TaskTimeout (0 and None: for ever)
    """

    _flag_attributes = {
        **View._flag_attributes,
        "targets": ("_ids", *_TERMS),
        **dict.fromkeys(("after", "follow", "timeout", "retries", "priority", "task_timeout"), _TERMS),
    }

    def __init__(self, client, targets=None, **flags):
        self._ids = None
        self._flags = {}
        # What calls are sent with: the retries, or a dict if there is more.
        self._terms = 0
        View.__init__(self, client, targets, **flags)

    @property
    def targets(self):
        """The ids of the engines that calls may run on; None: every engine of the cluster.

        Setting it raises IndexError for an engine that isn't there, and
        TypeError for what doesn't name engines.
        """
        return self._ids

    @targets.setter
    def targets(self, targets):
        if targets is None or (isinstance(targets, str) and targets == "all"):
            self._ids = None
        else:
            self._ids = list(self.client._select(targets)[0])
        self._set("targets", self._ids)

    def apply_sync(self, f, /, *args, **kwargs):
        """Calls `f(*args, **kwargs)` on some engine, waits for it, and returns its result.

        Raises RemoteError if it raised there, NoEnginesRegistered if there is no engine.
        """
        group = self._connection.submit_task(f, args, kwargs, self._terms, self._label)
        try:
            group.wait(None)
        except KeyboardInterrupt:
            offer_interrupt(self._connection, [group], _name(f))
            raise
        outcome = group.outcome(0)
        if outcome[0]:
            return outcome[1]
        return AsyncResult(self.client, group, _name(f), "apply", True).get()

    def apply_async(self, f, /, *args, **kwargs):
        """Calls `f(*args, **kwargs)` on some engine and returns an AsyncResult at once."""
        group = self._connection.submit_task(f, args, kwargs, self._terms, self._label)
        result = AsyncResult(self.client, group, _name(f), "apply", True)
        result._terms = self._terms
        if self._label is not None:
            result._label = self._label
        self.client._watch(group, result)
        return result

    def map(
        self, f, *sequences, block=None, chunksize=1, ordered=True, return_exceptions=False,
        track=None, label=None,
    ):  # fmt: skip
        """Calls `f` for each item of the sequences, wherever an engine is free.

        With several sequences, `f` gets one item of each; the shortest ends it.

        chunksize: how many items make one task
        ordered: whether iterating over the AsyncMapResult keeps the order of
            the input, or yields items as they arrive
        return_exceptions: puts a RemoteError into the results in the place of
            what a call raised. With a `chunksize` above 1 it isn't tried again
        label: the view's, for this call

        Returns a list if it blocks, else an AsyncMapResult.
        Raises RemoteError or CompositeError if a call raised, ValueError
        unless `chunksize` is at least 1.
        """
        if label is not None:
            options = {"block": block, "chunksize": chunksize, "ordered": ordered}
            options["return_exceptions"] = return_exceptions
            return self._with({"label": label}).map(f, *sequences, **options)
        _check_sequences(sequences)
        lists = listed(sequences)
        count = min(map(len, lists))
        # Larger than all there is is all there is.
        chunksize = min(whole("chunksize", chunksize, 1, None), max(1, count))
        called = _caught(f, return_exceptions, chunksize)
        group = self._connection.submit_task_map(called, lists, chunksize, self._terms, self._label)
        sizes = None
        if chunksize > 1:
            sizes = [min(chunksize, count - start) for start in range(0, count, chunksize)]
        result = AsyncMapResult(
            self.client, group, _name(f), "map", sizes,
            ordered=ordered, return_exceptions=return_exceptions,
        )  # fmt: skip
        result._terms = self._terms
        return self._deliver(result, block)

    def imap(
        self, f, *sequences, ordered=True, max_outstanding="auto", return_exceptions=False
    ):
        """Returns an iterator over `f` of each item, which takes its input as it goes.

        The sequences may be endless. `cancel()` on the iterator stops it from
        taking more.

        ordered: whether results keep the order of the input, or come as they arrive
        max_outstanding: how many tasks are under way at most: 'auto' means one
            per engine, 0 takes all of the input at once
        return_exceptions: yields a RemoteError in the place of what a call raised

        Raises ValueError if `max_outstanding` is negative.
        """
        return self._imap(
            f, sequences, ordered=ordered, max_outstanding=max_outstanding,
            return_exceptions=return_exceptions,
        )  # fmt: skip

    def _imap(
        self, f, sequences, ordered=True, max_outstanding="auto", return_exceptions=False, note=None
    ):
        """Does what `imap` does; `note` is called with each result that is asked for."""
        from .lazymap import LazyMapIterator

        _check_sequences(sequences)
        limit = max(1, len(self)) if max_outstanding == "auto" else max_outstanding
        if not isinstance(limit, int):
            raise TypeError(f"max_outstanding must be an int or 'auto', not {limit!r}")
        if limit < 0:
            raise ValueError(f"max_outstanding must not be negative: {limit}")
        calls = zip(*sequences)
        return LazyMapIterator(self, f, calls, ordered, limit, return_exceptions, note)

    def _call_on_parts(self, function, sequences, count):
        from .remotefunction import call_on_any

        return call_on_any(self, function, sequences, count)


def _name(f):
    """Names a function in messages."""
    return getattr(f, "__name__", None) or type(f).__name__


def _caught(f, return_exceptions, items_max):
    """Returns what engines call for each item of a map; see `caught.py`."""
    if not return_exceptions:
        return f
    from .caught import catching

    return catching(f, items_max)


def _check_sequences(sequences):
    if not sequences:
        raise TypeError("map needs at least one sequence besides the function")


# What is imported when it is first asked for here, where ipyparallel has it.
_ELSEWHERE = {"BroadcastView": ".broadcast", "LazyMapIterator": ".lazymap"}


def __getattr__(name):
    if name not in _ELSEWHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_ELSEWHERE[name], __package__), name)
