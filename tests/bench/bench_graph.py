"""Graphs of dependent tasks: how long 10,000 of them take, from the first call to the last result.

    bench_graph.py [ENGINES [TASKS]]

One JSON object on stdout. Runs under Python with ipyparallel (500 tasks by default), and as
`rhumba SCRIPT`, unchanged.

chain: each waits for the one before
layers: 100 layers of 100, each waits for two of the layer before
fan: half wait for the first one, and one waits for all of them
"""

import json
import sys
import time

import ipyparallel as ipp

N = int(sys.argv[1]) if len(sys.argv) > 1 else 4
RHUMBA = "rhumba" in ipp.__version__
# ipyparallel takes minutes for as many.
COUNT = int(sys.argv[2]) if len(sys.argv) > 2 else 10_000 if RHUMBA else 500
out = {"ipyparallel": ipp.__version__, "tasks": COUNT}


def noop():
    return None


def submit(lbv, after):
    with lbv.temp_flags(after=after):
        return lbv.apply_async(noop)


def chain(lbv):
    results = [lbv.apply_async(noop)]
    for _ in range(COUNT - 1):
        results.append(submit(lbv, results[-1].msg_ids[0]))
    return results


def layers(lbv):
    width = max(1, int(COUNT**0.5))
    results = [[lbv.apply_async(noop) for _ in range(width)]]
    for _ in range(COUNT // width - 1):
        ids = [result.msg_ids[0] for result in results[-1]]
        behind = range(width)
        results.append([submit(lbv, [ids[i], ids[(i + 1) % width]]) for i in behind])
    return [result for layer in results for result in layer]


def fan(lbv):
    first = lbv.apply_async(noop)
    spread = [submit(lbv, first.msg_ids[0]) for _ in range(COUNT - 2)]
    return [first, *spread, submit(lbv, [result.msg_ids[0] for result in spread])]


cluster = ipp.Cluster(n=N)
cluster.start_cluster_sync()
rc = cluster.connect_client_sync()
rc.wait_for_engines(4, timeout=120)
lbv = rc.load_balanced_view()
lbv.apply_sync(noop)
for graph in (chain, layers, fan):
    start = time.perf_counter()
    results = graph(lbv)
    sent = time.perf_counter()
    finished = rc.wait(results, 900)
    assert finished and all(result.successful() for result in results), graph.__name__
    elapsed = time.perf_counter() - start
    out[graph.__name__] = {
        "sent_s": round(sent - start, 3),
        "done_s": round(elapsed, 3),
        "tasks_per_s": round(len(results) / elapsed),
    }
    print(json.dumps(out), file=sys.stderr)
print(json.dumps(out, indent=1))
cluster.stop_cluster_sync()
