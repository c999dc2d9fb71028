"""Steering engines: the RemoteController of the first interface.

Its methods take their targets first, and block unless they are told not to;
each has a twin ending in `All`, for all engines. What they do is in `steering.py`.
"""

from . import enginestate
from .steering import Steering


class RemoteController(Steering):
    """The engines of a cluster, steered from here.

    `targets` is an engine's id, a list of ids, or 'all'. Of one engine, results
    are single; of several, they are lists with one for each.

    addr: accepted for scripts; or the id of a cluster, or the path of its file
    block: whether commands wait for their results (True)
    magicTargets: where `%px` sends commands ('all')

    `rc['a'] = 5` and `rc['a']` push to and pull from all engines.
    """

    def __init__(self, addr=None):
        Steering.__init__(self, addr)
        self.magicTargets = "all"

    def getIDs(self):
        """Returns the ids of the engines that are there."""
        return self._client.ids

    def connect(self):
        """Does nothing: it is connected from the start."""

    def disconnect(self):
        """Ends the connection; engines go on."""
        self._client.close()

    @property
    def _magic_targets(self):
        return self.magicTargets

    # -- running code

    def execute(self, targets, lines, block=None):
        """Runs source code; returns what it gave as a ResultList, with one dict for each engine."""
        return self._execute(targets, lines, block)

    def executeAll(self, lines, block=None):
        return self.execute("all", lines, block)

    def run(self, targets, fname, block=None):
        """Runs a file, read here; see `execute`."""
        return self._execute_file(targets, fname, block)

    def runAll(self, fname, block=None):
        return self.run("all", fname, block)

    def getResult(self, targets, i=None, block=None):
        """Returns what a command gave that was sent from here: number `i`, by default the last.

        Raises IndexError for a number that no command had, or too long ago.
        """
        return self._result(targets, i)

    def getResultAll(self, i=None, block=None):
        return self.getResult("all", i, block)

    # -- moving objects

    def push(self, targets, **namespace):
        """Binds names to objects on the engines."""
        return self._push(targets, namespace, None)

    def pushAll(self, **namespace):
        return self.push("all", **namespace)

    def pull(self, targets, *keys):
        """Returns an object by its name, or a tuple of several, of each engine.

        Raises NotDefined if a name isn't bound on any of them.
        """
        return self._pull(targets, _names(keys), None, tuple)

    def pullAll(self, *keys):
        return self.pull("all", *keys)

    def zipPull(self, targets, *keys):
        """Returns a tuple for each name, of the engines' objects by it."""
        _names(keys)
        return self._pull_zipped(targets, list(keys), None)

    def zipPullAll(self, *keys):
        return self.zipPull("all", *keys)

    # Functions travel like all other objects.
    pushFunction, pushFunctionAll = push, pushAll
    pullFunction, pullFunctionAll = pull, pullAll

    def pushSerialized(self, targets, **namespace):
        """Binds names to objects that `pullSerialized` has given."""
        return self._push_serialized(targets, namespace, None)

    def pushSerializedAll(self, **namespace):
        return self.pushSerialized("all", **namespace)

    def pullSerialized(self, targets, *keys):
        """Returns what `pull` returns, each object as bytes."""
        return self._pull_serialized(targets, _names(keys), None, tuple)

    def pullSerializedAll(self, *keys):
        return self.pullSerialized("all", *keys)

    def pushModule(self, targets, module):
        """Makes a module of here known on the engines, of its source.

        Raises OSError if it has none.
        """
        return self._push_module(targets, module, None)

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
        return self._scatter(targets, key, seq, _dist(style), flatten, None)

    def scatterAll(self, key, seq, style="basic", flatten=False):
        return self.scatter("all", key, seq, style, flatten)

    def gather(self, targets, key, style="basic"):
        """Returns the parts of a sequence put together."""
        return self._gather(targets, key, _dist(style), None)

    def gatherAll(self, key, style="basic"):
        return self.gather("all", key, style)

    # -- mapping

    def map(self, targets, func, seq, style="basic"):
        """Returns the list of what `func` gives for each item, called on the engines.

        func: a function, or an expression for one among the engines' names
        """
        return self._map(targets, func, [seq], _dist(style), None)

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
        return self._call(targets, None, enginestate.user_names)

    def keysAll(self):
        return self.keys("all")

    def reset(self, targets):
        """Unbinds all names on the engines."""
        return self._reset(targets, None)

    def resetAll(self):
        return self.reset("all")

    def kill(self, targets, controller=False):
        """Stops engines; `controller=True` also stops the controller, and all is over."""
        self._kill(targets, controller)

    def killAll(self, controller=False):
        self.kill("all", controller)

    def queueStatus(self, targets):
        """Returns what the engines have to do, as a QueueStatusList."""
        return self._queue_status(targets)

    def queueStatusAll(self):
        return self.queueStatus("all")

    def clearQueue(self, targets):
        """Takes off the queue what has not started: it raises QueueCleared. What runs goes on."""
        self._clear_queue(targets)

    def clearQueueAll(self):
        self.clearQueue("all")

    def setProperties(self, targets, **properties):
        """Sets properties of engines, which stay when their names are cleared."""
        return self._call(targets, None, enginestate.set_properties, properties)

    def setPropertiesAll(self, **properties):
        return self.setProperties("all", **properties)

    def getProperties(self, targets, *keys):
        """Returns a dict of the engines' properties: of all of them, or of these."""
        return self._call(targets, None, enginestate.get_properties, keys)

    def getPropertiesAll(self, *keys):
        return self.getProperties("all", *keys)

    def hasProperties(self, targets, *keys):
        """Returns a list that says of each property whether it is set."""
        return self._call(targets, None, enginestate.has_properties, keys)

    def hasPropertiesAll(self, *keys):
        return self.hasProperties("all", *keys)

    def delProperties(self, targets, *keys):
        """Unsets properties."""
        return self._call(targets, None, enginestate.del_properties, keys)

    def delPropertiesAll(self, *keys):
        return self.delProperties("all", *keys)

    def clearProperties(self, targets):
        """Unsets all properties."""
        return self._call(targets, None, enginestate.clear_properties)

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


class ParallelFunction:
    """A function of a sequence that maps another one over it on engines."""

    def __init__(self, controller, targets, func, style):
        self._controller = controller
        self._targets = targets
        self._func = func
        self._style = style

    def __call__(self, sequence):
        return self._controller.map(self._targets, self._func, sequence, self._style)


def _dist(style):
    if style not in ("basic", "roundrobin"):
        raise ValueError(f"style must be 'basic' or 'roundrobin', not {style!r}")
    return "b" if style == "basic" else "r"


def _names(keys):
    """Returns the name, if it is one, or the list of several."""
    if not keys or not all(isinstance(key, str) for key in keys):
        raise TypeError(f"pull takes at least one name, each a str, not {keys!r}")
    return keys[0] if len(keys) == 1 else list(keys)
