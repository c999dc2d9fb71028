"""What `bench_tasks.py` and `bench_graph.py` measure, for dask.distributed, under the same names.

One JSON object on stdout. Workers are processes with one thread each; the dashboard is off. dask sends
what is submitted in batches by itself; `map` is its call for many items.
"""

import json
import logging
import sys
import time

from distributed import Client, LocalCluster, wait

N = int(sys.argv[1]) if len(sys.argv) > 1 else 4
NOOP_COUNT = 5_000
PAUSE_COUNT = 2_000
FAIL_COUNT = 1_000
GRAPH_COUNT = 10_000


def noop(*items):
    return None


def pause(item):
    begun = time.time()
    time.sleep(0.001)
    return begun, time.time()


def fail(item):
    raise ValueError(f"item {item}")


def rate(client, function, count):
    """Returns the results of a map and how many items of it are done in a second."""
    begun = time.perf_counter()
    futures = client.map(function, range(count), pure=False)
    results = client.gather(futures)
    return results, count / (time.perf_counter() - begun)


def chain(client):
    futures = [client.submit(noop, pure=False)]
    for _ in range(GRAPH_COUNT - 1):
        futures.append(client.submit(noop, futures[-1], pure=False))
    return futures


def layers(client):
    width = max(1, int(GRAPH_COUNT**0.5))
    every = layer = [client.submit(noop, pure=False) for _ in range(width)]
    for _ in range(GRAPH_COUNT // width - 1):
        before = [(layer[i], layer[(i + 1) % width]) for i in range(width)]
        layer = [client.submit(noop, *pair, pure=False) for pair in before]
        every = every + layer
    return every


def fan(client):
    first = client.submit(noop, pure=False)
    spread = [client.submit(noop, first, pure=False) for _ in range(GRAPH_COUNT - 2)]
    return [first, *spread, client.submit(noop, *spread, pure=False)]


def main():
    begun = time.perf_counter()
    cluster = LocalCluster(
        n_workers=N,
        threads_per_worker=1,
        processes=True,
        dashboard_address=None,
        # Its workers tell of each failure, which takes longer than the failure.
        silence_logs=logging.CRITICAL,
    )
    client = Client(cluster)
    client.wait_for_workers(N)
    figures = {"start_s": time.perf_counter() - begun}
    for function in (noop, pause):
        client.gather(client.map(function, range(50 * N), pure=False))

    times_us = []
    for _ in range(300):
        begun = time.perf_counter()
        client.submit(noop, 1, pure=False).result()
        times_us.append((time.perf_counter() - begun) * 1e6)
    figures["task_p50_us"] = sorted(times_us)[len(times_us) // 2]

    _, figures["noop_tasks_per_s"] = rate(client, noop, NOOP_COUNT)
    spans, figures["pause_tasks_per_s"] = rate(client, pause, PAUSE_COUNT)
    ran_s = sum(end - start for start, end in spans)
    span_s = max(end for _, end in spans) - min(start for start, _ in spans)
    figures["busy"] = ran_s / (N * span_s)

    failed_s = []
    for _ in range(3):
        begun = time.perf_counter()
        futures = client.map(fail, range(FAIL_COUNT), pure=False)
        wait(futures)
        errors = [str(future.exception()) for future in futures]
        assert errors[7] == "item 7" and len(errors) == FAIL_COUNT
        failed_s.append(time.perf_counter() - begun)
    figures["failing_1000_s"] = sorted(failed_s)[1]

    print(json.dumps(figures), file=sys.stderr)
    for graph in (chain, layers, fan):
        begun = time.perf_counter()
        futures = graph(client)
        wait(futures)
        assert all(future.status == "finished" for future in futures)
        elapsed_s = time.perf_counter() - begun
        figures[graph.__name__] = {"done_s": elapsed_s, "tasks_per_s": len(futures) / elapsed_s}
        print(json.dumps(figures), file=sys.stderr)
    print(json.dumps(figures))
    client.close()
    cluster.close()


if __name__ == "__main__":
    main()
