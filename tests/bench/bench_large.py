"""Large objects pushed and pulled again and again: one JSON object on stdout.

bench_ipyparallel.py sends 64 MB once, which measures above all how fast the machine hands out memory that nobody
has touched since it started. This one repeats it, as a session does, and gives the median.
Runs under rhumba and under CPython.
"""
import json
import os
import statistics
import sys
import time

import ipyparallel as ipp

N = int(sys.argv[1]) if len(sys.argv) > 1 else 4
TRANSFERS = 9
MB = 64

cluster = ipp.Cluster(n=N)
cluster.start_cluster_sync()
rc = cluster.connect_client_sync()
rc.wait_for_engines(N, timeout=120)
everyone, one = rc[:], rc[0]
sent = os.urandom(MB << 20)
pushed, pulled, pulled_fresh = [], [], []
for _ in range(TRANSFERS):
    began = time.perf_counter()
    everyone.push({"sent": sent}, block=True)
    pushed.append(MB * N / (time.perf_counter() - began))
    began = time.perf_counter()
    received = one.pull("sent", block=True)
    pulled.append(MB / (time.perf_counter() - began))
    assert received == sent
    # What nobody has sent before: an object that the engine has just made.
    one.execute("fresh = bytes(bytearray(sent))", block=True)
    began = time.perf_counter()
    received = one.pull("fresh", block=True)
    pulled_fresh.append(MB / (time.perf_counter() - began))
    assert received == sent
print(json.dumps({
    "push_64MB_all_repeated_MBps": statistics.median(pushed),
    "pull_64MB_one_repeated_MBps": statistics.median(pulled),
    "pull_64MB_made_there_MBps": statistics.median(pulled_fresh),
}))
cluster.stop_cluster_sync()
