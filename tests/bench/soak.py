"""A million tasks while engines are killed: are the results right, and does memory stay as it is?

One JSON object on stdout. For rhumba alone: `cargo bench-peers soak`, or `rhumba soak.py [TASKS [SECONDS]]`.

Every SECONDS an engine, another one each time, is killed with signal 9 and a new one started. A task that
runs there uses up a retry; those behind it are given to others. Tasks are sent in batches, a few at a time
under way, and each result is compared with what it must be. Memory is looked at every second, from a tenth
of the tasks on: before that, everything is still growing to the size it needs.
"""

import json
import os
import random
import signal
import sys
import threading
import time

import ipyparallel as ipp

COUNT = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
INTERVAL_S = float(sys.argv[2]) if len(sys.argv) > 2 else 1.0
ENGINES = 4
BATCH = 5_000
UNDER_WAY = 8
RETRIES = 20


def work(item):
    import time

    # So that the soak takes minutes and hundreds of engines.
    time.sleep(0.001)
    return item * item + 1


def resident_mb(pid):
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS:")) / 1024


class Killer(threading.Thread):
    """Kills engines, and starts others."""

    def __init__(self, cluster):
        super().__init__(daemon=True)
        self.cluster = cluster
        self.client = cluster.connect_client_sync()
        self.random = random.Random(7)
        self.over = threading.Event()
        self.killed = 0
        self.failure = None

    def run(self):
        try:
            while not self.over.wait(INTERVAL_S):
                engine = self.random.choice(self.client.ids)
                self.client.send_signal(signal.SIGKILL, engine, block=True)
                self.killed += 1
                self.cluster.start_engines_sync(1)
        except BaseException as failure:
            self.failure = failure
            raise


class Scale(threading.Thread):
    """Weighs the controller and this process every second."""

    def __init__(self, controller):
        super().__init__(daemon=True)
        self.controller = controller
        self.over = threading.Event()
        self.weights = []

    def run(self):
        while not self.over.wait(1.0):
            self.weights.append((done, resident_mb(self.controller), resident_mb(os.getpid())))


cluster = ipp.Cluster(n=ENGINES)
cluster.start_cluster_sync()
rc = cluster.connect_client_sync()
rc.wait_for_engines(ENGINES, timeout=120)
with open(cluster.cluster_file) as file:
    controller = json.load(file)["controller_pid"]
view = rc.load_balanced_view()
view.retries = RETRIES
done = wrong = failed = 0
killer, scale = Killer(cluster), Scale(controller)
killer.start()
scale.start()
begun = time.monotonic()
under_way = []
firsts = iter(range(0, COUNT, BATCH))
exhausted = False
while under_way or not exhausted:
    while len(under_way) < UNDER_WAY and not exhausted:
        first = next(firsts, None)
        if first is None:
            exhausted = True
        else:
            items = range(first, min(first + BATCH, COUNT))
            under_way.append((items, view.map_async(work, items, chunksize=1)))
    items, result = under_way.pop(0)
    values = result.get(timeout=600, return_exceptions=True)
    assert len(values) == len(items)
    for item, value in zip(items, values):
        if isinstance(value, Exception):
            failed += 1
        elif value != item * item + 1:
            wrong += 1
    done += len(items)
    assert killer.failure is None, killer.failure
elapsed_s = time.monotonic() - begun
killer.over.set()
scale.over.set()
killer.join()
scale.join()
settled = [weights for weights in scale.weights if weights[0] >= COUNT // 10] or scale.weights
early, late = settled[: len(settled) // 4 + 1], settled[-(len(settled) // 4 + 1) :]


def mean(weights, which):
    return sum(weight[which] for weight in weights) / len(weights)


print(
    json.dumps(
        {
            "tasks": COUNT,
            "seconds": elapsed_s,
            "tasks_per_s": COUNT / elapsed_s,
            "engines_killed": killer.killed,
            "wrong": wrong,
            "failed": failed,
            "unanswered": len(rc.outstanding),
            "controller_early_mb": mean(early, 1),
            "controller_late_mb": mean(late, 1),
            "controller_peak_mb": max(weight[1] for weight in scale.weights),
            "client_early_mb": mean(early, 2),
            "client_late_mb": mean(late, 2),
            "client_peak_mb": max(weight[2] for weight in scale.weights),
        }
    )
)
cluster.stop_cluster_sync()
sys.exit(wrong or failed)
