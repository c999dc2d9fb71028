"""Steering engines as IPython 0.9 spells it: the MultiEngineClient.

Names have underscores, and what is done comes first; where, and whether it is
waited for, are the keywords `targets` and `block`. What it does is in `steering.py`.
"""

from . import enginestate
from .contexts import block_source, remote
from .error import NotAPendingResult, StopLocalExecution
from .mapping import Mapper, of_one_length, parallel_by
from .pending import Known, PendingResult
from .steering import Steering


class MultiEngineClient(Steering):
    """The engines of a cluster, steered from here.

    furl_or_file: accepted for scripts; or the id of a cluster, or the path of its file
    targets: the engines of calls that don't say which: an id, a list of ids, or 'all' ('all')
    block: whether calls that don't say it wait for their results (True)

    Results are lists with one for each engine, also of a single engine. What
    isn't waited for is a PendingResult.

    `mec['a'] = 5` and `mec['a']` push and pull. A `with` block whose first
    statement is `remote()` runs on the engines:

        with mec as results:
            remote()
            b = a + 1
    """

    def __init__(self, furl_or_file=None):
        Steering.__init__(self, furl_or_file)
        self.targets = "all"

    @property
    def _magic_targets(self):
        return self.targets

    def get_ids(self):
        """Returns the ids of the engines that are there."""
        return self._client.ids

    # -- running code

    def execute(self, lines, targets=None, block=None):
        """Runs source code; returns what it gave as a ResultList, with one dict for each engine."""
        return self._execute(self._at(targets), lines, block)

    def run(self, filename, targets=None, block=None):
        """Runs a file, read here; see `execute`."""
        return self._execute_file(self._at(targets), filename, block)

    def get_result(self, i=None, targets=None, block=None):
        """Returns what a command gave that was sent from here: number `i`, by default the last.

        Raises IndexError for a number that no command had, or too long ago.
        """
        return self._known("get_result", self._result(self._at(targets), i), block)

    def __enter__(self):
        from sys import _getframe

        source = block_source(_getframe(1))
        self._with_context_result = self._execute(self._at(None), source, None)
        return self._with_context_result

    def __exit__(self, kind, failure, traceback):
        return isinstance(failure, StopLocalExecution)

    # -- moving objects

    def push(self, namespace, targets=None, block=None):
        """Binds the names of a dict to its objects on the engines."""
        return self._push(self._at(targets), _dict(namespace), block)

    def pull(self, keys, targets=None, block=None):
        """Returns an object by its name, or a list of those by a list of names, of each engine.

        Raises NotDefined if a name isn't bound on any of them.
        """
        return self._pull(self._at(targets), _names(keys), block, list)

    def zip_pull(self, keys, targets=None, block=None):
        """Returns a tuple for each name, of the engines' objects by it.

        For a single name, the list of these objects; of a single engine, what `pull`
        has for it.
        """
        at, names = self._at(targets), _names(keys)
        if not isinstance(names, str) and len(names) == 1:
            [names] = names
        if isinstance(self.targets if targets is None else targets, int):
            return self._pull(at[0], names, block, list)
        if isinstance(names, str):
            return self._pull(at, names, block, list)
        return self._pull_zipped(at, names, block)

    # Functions travel like all other objects.
    push_function, pull_function = push, pull

    def push_serialized(self, namespace, targets=None, block=None):
        """Binds names to objects that `pull_serialized` has given."""
        return self._push_serialized(self._at(targets), _dict(namespace), block)

    def pull_serialized(self, keys, targets=None, block=None):
        """Returns what `pull` returns, each object as bytes."""
        return self._pull_serialized(self._at(targets), _names(keys), block, list)

    def __setitem__(self, key, value):
        self.push({key: value})

    def __getitem__(self, key):
        if not isinstance(key, str):
            raise TypeError(f"objects are pulled by their names, which are str, not by {key!r}")
        return self.pull(key)

    def scatter(self, key, seq, dist="b", flatten=False, targets=None, block=None):
        """Binds a name to a part of a sequence on each engine.

        dist: 'b' for blocks of items, 'r' for every nth
        flatten: whether a part of one item is that item
        """
        return self._scatter(self._at(targets), key, seq, dist, flatten, block)

    def gather(self, key, dist="b", targets=None, block=None):
        """Returns the parts of a sequence put together."""
        return self._gather(self._at(targets), key, dist, block)

    # -- mapping

    def raw_map(self, func, sequences, dist="b", targets=None, block=None):
        """Returns the list of what `func` gives for each item of the sequences.

        func: a function, or an expression for one among the engines' names
        sequences: a list of sequences of the same length; it is given one item of each
        """
        if not isinstance(sequences, (list, tuple)):
            raise TypeError(f"raw_map takes a list of sequences, not {sequences!r}")
        return self._map(self._at(targets), func, of_one_length(sequences), dist, block)

    def map(self, func, *sequences):
        """Returns the list of what `func` gives for each item, called on all engines.

        With several sequences it is given one item of each; see `raw_map`.
        """
        return self.mapper().map(func, *sequences)

    def mapper(self, dist="b", targets="all", block=None):
        """Returns an object whose `map(func, *sequences)` goes to these engines."""
        return Mapper(lambda func, sequences: self.raw_map(func, sequences, dist, targets, block))

    def parallel(self, dist="b", targets=None, block=None):
        """Makes a function one that maps itself over sequences on the engines: a decorator."""
        return parallel_by(self.mapper(dist, targets, block))

    # -- engines

    def keys(self, targets=None, block=None):
        """Returns the names that are bound on the engines."""
        return self._call(self._at(targets), block, enginestate.user_names)

    def reset(self, targets=None, block=None):
        """Unbinds all names on the engines."""
        return self._reset(self._at(targets), block)

    def kill(self, controller=False, targets=None, block=None):
        """Stops engines; `controller=True` also stops the controller, and all is over."""
        self._kill(self._at(targets), controller)

    def queue_status(self, targets=None, block=None):
        """Returns what the engines have to do, as a QueueStatusList."""
        return self._known("queue_status", self._queue_status(self._at(targets)), block)

    def clear_queue(self, targets=None, block=None):
        """Takes off the queue what has not started: it raises QueueCleared. What runs goes on."""
        return self._known("clear_queue", self._clear_queue(self._at(targets)), block)

    def set_properties(self, properties, targets=None, block=None):
        """Sets properties of engines from a dict; they stay when names are cleared."""
        return self._call(
            self._at(targets), block, enginestate.set_properties, _dict(properties)
        )

    def get_properties(self, keys=None, targets=None, block=None):
        """Returns a dict of the properties of each engine: of all of them, or of these."""
        keys = () if keys is None else _listed(keys)
        return self._call(self._at(targets), block, enginestate.get_properties, keys)

    def has_properties(self, keys, targets=None, block=None):
        """Returns a list for each engine that says of each property whether it is set."""
        return self._call(self._at(targets), block, enginestate.has_properties, _listed(keys))

    def del_properties(self, keys, targets=None, block=None):
        """Unsets properties."""
        return self._call(self._at(targets), block, enginestate.del_properties, _listed(keys))

    def clear_properties(self, targets=None, block=None):
        """Unsets all properties."""
        return self._call(self._at(targets), block, enginestate.clear_properties)

    # -- what isn't waited for

    def barrier(self, pendingResults):
        """Waits for these PendingResults. What was raised is raised when they are asked.

        Raises NotAPendingResult, before it waits, if one of them is something else.
        """
        pending = list(pendingResults)
        for each in pending:
            if not isinstance(each, PendingResult):
                raise NotAPendingResult(f"barrier waits for PendingResults, not for {each!r}")
        for each in pending:
            each._settle()

    clear_pending_results = Steering.flush

    def _at(self, targets):
        """Returns the engines of a call; a single one in a list, as its results are one."""
        targets = self.targets if targets is None else targets
        return [targets] if isinstance(targets, int) else targets

    def _known(self, name, value, block):
        """Returns what is there at once, as a call gives it."""
        return self._given(Known(name, value), block)


def _dict(namespace):
    if not isinstance(namespace, dict):
        raise TypeError(f"this takes a dict of names and objects, not {namespace!r}")
    return namespace


def _listed(keys):
    return [keys] if isinstance(keys, str) else list(keys)


def _names(keys):
    """Returns a name, or the list of several."""
    if isinstance(keys, str):
        return keys
    names = list(keys) if isinstance(keys, (list, tuple)) else []
    if not names or not all(isinstance(name, str) for name in names):
        raise TypeError(f"pull takes a name, a str, or a list of names, not {keys!r}")
    return names


__all__ = ["MultiEngineClient", "remote"]
