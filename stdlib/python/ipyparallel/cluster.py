"""Starting and stopping a cluster from Python.

A Cluster is a handle on a controller and its engines, which are processes of
their own. They end with the process that started them, however that ends,
unless it says `shutdown_atexit=False`. The starting is done by the native
module; a cluster started by hand is reached with `Cluster.from_file` or,
without a handle, with `Client()`.
"""

import os

import _rhumba

from .client.client import Client, _signal_number


class Cluster:
    """A controller and its engines on this machine.

    n: the number of engines (by default as many as there are processors)
    cluster_id: a name by which others find it; by default one is made up
    shutdown_atexit: whether it ends when this process ends
    engine_timeout: how long `start_and_connect` waits for engines, in seconds
    cluster_file: the path of the file that describes it, None before it runs

    As a context manager it starts, gives a Client that is connected to all of
    its engines, and stops at the end.
    """

    def __init__(
        self, *, n=None, cluster_id="", engines=None, controller=None, shutdown_atexit=True,
        engine_timeout=60, delay=0, work_dir=None, checkpoint_every=None, restore_on_death=False,
    ):  # fmt: skip
        """Describes a cluster; nothing is started yet.

        engines, controller: only 'local' (the default), this machine
        delay: accepted for scripts; engines don't need to be waited for
        work_dir: the folder in which engines begin (by default the current one)
        checkpoint_every: checkpoints an engine when it is idle and has run this
            many requests since, or this long after (a `datetime.timedelta`), or
            a tuple of both
        restore_on_death: starts an engine for one that dies, with its namespace
            as of its latest checkpoint; clients are told, see `Client.notices`

        Raises ValueError if `n` is negative or `restore_on_death` has nothing to
        restore, NotImplementedError for another launcher.
        """
        for kind, launcher in (("engines", engines), ("controller", controller)):
            if launcher is not None and launcher != "local":
                raise NotImplementedError(
                    f"{kind}={launcher!r}: engines are started on this machine, {kind}='local'"
                )
        if n is not None and n < 0:
            raise ValueError(f"the number of engines must not be negative: {n}")
        self.n = (os.cpu_count() or 1) if n is None else n
        self.cluster_id = cluster_id
        self.shutdown_atexit = shutdown_atexit
        self.engine_timeout = engine_timeout
        self.work_dir = work_dir
        self.checkpoint_every = checkpoint_every
        self.restore_on_death = restore_on_death
        if checkpoint_every is not None or restore_on_death:
            from .client.notices import policy

            policy(checkpoint_every, restore_on_death)
        self.cluster_file = None
        self._client = None

    @classmethod
    def from_file(cls, cluster_file=None, *, cluster_id=""):
        """Returns a handle on a cluster that runs, found by its file or its id.

        Raises FileNotFoundError if there is none.
        """
        if cluster_file is None:
            cluster_file = _rhumba.find_cluster_file(cluster_id or None)
        cluster = cls(cluster_id=cluster_id, shutdown_atexit=False)
        cluster.cluster_file = os.fspath(cluster_file)
        with cluster.connect_client_sync() as client:
            cluster.n = len(client)
        return cluster

    def __repr__(self):
        state = "not started" if self.cluster_file is None else self.cluster_file
        return f"<Cluster(cluster_id={self.cluster_id!r}, n={self.n}): {state}>"

    # -- starting

    def start_cluster_sync(self, n=None):
        """Starts the controller and `n` engines (by default `self.n`), and returns itself.

        Raises RuntimeError if it runs already, OSError if it can't be started.
        """
        if self.cluster_file is not None:
            raise RuntimeError(f"this cluster runs already: {self.cluster_file}")
        if n is not None:
            self.n = n
        started = _rhumba.start_cluster(
            self.n, self.cluster_id or None, self.work_dir, not self.shutdown_atexit
        )
        self.cluster_file = started["cluster_file"]
        self.cluster_id = started["cluster_id"]
        if self.checkpoint_every is not None:
            with self.connect_client_sync() as client:
                client.set_policy(self.checkpoint_every, self.restore_on_death)
        return self

    def connect_client_sync(self, **options):
        """Returns a Client that is connected to it. `options` are the Client's.

        Raises RuntimeError if it hasn't been started.
        """
        return Client(self._file(), cluster=self, **options)

    def start_and_connect_sync(self, n=None, activate=False):
        """Starts it, waits for its engines, and returns a Client.

        activate: gives the magics of the shell a view of all engines that blocks

        Raises TimeoutError if the engines aren't there after `engine_timeout`
        seconds, EngineError if one ends at its start.
        """
        if self.cluster_file is None:
            self.start_cluster_sync(n)
        client = self.connect_client_sync()
        try:
            client.wait_for_engines(self.n if n is None else n, timeout=self.engine_timeout)
        except BaseException:
            client.close()
            raise
        if activate:
            client.activate()
        return client

    def start_engines_sync(self, n=None):
        """Starts `n` more engines (by default `self.n`) and returns at once.

        `Client.wait_for_engines` waits for them.
        """
        count = self.n if n is None else n
        with self.connect_client_sync() as client:
            client._connection.start_engines(count)

    # -- steering and stopping

    def signal_engines_sync(self, signum):
        """Delivers a signal (a number or a name) to all engines."""
        with self.connect_client_sync() as client:
            client._connection.signal(client.ids, _signal_number(signum))

    def stop_engines_sync(self):
        """Stops all engines; the controller goes on."""
        with self.connect_client_sync() as client:
            client.shutdown()

    def stop_cluster_sync(self):
        """Stops the controller and all engines. Does nothing if it doesn't run."""
        cluster_file, self.cluster_file = self.cluster_file, None
        if cluster_file is not None:
            _rhumba.stop_cluster(cluster_file)

    def _file(self):
        if self.cluster_file is None:
            raise RuntimeError("this cluster has not been started: start_cluster_sync() starts it")
        return self.cluster_file

    # -- the same, awaitable

    async def start_cluster(self, n=None):
        """Does what `start_cluster_sync` does."""
        return await _in_thread(self.start_cluster_sync, n)

    async def connect_client(self, **options):
        """Does what `connect_client_sync` does."""
        return await _in_thread(self.connect_client_sync, **options)

    async def start_and_connect(self, n=None, activate=False):
        """Does what `start_and_connect_sync` does."""
        return await _in_thread(self.start_and_connect_sync, n, activate)

    async def start_engines(self, n=None):
        """Does what `start_engines_sync` does."""
        return await _in_thread(self.start_engines_sync, n)

    async def signal_engines(self, signum):
        """Does what `signal_engines_sync` does."""
        return await _in_thread(self.signal_engines_sync, signum)

    async def stop_engines(self):
        """Does what `stop_engines_sync` does."""
        return await _in_thread(self.stop_engines_sync)

    async def stop_cluster(self):
        """Does what `stop_cluster_sync` does."""
        return await _in_thread(self.stop_cluster_sync)

    def __enter__(self):
        try:
            self._client = self.start_and_connect_sync()
        except BaseException:
            self.stop_cluster_sync()
            raise
        return self._client

    def __exit__(self, *exc_info):
        client, self._client = self._client, None
        if client is not None:
            client.close()
        self.stop_cluster_sync()

    async def __aenter__(self):
        return await _in_thread(self.__enter__)

    async def __aexit__(self, *exc_info):
        await _in_thread(self.__exit__, *exc_info)


async def _in_thread(call, *args, **kwargs):
    """Makes a blocking call without holding up the event loop."""
    import asyncio

    return await asyncio.to_thread(call, *args, **kwargs)
