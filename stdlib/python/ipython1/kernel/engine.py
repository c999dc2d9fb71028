"""An engine as the code that runs on it sees it: `getEngine`.

    engine = kernel.getEngine(id)
    engine.properties['memory'] = 8

Clients set properties with `setProperties` of a RemoteController, or
`set_properties` of a MultiEngineClient.
"""

import builtins
from collections.abc import MutableMapping

from . import enginestate
from .error import InvalidEngineID, InvalidProperty, KernelError

# The engine of this process, as soon as somebody has asked for it.
_own = None


def getEngine(id=None):
    """Returns the engine that this code runs on.

    id: its id, by default whatever it is

    Raises RuntimeError outside of engines, InvalidEngineID for the id of another engine.
    """
    global _own
    if _own is None:
        _own = Engine(_own_id())
    # A script passes on the name `id`, which engines of its time had bound to their id.
    if id is not None and id is not builtins.id and id != _own.id:
        raise InvalidEngineID(
            f"this code runs on engine {_own.id}: the properties of engine {id!r} are set from a"
            " client, or by code that runs there"
        )
    return _own


class Engine:
    """The engine that this code runs on.

    id: its id
    properties: its properties, to be read and set like those of a dict
    """

    def __init__(self, id):
        vars(self).update(id=id, properties=Properties())

    def __setattr__(self, name, value=None):
        raise KernelError("an engine's attributes stay as they are; its properties can be set")

    __delattr__ = __setattr__

    def __reduce__(self):
        # Wherever a namespace is brought to, it is the engine there.
        return getEngine, ()

    def __repr__(self):
        return f"<Engine {self.id}: {self.properties}>"


class Properties(MutableMapping):
    """The properties of this engine.

    Objects are copied on their way in and out: an object that is changed later
    doesn't change the property. Setting one raises InvalidProperty if it can't
    be carried to other processes.
    """

    def __getitem__(self, key):
        from copy import deepcopy

        return deepcopy(enginestate.get_properties([key])[key])

    def __setitem__(self, key, value):
        from copy import deepcopy

        from rhumba import SnapshotError
        from rhumba.namespace import dumps

        try:
            dumps((key, value))
        except SnapshotError as problem:
            raise InvalidProperty(f"the property {key!r} can't be set: {problem}") from None
        enginestate.set_properties({key: deepcopy(value)})

    def __delitem__(self, key):
        enginestate.del_properties([key])

    def __iter__(self):
        return iter(enginestate.get_properties(()))

    def __len__(self):
        return len(enginestate.get_properties(()))

    def __repr__(self):
        return repr(enginestate.get_properties(()))


def _own_id():
    """Returns the id of the engine that this process is."""
    import os

    import _rhumba

    pid = os.getpid()
    for cluster in _rhumba.list_clusters():
        for engine in cluster["engines"]:
            if engine["pid"] == pid:
                return engine["id"]
    raise RuntimeError(
        "getEngine is for code that runs on an engine, and this is none: a client sets properties"
        " of engines with setProperties or set_properties"
    )
