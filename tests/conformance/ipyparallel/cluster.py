"""Cluster: starting and stopping from Python."""

import asyncio
import logging
import os
import signal
import tempfile
import time

import ipyparallel as ipp
from _expect import PATIENCE, RHUMBA, eventually, raises
from ipyparallel.cluster import clean_cluster_files


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A process that has ended but that nobody has asked about is not alive.
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False  # it has ended since it was asked


# As a context manager: connected at the start, stopped at the end.
with ipp.Cluster(n=2) as rc:
    assert rc.ids == [0, 1]
    assert rc.cluster is not None and rc.cluster.n == 2
    pids = rc[:].apply_sync(os.getpid)
    assert len(set(pids)) == 2 and all(alive(pid) for pid in pids)
    assert rc[:].apply_sync(os.getcwd) == [os.getcwd()] * 2, "engines begin where the script is"
eventually(lambda: not any(alive(pid) for pid in pids))

# What is written past requests is in a log, also when all is over.
with ipp.Cluster(n=2) as rc:
    cluster = rc.cluster
    engine_set = next(iter(cluster.engines.values()))
    controller = cluster.controller
    rc[:].execute("import os; os.write(1, b'past the request\\n')", block=True)
    rc[:].execute("os.system('echo a command')", block=True)
    if RHUMBA:
        assert "Output of the engines:\n" in cluster.get_output()
        assert engine_set.n == 2 and "a command" not in controller.get_output()
        assert "a command" in cluster.get_output("engines", remove=True)
        assert "a command" not in cluster.get_output(), "it was removed"
        rc[:].execute("os.write(1, b'past the request\\n')", block=True)
assert engine_set.get_output().count("past the request") == 2
if RHUMBA:
    assert cluster.controller is None and controller.get_output() in cluster.get_output()
    assert cluster.get_output("engines") == engine_set.get_output()
    assert cluster.get_output(remove=True).count("past the request") == 2
    assert engine_set.get_output() == cluster.get_output() == ""
    assert ipp.Cluster(n=1).get_output() == ""
    raises(ValueError, cluster.get_output, "everything")

# Step by step.
cluster = ipp.Cluster(n=1)
assert "not started" in repr(cluster) if RHUMBA else True
if RHUMBA:
    raises(RuntimeError, cluster.connect_client_sync)
cluster.start_cluster_sync()
rc = cluster.connect_client_sync()
rc.wait_for_engines(1, timeout=PATIENCE)
assert len(rc) == 1
second = cluster.connect_client_sync()
second.wait_for_engines(1, timeout=PATIENCE)
rc[0].push({"x": 1}, block=True)
assert second[0]["x"] == 1
second.close()
if RHUMBA:
    raises(RuntimeError, cluster.start_cluster_sync)
    assert os.path.exists(cluster.cluster_file)
    # Another script finds it by its id.
    with ipp.Client(cluster_id=cluster.cluster_id) as found:
        assert found[0]["x"] == 1
    assert len(ipp.Cluster.from_file(cluster.cluster_file).connect_client_sync()) == 1

# More engines; ids are not given twice.
cluster.start_engines_sync(2)
rc.wait_for_engines(3, timeout=PATIENCE)
assert rc.ids == [0, 1, 2]
pid = rc[0].apply_sync(os.getpid)
rc.shutdown(targets=[0], block=True)
assert rc.ids == [1, 2] or not RHUMBA
eventually(lambda: rc.ids == [1, 2])
eventually(lambda: not alive(pid))
cluster.start_engines_sync(1)
rc.wait_for_engines(3, timeout=PATIENCE)
assert rc.ids == [1, 2, 3]
assert rc[:].apply_sync(abs, -1) == [1] * 3

# A signal for all of them.
if RHUMBA:
    running = rc[:].apply_async(time.sleep, 600)

    def interrupted():
        cluster.signal_engines_sync(signal.SIGINT)
        return running.wait(0.5)

    eventually(interrupted)
    assert {entry[0] for entry in running.exception().elist} == {"KeyboardInterrupt"}
    cluster.stop_engines_sync()
    eventually(lambda: len(rc) == 0)
    raises(ipp.NoEnginesRegistered, rc.__getitem__, slice(None))
    raises(ipp.NoEnginesRegistered, rc.direct_view().apply_sync, abs, -1)
    raises(ipp.NoEnginesRegistered, rc.load_balanced_view().apply_sync, abs, -1)
cluster.stop_cluster_sync()
if RHUMBA:
    cluster.stop_cluster_sync()
    raises(RuntimeError, cluster.connect_client_sync)
    eventually(lambda: "closed" in repr(rc))
    raises((ConnectionError, ipp.NoEnginesRegistered), rc.queue_status)

# A controller first, and engines at once, before anything else of it has started.
cluster = ipp.Cluster(n=2)
if RHUMBA:
    cluster.start_controller_sync()
    name = cluster.start_engines_sync()
    assert cluster.n == 2 and cluster.engines == {name: [0, 1]}
    assert cluster.start_engines_sync(1, "third") == "third" and cluster.engines["third"] == [2]
    with cluster.connect_client_sync() as rc:
        assert rc[:].apply_sync(abs, -1) == [1] * 3
    cluster.stop_cluster_sync()
    cluster = ipp.Cluster(n=0)
    with cluster as rc:
        assert rc.ids == [] and cluster.engine_set is None
        cluster.start_engines_sync(1)
        rc.wait_for_engines(1, timeout=PATIENCE)
        assert rc.ids == [0] and cluster.engine_set == [0]

# Engines in several sets, steered set by set and one by one.
if RHUMBA:
    cluster = ipp.Cluster(n=2, profile="sets-of-engines", engine_timeout=PATIENCE)
    rc = cluster.start_and_connect_sync()
    assert cluster.cluster_id == "sets-of-engines" and cluster.engine_set == [0, 1]
    name = cluster.start_engines_sync(2)
    assert cluster.start_engines_sync(1, engine_set_id="single") == "single"
    assert cluster.engines[name] == [2, 3] and cluster.engines["single"] == [4]
    raises(ValueError, cluster.start_engines_sync, 1, engine_set_id="single")
    rc.wait_for_engines(5, timeout=PATIENCE)
    running = rc[:].apply_async(time.sleep, 600)
    # A signal that comes before the call has begun is nobody's: it is sent until it is heard.
    eventually(lambda: cluster.signal_engines_sync("SIGINT", name) or running.progress >= 2)
    assert [status is None for status in running.status] == [True, True, False, False, True]
    eventually(lambda: cluster.signal_engine_sync(signal.SIGINT, 4) or running.progress >= 3)
    eventually(lambda: cluster.signal_engines_sync("SIGINT") or running.ready())
    old = dict(zip(rc.ids, rc[:].apply_sync(os.getpid)))
    rc[:].push({"kept": 1}, block=True)
    cluster.restart_engines_sync("single")
    assert cluster.engines["single"] == [5]
    assert cluster.restart_engine_sync(0) == 6 and cluster.engine_set == [6, 1]
    eventually(lambda: rc.ids == [1, 2, 3, 5, 6])
    assert not alive(old[0]) and not alive(old[4]) and alive(old[1])
    assert rc[1]["kept"] == 1
    raises(ipp.RemoteError, rc[6].get, "kept")
    cluster.stop_engine_sync(2)
    cluster.stop_engines_sync("single")
    eventually(lambda: rc.ids == [1, 3, 6])
    assert cluster.engines == {"set-0": [6, 1], name: [3]}
    raises(KeyError, cluster.stop_engines_sync, "single")
    raises(IndexError, cluster.stop_engine_sync, 77)

    # Described for another process, and found with all that run.
    again = ipp.Cluster.from_dict(cluster.to_dict())
    assert again.engines == cluster.engines
    with again.connect_client_sync() as found:
        assert found[1]["kept"] == 1
    with ipp.Client(profile="sets-of-engines") as found:
        assert found.ids == rc.ids
    manager = ipp.ClusterManager()
    assert "sets-of-engines" in manager.load_clusters()
    assert manager.get_cluster("sets-of-engines").n == 3
    raises(KeyError, manager.get_cluster, "nobody")
    cluster.stop_controller_sync()
    assert "sets-of-engines" not in manager.load_clusters() and cluster.engines == {}
    raises(FileNotFoundError, ipp.Client, profile="sets-of-engines")

    # A manager keeps what has not been started, and looks for those that it is told.
    key, new = manager.new_cluster(cluster_id="not-started", n=1)
    assert key == "not-started" and manager.get_cluster(key) is new
    raises(KeyError, manager.new_cluster, cluster_id=key)
    assert len({manager.new_cluster(n=1)[0] for _ in range(3)}) == 3
    assert manager.load_clusters(profile="nobody")[key] is new
    with new as rc:
        other = ipp.ClusterManager()
        assert other.load_clusters(profile="nobody") == {}
        assert list(other.load_clusters(profiles=[key, "nobody"])) == [key]
        assert other.load_clusters(init_default_clusters=True)["default"].cluster_file is None
        assert other.get_cluster(key).connect_client_sync().ids == [0]
    assert key not in other.load_clusters() and "default" in other.clusters
    manager.remove_cluster(key)
    raises(KeyError, manager.remove_cluster, key)

    # What a cluster leaves that did not end by itself is cleaned away, and no other's.
    import json

    cluster = ipp.Cluster(n=1, cluster_id="left-behind")
    folder = os.path.dirname(cluster.start_cluster_sync().cluster_file)
    with cluster.connect_client_sync() as rc:
        rc.wait_for_engines(1, timeout=PATIENCE)
        rc[0].execute("import os; os.write(1, b'so far so good')", block=True)
        assert len(rc.hub_history()) == 1
    failure = raises(ValueError, clean_cluster_files)
    assert "left-behind" in str(failure) and "force=True" in str(failure), failure
    with open(cluster.cluster_file) as file:
        pid = json.load(file)["controller_pid"]
    os.kill(pid, signal.SIGKILL)

    def cleaned():
        try:
            clean_cluster_files("left-behind")
        except ValueError:
            return False  # its last thread has not ended
        return True

    eventually(cleaned)
    assert not {"cluster.json", "controller.socket", "log"} & set(os.listdir(folder))
    assert "tasks.sqlite" in os.listdir(folder), "what is remembered of tasks stays"
    assert cluster.get_output() == ""
    cluster.stop_cluster_sync()
    clean_cluster_files(["left-behind", "nobody"])
    raises(ValueError, clean_cluster_files, os.path.join(folder, "log"))
    raises(ValueError, clean_cluster_files, ["..", "left-behind"])

    # One that runs can be hidden, and is of use to who is connected to it.
    told = []

    class Told(logging.Handler):
        def emit(self, record):
            told.append(record.getMessage())

    log = logging.Logger("cleaning")
    log.addHandler(Told())
    cluster = ipp.Cluster(n=1, cluster_id="hidden")
    rc = cluster.start_and_connect_sync()
    folder = os.path.dirname(cluster.cluster_file)
    clean_cluster_files(folder, log=log, force=True)
    assert f"removing {os.path.join(folder, 'cluster.json')}" in told, told
    raises(FileNotFoundError, ipp.Client, cluster_id="hidden")
    assert rc[0].apply_sync(abs, -1) == 1
    raises(ValueError, clean_cluster_files, "hidden")
    rc.purge_everything()
    pid = rc[0].apply_sync(os.getpid)
    cluster.stop_cluster_sync()
    eventually(lambda: not alive(pid))
    clean_cluster_files("hidden")
    assert not os.path.exists(folder) or os.listdir(folder) == ["tasks.sqlite"]

    # Engines that end while others are started aren't counted with them.
    with ipp.Cluster(n=2) as rc:
        for doomed, new in ((0, 2), (1, 3)):
            os.kill(rc[doomed].apply_sync(os.getpid), signal.SIGKILL)
            rc.cluster.start_engines_sync(1)
            eventually(lambda: new in rc.ids)  # noqa: B023
        eventually(lambda: rc.ids == [2, 3])

# The whole cluster can be stopped by a client, too.
cluster = ipp.Cluster(n=1)
rc = cluster.start_and_connect_sync()
pid = rc[0].apply_sync(os.getpid)
rc.shutdown(hub=True, block=True)
eventually(lambda: not alive(pid))
cluster.stop_cluster_sync()


# Awaited.
async def main():
    async with ipp.Cluster(n=1) as rc:
        assert rc.ids == [0]
    cluster = ipp.Cluster(n=1)
    rc = await cluster.start_and_connect()
    assert rc[0].apply_sync(abs, -1) == 1
    if RHUMBA:
        name = await cluster.start_engines(1)
        await cluster.restart_engines(name)
        await cluster.stop_engine(cluster.engines[name][0])
        assert rc[0].apply_sync(abs, -1) == 1
    rc.close()
    await cluster.stop_cluster()


asyncio.run(main())

if RHUMBA:
    assert ipp.Cluster().n == os.cpu_count()
    raises(ValueError, ipp.Cluster, n=-1)
    raises(NotImplementedError, ipp.Cluster, n=1, engines="mpi")
    assert ipp.Cluster(n=1, engines="Local", controller="local").cluster_file is None

    # What scripts give that makes no difference here is accepted; the rest says what to do instead.
    cluster = ipp.Cluster(
        n=1, profile="default", delay=0.5, load_profile=False, log_level="WARNING", config=None, controller_args=[],
        controller_ip="127.0.0.1", send_engines_connection_env=False, profile_dir=None,
    )  # fmt: skip
    assert (cluster.profile, cluster.delay, cluster.load_profile, cluster.log_level) == ("default", 0.5, False, 30)
    for refused, instead in (
        ({"config": {"Cluster": 1}}, "scheme="), ({"profile_dir": "/tmp/profile"}, "cluster_id="),
        ({"controller_args": ["--ip=*"]}, "task_store="), ({"controller_ip": "*"}, "this machine"),
    ):  # fmt: skip
        assert instead in str(raises(NotImplementedError, ipp.Cluster, **refused)), refused
    raises(ValueError, ipp.Cluster, log_level="LOUD")

    # Whether it runs, what it tells a log, and the file by which others find it.
    told.clear()
    cluster = ipp.Cluster(n=2, profile="described", log=log)
    raises(RuntimeError, cluster.write_cluster_file)
    assert cluster.update_cluster_file() is None and cluster.remove_cluster_file() is None
    rc = cluster.start_and_connect_sync()
    controller, engine_set = cluster.controller, cluster.engine_set
    assert controller.running and engine_set.running and rc.profile == "described"
    assert told == ["started the cluster described with 2 engines"], told
    found = ipp.Cluster.from_file(profile="described", log=log)
    assert found.cluster_file == cluster.cluster_file and found.log is log and found.n == 2
    assert ipp.Cluster.from_dict(cluster.to_dict(), log=log, hwm=3).hwm == 3
    assert ipp.ClusterManager().load_clusters(profile="described", log=log)["described"].log is log
    assert ipp.ClusterManager(log=log).load_clusters(profile="described")["described"].log is log
    cluster.write_cluster_file()
    with open(cluster.cluster_file) as file:
        text = file.read()
    cluster.remove_cluster_file()
    cluster.remove_cluster_file()
    raises(FileNotFoundError, ipp.Client, profile="described")
    assert rc[:].apply_sync(abs, -1) == [1, 1] and controller.running
    cluster.update_cluster_file()
    with open(cluster.cluster_file) as file:
        assert file.read() == text
    assert os.stat(cluster.cluster_file).st_mode & 0o777 == 0o600
    pid = rc[0].apply_sync(os.getpid)
    cluster.remove_cluster_file()
    rc.close()
    cluster.stop_cluster_sync()
    eventually(lambda: not alive(pid))
    assert not controller.running and not engine_set.running
    assert told[-1] == "stopping the cluster described", told

    # Sets have the engines that were started for them, however soon they follow each other.
    cluster = ipp.Cluster(n=2)
    cluster.start_cluster_sync()
    cluster.start_engines_sync(2, "extra")

    async def at_once():
        return await asyncio.gather(*[cluster.start_engines(1) for _ in range(3)])

    names = asyncio.run(at_once())
    members = [cluster.engines[name] for name in ("set-0", "extra", *names)]
    assert sorted(members[0] + members[1]) == [0, 1, 2, 3] and members[0] == [0, 1], members
    assert sorted(engine for each in members for engine in each) == list(range(7)), members
    # What died of a set is started again with it.
    rc = cluster.connect_client_sync()
    lost = members[1][0]
    os.kill(rc[lost].apply_sync(os.getpid), 9)
    eventually(lambda: lost not in rc.ids)
    cluster.restart_engines_sync("extra")
    assert len(cluster.engines["extra"]) == 2 and not {2, 3} & set(cluster.engines["extra"])
    cluster.stop_engines_sync("extra")
    eventually(lambda: sorted(rc.ids) == [0, 1, *sorted(engine for each in members[2:] for engine in each)])
    # One that was started for an engine that swallows what should stop it has its place.
    started = os.path.join(tempfile.mkdtemp(), "started")

    def deaf(started):
        import time

        open(started, "w").close()
        while True:
            try:
                time.sleep(60)
            except KeyboardInterrupt:
                pass

    stubborn = rc[0].apply_async(deaf, started)
    eventually(lambda: os.path.exists(started))
    stubborn.cancel()
    eventually(lambda: 0 not in rc.ids and max(rc.ids) > 8)
    cluster.stop_engines_sync("set-0")
    eventually(lambda: sorted(rc.ids) == sorted(engine for each in members[2:] for engine in each))
    rc.close()
    other = ipp.Cluster.from_file(cluster.cluster_file)
    other.stop_cluster_sync()
    cluster.stop_cluster_sync()
