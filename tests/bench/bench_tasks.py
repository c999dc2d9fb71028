"""Tasks of no and of little work: how many a second, how busy engines are, how failures arrive.

One JSON object on stdout. Runs under Python with ipyparallel, and under rhumba, unchanged;
`bench_dask.py` is the same for dask.distributed. Only engines on this machine.

noop: a load-balanced map, each item a task of its own
1 ms: the same with functions that sleep for a millisecond, which four engines can do on two processors
busy: of the time from the first task's beginning to the last one's end, how much some task ran, by the
    engines' own clocks; 1 is all engines all the time
failing: a thousand tasks that fail, from the first call until all the errors are here and told in a text
"""

import json
import sys
import time

import ipyparallel as ipp

N = int(sys.argv[1]) if len(sys.argv) > 1 else 4
RHUMBA = "rhumba" in ipp.__version__
# As many as take some seconds.
NOOP_COUNT = 100_000 if RHUMBA else 2_000
PAUSE_COUNT = 8_000 if RHUMBA else 2_000
FAIL_COUNT = 1_000


def noop(item):
    return None


def pause(item):
    import time

    time.sleep(0.001)


def fail(item):
    raise ValueError(f"item {item}")


def rate(view, function, count):
    """Returns the result of a map and how many items of it are done in a second."""
    begun = time.perf_counter()
    result = view.map_async(function, range(count), chunksize=1)
    result.wait(280)
    result.get()
    return result, count / (time.perf_counter() - begun)


cluster = ipp.Cluster(n=N)
cluster.start_cluster_sync()
rc = cluster.connect_client_sync()
rc.wait_for_engines(N, timeout=120)
view = rc.load_balanced_view()
for function in (noop, pause):
    view.map_async(function, range(50 * N), chunksize=1).get()

times_us = []
for _ in range(300):
    begun = time.perf_counter()
    view.apply_sync(noop, 1)
    times_us.append((time.perf_counter() - begun) * 1e6)
times_us.sort()

_, noop_rate = rate(view, noop, NOOP_COUNT)
paused, pause_rate = rate(view, pause, PAUSE_COUNT)
started, completed = paused.started, paused.completed
ran_s = sum((end - start).total_seconds() for start, end in zip(started, completed))
span_s = (max(completed) - min(started)).total_seconds()

failed_s = []
for _ in range(3):
    begun = time.perf_counter()
    try:
        view.map_async(fail, range(FAIL_COUNT), chunksize=1).get()
    except ipp.CompositeError as failure:
        text = str(failure)
        assert "ValueError" in text and len(failure.elist) == FAIL_COUNT
    failed_s.append(time.perf_counter() - begun)

print(
    json.dumps(
        {
            "task_p50_us": times_us[len(times_us) // 2],
            "noop_tasks_per_s": noop_rate,
            "pause_tasks_per_s": pause_rate,
            "busy": ran_s / (N * span_s),
            "failing_1000_s": sorted(failed_s)[1],
        }
    )
)
cluster.stop_cluster_sync()
