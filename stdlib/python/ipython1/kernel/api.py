"""What a script of 2007 imports.

    import ipython1.kernel.api as kernel

    rc = kernel.RemoteController(('127.0.0.1', 10105))
    rc.executeAll('a = 5')
    rc.pullAll('a')

    tc = kernel.TaskController(('127.0.0.1', 10113))
    taskID = tc.run(kernel.Task('b = a * 2', resultNames=['b'], setupNS={'a': 21}))
    tc.getTaskResult(taskID).ns.b

Both find the cluster that runs, as `ipyparallel.Client()` does; the address is
of its time, and only says that it is on this machine. `ipcluster -n 4` is
`rhumba cluster start -n 4` now, and a script that needs no cluster of its own
runs as `rhumba -n 4 script.py`.

Read next: `multiengine.py` (steering engines), `task.py` (tasks), `pending.py`
(what isn't waited for), `results.py` (what is shown), `client.py` (the names of
IPython 0.9, with underscores).
"""

from ipyparallel.error import CompositeError, NoEnginesRegistered, RemoteError

from .engine import getEngine
from .error import (
    InvalidDeferredID,
    InvalidEngineID,
    NotDefined,
    QueueCleared,
)
from .multiengine import RemoteController
from .pending import PendingResult
from .results import QueueStatusList, ResultList
from .task import Task, TaskController, TaskResult

defaultRemoteController = ("127.0.0.1", 10105)
defaultTaskController = ("127.0.0.1", 10113)

__all__ = [
    "CompositeError",
    "InvalidDeferredID",
    "InvalidEngineID",
    "NoEnginesRegistered",
    "NotDefined",
    "PendingResult",
    "QueueCleared",
    "QueueStatusList",
    "RemoteController",
    "RemoteError",
    "ResultList",
    "Task",
    "TaskController",
    "TaskResult",
    "defaultRemoteController",
    "defaultTaskController",
    "getEngine",
]
