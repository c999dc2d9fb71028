"""What a script for IPython 0.9 imports.

    from ipython1.kernel import client

    mec = client.MultiEngineClient()
    mec.push(dict(a=5), targets=[0, 1])
    mec.execute('b = a * 2', targets=0)

    tc = client.TaskClient()
    taskid = tc.run(client.StringTask('b = a * 2', pull='b', push={'a': 21}))
    tc.get_task_result(taskid, block=True).ns.b

Both find the cluster that runs, as `ipyparallel.Client()` does. `api.py` has
the names of 2007; both speak to the same engines.

Read next: `multiengineclient.py` (steering engines), `taskclient.py` (tasks).
"""

from ipyparallel.error import CompositeError, NoEnginesRegistered, RemoteError

from .contexts import remote
from .multiengineclient import MultiEngineClient
from .pending import PendingResult
from .results import QueueStatusList, ResultList
from .task import TaskResult
from .taskclient import MapTask, StringTask, TaskClient

get_multiengine_client = MultiEngineClient
get_task_client = TaskClient

__all__ = [
    "CompositeError",
    "MapTask",
    "MultiEngineClient",
    "NoEnginesRegistered",
    "PendingResult",
    "QueueStatusList",
    "RemoteError",
    "ResultList",
    "StringTask",
    "TaskClient",
    "TaskResult",
    "get_multiengine_client",
    "get_task_client",
    "remote",
]
