"""Calls to many engines at once, as a tree and one by one: one JSON object on stdout.

Four times as many engines as the other scripts start, with arguments of several sizes. BroadcastView goes out as a
tree in both systems: here through the host of the engines, there through its broadcast schedulers.
Runs under rhumba and under CPython.
"""
import json
import statistics
import sys
import time

import ipyparallel as ipp

N = 4 * (int(sys.argv[1]) if len(sys.argv) > 1 else 4)
CALLS = 40
SIZES = {"1B": 1, "64KB": 64 << 10, "900KB": 900_000, "4MB": 4_000_000}

cluster = ipp.Cluster(n=N)
cluster.start_cluster_sync()
rc = cluster.connect_client_sync()
rc.wait_for_engines(N, timeout=240)
views = {"direct": rc[:], "tree": rc.broadcast_view()}
times = {}
for name, size in SIZES.items():
    data = b"x" * size
    # In turns, so that whatever else the machine does meets both.
    for _ in range(CALLS):
        for way, view in views.items():
            began = time.perf_counter()
            lengths = view.apply_sync(len, data)
            times.setdefault((way, name), []).append(time.perf_counter() - began)
            assert lengths == [size] * N, lengths
print(json.dumps({
    f"broadcast_{way}_{name}_ms": statistics.median(measured) * 1e3 for (way, name), measured in times.items()
}))
cluster.stop_cluster_sync()
