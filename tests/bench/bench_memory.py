"""Memory of engines that have done nothing but start: one JSON object on stdout.

bench_ipyparallel.py measures its engines at its end, when each holds the 64 MB and the integers it was
sent; this one measures what an engine costs by itself. Runs under rhumba and under CPython.
"""
import json
import os
import statistics
import sys

import ipyparallel as ipp

N = int(sys.argv[1]) if len(sys.argv) > 1 else 4


def pss_mb(pid):
    with open(f"/proc/{pid}/smaps_rollup") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("Pss:")) / 1024


cluster = ipp.Cluster(n=N)
cluster.start_cluster_sync()
rc = cluster.connect_client_sync()
rc.wait_for_engines(N, timeout=120)
pids = rc[:].apply_sync(os.getpid)
print(json.dumps({"idle_engine_pss_MB": statistics.mean(map(pss_mb, pids))}))
cluster.stop_cluster_sync()
