"""Encodes and decodes one case with one serializer: one JSON object on stdout.

bench_snapshot.py SERIALIZER CASE, in a process of its own, so that memory is this case's. Under CPython
SERIALIZER is pickle, cloudpickle or dill, under rhumba it is rhumba. What can't be encoded is said as "error".
"""

import gc, json, os, sys, time

ROUNDS_MAX = 7
ROUNDS_TIME_S = 2.0


# The cases. Everything they make lives in __main__, as it does at a prompt.


class Particle:
    def __init__(self, number):
        self.number = number
        self.name = f"particle {number}"
        self.position = (float(number), number / 2, -1.0)
        self.charge = number % 3 - 1


class Node:
    def __init__(self, number):
        self.number = number
        self.next = None


FUNCTION = """
def make(low, high):
    seen = []
    def clamp_{number}(value, step={number}, *, scale=1.5):
        total = 0
        for index in range(step):
            if index % 2:
                total += index * scale
            else:
                total -= index
        seen.append(total)
        return max(low, min(high, value + total + {number}))
    return clamp_{number}
"""


def mixed_dict():
    return {
        f"key {i}": (i, i / 3, f"value {i}", [i, i + 1], {"odd": bool(i % 2), "raw": b"%d" % i})
        for i in range(50_000)
    }


def integers():
    return [i * 7919 - 4_000_000 for i in range(1_000_000)]


def floats():
    return [i / 7 for i in range(1_000_000)]


def instances():
    return [Particle(i) for i in range(20_000)]


def graph():
    nodes = [[i, f"node {i}"] for i in range(100_000)]
    count = len(nodes)
    edges = [(nodes[i % count], nodes[i * 7919 % count]) for i in range(1_000_000)]
    return {"nodes": nodes, "edges": edges}


def linked():
    nodes = [Node(i) for i in range(100_000)]
    for one, other in zip(nodes, nodes[1:]):
        one.next = other
    return nodes[0]


def rings():
    """Each is a key in its own dict, and in the sets of two others."""
    nodes = [Node(i) for i in range(20_000)]
    for i, node in enumerate(nodes):
        node.own, node.others = {node: i}, {nodes[i - 1], nodes[i * 7919 % 20_000]}
    return nodes


def functions(first=0):
    made = []
    for i in range(first, first + 200):
        names = {"__name__": "__main__"}
        exec(FUNCTION.format(number=i), names)
        made.append(names["make"](-i, i * 100))
    return made


def new_functions():
    """As many for each round, of which none was ever seen before."""
    return [functions(200 * i) for i in range(1, ROUNDS_MAX + 2)]


def large():
    return b"\x07rhumba\xff" * (1 << 27)


def same(case, made, back):
    """Whether what came back is what was sent, as far as can be seen in a moment."""
    if case == "instances":
        return len(back) == len(made) and all(
            type(b).__name__ == "Particle" and b.__dict__ == m.__dict__ for m, b in zip(made, back)
        )
    if case == "linked":
        count = 0
        while back is not None:
            back, count = back.next, count + 1
        return count == 100_000
    if case == "rings":
        return len(back) == len(made) and all(
            list(node.own.items()) == [(node, i)] and node.others == {back[i - 1], back[i * 7919 % 20_000]}
            for i, node in enumerate(back)
        )
    if case in ("functions", "new_functions"):
        return len(back) == len(made) and all(m(50) == b(50) for m, b in zip(made, back))
    if case == "graph":
        nodes = back["nodes"]
        return nodes == made["nodes"] and all(
            a is nodes[i % 100_000] and b is nodes[i * 7919 % 100_000] for i, (a, b) in enumerate(back["edges"])
        )
    return made == back


CASES = {
    "mixed_dict": mixed_dict,
    "integers": integers,
    "floats": floats,
    "instances": instances,
    "graph": graph,
    "linked": linked,
    "rings": rings,
    "functions": functions,
    "new_functions": new_functions,
    "large": large,
}


def serializer(name):
    if name == "rhumba":
        from rhumba import namespace

        return namespace.dumps, namespace.loads, sys.version.split()[0]
    module = __import__(name)
    protocol = 5
    return (
        lambda made: module.dumps(made, protocol),
        module.loads,
        getattr(module, "__version__", sys.version.split()[0]),
    )


def kb(path, field):
    for line in open(path):
        if line.startswith(field):
            return int(line.split()[1])


def memory_kb(field):
    return kb("/proc/self/status", field)


class FilesInMemory:
    """Watches what a process has in memory together with files in memory, which may be mapped nowhere.

    A second process looks every millisecond. The files are those of the whole machine, on which nothing else runs.
    """

    def __init__(self):
        pid = os.getpid()
        stopped, self.stop = os.pipe()
        self.told, telling = os.pipe()
        self.watcher = os.fork()
        if self.watcher == 0:
            try:
                os.close(self.stop)
                self.watch(pid, stopped, telling)
            finally:
                os._exit(0)
        os.close(stopped)
        os.close(telling)
        self.told = open(self.told)
        self.told.readline()

    def watch(self, pid, stopped, telling):
        os.set_blocking(stopped, False)
        before = highest = self.now_kb(pid)
        os.write(telling, b"ready\n")
        while not self.is_over(stopped):
            highest = max(highest, self.now_kb(pid))
            time.sleep(0.001)
        os.write(telling, b"%d\n" % (highest - before))

    @staticmethod
    def now_kb(pid):
        return kb(f"/proc/{pid}/status", "RssAnon") + kb("/proc/meminfo", "Shmem:")

    @staticmethod
    def is_over(stopped):
        try:
            return os.read(stopped, 1) == b""
        except BlockingIOError:
            return False

    def highest_added_kb(self):
        os.close(self.stop)
        added = int(self.told.readline())
        os.waitpid(self.watcher, 0)
        return added


def peak_added_kb(work):
    """Runs work; returns its result, and by how much memory rose above where it was, at most."""
    gc.collect()
    files = FilesInMemory()
    with open("/proc/self/clear_refs", "w") as clear:
        clear.write("5")
    before = memory_kb("VmRSS")
    try:
        result = work()
        added = memory_kb("VmHWM") - before
    finally:
        with_files = files.highest_added_kb()
    return result, max(added, with_files)


def times_s(work, on=None):
    """All the times of several rounds, each with its result dropped before the next.

    on: what each round works on, where that is another each time.

    Processor time of the whole process, so that what else the machine does counts less.
    """
    times = []
    until = time.perf_counter() + ROUNDS_TIME_S
    while len(times) < ROUNDS_MAX:
        args = () if on is None else (on[len(times)],)
        begin = time.process_time()
        result = work(*args)
        times.append(time.process_time() - begin)
        del result
        if time.perf_counter() > until:
            break
    return times


def main(name, case):
    dumps, loads, version = serializer(name)
    figures = {"version": version, "python": sys.version.split()[0]}
    gc.collect()
    before = memory_kb("VmRSS")
    made = CASES[case]()
    gc.collect()
    figures["data_kb"] = memory_kb("VmRSS") - before
    sets = None
    if case == "new_functions":
        made, *sets = made
    try:
        data, figures["encode_added_kb"] = peak_added_kb(lambda: dumps(made))
        figures["bytes"] = len(data)
        back, figures["decode_added_kb"] = peak_added_kb(lambda: loads(data))
        if not same(case, made, back):
            raise AssertionError("what came back is not what was sent")
        del back
        if sets is None:
            figures["encode_s"] = times_s(lambda: dumps(made))
            figures["decode_s"] = times_s(lambda: loads(data))
        else:
            figures["encode_s"] = times_s(dumps, sets)
            figures["decode_s"] = times_s(loads, [dumps(one) for one in sets])
    except Exception as error:
        figures["error"] = f"{type(error).__name__}: {error}"[:200]
    if case == "large":
        # What the interpreter's own copy into new memory takes, for comparison.
        figures["copy_s"] = times_s(lambda: bytearray(made))
    print(json.dumps(figures))


main(*sys.argv[1:])
