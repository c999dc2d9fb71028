"""A million tasks queued at once: the controller's memory, and whether the last are as fast as the first.

One JSON object on stdout. Runs under rhumba; under Python with ipyparallel, too, with fewer. All tasks
are queued while the engines wait at a gate, so that none is done before the last has come. Rates are of
ten parts of the tasks, by when they ran.
"""

import json
import os
import sys
import tempfile
import time

import ipyparallel as ipp

N = int(sys.argv[1]) if len(sys.argv) > 1 else 4
RHUMBA = "rhumba" in ipp.__version__
COUNT = int(sys.argv[2]) if len(sys.argv) > 2 else 1_000_000 if RHUMBA else 5_000
BATCH = 10_000


def held(gate):
    import os
    import time

    while not os.path.exists(gate):
        time.sleep(0.01)


def moment(item):
    import time

    return time.time()


def resident_mb(pid, peak=False):
    name = "VmHWM:" if peak else "VmRSS:"
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(name)) / 1024


cluster = ipp.Cluster(n=N)
cluster.start_cluster_sync()
rc = cluster.connect_client_sync()
rc.wait_for_engines(N, timeout=120)
view = rc.load_balanced_view()
view.map_async(moment, range(100), chunksize=1).get()
if RHUMBA:
    with open(cluster.cluster_file) as file:
        controller = json.load(file)["controller_pid"]
    before_mb = resident_mb(controller)

folder = tempfile.TemporaryDirectory()
gate = os.path.join(folder.name, "gate")
busy = rc[:].apply_async(held, gate)
begun = time.perf_counter()
batches = [
    view.map_async(moment, range(first, min(first + BATCH, COUNT)), chunksize=1)
    for first in range(0, COUNT, BATCH)
]
status = rc.queue_status()
sent_s = time.perf_counter() - begun
if RHUMBA:
    waiting = status["unassigned"] + sum(status[engine]["tasks"] for engine in rc.ids)
    assert waiting == COUNT, waiting
    queued_mb = resident_mb(controller)
opened = time.time()
open(gate, "w").close()
moments = []
while batches:
    # What has been read is let go.
    moments += batches.pop(0).get()
done_s = time.time() - opened
moments.sort()
assert len(moments) == COUNT
ends = [moments[COUNT * part // 10 - 1] if part else opened for part in range(11)]
rates = [COUNT / 10 / (end - start) for start, end in zip(ends, ends[1:])]
figures = {
    "queued_tasks": COUNT,
    "queued_sent_per_s": COUNT / sent_s,
    "queued_done_per_s": COUNT / done_s,
    "queued_rates_per_s": [round(rate) for rate in rates],
    "last_by_first": rates[-1] / rates[0],
}
if RHUMBA:
    figures["queued_controller_mb"] = queued_mb
    figures["queued_controller_before_mb"] = before_mb
    figures["queued_controller_peak_mb"] = resident_mb(controller, peak=True)
    figures["client_peak_mb"] = resident_mb(os.getpid(), peak=True)
print(json.dumps(figures))
cluster.stop_cluster_sync()
