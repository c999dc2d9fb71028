"""Tasks for any engine: the TaskController of the first interface.

A task is code and the names that go in and come out, or a function and its
arguments. It runs among the names of whichever engine is free. How IPython 0.9
spells it is in `taskclient.py`.
"""

from threading import Condition

from ipyparallel.dependency import dependent
from ipyparallel.error import TaskAborted

from . import enginestate
from .steering import connected

# Tasks that are aborted while they run end with this.
_DISCARDED = "task {} was aborted while it ran: its result was thrown away"


class BaseTask:
    """Work for some engine.

    clearBefore, clearAfter: whether all names of the engine are unbound before, or after
    retries: how many times more it is tried if it fails, on other engines first
    recoveryTask: a task to run in its place if it has failed to the end
    depend: a function that is given an engine's properties, a dict, and says
        whether the task may run there; if no engine is left, the task fails

    Raises TypeError for arguments of another kind, ValueError for negative `retries`.
    """

    def __init__(self, clearBefore, clearAfter, retries, recoveryTask, depend):
        if not isinstance(retries, int):
            raise TypeError(f"retries must be an int, not {type(retries).__name__}")
        if retries < 0:
            raise ValueError(f"retries must not be negative: {retries}")
        if not (recoveryTask is None or isinstance(recoveryTask, BaseTask)):
            raise TypeError(f"a recovery task must be a task, not {type(recoveryTask).__name__}")
        if not (depend is None or callable(depend)):
            raise TypeError(f"depend must be a function, not {type(depend).__name__}")
        self.clearBefore = clearBefore
        self.clearAfter = clearAfter
        self.retries = retries
        self.recoveryTask = recoveryTask
        self.depend = depend

    def _call(self):
        """Returns the function that does it on an engine, and its arguments."""
        raise NotImplementedError(f"{type(self).__name__} doesn't say what it does")

    def _presented(self, result):
        """Returns what is given of its TaskResult to those who ask for it."""
        return result


class Task(BaseTask):
    """Code to run on some engine.

    expression: source code
    resultNames: the names whose objects make up the result
    setupNS: a dict of names that are bound before
    clearBefore, clearAfter, retries, recoveryTask, depend: see `BaseTask`
    """

    def __init__(
        self, expression, resultNames=None, setupNS=None, clearBefore=False, clearAfter=False,
        retries=0, recoveryTask=None, depend=None, **options,
    ):  # fmt: skip
        if not isinstance(expression, str):
            raise TypeError(f"a task is source code in a str, not {type(expression).__name__}")
        if isinstance(resultNames, str):
            resultNames = [resultNames]
        BaseTask.__init__(self, clearBefore, clearAfter, retries, recoveryTask, depend)
        self.expression = expression
        self.resultNames = list(resultNames or ())
        self.setupNS = dict(setupNS or {})
        self.options = options

    def _call(self):
        arguments = (
            self.expression, self.resultNames, self.setupNS, self.clearBefore, self.clearAfter,
        )  # fmt: skip
        return enginestate.run_task, arguments

    def __repr__(self):
        return f"{type(self).__name__}({self.expression!r}, {self.resultNames!r})"


class TaskController:
    """The tasks of a cluster, handed to whichever engine is free.

    addr: as for a RemoteController
    """

    def __init__(self, addr=None):
        self._client = connected(addr)
        self._view = self._client.load_balanced_view()
        self._runs = {}
        self._next_id = 0

    def run(self, task):
        """Hands over a task and returns its id, an int, at once."""
        if not isinstance(task, BaseTask):
            raise TypeError(f"a task is run, not {type(task).__name__}")
        task_id = self._next_id
        self._next_id += 1
        self._runs[task_id] = _Run(self._view, task_id, task)
        return task_id

    def getTaskResult(self, taskID, block=None):
        """Returns a task's TaskResult, waiting for it unless `block` is false.

        Returns None if it isn't there and isn't waited for.
        Raises IndexError for an id that no task has.
        """
        run = self._run_of(taskID)
        result = run.result(block is None or block)
        return None if result is None else run.task._presented(result)

    def barrier(self, taskIDs):
        """Waits until these tasks have ended, well or not."""
        for task_id in taskIDs:
            self._run_of(task_id).result(True)

    def spin(self):
        """Does nothing: tasks are handed out all the time."""

    def abort(self, taskID):
        """Takes a task off the queue, or throws its result away if it runs.

        Raises IndexError if it has ended, or no task has that id.
        """
        run = self._run_of(taskID)
        if run.result(False) is not None:
            raise IndexError(f"task {taskID} has ended")
        run.abort()

    def queueStatus(self, verbose=False):
        """Returns a dict of what is 'pending', and has 'succeeded' and 'failed'.

        Numbers of tasks, or lists of their ids if `verbose`.
        """
        status = {"pending": [], "succeeded": [], "failed": []}
        for task_id, run in list(self._runs.items()):
            result = run.result(False)
            if result is None:
                status["pending"].append(task_id)
            else:
                status["failed" if result.failure else "succeeded"].append(task_id)
        return status if verbose else {name: len(ids) for name, ids in status.items()}

    def clear(self):
        """Forgets the tasks that have ended; their results can't be asked for any more."""
        for task_id, run in list(self._runs.items()):
            if run.result(False) is not None:
                del self._runs[task_id]

    def _forget(self, task_ids):
        for task_id in task_ids:
            self._runs.pop(task_id, None)

    def _run_of(self, task_id):
        try:
            return self._runs[task_id]
        except (KeyError, TypeError):
            raise IndexError(f"no task has the id {task_id!r}") from None


class TaskResult:
    """What came of a task.

    taskID, engineID: which task, and where it ran (None if it didn't)
    failure: what it raised, or None
    ns: the names that were asked for, as attributes
    keys: those names
    submitted, completed: when, as aware datetimes; duration: the time between, in seconds

    `result['a']` is `result.ns.a`. If the task failed, both raise its failure.
    """

    def __init__(self, task_id, result):
        self.taskID = task_id
        self.failure = result.exception()
        self.engineID = result.engine_id
        self.submitted, self.completed = result.submitted, result.completed
        took = self.completed and self.completed - self.submitted
        self.duration = took.total_seconds() if took else None
        self.results = {} if self.failure else result.get()
        self.keys = list(self.results)
        self.ns = Names(self)

    # As IPython 0.9 has them.
    taskid = property(lambda self: self.taskID, doc="Which task it was.")
    engineid = property(lambda self: self.engineID, doc="Where it ran.")

    def raiseException(self):
        """Raises the failure, if there is one."""
        if self.failure is not None:
            raise self.failure

    raise_exception = raiseException

    def __getitem__(self, name):
        self.raiseException()
        return self.results[name]

    def __repr__(self):
        if self.failure is not None:
            return f"TaskResult[ID:{self.taskID}]:{self.failure!r}"
        return f"TaskResult[ID:{self.taskID}]:{self.results!r}"


class Names:
    """The results of a task as attributes."""

    def __init__(self, result):
        self._result = result

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            return self._result[name]
        except KeyError:
            known = ", ".join(self._result.keys) or "none"
            raise AttributeError(
                f"the task's results don't include {name!r}: they are {known}"
            ) from None

    def __dir__(self):
        return self._result.keys


class _Run:
    """A task on its way, and the recovery tasks that take its place.

    task: the one that runs, or ran last
    """

    def __init__(self, view, task_id, task):
        self._view = view
        self._task_id = task_id
        self._changed = Condition()
        self._ended = None
        self._discarded = False
        self._start(task)

    def _start(self, task):
        self.task = task
        run, arguments = task._call()
        if task.depend is not None:
            run = dependent(run, enginestate.require_properties, task.depend)
        # A view of its own: recovery begins in another thread than tasks do.
        view = self._view._with({"retries": task.retries})
        self._current = view.apply_async(run, *arguments)
        if task.recoveryTask is not None:
            # Recovery begins by itself, whether somebody waits or not.
            self._current.add_done_callback(self._on_finished)

    def _on_finished(self, result):
        with self._changed:
            failed = not result.successful() and not self._discarded
            if failed and self.task.recoveryTask is not None and not result.cancelled():
                try:
                    self._start(self.task.recoveryTask)
                except ConnectionError:
                    self._ended = result
            else:
                self._ended = result
            self._changed.notify_all()

    def result(self, block):
        """Returns the TaskResult, or None if it isn't there and isn't waited for."""
        while True:
            current, task = self._current, self.task
            if block:
                current.wait()
            elif not current.ready():
                return None
            if task.recoveryTask is None or current.successful():
                return self._told(current)
            with self._changed:
                # What comes of the failure is decided where callbacks run.
                while self._current is current and self._ended is None:
                    if not block:
                        return None
                    self._changed.wait(0.05)
                if self._ended is current:
                    return self._told(current)

    def _told(self, result):
        told = TaskResult(self._task_id, result)
        if self._discarded and not isinstance(told.failure, TaskAborted):
            told.results, told.keys = {}, []
            told.failure = TaskAborted(
                _DISCARDED.format(self._task_id), {"engine_id": told.engineID, "method": "run"}
            )
        return told

    def abort(self):
        with self._changed:
            self._discarded = True
        self._current.cancel()


