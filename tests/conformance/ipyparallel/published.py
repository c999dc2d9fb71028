"""What a task publishes while it runs: `publish_data`, and `AsyncResult.data`."""

import ipyparallel as ipp
from _expect import PATIENCE, RHUMBA, connect, eventually, raises, raises_remote
from _gates import Gate

rc = connect()
lbv = rc.load_balanced_view()


def publish_and_wait(gate, start):
    import os
    import time

    from ipyparallel.datapub import publish_data

    for step in range(3):
        publish_data({"step": start + step, "list": [step]})
    while not os.path.exists(gate):
        time.sleep(0.005)
    publish_data({"done": True})
    return start


publish_and_wait.__module__ = "__main__"

# It is there while the task runs; later values take the place of earlier ones.
gate = Gate()
ar = lbv.apply_async(publish_and_wait, gate.path, 10)
eventually(lambda: ar.data.get("step") == 12)
assert not ar.ready(), "it still runs"
assert ar.data["list"] == [2] and "done" not in ar.data
assert ar["data"]["step"] == 12
gate.open()
assert ar.get(PATIENCE) == 10
ar.wait_for_output(PATIENCE)
eventually(lambda: ar.data.get("done"))
assert ar.metadata["data"]["step"] == 12

# Of several engines each has its own; code publishes as functions do.
each = rc[:].apply_async(publish_and_wait, gate.path, 20)
assert each.get(PATIENCE) == [20] * 4
eventually(lambda: [part.get("step") for part in each.data] == [22] * 4)
code = "from ipyparallel.datapub import publish_data; publish_data({'n': n})"
rc[:].scatter("n", range(4), flatten=True, block=True)
shown = rc[:].execute(code)
shown.get(PATIENCE)
eventually(lambda: [part.get("n") for part in shown.data] == [0, 1, 2, 3])
assert lbv.apply_async(abs, -1).data == {}

if RHUMBA:
    # ipyparallel says nothing of what can't be published, or publishes something else.
    def publish(data):
        from ipyparallel.engine.datapub import publish_data

        publish_data(data)

    publish.__module__ = "__main__"
    raises_remote("TypeError", lbv.apply_async(publish, 3).get, PATIENCE)
    raises_remote("TypeError", lbv.apply_async(publish, {1: 2}).get, PATIENCE)
    failure = raises_remote("SnapshotError", rc[0].execute(
        "import threading; from ipyparallel.datapub import publish_data;"
        " publish_data({'lock': threading.Lock()})"
    ).get, PATIENCE)
    assert 'data["lock"]' in str(failure), failure
    assert lbv.apply_sync(abs, -1) == 1, "the cluster goes on"
    # Nobody waits for what is published here.
    failure = raises(RuntimeError, publish, {"a": 1})
    assert "engine" in str(failure)
    # What is published often doesn't pile up where nobody looks.
    busy = rc[0].execute("for i in range(2000): publish_data({'i': i})")
    busy.get(PATIENCE)
    assert busy.data["i"] == 1999
