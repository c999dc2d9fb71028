"""Steering engines: the RemoteController of the first interface.

Its methods take their targets first, and block unless they are told not to;
each has a twin ending in `All`, for all engines. They are DirectViews' methods
under other names: see `ipyparallel/client/view.py` for what they do.
"""

from ipyparallel import Client

from . import enginestate
from .error import InvalidEngineID
from .pending import PendingResult
from .results import QueueStatusList, ResultList, result_of

# How many commands `getResult` can look back on.
_REMEMBERED_COUNT_MAX = 1000

# Results that were asked for are looked for when there are this many.
_PENDING_MIN = 64


class RemoteController:
    """The engines of a cluster, steered from here.

    `targets` is an engine's id, a list of ids, or 'all'. Of one engine, results
    are single; of several, they are lists with one for each.

    addr: accepted for scripts; or the id of a cluster, or the path of its file
    block: whether commands wait for their results (True)
    magicTargets: where `%px` sends commands ('all')

    `rc['a'] = 5` and `rc['a']` push to and pull from all engines.
    """

    def __init__(self, addr=None):
        self._client = connected(addr)
        self.block = True
        self.magicTargets = "all"
        self._pending = []
        self._pending_max = _PENDING_MIN
        # The results of commands by engine and number, the oldest first.
        self._commands = {}

    def __repr__(self):
        return f"<RemoteController of {len(self)} engines>"

    def __len__(self):
        return len(self._client)

    def getIDs(self):
        """Returns the ids of the engines that are there."""
        return self._client.ids

    def connect(self):
        """Does nothing: it is connected from the start."""

    def disconnect(self):
        """Ends the connection; engines go on."""
        self._client.close()

    # -- running code

    def execute(self, targets, lines, block=None):
        """Runs source code; returns what it gave as a dict for one engine, else as a ResultList."""
        view = self._view(targets)
        result = view.execute(lines, silent=False, block=False)

        def finish(replies):
            single = not isinstance(replies, list)
            results = [result_of(each, lines) for each in ([replies] if single else replies)]
            self._remember(results)
            return ResultList(results)

        return self._given(result, block, finish)

    def executeAll(self, lines, block=None):
        return self.execute("all", lines, block)

    def run(self, targets, fname, block=None):
        """Runs a file, read here; see `execute`."""
        with open(fname, encoding="utf-8") as file:
            return self.execute(targets, file.read(), block)

    def runAll(self, fname, block=None):
        return self.run("all", fname, block)

    def getResult(self, targets, i=None, block=None):
        """Returns what a command gave that was sent from here: number `i`, by default the last.

        Raises IndexError for a number that no command had, or too long ago.
        """
        ids, _ = self._client._select(targets)
        found = []
        for engine in ids:
            numbers = self._commands.get(engine, {})
            number = i if i is not None else next(reversed(numbers), None)
            if number not in numbers:
                wanted = "command" if i is None else f"command {i}"
                raise IndexError(f"there is no {wanted} of engine {engine} to show")
            found.append(numbers[number])
        return ResultList(found)

    def getResultAll(self, i=None, block=None):
        return self.getResult("all", i, block)

    def _remember(self, results):
        for result in results:
            numbers = self._commands.setdefault(result["id"], {})
            numbers[result["number"]] = result
            if len(numbers) > _REMEMBERED_COUNT_MAX:
                del numbers[next(iter(numbers))]

    # -- moving objects

    def push(self, targets, **namespace):
        """Binds names to objects on the engines."""
        return self._given(self._view(targets).push(namespace, block=False))

    def pushAll(self, **namespace):
        return self.push("all", **namespace)

    def pull(self, targets, *keys):
        """Returns an object by its name, or a tuple of several, of each engine.

        Raises NotDefined if a name isn't bound on any of them.
        """
        _check_keys(keys)
        name = keys[0] if len(keys) == 1 else list(keys)
        result = self._view(targets).pull(name, block=False)

        def finish(values):
            if len(keys) == 1:
                return values
            return tuple(values) if result._single_result else list(map(tuple, values))

        return self._given(result, None, finish)

    def pullAll(self, *keys):
        return self.pull("all", *keys)

    def zipPull(self, targets, *keys):
        """Returns a tuple for each name, of the engines' objects by it."""
        _check_keys(keys)
        ids, _ = self._client._select(targets)
        result = self._view(ids).pull(list(keys), block=False)
        return self._given(result, None, lambda values: list(zip(*values)))

    def zipPullAll(self, *keys):
        return self.zipPull("all", *keys)

    # Functions travel like all other objects.
    pushFunction, pushFunctionAll = push, pushAll
    pullFunction, pullFunctionAll = pull, pullAll

    def pushSerialized(self, targets, **namespace):
        """Binds names to objects that `pullSerialized` has given."""
        from rhumba.namespace import loads

        return self.push(targets, **{name: loads(data) for name, data in namespace.items()})

    def pushSerializedAll(self, **namespace):
        return self.pushSerialized("all", **namespace)

    def pullSerialized(self, targets, *keys):
        """Returns what `pull` returns, each object as bytes."""
        from rhumba.namespace import dumps

        _check_keys(keys)
        ids, single = self._client._select(targets)
        result = self._view(ids).pull(list(keys), block=False)

        def finish(values):
            data = [tuple(map(dumps, each)) for each in values]
            data = [each[0] for each in data] if len(keys) == 1 else data
            return data[0] if single else data

        return self._given(result, None, finish)

    def pullSerializedAll(self, *keys):
        return self.pullSerialized("all", *keys)

    def pushModule(self, targets, module):
        """Makes a module of here known on the engines, of its source.

        Raises OSError if it has none.
        """
        from inspect import getsource

        try:
            source = getsource(module)
        except (OSError, TypeError):
            raise OSError(f"there is no source of {module!r} to push") from None
        view = self._view(targets)
        return self._given(view.apply_async(enginestate.put_module, module.__name__, source))

    def pushModuleAll(self, module):
        return self.pushModule("all", module)

    def __setitem__(self, key, value):
        if isinstance(key, tuple):
            targets, key = key
            self.push(targets, **{key: value})
        else:
            self.pushAll(**{key: value})

    def __getitem__(self, key):
        return self.pull(*key) if isinstance(key, tuple) else self.pullAll(key)

    def scatter(self, targets, key, seq, style="basic", flatten=False):
        """Binds a name to a part of a sequence on each engine."""
        view = self._view(targets)
        result = view.scatter(key, seq, dist=_dist(style), flatten=flatten, block=False)
        return self._given(result)

    def scatterAll(self, key, seq, style="basic", flatten=False):
        return self.scatter("all", key, seq, style, flatten)

    def gather(self, targets, key, style="basic"):
        """Returns the parts of a sequence put together."""
        return self._given(self._view(targets).gather(key, dist=_dist(style), block=False))

    def gatherAll(self, key, style="basic"):
        return self.gather("all", key, style)

    # -- mapping

    def map(self, targets, func, seq, style="basic"):
        """Returns the list of what `func` gives for each item, called on the engines.

        func: a function, or an expression for one among the engines' names
        """
        ids, _ = self._client._select(targets)
        view = self._view(ids)
        if not isinstance(func, str):
            return self._given(view.map_async(func, seq))
        parallel = view.parallel(dist=_dist(style), block=False)
        return self._given(parallel(_Named(func))(list(seq)))

    def mapAll(self, func, seq, style="basic"):
        return self.map("all", func, seq, style)

    def parallelize(self, targets, func, style="basic"):
        """Returns a function of a sequence that maps `func` over it on the engines; see `map`."""
        return ParallelFunction(self, targets, func, style)

    def parallelizeAll(self, func, style="basic"):
        return self.parallelize("all", func, style)

    # -- engines

    def keys(self, targets):
        """Returns the names that are bound on the engines."""
        return self._given(self._view(targets).apply_async(enginestate.user_names))

    def keysAll(self):
        return self.keys("all")

    def reset(self, targets):
        """Unbinds all names on the engines."""
        return self._given(self._view(targets).clear(block=False))

    def resetAll(self):
        return self.reset("all")

    def kill(self, targets, controller=False):
        """Stops engines; `controller=True` also stops the controller, and all is over."""
        if controller:
            self._client.shutdown(hub=True)
        else:
            self._client.shutdown(self._ids(targets))

    def killAll(self, controller=False):
        self.kill("all", controller)

    def queueStatus(self, targets):
        """Returns what the engines have to do, as a QueueStatusList."""
        ids = self._ids(targets)
        status = self._client.queue_status(ids)
        listed = QueueStatusList()
        for engine in ids:
            count = status[engine]["queue"] + status[engine]["tasks"]
            listed.append(
                (engine, {"pending": "a command" if count else "None", "queue": max(0, count - 1)})
            )
        return listed

    def queueStatusAll(self):
        return self.queueStatus("all")

    def clearQueue(self, targets):
        """Takes off the queue what has not started: it raises QueueCleared. What runs goes on."""
        self._client.abort(targets=self._ids(targets))

    def clearQueueAll(self):
        self.clearQueue("all")

    def setProperties(self, targets, **properties):
        """Sets properties of engines, which stay when their names are cleared."""
        view = self._view(targets)
        return self._given(view.apply_async(enginestate.set_properties, properties))

    def setPropertiesAll(self, **properties):
        return self.setProperties("all", **properties)

    def getProperties(self, targets, *keys):
        """Returns a dict of the engines' properties: of all of them, or of these."""
        return self._given(self._view(targets).apply_async(enginestate.get_properties, keys))

    def getPropertiesAll(self, *keys):
        return self.getProperties("all", *keys)

    def hasProperties(self, targets, *keys):
        """Returns a list that says of each property whether it is set."""
        return self._given(self._view(targets).apply_async(enginestate.has_properties, keys))

    def hasPropertiesAll(self, *keys):
        return self.hasProperties("all", *keys)

    def delProperties(self, targets, *keys):
        """Unsets properties."""
        return self._given(self._view(targets).apply_async(enginestate.del_properties, keys))

    def delPropertiesAll(self, *keys):
        return self.delProperties("all", *keys)

    def clearProperties(self, targets):
        """Unsets all properties."""
        return self._given(self._view(targets).apply_async(enginestate.clear_properties))

    def clearPropertiesAll(self):
        return self.clearProperties("all")

    # -- what isn't waited for

    def barrier(self):
        """Waits for all that isn't waited for, and flushes it.

        Raises the first error there was, after all have ended.
        """
        pending, self._pending = self._pending, []
        first = None
        for each in pending:
            try:
                each._wait()
            except Exception as failure:
                first = first or failure
            each._flush()
        if first is not None:
            raise first

    def flush(self):
        """Forgets all that isn't waited for: it can't be asked for any more."""
        pending, self._pending = self._pending, []
        for each in pending:
            each._flush()

    def activate(self):
        """Gives the shell `%px`, `%pn`, `%result` and `%autopx` for these engines."""
        from .magics import activate

        activate(self)

    # -- from targets to views, from views to results

    def _ids(self, targets):
        if isinstance(targets, tuple):
            targets = list(targets)
        try:
            ids, _ = self._client._select(targets)
        except IndexError as missing:
            raise InvalidEngineID(str(missing)) from None
        return ids

    def _view(self, targets):
        ids = self._ids(targets)
        single = isinstance(targets, int)
        return self._client.direct_view(ids[0] if single else ids, block=False)

    def _given(self, result, block=None, finish=None):
        pending = PendingResult(result, finish or _unchanged)
        if self.block if block is None else block:
            return pending.getResult()
        self._pending.append(pending)
        if len(self._pending) > self._pending_max:
            self._pending = [each for each in self._pending if each._outcome is None]
            self._pending_max = max(_PENDING_MIN, 2 * len(self._pending))
        return pending


class ParallelFunction:
    """A function of a sequence that maps another one over it on engines."""

    def __init__(self, controller, targets, func, style):
        self._controller = controller
        self._targets = targets
        self._func = func
        self._style = style

    def __call__(self, sequence):
        return self._controller.map(self._targets, self._func, sequence, self._style)


class _Named:
    """A function of items that maps what engines have by a name over them."""

    def __init__(self, name):
        self._name = name

    def __call__(self, items):
        return enginestate.call_named(self._name, items)


def connected(addr):
    """Returns a client of the cluster that an address stands for."""
    if addr is None:
        return Client()
    if isinstance(addr, str):
        return Client(addr) if "/" in addr else Client(cluster_id=addr)
    host, port = addr
    if host not in ("127.0.0.1", "localhost", "::1", ""):
        raise ValueError(
            f"there is no way to the controller at {host}:{port}: clusters are reached on their"
            " own machine, by the files that describe them"
        )
    return Client()


def _dist(style):
    if style not in ("basic", "roundrobin"):
        raise ValueError(f"style must be 'basic' or 'roundrobin', not {style!r}")
    return "b" if style == "basic" else "r"


def _check_keys(keys):
    if not keys or not all(isinstance(key, str) for key in keys):
        raise TypeError(f"pull takes at least one name, each a str, not {keys!r}")


def _unchanged(value):
    return value

