"""Tasks as IPython 0.9 spells them: the TaskClient, StringTask and MapTask.

They are those of `task.py` under other names.
"""

from . import enginestate
from .mapping import Mapper, parallel_by
from .task import BaseTask, Task, TaskController


class StringTask(Task):
    """Code to run on some engine: a `Task` with names of IPython 0.9.

    expression: source code
    pull: the name, or the names, whose objects make up the result
    push: a dict of names that are bound before
    clear_before, clear_after: whether all names of the engine are unbound before, or after
    retries: how many times more it is tried if it fails, on other engines first
    recovery_task: a task to run in its place if it has failed to the end
    depend: a function that is given an engine's properties, a dict, and says
        whether the task may run there

    Its result is a TaskResult.
    """

    def __init__(
        self, expression, pull=None, push=None, clear_before=False, clear_after=False, retries=0,
        recovery_task=None, depend=None,
    ):  # fmt: skip
        if not (pull is None or isinstance(pull, (str, list, tuple))):
            raise TypeError(f"pull is a name or a list of names, not {pull!r}")
        if not (push is None or isinstance(push, dict)):
            raise TypeError(f"push is a dict of names and objects, not {push!r}")
        Task.__init__(
            self, expression, pull, push, clear_before, clear_after, retries, recovery_task, depend
        )
        self.pull, self.push = self.resultNames, self.setupNS


class MapTask(BaseTask):
    """A function to call on some engine.

    function, args, kwargs: what is called, with which arguments
    clear_before, clear_after, retries, recovery_task, depend: see `StringTask`

    Its result is what the function returned; asking for it raises what the
    function raised.
    """

    def __init__(
        self, function, args=None, kwargs=None, clear_before=False, clear_after=False, retries=0,
        recovery_task=None, depend=None,
    ):  # fmt: skip
        if not callable(function):
            raise TypeError(f"a MapTask calls a function, not {function!r}")
        if not (args is None or isinstance(args, (list, tuple))):
            raise TypeError(f"args are a list or a tuple, not {args!r}")
        if not (kwargs is None or isinstance(kwargs, dict)):
            raise TypeError(f"kwargs are a dict, not {kwargs!r}")
        BaseTask.__init__(self, clear_before, clear_after, retries, recovery_task, depend)
        self.function = function
        self.args = tuple(args or ())
        self.kwargs = dict(kwargs or {})

    def _call(self):
        arguments = (self.function, self.args, self.kwargs, self.clearBefore, self.clearAfter)
        return enginestate.call_task, arguments

    def _presented(self, result):
        return result["value"]

    def __repr__(self):
        return f"MapTask({self.function!r}, {self.args!r}, {self.kwargs!r})"


class TaskClient(TaskController):
    """The tasks of a cluster, handed to whichever engine is free.

    furl_or_file: accepted for scripts; or the id of a cluster, or the path of its file
    """

    def __init__(self, furl_or_file=None):
        TaskController.__init__(self, furl_or_file)
        self.block = True

    def run(self, task, block=False):
        """Hands over a task and returns its id, an int; its result if it blocks."""
        task_id = TaskController.run(self, task)
        return self.get_task_result(task_id, True) if block else task_id

    def get_task_result(self, taskid, block=False):
        """Returns the result of a task, as its kind of task has it; None if it isn't there.

        block: whether to wait for it

        Raises IndexError for an id that no task has.
        """
        return self.getTaskResult(taskid, block)

    def queue_status(self, verbose=False):
        """Returns a dict of what is 'pending', and has 'succeeded' and 'failed'.

        Numbers of tasks, or lists of their ids if `verbose`. What waits for an
        engine is pending, too.
        """
        return self.queueStatus(verbose)

    def map(self, func, *sequences):
        """Returns the list of what a function gives for each item, called as tasks of their own.

        With several sequences it is given one item of each. They must be of the
        same length, else it raises ValueError.
        """
        return self.mapper().map(func, *sequences)

    def mapper(
        self, clear_before=False, clear_after=False, retries=0, recovery_task=None, depend=None,
        block=True,
    ):  # fmt: skip
        """Returns an object whose `map(func, *sequences)` is done by tasks of this kind.

        clear_before, clear_after, retries, recovery_task, depend: see `StringTask`
        block: whether `map` returns a list of results, else a list of the tasks' ids
        """

        def run(func, sequences):
            options = (clear_before, clear_after, retries, recovery_task, depend)
            tasks = [MapTask(func, args, None, *options) for args in zip(*sequences)]
            return self._run_all(tasks, block)

        return Mapper(run)

    def parallel(
        self, clear_before=False, clear_after=False, retries=0, recovery_task=None, depend=None,
        block=True,
    ):  # fmt: skip
        """Makes a function map itself over sequences by tasks: a decorator; see `mapper`."""
        options = (clear_before, clear_after, retries, recovery_task, depend, block)
        return parallel_by(self.mapper(*options))

    def _run_all(self, tasks, block):
        ids = [self.run(task) for task in tasks]
        if not block:
            return ids
        self.barrier(ids)
        try:
            return [self.get_task_result(task_id) for task_id in ids]
        finally:
            # Nobody else knows these ids.
            self._forget(ids)
