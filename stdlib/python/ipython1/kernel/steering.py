"""What clients of engines have in common: the RemoteController and the MultiEngineClient.

Each thing that can be asked of engines is here once, as a method of DirectViews
with the targets first and without defaults. How it is spelled is in
`multiengine.py` (2007) and `multiengineclient.py` (IPython 0.9); what it does,
in `ipyparallel/client/view.py`.
"""

from ipyparallel import Client

from . import enginestate
from .error import InvalidEngineID
from .pending import PendingResult
from .results import ResultList, queue_status, result_of

# How many commands can be looked back on.
_REMEMBERED_COUNT_MAX = 1000

# Results that were asked for are looked for when there are this many.
_PENDING_MIN = 64


class Steering:
    """The engines of a cluster, steered from here.

    Results are single where `targets` is an int, else lists with one for each.
    `block` may be None everywhere: then the attribute `block` says whether it waits.
    """

    def __init__(self, addr):
        self._client = connected(addr)
        self.block = True
        self._pending = []
        self._pending_max = _PENDING_MIN
        # The results of commands by engine and number, the oldest first.
        self._commands = {}

    def __repr__(self):
        return f"<{type(self).__name__} of {len(self)} engines>"

    def __len__(self):
        return len(self._client)

    # -- running code

    def _execute(self, targets, lines, block):
        view = self._view(targets)
        result = view.execute(lines, silent=False, block=False)

        def finish(replies):
            single = not isinstance(replies, list)
            results = [result_of(each, lines) for each in ([replies] if single else replies)]
            self._remember(results)
            return ResultList(results)

        return self._given(result, block, finish)

    def _execute_file(self, targets, fname, block):
        with open(fname, encoding="utf-8") as file:
            return self._execute(targets, file.read(), block)

    def _result(self, targets, i):
        found = []
        for engine in self._ids(targets):
            numbers = self._commands.get(engine, {})
            number = i if i is not None else next(reversed(numbers), None)
            if number not in numbers:
                wanted = "command" if i is None else f"command {i}"
                raise IndexError(f"there is no {wanted} of engine {engine} to show")
            found.append(numbers[number])
        return ResultList(found)

    def _remember(self, results):
        for result in results:
            numbers = self._commands.setdefault(result["id"], {})
            numbers[result["number"]] = result
            if len(numbers) > _REMEMBERED_COUNT_MAX:
                del numbers[next(iter(numbers))]

    # -- moving objects

    def _push(self, targets, namespace, block):
        return self._given(self._view(targets).push(namespace, block=False), block)

    def _pull(self, targets, names, block, several):
        """Pulls one name, a str, or a list of them, which come as a `several` of each engine."""
        result = self._view(targets).pull(names, block=False)

        def finish(values):
            if isinstance(names, str):
                return values
            return several(values) if result._single_result else list(map(several, values))

        return self._given(result, block, finish)

    def _pull_zipped(self, targets, names, block):
        """Pulls a list of names, which come as a tuple of the engines' objects for each."""
        result = self._view(self._ids(targets)).pull(names, block=False)
        return self._given(result, block, lambda values: list(zip(*values)))

    def _push_serialized(self, targets, namespace, block):
        from rhumba.namespace import loads

        objects = {name: loads(data) for name, data in namespace.items()}
        return self._push(targets, objects, block)

    def _pull_serialized(self, targets, names, block, several):
        from rhumba.namespace import dumps

        single = isinstance(targets, int)
        listed = [names] if isinstance(names, str) else names
        result = self._view(self._ids(targets)).pull(listed, block=False)

        def finish(values):
            data = [several(map(dumps, each)) for each in values]
            data = [each[0] for each in data] if isinstance(names, str) else data
            return data[0] if single else data

        return self._given(result, block, finish)

    def _push_module(self, targets, module, block):
        from inspect import getsource

        try:
            source = getsource(module)
        except (OSError, TypeError):
            raise OSError(f"there is no source of {module!r} to push") from None
        return self._call(targets, block, enginestate.put_module, module.__name__, source)

    def _scatter(self, targets, key, seq, dist, flatten, block):
        view = self._view(targets)
        return self._given(view.scatter(key, seq, dist=dist, flatten=flatten, block=False), block)

    def _gather(self, targets, key, dist, block):
        return self._given(self._view(targets).gather(key, dist=dist, block=False), block)

    # -- calling functions

    def _map(self, targets, func, sequences, dist, block):
        """Maps a function, or an expression for one among the engines' names."""
        view = self._view(self._ids(targets))
        if callable(func):
            return self._given(view.map_async(func, *sequences), block)
        if not isinstance(func, str):
            raise TypeError(
                "what is mapped is a function, or a str that names one on the engines, not"
                f" {func!r}"
            )
        parallel = view.parallel(dist=dist, block=False)
        return self._given(parallel(_Named(func))(list(zip(*sequences))), block)

    def _call(self, targets, block, function, *args):
        return self._given(self._view(targets).apply_async(function, *args), block)

    # -- engines

    def _reset(self, targets, block):
        return self._given(self._view(targets).clear(block=False), block)

    def _kill(self, targets, controller):
        if controller:
            self._client.shutdown(hub=True)
        else:
            self._client.shutdown(self._ids(targets))

    def _queue_status(self, targets):
        return queue_status(self._client, self._ids(targets))

    def _clear_queue(self, targets):
        self._client.abort(targets=self._ids(targets))

    # -- what isn't waited for

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

    def _given(self, result, block, finish=None):
        pending = PendingResult(result, finish or _unchanged)
        if self.block if block is None else block:
            return pending.getResult()
        self._pending.append(pending)
        if len(self._pending) > self._pending_max:
            self._pending = [each for each in self._pending if each._outcome is None]
            self._pending_max = max(_PENDING_MIN, 2 * len(self._pending))
        return pending


class _Named:
    """A function of items that maps what engines have by a name over them."""

    def __init__(self, name):
        self._name = name

    def __call__(self, items):
        return enginestate.call_named(self._name, items)


def connected(addr):
    """Returns a client of the cluster that an address stands for."""
    if not addr:
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


def _unchanged(value):
    return value
