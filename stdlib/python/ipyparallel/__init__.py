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
from .client.asyncresult import (
    ALL_COMPLETED,
    FIRST_COMPLETED,
    FIRST_EXCEPTION,
    AsyncMapResult,
    AsyncResult,
)
from .client.client import Client, ExecuteReply
from .client.view import DirectView, LoadBalancedView
from .cluster import Cluster, ClusterManager
from .error import (
    AlreadyDisplayedError,
    CompositeError,
    DependencyTimeout,
    EngineError,
    ImpossibleDependency,
    InvalidDependency,
    IPythonError,
    KernelError,
    MultipleInstanceError,
    NoEnginesRegistered,
    RemoteError,
    TaskAborted,
    TaskRejectError,
    TaskTimeout,
    TimeoutError,
    UnmetDependency,
    collect_exceptions,
    unwrap_exception,
    wrap_exception,
)

# The release of ipyparallel whose documentation these names follow.
version_info = (9, 2, 0)
__version__ = "9.2.0+rhumba"

# What is imported when it is first asked for: a script that only sends work to
# engines starts sooner without it.
_LAZY = {
    "AsyncHubResult": ".client.hub",
    "BroadcastView": ".client.broadcast",
    "Dependency": ".dependency",
    "ParallelFunction": ".client.remotefunction",
    "Reference": ".reference",
    "RemoteFunction": ".client.remotefunction",
    "ViewExecutor": ".client.executor",
    "depend": ".dependency",
    "dependent": ".dependency",
    "interactive": ".dependency",
    "parallel": ".client.remotefunction",
    "remote": ".client.remotefunction",
    "require": ".dependency",
}

__all__ = [
    "ALL_COMPLETED",
    "AlreadyDisplayedError",
    "AsyncHubResult",
    "AsyncMapResult",
    "AsyncResult",
    "BroadcastView",
    "Client",
    "Cluster",
    "ClusterManager",
    "CompositeError",
    "Dependency",
    "DependencyTimeout",
    "DirectView",
    "EngineError",
    "ExecuteReply",
    "FIRST_COMPLETED",
    "FIRST_EXCEPTION",
    "IPythonError",
    "ImpossibleDependency",
    "InvalidDependency",
    "KernelError",
    "LoadBalancedView",
    "MultipleInstanceError",
    "NoEnginesRegistered",
    "ParallelFunction",
    "Reference",
    "RemoteError",
    "RemoteFunction",
    "TaskAborted",
    "TaskRejectError",
    "TaskTimeout",
    "TimeoutError",
    "UnmetDependency",
    "ViewExecutor",
    "collect_exceptions",
    "depend",
    "dependent",
    "error",
    "interactive",
    "parallel",
    "remote",
    "require",
    "unwrap_exception",
    "wrap_exception",
]


def __getattr__(name):
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(_LAZY[name], __name__), name)
    return value


def __dir__():
    return sorted({*globals(), *__all__})
