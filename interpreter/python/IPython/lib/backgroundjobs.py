"""Jobs in threads beside the shell: calls and expressions whose results are asked for later.

They share the names, the memory and the output of the session, and nothing can stop one: what is to run
on other processors, or to be given up, is work for engines (`import ipyparallel as ipp`). How a failure
becomes text is told in `rhumba._failure`.
"""

import itertools
import sys
import threading

from rhumba.shell import get_ipython

__all__ = ["BackgroundJobBase", "BackgroundJobExpr", "BackgroundJobFunc", "BackgroundJobManager", "UnknownJobError"]


class UnknownJobError(KeyError):
    """No job has this number."""

    def __str__(self):
        # A KeyError would show the sentence in quotes.
        return self.args[0]


class BackgroundJobBase(threading.Thread):
    """One job, which is a thread of its own.

    A subclass has `strform`, the text that stands for the job, and `call()`, which does the work and
    returns the result. The last that its `__init__` does is to call `_init()`.

    num: its number with a manager, or None
    status, stat_code: how far it is, as text and as a number: one of the pairs below
    finished: whether it has ended, one way or the other
    result: what call() returned; until then, and if it raised, a text that says so
    """

    stat_created, stat_created_c = "Created", 0
    stat_running, stat_running_c = "Running", 1
    stat_completed, stat_completed_c = "Completed", 2
    stat_dead, stat_dead_c = "Dead: it raised an exception, which traceback() shows", -1

    def __init__(self):
        raise NotImplementedError("a job is made by one of the subclasses, which says what is to be called")

    def _init(self):
        """Makes the thread, which doesn't keep the program from ending."""
        for name in "call", "strform":
            if not hasattr(self, name):
                raise TypeError(f"{type(self).__name__} isn't a job yet: it lacks {name!r}")
        super().__init__(daemon=True)
        self.num = None
        self.status, self.stat_code = self.stat_created, self.stat_created_c
        self.result = "<the job has not ended yet>"
        self._traceback_text = None

    def run(self):
        """Does the work; called in the thread."""
        # The number is set last each time: who sees that goes on to read the others.
        self.status, self.stat_code = self.stat_running, self.stat_running_c
        try:
            self.result = self.call()
        except BaseException as failure:
            from rhumba._failure import described

            self.result = "<the job raised an exception>"
            self._traceback_text = described(failure)[2]
            self.status, self.stat_code = self.stat_dead, self.stat_dead_c
        else:
            self.status, self.stat_code = self.stat_completed, self.stat_completed_c

    @property
    def finished(self):
        return self.stat_code in (self.stat_completed_c, self.stat_dead_c)

    def traceback(self):
        """Prints the traceback of what the job raised."""
        print(f"{self!r} has raised nothing." if self._traceback_text is None else self._traceback_text)

    def __str__(self):
        return self.strform

    def __repr__(self):
        return f"<BackgroundJob #{self.num}: {self.strform}>"


class BackgroundJobExpr(BackgroundJobBase):
    """An expression that is evaluated in a thread.

    glob, loc: the names that it sees, dicts; by default those of the session
    """

    def __init__(self, expression, glob=None, loc=None):
        # What isn't an expression is told of here, where somebody waits for it.
        self.code = compile(expression, "<expression of a job>", "eval", dont_inherit=True)
        self.expression = self.strform = expression
        self.glob = _session_names() if glob is None else glob
        self.loc = self.glob if loc is None else loc
        self._init()

    def call(self):
        return eval(self.code, self.glob, self.loc)


class BackgroundJobFunc(BackgroundJobBase):
    """A function that is called in a thread, with the arguments that follow it."""

    def __init__(self, func, *args, **kwargs):
        if not callable(func):
            raise TypeError(f"the first argument of a job is a function to be called, unlike {func!r}")
        self.func, self.args, self.kwargs = func, args, kwargs
        self.strform = str(func)
        self._init()

    def call(self):
        return self.func(*self.args, **self.kwargs)


class BackgroundJobManager:
    """Starts jobs and keeps them by number.

    jobs.new(f, x, y)       calls f in a thread; returns the job
    jobs.new("f(x)")        evaluates an expression there
    jobs(), jobs.status()   prints which jobs there are, and how far they are
    jobs[3], len(jobs)      a job by its number; how many there are
    jobs.result(3)          what it gave
    jobs.traceback(3)       why it is dead; without a number, of all that are
    jobs.remove(3)          forgets one that has ended
    jobs.flush()            forgets all that have ended

    all: the jobs by number, a dict
    """

    def __init__(self):
        self.all = {}
        self._numbers = itertools.count()

    @property
    def running(self):
        """The jobs that have not ended, a list."""
        return [job for job in self if not job.finished]

    @property
    def completed(self):
        """The jobs that gave a result."""
        return [job for job in self if job.stat_code == BackgroundJobBase.stat_completed_c]

    @property
    def dead(self):
        """The jobs that raised an exception."""
        return [job for job in self if job.stat_code == BackgroundJobBase.stat_dead_c]

    def new(self, func_or_exp, *args, **kwargs):
        """Starts a job: of a function and its arguments, or of a text that is an expression.

        Behind an expression may stand the names that it sees: one dict, or globals and locals; else
        it sees those of the caller, as they are now, and those of the session. Two keywords are the
        manager's own: `kw`, a dict of further keyword arguments of the function, whatever their names;
        and `daemon=False`, for a job that the program has to wait for before it ends.
        """
        is_daemon = bool(kwargs.pop("daemon", True))
        kwargs.update(kwargs.pop("kw", {}))
        if callable(func_or_exp):
            job = BackgroundJobFunc(func_or_exp, *args, **kwargs)
        elif not isinstance(func_or_exp, str):
            raise TypeError(f"a job is a function, or an expression as text, unlike {func_or_exp!r}")
        elif kwargs or len(args) > 2:
            raise ValueError("behind an expression stand at most two dicts, its globals and its locals")
        else:
            job = BackgroundJobExpr(func_or_exp, *(args or [_names_seen_from(sys._getframe(1))]))
        job.daemon = is_daemon
        job.num = next(self._numbers)
        job.start()
        self.all[job.num] = job
        return job

    def __call__(self):
        return self.status()

    def status(self, verbose=0):
        """Prints the jobs by how far they are; `verbose` changes nothing."""
        groups = ("Running", self.running), ("Completed", self.completed), ("Dead", self.dead)
        if not any(jobs for _, jobs in groups):
            print("There are no jobs.")
        for title, jobs in groups:
            if jobs:
                print(f"{title} jobs:")
                for job in jobs:
                    print(f"{job.num} : {job}")
                print()

    def result(self, num):
        """What a job gave; None, and a word on stderr, if there is no such job."""
        job = self._job_or_word(num)
        return None if job is None else job.result

    def traceback(self, job=None):
        """Prints the traceback of a job that is dead, given itself or by its number; or of all of them."""
        if job is not None:
            found = self._job_or_word(job)
            if found is not None:
                found.traceback()
            return
        dead = self.dead
        if not dead:
            print("No job is dead.")
        for each in dead:
            print(f"{each!r}:")
            each.traceback()
            print()

    def remove(self, num):
        """Forgets a job that has ended."""
        job = self._job_or_word(num)
        if job is None:
            return
        if not job.finished:
            print(f"Job {job.num} is still running: it stays until it has ended.", file=sys.stderr)
            return
        del self.all[job.num]

    def flush(self):
        """Forgets all jobs that have ended, and says how many these were."""
        told = False
        for jobs, word in (self.completed, "completed"), (self.dead, "dead"):
            for job in jobs:
                del self.all[job.num]
            if jobs:
                print(f"{len(jobs)} {word} job{'' if len(jobs) == 1 else 's'} forgotten.")
                told = True
        if not told:
            print("There are no jobs that have ended.")

    def __getitem__(self, job_key):
        """The job of a number; a job that is given is looked for by its own."""
        num = getattr(job_key, "num", job_key)
        job = self.all.get(num)
        if job is None:
            known = ", ".join(map(str, self.all))
            raise UnknownJobError(f"there is no job {num!r}; " + (f"known are {known}" if known else "none is known"))
        return job

    def __iter__(self):
        return iter(list(self.all.values()))

    def __len__(self):
        return len(self.all)

    def _job_or_word(self, key):
        try:
            return self[key]
        except UnknownJobError as failure:
            text = str(failure)
            print(f"{text[0].upper()}{text[1:]}.", file=sys.stderr)
            return None


def _names_seen_from(frame):
    """The names of the session, or a copy with those of a frame, which goes on."""
    session = _session_names()
    if frame.f_locals is session:
        return session
    return {**session, **frame.f_globals, **frame.f_locals}


def _session_names():
    """The names of the session; in a program without a shell, those of the program."""
    shell = get_ipython()
    return sys.modules["__main__"].__dict__ if shell is None else shell.user_ns
