"""Several people on one cluster: who is there, whose the queues are, engines for oneself for a
while, and following what the others do. ipyparallel has none of this.
"""

import os
import queue
import subprocess
import sys
import threading

import ipyparallel as ipp
from _expect import PATIENCE, RHUMBA, connect, eventually, raises
from _gates import Gate

rc = connect()
if not RHUMBA:
    sys.exit()


def another(name):
    client = ipp.Client(timeout=PATIENCE, name=name)
    client.wait_for_engines(4, timeout=PATIENCE)
    return client


# Who is there.
ada, bob = another("ada"), another("bob")
names = {client["name"]: client for client in rc.clients()}
assert {"ada", "bob"} <= set(names)
assert names["ada"]["pid"] == os.getpid()
[me] = [client for client in rc.clients() if client["is_me"]]
assert "@" in me["name"], "user@machine, where nothing else is said"

# Whose the queues are.
gate = Gate()
held = gate.hold(ada[0])
waiting = [bob[0].apply_async(abs, -1) for _ in range(3)]
bob.queue_status()  # Answered after what bob sent before; nothing orders that with rc's questions.
status = rc.queue_status(0, verbose=True)
assert status["clients"] == {"ada": 1, "bob": 3}, status
assert status["queue"] == [msg_id for ar in [held, *waiting] for msg_id in ar.msg_ids], status
assert (status["tasks"], status["completed"]) == ([], rc.queue_status(0)["completed"])
several = bob[[0, 1]].apply_async(abs, -1)
bob.queue_status()
assert rc.queue_status(0, verbose=True)["queue"][-1] == several.msg_ids[0]
assert "held_by" not in status
gate.open()
rc.wait()
assert [ar.get(PATIENCE) for ar in waiting] == [1, 1, 1]

# Engines for oneself: what others had asked for before is finished first.
gate = Gate()
before = gate.hold(bob[1])
gate.wait_for_engines()
entered = threading.Event()
leave = threading.Event()


def alone():
    with ada[[0, 1]].exclusive():
        entered.set()
        assert leave.wait(PATIENCE)


thread = threading.Thread(target=alone)
thread.start()
eventually(lambda: "held_by" in rc.queue_status(0))
assert not entered.is_set(), "what bob had begun has not ended"
gate.open()
assert entered.wait(PATIENCE)
by = rc.queue_status(1)["held_by"]
assert (by["name"], by["pid"], by["label"]) == ("ada", os.getpid(), ""), by

# What others ask of them waits, and they are told; other engines are as before.
late = bob[[0, 1, 2]].apply_async(os.getpid)
eventually(lambda: bob.notices)
[notice] = bob.notices
assert notice.engines == [0, 1] and notice.holder[0] == "ada", notice
assert "engines 0, 1 used exclusively by ada" in str(notice), notice
assert bob[2].apply_async(abs, -1).get(PATIENCE) == 1
assert not late.ready()
# Their tasks go elsewhere; ada's go anywhere.
lbv = bob.load_balanced_view()
own = {lbv.apply_async(os.getpid).get(PATIENCE) for _ in range(30)}
there = dict(zip((2, 3), bob[[2, 3]].apply_async(os.getpid).get(PATIENCE)))
assert own <= set(there.values()), (own, there)
held_view = ada.load_balanced_view(targets=[0, 1])
assert held_view.map_async(abs, range(-20, 0)).get(PATIENCE) == list(range(20, 0, -1))
assert ada[0].apply_async(abs, -2).get(PATIENCE) == 2

# Or it fails at once.
refusing = bob[0]
refusing.exclusive_wait = False
failure = raises(ipp.error.EngineLocked, refusing.apply_async(abs, -1).get, PATIENCE)
assert "used exclusively by ada" in str(failure), failure
failure = raises(ipp.error.EngineLocked, bob[1].exclusive(wait=False).__enter__)
assert f"used exclusively by ada (pid {os.getpid()})" in str(failure), failure
raises(TimeoutError, bob[1].exclusive(timeout=0.05).__enter__)
raises(ValueError, bob[1].exclusive, timeout=-1)
raises(TypeError, bob[1].exclusive, limit="a while")

# Who has engines never waits for others: two would wait for each other.
with bob[3].exclusive():
    raises(ipp.error.EngineLocked, bob[0].exclusive().__enter__)
    raises(ipp.error.EngineLocked, bob[0].apply_async(abs, -1).get, PATIENCE)
    with bob[[2, 3]].exclusive():
        assert bob[2].apply_async(abs, -3).get(PATIENCE) == 3

assert not late.ready()
leave.set()
thread.join(PATIENCE)
assert len(late.get(PATIENCE)) == 3
assert "held_by" not in rc.queue_status(0)

# With a limit it ends by itself, and the block says so.
block = ada[0].exclusive(limit=0.05)
block.__enter__()
assert bob[0].apply_async(abs, -4).get(PATIENCE) == 4
failure = raises(TimeoutError, block.__exit__, None, None, None)
assert "0.05 seconds" in str(failure), failure

# A holder that dies has none any more.
script = """
import sys, os, ipyparallel as ipp
rc = ipp.Client(name="mayfly")
rc[0].exclusive().__enter__()
print("held", flush=True)
sys.stdin.read()
os._exit(1)
"""
mayfly = subprocess.Popen(
    [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
)
assert mayfly.stdout.readline() == "held\n"
stuck = bob[0].apply_async(abs, -5)
eventually(lambda: "mayfly" in str(bob.notices[-1]))
assert not stuck.ready()
mayfly.kill()
mayfly.wait()
assert stuck.get(PATIENCE) == 5

# Following what the others do: who, what, where, what it prints, how it ends.
seen = queue.Queue()
watch = rc.watch(seen.put)


def seen_next(kind, **expected):
    while True:
        event = seen.get(timeout=PATIENCE)
        if event.kind == kind and all(getattr(event, k) == v for k, v in expected.items()):
            return event


ada[2].execute("print('hello'); 1/0")
event = seen_next("started", engine=2)
assert (event.who, event.operation) == ("ada", "execute") and "1/0" in event.what, event
assert "hello" in seen_next("output", engine=2, stream="stdout", who="ada").data
assert "ZeroDivisionError" in seen_next("ended", engine=2).error


def greet(name):
    print("dear", name)


bob.load_balanced_view().apply_async(greet, "carol").get(PATIENCE)
event = seen_next("started", who="bob")
assert (event.operation, event.what) == ("apply", "greet"), event
ended = seen_next("ended", who="bob")
assert ended.error is None and ended.duration >= 0 and ended.msg_id == event.msg_id
# Not oneself, and not what isn't watched.
raises(IndexError, rc.watch, seen.put, [77])
watch = rc.watch(seen.put, [3])
rc[3].execute("print('mine')", block=True)
ada[2].execute("print('elsewhere')", block=True)
ada[3].execute("print('here')", block=True)
assert "here" in seen_next("output", engine=3).data
watch.stop()
assert not watch.running
leftover = [event for event in iter(lambda: seen.get_nowait() if not seen.empty() else None, None)]
assert all(event.engine == 3 for event in leftover), leftover

# Who is slow to look slows nobody, and is told how much was lost.
gate, arrived = threading.Event(), []


def slowly(event):
    assert gate.wait(PATIENCE)
    arrived.append(event)


watch = rc.watch(slowly, [0])
ada[0].execute("for i in range(4000): print(i, flush=True)").get(PATIENCE)
gate.set()
eventually(lambda: any(event.kind == "ended" for event in arrived))
assert sum(event.count for event in arrived if event.kind == "lost") > 0
assert any(event.kind == "output" and "3999" in event.data for event in arrived), "the newest"
watch.stop()

# Broadcast: one message there, and one back with all replies.
broadcast = rc.broadcast_view(is_coalescing=True)
assert broadcast.apply_sync(abs, -7) == [7] * 4
broadcast.push({"a": 5}, block=True)
assert broadcast.pull("a", block=True) == [5] * 4
result = broadcast.execute("print('out'); b = a").get(PATIENCE)
assert len(result) == 4
failure = raises(ipp.CompositeError, broadcast.execute("1/0").get, PATIENCE)
assert len(failure.elist) == 4
big = broadcast.apply_async(bytes, 3 << 20).get(PATIENCE)
assert [len(part) for part in big] == [3 << 20] * 4
