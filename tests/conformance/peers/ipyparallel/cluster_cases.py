"""What ipyparallel's test files expect beside them, over clusters of rhumba: helpers, a base class, fixtures.

It stands for the suite's own `clienttest` and `conftest`, which start a controller and engines through
ipyparallel's launchers. It is a plugin of pytest, too. Modules that the test files import and that
have nothing to do with what they test are stood for by empty ones (`stand_in`).

Not a script. Who uses it is `run_cases.py`; read that first.
"""

import asyncio
import contextlib
import functools
import importlib
import inspect
import logging
import os
import signal
import sys
import time
import types

import pytest
from IPython import get_ipython

import ipyparallel as ipp
from ipyparallel import error

# What the cases call their cluster: `Client(profile="iptest")` finds it.
PROFILE = "iptest"
# How long anything may take that must happen, in seconds: it is reached where something is broken.
PATIENCE_S = 60

# The cluster of the module that runs, if it needs one.
_running = None


# -- stand-ins


class _Nothing:
    """Stands for a class of the suite's surroundings; nothing here is one of them."""


def stand_in():
    """Makes the modules importable that the test files import, and that rhumba has no counterpart of."""
    _module("zmq", MessageTracker=_Nothing)
    _module("tornado")
    # A function is sent as it is, so that there is nothing to prepare.
    _module("ipyparallel.serialize", can=lambda obj: obj, uncan=lambda obj, namespace=None: obj)
    launchers = (
        "LocalControllerLauncher",
        "LocalEngineSetLauncher",
        "LocalProcessLauncher",
        "MPIEngineSetLauncher",
        "SGEEngineSetLauncher",
    )
    launcher = _module(
        "ipyparallel.cluster.launcher",
        find_launcher_class=lambda name, kind: ipp.cluster.EngineSet,
        **{name: type(name, (_Nothing,), {}) for name in launchers},
    )
    ipp.cluster.launcher = launcher


def _module(name, **contents):
    module = types.ModuleType(name)
    vars(module).update(contents)
    sys.modules[name] = module
    return module


# -- what is called on engines


def segfault():
    """Ends the process by a signal."""
    os.kill(os.getpid(), signal.SIGSEGV)


def crash():
    """Ends the process without a word."""
    os._exit(1)


def conditional_crash(condition):
    if condition:
        crash()


def wait(n):
    time.sleep(n)
    return n


def raiser(eclass):
    raise eclass()


def generate_output():
    """Writes and displays things of each kind, in turn, and returns one that can be displayed."""
    from IPython.display import HTML, Math, display

    print("stdout")
    print("stderr", file=sys.stderr)
    display(HTML("<b>HTML</b>"))
    print("stdout2")
    print("stderr2", file=sys.stderr)
    display(Math(r"\alpha=\beta"))
    return Math("42")


# -- what cases ask


def skip_without(*names):
    """Skips a case where one of these modules isn't there: a decorator."""

    def decorate(case):
        @functools.wraps(case)
        def run(*args, **kwargs):
            for name in names:
                try:
                    importlib.import_module(name)
                except ImportError:
                    pytest.skip(f"there is no {name}")
            return case(*args, **kwargs)

        return run

    return decorate


@contextlib.contextmanager
def raises_remote(expected):
    """Expects a block to raise an exception that was raised on an engine: one of this class or name."""
    name = expected if isinstance(expected, str) else expected.__name__
    try:
        try:
            yield
        except error.AlreadyDisplayedError as failure:
            failure.original_error.raise_exception()
        except error.CompositeError as failure:
            failure.raise_exception()
    except error.RemoteError as failure:
        assert failure.ename == name, f"{failure.ename} was raised, not {name}: {failure}"
    else:
        pytest.fail(f"no {name} was raised")


class Client(ipp.Client):
    """A client with what cases look up behind the interface, made of what the interface tells."""

    @property
    def _ids(self):
        return self.ids

    @property
    def _engines(self):
        return dict(zip(self.ids, self[:].apply_async(os.getpid).engine_uuid))

    @property
    def _outstanding_dict(self):
        return dict.fromkeys(self._engines.values(), self.outstanding)

    def _build_targets(self, targets):
        ids = self.direct_view("all" if targets is None else targets).targets
        ids = self.ids if ids == "all" else [ids] if isinstance(ids, int) else ids
        return [self._engines[each] for each in ids], ids


def add_engines(n=1, profile=PROFILE, total=False):
    """Starts engines of the running cluster and returns something for each, once they are there.

    total: counts those that are there already
    """
    with ipp.Client(profile=profile) as client:
        present = len(client)
        missing = max(n - present, 0) if total else n
        if missing:
            _running.start_engines_sync(missing)
            client.wait_for_engines(present + missing, timeout=PATIENCE_S)
        return list(range(missing))


@pytest.mark.usefixtures("cluster")
class ClusterTestCase:
    """The base of cases that need a cluster: each has a client of it, and at least two engines."""

    timeout = 10
    engine_count = 2
    test_timeout = PATIENCE_S

    def setup_method(self):
        signal.signal(signal.SIGALRM, self._out_of_time)
        signal.alarm(self.test_timeout)
        add_engines(self.engine_count, total=True)
        self.context = None
        self.client = self.connect_client()
        self.client.clear(block=True)
        self.base_engine_count = len(self.client)
        self.engines = []

    def teardown_method(self):
        try:
            if len(self.client):
                self.client[:].use_pickle()
            self.client.wait(timeout=2)
            self.client.close()
        finally:
            signal.alarm(0)
            signal.signal(signal.SIGALRM, signal.SIG_DFL)

    def _out_of_time(self, number, frame):
        raise TimeoutError(f"the case has not ended after {self.test_timeout} seconds")

    def add_engines(self, n=1, block=True):
        self._added(add_engines(n), block)

    def minimum_engines(self, n=1, block=True):
        self._added(add_engines(n, total=True), block)

    def _added(self, engines, block):
        self.engines.extend(engines)
        if block:
            self.wait_on_engines()

    def wait_on_engines(self, timeout=PATIENCE_S):
        self.client.wait_for_engines(len(self.engines) + self.base_engine_count, timeout=timeout)

    def connect_client(self):
        client = Client(profile=PROFILE)
        client.wait = functools.partial(self.client_wait, client)
        return client

    def client_wait(self, client, jobs=None, timeout=-1):
        """Waits, but never for ever."""
        if timeout is None or timeout < 0:
            timeout = self.timeout
        return ipp.Client.wait(client, jobs, timeout)

    def assertRaisesRemote(self, expected, call, *args, **kwargs):  # noqa: N802
        with raises_remote(expected):
            call(*args, **kwargs)

    def _wait_for(self, condition, timeout=10):
        deadline = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < deadline, f"{condition} did not hold within {timeout} s"
            time.sleep(0.1)

    def fail(self, said):
        pytest.fail(str(said))


# -- fixtures


@pytest.fixture(scope="module")
def cluster():
    """A cluster with one engine, for the cases of a file."""
    global _running
    _running = ipp.Cluster(n=1, cluster_id=PROFILE)
    _running.start_cluster_sync()
    try:
        yield _running
    finally:
        _running.stop_cluster_sync()
        _running = None


@pytest.fixture(scope="module")
def ipython():
    """The shell."""
    return get_ipython()


@pytest.fixture
def ipython_interactive(ipython):
    return ipython


@pytest.fixture
def engine_launcher_class():
    return "local"


@pytest.fixture
def Cluster(request):  # noqa: N802
    """Makes clusters that end with the case."""

    def make(**options):
        options.setdefault("log", logging.getLogger(__name__))
        options.setdefault("load_profile", False)
        made = ipp.Cluster(**options)
        request.addfinalizer(made.stop_cluster_sync)
        return made

    return make


# -- hooks of pytest


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """A Ctrl-C that comes out of a case is its failure, and doesn't end the others."""
    try:
        return (yield)
    except KeyboardInterrupt:
        pytest.fail("KeyboardInterrupt was raised")


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    """Runs coroutine functions, each in a loop of its own."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = pyfuncitem._fixtureinfo.argnames
    asyncio.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names}))
    return True


def pytest_collection_modifyitems(items):
    """Cases about a kind of task store get the one that rhumba has."""
    for item in items:
        if hasattr(item.cls, "get_controller_launcher"):
            item.cls.get_controller_launcher = lambda case: "local"
