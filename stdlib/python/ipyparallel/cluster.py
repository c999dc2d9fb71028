"""Starting and stopping a cluster from Python.

A Cluster is a handle on a controller and its engines, which are processes of
their own. They end with the process that started them, however that ends,
unless it says `shutdown_atexit=False`. The starting is done by the native
module; a cluster started by hand is reached with `Cluster.from_file` or,
without a handle, with `Client()`.
"""

import os
from _thread import allocate_lock

import _rhumba

from .client.checks import whole
from .client.client import Client, _signal_number, engine_count, named_by_profile
from .clusterfiles import Controller, EngineSet
from .clusteroptions import check

# How often it is looked whether engines that were stopped are gone.
_LOOK_INTERVAL_S = 0.05

# Waiting for so many engines ends only when one leaves.
_MORE_THAN_THERE_ARE = 1 << 30

# The most records and bytes that a task store can be told to keep.
_STORED_MOST = 2**63 - 1

# The level of what a log is told, as `logging` has it.
_INFO = 20

# The id of a cluster that nobody named.
_DEFAULT_ID = "default"

# How tasks can be spread over engines; see `Client.set_scheduling`.
_SCHEMES = ("leastload", "lru", "plainrandom", "twobin", "weighted", "pure")


class Cluster:
    """A controller and its engines on this machine.

    n: the number of engines (by default as many as there are processors)
    cluster_id: a name by which others find it; by default one is made up when it is started
    shutdown_atexit: whether it ends when this process ends
    engine_timeout: how long `start_and_connect` waits for engines, in seconds
    cluster_file: the path of the file that describes it, None before it runs
    engines: the ids of its engines by sets: those that were started together,
        under the name that `start_engines` gave them
    controller: its controller, None before it runs
    profile, delay, load_profile, log, log_level: as they were given

    As a context manager it starts, gives a Client that is connected to all of
    its engines, and stops at the end.
    """

    def __init__(
        self, *, n=None, cluster_id="", profile="", engines=None, controller=None,
        shutdown_atexit=True, engine_timeout=60, delay=0, work_dir=None, checkpoint_every=None, restore_on_death=False,
        scheme="leastload", hwm=0, task_store="file", task_records_max=None, task_bytes_max=None, load_profile=True,
        log=None, log_level=20, config=None, profile_dir=None, controller_args=(), controller_ip="",
        controller_location="", send_engines_connection_env=True,
    ):  # fmt: skip
        """Describes a cluster; nothing is started yet.

        profile: names the cluster, where `cluster_id` doesn't
        engines, controller: only 'local' (the default), this machine
        delay, load_profile, send_engines_connection_env: accepted for scripts; engines
            need no delay to find their controller, and a profile is a name
        log: a `logging.Logger` that is told when it starts and stops
        log_level: from which level on, as a number or a name
        config, profile_dir, controller_args, controller_ip, controller_location: accepted
            empty, or naming this machine; there is no place here for more
        work_dir: the folder in which engines begin (by default the current one)
        checkpoint_every: checkpoints an engine when it is idle and has run this
            many requests since, or this long after (a `datetime.timedelta`), or
            a tuple of both
        scheme, hwm: how tasks are spread over engines; see `Client.set_scheduling`
        task_store: where it is kept what happens to tasks: in a 'file' (of a
            cluster without an id one that ends with it), in 'memory', or
            nowhere ('off'); see `Client.db_query`
        task_records_max, task_bytes_max: how much of that is kept at most; the
            oldest goes first
        restore_on_death: starts an engine for one that dies, with its namespace
            as of its latest checkpoint; clients are told, see `Client.notices`

        Raises ValueError if `n` or `hwm` is negative, for another scheme, or if
        `restore_on_death` has nothing to restore, TypeError for what is no
        number of engines or tasks, NotImplementedError for another launcher and for
        what there is no place for, saying what to do instead.
        """
        check(engines, controller, profile_dir, config, controller_args, controller_ip, controller_location)
        self.n = (os.cpu_count() or 1) if n is None else engine_count(n)
        self.cluster_id = cluster_id or named_by_profile(profile)
        self.profile, self.delay, self.load_profile = profile, delay, load_profile
        self.log = _logger(log)
        self.log_level = log_level if isinstance(log_level, int) else _level(log_level)
        self.shutdown_atexit = shutdown_atexit
        self.engine_timeout = engine_timeout
        self.work_dir = work_dir
        self.checkpoint_every = checkpoint_every
        self.restore_on_death = restore_on_death
        if scheme not in _SCHEMES:
            raise ValueError(f"there is no scheme {scheme!r}: there are {', '.join(_SCHEMES)}")
        self.scheme = scheme
        self.hwm = whole("hwm", hwm)
        if task_store not in ("file", "memory", "off"):
            raise ValueError(f"task_store must be 'file', 'memory' or 'off', not {task_store!r}")
        self.task_store = task_store
        for name, most in (("task_records_max", task_records_max), ("task_bytes_max", task_bytes_max)):
            if most is not None:
                whole(name, most, most=_STORED_MOST)
        self.task_records_max, self.task_bytes_max = task_records_max, task_bytes_max
        if checkpoint_every is not None or restore_on_death:
            from .client.notices import policy

            policy(checkpoint_every, restore_on_death)
        self.cluster_file = None
        self.engines = {}
        # Engines that were started and may not have joined yet, by their ids.
        self._awaited = set()
        # Sets are told apart by what joins meanwhile: one is started after the other.
        self._changing = allocate_lock()
        self._client = None
        # Where its logs are, also after its end.
        self._folder = None
        # What was in its file, if that was removed.
        self._removed = None

    @classmethod
    def from_file(cls, cluster_file=None, *, cluster_id="", profile="", **options):
        """Returns a handle on a cluster that runs, found by its file, its id or its profile.

        options: those of a Cluster; it isn't shut down at the end of this process unless they say so

        Raises FileNotFoundError if there is none.
        """
        cluster_id = cluster_id or named_by_profile(profile or "")
        if cluster_file is None:
            cluster_file = _rhumba.find_cluster_file(cluster_id or None)
        cluster = cls(cluster_id=cluster_id, profile=profile or "", **{"shutdown_atexit": False, **options})
        cluster._found_at(os.fspath(cluster_file))
        with cluster.connect_client_sync() as client:
            cluster.n = len(client)
            cluster.cluster_id = client._connection.cluster_id
            cluster.engines = {"found": cluster._engine_set(client.ids)}
        return cluster

    @classmethod
    def from_dict(cls, description, **options):
        """Returns a handle on the cluster that `to_dict` has described.

        options: as for `from_file`

        Raises FileNotFoundError if it doesn't run any more.
        """
        options = {"shutdown_atexit": False, **options, "cluster_id": description["cluster_id"]}
        cluster = cls(**options)
        cluster.n = description["n"]
        if description["cluster_file"] is not None:
            cluster._found_at(description["cluster_file"])
            cluster.connect_client_sync().close()
        sets = description["engines"].items()
        cluster.engines = {name: cluster._engine_set(ids) for name, ids in sets}
        return cluster

    def to_dict(self):
        """Returns what another process needs for a handle on this cluster, as plain data."""
        return {
            "cluster_id": self.cluster_id,
            "cluster_file": self.cluster_file,
            "n": self.n,
            "engines": {name: list(ids) for name, ids in self.engines.items()},
        }

    def write_cluster_file(self):
        """Writes the file by which others find it again, if `remove_cluster_file` has removed it.

        As long as it is there it is as the controller wrote it.

        Raises RuntimeError if it hasn't been started, FileNotFoundError if somebody else
        removed the file, so that it isn't known what was in it.
        """
        path = self._file()
        if os.path.exists(path):
            return
        if self._removed is None:
            raise FileNotFoundError(f"{path} was removed, not by this Cluster, which can't tell what was in it")
        # It tells how to reach the controller: it is this user's alone.
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(file, "w", encoding="utf-8") as file:
            file.write(self._removed)
        self._removed = None

    def remove_cluster_file(self):
        """Removes the file by which others find it. It goes on, and those who are connected stay so.

        Nobody finds it then, nor does this Cluster, until `write_cluster_file`. Does nothing
        if there is no such file.
        """
        path = self.cluster_file
        if path is None:
            return
        try:
            with open(path, encoding="utf-8") as file:
                text = file.read()
            os.remove(path)
        except FileNotFoundError:
            return
        self._removed = text

    def update_cluster_file(self):
        """Writes its file again if it runs, and removes what is left of it if it doesn't."""
        if self.cluster_file is None:
            return
        if self.controller.running:
            self.write_cluster_file()
        else:
            self.remove_cluster_file()

    @property
    def controller(self):
        """The controller, whose log is `controller.get_output()`; None before it runs."""
        return None if self.cluster_file is None else Controller(self._folder)

    def get_output(self, part=None, remove=False):
        """Returns what the processes of the cluster have written: a text.

        Warnings, what commands and native code print on engines (which is output
        of what runs them as well), and why something ended; `$RHUMBA_LOG` says how much. It is there when the
        cluster has ended, too, until it is cleaned away; see `clean_cluster_files`.

        part: 'controller' or 'engines'; by default both, under headings
        remove: whether it is removed as well

        `controller.get_output()` and that of a set of `engines` return the same
        of the parts; all engines have one log.
        """
        from .clusterfiles import output_of

        return output_of(self._folder, part, remove)

    def _found_at(self, cluster_file):
        self.cluster_file = cluster_file
        self._folder = os.path.dirname(os.path.abspath(cluster_file))

    def _engine_set(self, ids):
        return EngineSet(ids, self._folder)

    @property
    def engine_set(self):
        """The ids of the set of engines that was started first, None if there is none."""
        return next(iter(self.engines.values()), None)

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
            self.n = engine_count(n)
        started = _rhumba.start_cluster(
            self.n, self.cluster_id or None, self.work_dir, not self.shutdown_atexit,
            self.task_store, self.task_records_max, self.task_bytes_max,
        )
        self._found_at(started["cluster_file"])
        self.cluster_id = started["cluster_id"]
        self._tell(f"started the cluster {self.cluster_id} with {self.n} engines")
        # The engines of a new cluster are counted from 0.
        ids = range(self.n)
        self._awaited = set(ids)
        self.engines = {self._new_set_name(): self._engine_set(ids)} if self.n else {}
        if self.checkpoint_every is not None:
            with self.connect_client_sync() as client:
                client.set_policy(self.checkpoint_every, self.restore_on_death)
        if (self.scheme, self.hwm) != ("leastload", 0):
            with self.connect_client_sync() as client:
                client.set_scheduling(self.scheme, self.hwm)
        return self

    def start_controller_sync(self):
        """Starts a cluster without engines; `start_engines` adds them. Returns itself.

        Raises RuntimeError if it runs already, OSError if it can't be started.
        """
        wanted = self.n
        try:
            return self.start_cluster_sync(0)
        finally:
            # So many engines are what `start_engines` begins with.
            self.n = wanted

    def connect_client_sync(self, **options):
        """Returns a Client that is connected to it. `options` are the Client's.

        Raises RuntimeError if it hasn't been started.
        """
        options.setdefault("profile", self.profile)
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

    def start_engines_sync(self, n=None, engine_set_id=None):
        """Starts `n` more engines (by default `self.n`) and waits until they are there.

        engine_set_id: a name for them as a set; by default one is made up

        Returns that name. Raises ValueError if a set has it already or `n` is
        negative, TimeoutError if they aren't there after `engine_timeout` seconds.
        """
        n = self.n if n is None else engine_count(n)
        with self._changing, self.connect_client_sync() as client:
            name = engine_set_id or self._new_set_name()
            if name in self.engines:
                raise ValueError(f"there is a set of engines {name!r} already")
            self.engines[name] = self._started(client, n)
        return name

    def _started(self, client, count):
        """Starts engines and returns their ids as a set, once they are there."""
        self._await_earlier(client)
        return self._engine_set(client._start_engines(count, self.engine_timeout))

    def _await_earlier(self, client):
        """Waits until the engines that were started with the cluster are there, or have ended."""
        from time import monotonic

        begun = monotonic()
        came = client._connection.next_engine
        while True:
            departed = {engine for engine, _ in client._connection.departures()}
            seen = departed.union(client.ids)
            self._awaited = {engine for engine in self._awaited - seen if engine >= came}
            if not self._awaited or monotonic() - begun > self.engine_timeout:
                return
            client._connection.wait_for_engines(len(client) + 1, _LOOK_INTERVAL_S)

    def _take_in_replacements(self, client):
        """Gives engines that nobody's set has the places of those that died: they were started for
        these, when they died or swallowed what should have stopped them."""
        self._await_earlier(client)
        present = client.ids
        known = {engine for ids in self.engines.values() for engine in ids}
        strays = iter([engine for engine in present if engine not in known])
        for ids in self.engines.values():
            for at, engine in enumerate(ids):
                if engine not in present:
                    ids[at] = next(strays, engine)

    def _new_set_name(self):
        number = len(self.engines)
        while f"set-{number}" in self.engines:
            number += 1
        return f"set-{number}"

    # -- steering and stopping

    def signal_engines_sync(self, signum, engine_set_id=None):
        """Delivers a signal (a number or a name) to a set of engines, or to all of them."""
        with self.connect_client_sync() as client:
            client._connection.signal(self._present(client, engine_set_id), _signal_number(signum))

    def signal_engine_sync(self, signum, engine_id):
        """Delivers a signal to one engine."""
        with self.connect_client_sync() as client:
            client.send_signal(signum, engine_id)

    def stop_engines_sync(self, engine_set_id=None):
        """Stops a set of engines, or all of them; the controller goes on."""
        with self._changing, self.connect_client_sync() as client:
            self._stop(client, self._present(client, engine_set_id))
        if engine_set_id is None:
            self.engines.clear()
        else:
            del self.engines[engine_set_id]

    def stop_engine_sync(self, engine_id):
        """Stops one engine."""
        with self.connect_client_sync() as client:
            self._stop(client, client._select(engine_id)[0])
        for ids in self.engines.values():
            if engine_id in ids:
                ids.remove(engine_id)

    def restart_engines_sync(self, engine_set_id=None):
        """Stops a set of engines, or all of them, and starts as many new ones in their place.

        The new ones have ids of their own and empty namespaces. They are as many
        as were started before, whatever has died of them since.
        """
        names = list(self.engines) if engine_set_id is None else [engine_set_id]
        with self._changing, self.connect_client_sync() as client:
            for name in names:
                present = self._present(client, name)
                self._stop(client, present)
                self.engines[name] = self._started(client, len(self.engines[name]))

    def restart_engine_sync(self, engine_id):
        """Stops one engine and starts a new one in its place; returns the new one's id."""
        with self.connect_client_sync() as client:
            ids = client._select(engine_id)[0]
            self._stop(client, ids)
            [new] = self._started(client, 1)
        for members in self.engines.values():
            members[:] = [new if member == ids[0] else member for member in members]
        return new

    def _present(self, client, engine_set_id):
        """Returns the engines of a set, or all of them, as far as they are there."""
        self._take_in_replacements(client)
        if engine_set_id is None:
            return client.ids
        if engine_set_id not in self.engines:
            known = ", ".join(map(repr, self.engines)) or "none"
            raise KeyError(f"there is no set of engines {engine_set_id!r}; the sets are {known}")
        present = set(client.ids)
        return [engine for engine in self.engines[engine_set_id] if engine in present]

    def _stop(self, client, ids):
        """Stops engines and waits until they are gone."""
        import time

        if not ids:
            return
        client.shutdown(ids)
        deadline = time.monotonic() + self.engine_timeout
        while not set(ids).isdisjoint(client.ids):
            if time.monotonic() > deadline:
                raise TimeoutError(
                    f"the engines {ids} are still there after {self.engine_timeout} seconds"
                )
            # Ends at once when an engine leaves; it may have left just before.
            client._connection.wait_for_engines(_MORE_THAN_THERE_ARE, _LOOK_INTERVAL_S)

    def stop_controller_sync(self):
        """Stops the controller, and with it the whole cluster."""
        self.stop_cluster_sync()

    def stop_cluster_sync(self):
        """Stops the controller and all engines. Does nothing if it doesn't run."""
        cluster_file, self.cluster_file = self.cluster_file, None
        if cluster_file is not None:
            self.engines = {}
            self._tell(f"stopping the cluster {self.cluster_id}")
            if self._removed is not None and not os.path.exists(cluster_file):
                # It is stopped by its file.
                self.cluster_file = cluster_file
                self.write_cluster_file()
                self.cluster_file = None
            try:
                _rhumba.stop_cluster(cluster_file)
            except FileNotFoundError:
                pass  # somebody else has stopped it

    def _tell(self, message):
        if self.log is not None and self.log_level <= _INFO:
            self.log.info(message)

    def _file(self):
        if self.cluster_file is None:
            raise RuntimeError("this cluster has not been started: start_cluster_sync() starts it")
        return self.cluster_file

    # -- the same, awaitable

    async def start_cluster(self, n=None):
        """Does what `start_cluster_sync` does."""
        return await _in_thread(self.start_cluster_sync, n)

    async def start_controller(self):
        """Does what `start_controller_sync` does."""
        return await _in_thread(self.start_controller_sync)

    async def connect_client(self, **options):
        """Does what `connect_client_sync` does."""
        return await _in_thread(self.connect_client_sync, **options)

    async def start_and_connect(self, n=None, activate=False):
        """Does what `start_and_connect_sync` does."""
        return await _in_thread(self.start_and_connect_sync, n, activate)

    async def start_engines(self, n=None, engine_set_id=None):
        """Does what `start_engines_sync` does."""
        return await _in_thread(self.start_engines_sync, n, engine_set_id)

    async def signal_engines(self, signum, engine_set_id=None):
        """Does what `signal_engines_sync` does."""
        return await _in_thread(self.signal_engines_sync, signum, engine_set_id)

    async def signal_engine(self, signum, engine_id):
        """Does what `signal_engine_sync` does."""
        return await _in_thread(self.signal_engine_sync, signum, engine_id)

    async def stop_engines(self, engine_set_id=None):
        """Does what `stop_engines_sync` does."""
        return await _in_thread(self.stop_engines_sync, engine_set_id)

    async def stop_engine(self, engine_id):
        """Does what `stop_engine_sync` does."""
        return await _in_thread(self.stop_engine_sync, engine_id)

    async def restart_engines(self, engine_set_id=None):
        """Does what `restart_engines_sync` does."""
        return await _in_thread(self.restart_engines_sync, engine_set_id)

    async def restart_engine(self, engine_id):
        """Does what `restart_engine_sync` does."""
        return await _in_thread(self.restart_engine_sync, engine_id)

    async def stop_controller(self):
        """Does what `stop_controller_sync` does."""
        return await _in_thread(self.stop_controller_sync)

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


def _logger(log):
    """Returns a logger, or None. Raises TypeError for what can't be told anything."""
    if log is not None and not callable(getattr(log, "info", None)):
        raise TypeError(f"log must be a logging.Logger or None, not {log!r}")
    return log


def _level(name):
    """Returns a level of logging by its name. Raises ValueError for one that there isn't."""
    from .util import integer_loglevel

    return integer_loglevel(name)


async def _in_thread(call, *args, **kwargs):
    """Makes a blocking call without holding up the event loop."""
    import asyncio

    return await asyncio.to_thread(call, *args, **kwargs)


class ClusterManager:
    """The clusters of this user that run, by their ids: handles on each.

    clusters: a dict of Clusters
    log: a `logging.Logger` that they tell when they start and stop, unless they have one of their own
    """

    def __init__(self, *, log=None):
        self.clusters = {}
        self.log = _logger(log)

    def load_clusters(
        self, *, profile_dirs=None, profile_dir=None, profiles=None, profile=None,
        init_default_clusters=False, **options,
    ):  # fmt: skip
        """Looks for clusters that run, and returns `clusters`.

        Those that have ended are forgotten; those that have not been started stay.

        profile_dirs, profile_dir, profiles, profile: which clusters are looked
            for, by their ids, or the paths of their folders; by default all
        init_default_clusters: if no cluster runs that nobody named, adds one
            that isn't started
        options: those of the Clusters that are made
        """
        given = (profile_dirs, profile_dir, profiles, profile)
        chosen = next((each for each in given if each is not None), None)
        options.setdefault("log", self.log)
        if isinstance(chosen, (str, os.PathLike)):
            chosen = [chosen]
        running = {
            described["id"]: described["cluster_file"]
            for described in _rhumba.list_clusters()
            if described["state"] == "running"
        }
        for cluster_id, cluster in list(self.clusters.items()):
            if cluster.cluster_file is not None and cluster_id not in running:
                del self.clusters[cluster_id]
        wanted = None if chosen is None else {os.path.basename(os.fspath(each)) for each in chosen}
        for cluster_id, cluster_file in running.items():
            if cluster_id in self.clusters or not (wanted is None or cluster_id in wanted):
                continue
            try:
                self.clusters[cluster_id] = Cluster.from_file(cluster_file, **options)
            except OSError:
                pass  # it has ended since it was listed
        if init_default_clusters and (wanted is None or _DEFAULT_ID in wanted):
            self.clusters.setdefault(_DEFAULT_ID, Cluster(**{**options, "cluster_id": _DEFAULT_ID}))
        return self.clusters

    def new_cluster(self, **options):
        """Returns a new Cluster, not started yet, and its id. `options` are a Cluster's.

        Raises KeyError if there is a Cluster with that id.
        """
        options.setdefault("log", self.log)
        cluster = Cluster(**options)
        number = len(self.clusters)
        while not cluster.cluster_id:
            made_up = f"cluster-{os.getpid()}-{number}"
            cluster.cluster_id = "" if made_up in self.clusters else made_up
            number += 1
        if cluster.cluster_id in self.clusters:
            raise KeyError(f"there is a cluster {cluster.cluster_id!r} already")
        self.clusters[cluster.cluster_id] = cluster
        return cluster.cluster_id, cluster

    def get_cluster(self, cluster_id):
        """Returns a Cluster by its id. Raises KeyError if there is none."""
        return self.clusters[cluster_id]

    def remove_cluster(self, cluster_id):
        """Forgets a Cluster, which goes on. Raises KeyError if there is none."""
        del self.clusters[cluster_id]


def clean_cluster_files(profile_dirs=None, *, log=None, force=False):
    """Removes what clusters have left that don't run any more: logs, cluster files, sockets.

    What a named cluster remembers of its tasks stays.

    profile_dirs: which clusters, by their ids or the paths of their folders; by
        default all of this user
    log: a `logging.Logger` that is told what is removed, and what can't be
    force: also of clusters that run. They go on, and nobody finds them any more.

    Raises ValueError if one of them runs, unless `force`, and for the path of
    another folder; nothing is removed then. Without a `log` it raises OSError
    for what can't be removed.
    """
    from .clusterfiles import clean

    clean(profile_dirs, log, force)
