"""Objects and whole namespaces as bytes.

    data = dumps(obj)       any object, with all that it refers to
    obj = loads(data)

By value go data of every built-in kind, instances, and functions and classes
made in a namespace, lambdas and closures among them; modules and what can be
imported from them go by name. What is one object before is one object after,
cycles included. What can't be carried raises `rhumba.SnapshotError`, which
names its path.

The bytes are for the same rhumba: another version refuses them. Rebuilding an
object may call what the bytes name, as with pickle: read only what you trust.

The format is the snapshot's, in the interpreter; nothing is encoded here.
"""

import _rhumba
from rhumba import SnapshotError

__all__ = ["SnapshotError", "dumps", "loads"]


def dumps(obj):
    """Returns an object, and all that it refers to, as bytes.

    Raises SnapshotError, a TypeError, with the path of what can't be carried;
    and whatever `__reduce_ex__` and the like of an object raise.
    """
    return _rhumba.dumps(obj)


def loads(data):
    """Returns the object that `dumps` made these bytes of, as a new one.

    data: bytes, or anything that gives its bytes

    Functions that were made in a namespace see the names of this one.

    Raises SnapshotError if the bytes are damaged, come from another version of
    rhumba, or name something that can't be imported here; and whatever the code
    that rebuilds an object raises.
    """
    return _rhumba.loads(data)
