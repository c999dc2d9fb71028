"""A session in the manner of 2007: the first interface.

    rhumba -n 4 examples/first_session.py

Commands go to all engines or to one by its number, and show what came of each; a sequence is spread over
them and put together again; tasks take names in and give names back. Only rhumba has this interface.
"""

import ipython1.kernel.api as kernel

WORDS = "the engine reads what the controller sends and the client waits".split()


def main():
    rc = kernel.RemoteController(("127.0.0.1", 10105))
    print(f"engines {rc.getIDs()}")

    print(rc.executeAll("import math\nroot = math.sqrt(2)"))
    rc.pushAll(a=10, greeting="hello")
    print(rc.execute(0, "b = a * root; print(round(b, 3))"))
    assert round(rc.pull(0, "b"), 3) == 14.142
    assert rc.pullAll("greeting", "a") == [("hello", 10)] * len(rc)

    rc.scatterAll("words", WORDS)
    rc.executeAll("lengths = [len(word) for word in words]")
    assert rc.gatherAll("lengths") == [len(word) for word in WORDS]
    assert rc.mapAll("lambda x: x**2", range(8)) == [x**2 for x in range(8)]

    rc.block = False
    pending = rc.executeAll("import time; time.sleep(0.1); done = True")
    rc.barrier()
    assert rc.pullAll("done").r == [True] * len(rc)
    print(f"after the barrier: {pending}")
    rc.block = True

    tc = kernel.TaskController(("127.0.0.1", 10113))
    setup = [{"n": n} for n in range(6)]
    tasks = [kernel.Task("square = n * n", resultNames=["square"], setupNS=names) for names in setup]
    ids = [tc.run(task) for task in tasks]
    tc.barrier(ids)
    squares = [tc.getTaskResult(task_id).ns.square for task_id in ids]
    assert squares == [0, 1, 4, 9, 16, 25]
    print(f"tasks gave {squares}")
    rc.resetAll()


if __name__ == "__main__":
    main()
