"""ipyparallel, as rhumba gives it: steer many Python namespaces from one.

The names and their meanings are those that the documentation of ipyparallel
gives them, so that a script and a habit carry over. What a cluster does is
written in Rust; these modules are the thin Python face of the native module
`_rhumba`. They start no process and open no socket of their own.

    import ipyparallel as ipp

    with ipp.Cluster(n=4) as rc:
        print(rc[:].apply_sync(lambda: 6 * 7))

Read next: `client/client.py` (who is there), `client/view.py` (what can be
asked of them), `client/asyncresult.py` (what comes back), `error.py`.
"""

from . import error
from .client.asyncresult import AsyncMapResult, AsyncResult
from .client.client import Client, ExecuteReply
from .client.view import DirectView, LoadBalancedView
from .cluster import Cluster
from .error import (
    AlreadyDisplayedError,
    CompositeError,
    EngineError,
    NoEnginesRegistered,
    RemoteError,
    TaskAborted,
    TimeoutError,
)

# The release of ipyparallel whose documentation these names follow.
version_info = (9, 2, 0)
__version__ = "9.2.0+rhumba"

__all__ = [
    "AlreadyDisplayedError",
    "AsyncMapResult",
    "AsyncResult",
    "Client",
    "Cluster",
    "CompositeError",
    "DirectView",
    "EngineError",
    "ExecuteReply",
    "LoadBalancedView",
    "NoEnginesRegistered",
    "RemoteError",
    "TaskAborted",
    "TimeoutError",
    "error",
]
