"""AsyncResult as a future: callbacks, await, concurrent.futures, executors."""

import asyncio
import concurrent.futures
import itertools
import os
import signal
import threading
import time

import ipyparallel as ipp
from _expect import RHUMBA, connect, eventually, raises, raises_remote

rc = connect()
one, every, lbv = rc[0], rc[:], rc.load_balanced_view()


def nap(seconds, value=None):
    import time

    time.sleep(seconds)
    return value


# Callbacks get the result, and may ask it and others for values.
called = []
ar = every.apply_async(nap, 0.1, 7)
# In ipyparallel a callback that asks for another result waits for ever.
other = (lambda: one.apply_sync(abs, -1)) if RHUMBA else (lambda: 1)
ar.add_done_callback(lambda result: called.append((result, result.get(), other())))
assert ar.get(10) == [7] * 4
eventually(lambda: called)
assert called == [(ar, [7] * 4, 1)]
# One that is there already is told at once, in the thread that asks.
threads = []
ar.add_done_callback(lambda _: threads.append(threading.get_ident()))
assert threads == [threading.get_ident()]
failed = one.apply_async(lambda: 1 / 0)
told = []
failed.add_done_callback(lambda result: told.append(result.exception()))
eventually(lambda: told)
assert isinstance(told[0], ipp.RemoteError) and told[0].ename == "ZeroDivisionError"
# A callback that fails harms no other.
ar = one.apply_async(nap, 0.05)
ar.add_done_callback(lambda _: [][1])
ar.add_done_callback(lambda _: told.append("second"))
eventually(lambda: told[-1] == "second")

# concurrent.futures knows them.
assert isinstance(ar, concurrent.futures.Future) and isinstance(ar, ipp.AsyncResult)
assert isinstance(lbv.map_async(abs, [1]), concurrent.futures.Future)
times = [0.5, 0.02, 0.25, 0.03]
naps = [rc[engine].apply_async(nap, seconds, seconds) for engine, seconds in enumerate(times)]
arrived = [future.result() for future in concurrent.futures.as_completed(naps, timeout=10)]
assert arrived[2:] == [0.25, 0.5] and sorted(arrived[:2]) == [0.02, 0.03], arrived
assert {future.get() for future in concurrent.futures.as_completed(naps)} == set(times)
naps = [rc[engine].apply_async(nap, seconds, seconds) for engine, seconds in enumerate(times)]
done, others = concurrent.futures.wait(naps, return_when=concurrent.futures.FIRST_COMPLETED)
assert done and others and naps[0] in others
done, others = concurrent.futures.wait(naps, timeout=10)
assert done == set(naps) and not others
slow, broken = one.apply_async(nap, 1.0), rc[1].apply_async(lambda: 1 / 0)
pair = [slow, broken]
done, others = concurrent.futures.wait(pair, 10, concurrent.futures.FIRST_EXCEPTION)
assert done == {broken} and others == {slow}
assert not slow.done()
if RHUMBA:
    assert slow.running()
raises(TimeoutError, list, concurrent.futures.as_completed([slow], timeout=0.05))
slow.get(10)
assert slow.done() and not slow.running()
many = [lbv.apply_async(abs, -number) for number in range(1000)]
assert sum(future.get() for future in concurrent.futures.as_completed(many, 60)) == 499500

# What has not started can be cancelled, and what runs as well.
if RHUMBA:
    # ipyparallel's cancel lets it run, and forgets its result.
    blocker = one.apply_async(nap, 0.5)
    queued = one.apply_async(nap, 0, "ran")
    assert queued.cancel() is True and queued.cancelled() is True
    raises(ipp.error.TaskAborted, queued.get, 10)
    done, _ = concurrent.futures.wait([queued], 10)
    assert done == {queued}
    assert blocker.cancel() is True, "it runs, and is stopped"
    raises(ipp.error.TaskAborted, blocker.get, 10)
    assert blocker.cancelled() is True and one.apply_sync(abs, -1) == 1, "the engine goes on"
    ended = one.apply_async(abs, -2)
    ended.get(10)
    assert ended.cancel() is False and ended.cancelled() is False


# Awaiting lets the event loop go on.
async def several():
    ticks = 0

    async def tick():
        nonlocal ticks
        while True:
            await asyncio.sleep(0.01)
            ticks += 1

    ticking = asyncio.ensure_future(tick())
    begun = time.monotonic()
    naps = [rc[engine].apply_async(nap, 0.3, engine) for engine in range(4)]
    assert await asyncio.gather(*map(asyncio.wrap_future, naps)) == [0, 1, 2, 3]
    assert time.monotonic() - begun < 1.1, "they run side by side"
    assert ticks >= 5, ticks
    assert await asyncio.wrap_future(every.map_async(abs, range(-4, 0))) == [4, 3, 2, 1]
    if RHUMBA:
        assert await one.apply_async(nap, 0.05, "value") == "value"
        assert await asyncio.gather(*[lbv.apply_async(nap, 0.01, k) for k in range(9)]) == list(
            range(9)
        )
        finished = one.apply_async(abs, -1)
        finished.get()
        assert await finished == 1
        try:
            await one.apply_async(lambda: 1 / 0)
        except ipp.RemoteError as failure:
            assert failure.ename == "ZeroDivisionError"
        else:
            raise AssertionError("the failure was not raised")
        try:
            await asyncio.wait_for(one.apply_async(nap, 0.5), 0.05)
        except TimeoutError:
            pass
        else:
            raise AssertionError("the timeout did not end the wait")
    ticking.cancel()


asyncio.run(several())

# Executors: the interface of concurrent.futures over a view.
with lbv.executor as executor:
    assert isinstance(executor, concurrent.futures.Executor)
    future = executor.submit(pow, 2, 5)
    assert isinstance(future, concurrent.futures.Future) and future.result(10) == 32
    assert future.exception() is None and future.done()
    assert list(executor.map(abs, range(-5, 0))) == [5, 4, 3, 2, 1]
    assert list(executor.map(pow, [2, 3], [3, 2])) == [8, 9]
    raises_remote("ZeroDivisionError", executor.submit(lambda: 1 / 0).result)
    raises_remote("ZeroDivisionError", list, executor.map(lambda x: 1 // x, [1, 0]))
    lazy = executor.submit(nap, 0.2, "late")
assert lazy.done() and lazy.result() == "late", "leaving the block waits"
assert len(rc) == 4, "engines outlive executors"
with rc.executor() as executor:
    assert [executor.submit(abs, -k).result() for k in range(5)] == list(range(5))
if RHUMBA:
    # ipyparallel's executors of direct views fail at the end of the block.
    with one.executor as executor:
        assert executor.submit(abs, -3).result() == 3
    with lbv.executor as executor:
        assert list(executor.map(abs, range(10), chunksize=4)) == list(range(10))
        endless = executor.map(abs, itertools.count(), buffersize=3)
        assert [next(endless) for _ in range(10)] == list(range(10))
        endless.cancel()
        raises(TimeoutError, list, executor.map(nap, [0.5], timeout=0.05))
        raises(ValueError, executor.map, abs, [1], chunksize=0)
        raises(ValueError, executor.map, abs, [1], buffersize=0)
    raises(RuntimeError, executor.submit, abs, -1)
    executor = lbv.executor
    naps = [executor.submit(nap, 0.3) for _ in range(40)]
    executor.shutdown(cancel_futures=True)
    assert any(isinstance(future.exception(), ipp.error.TaskAborted) for future in naps)
    assert all(future.done() for future in naps)

# What can't be rebuilt here is a failure like any other, also for who awaits it.
if RHUMBA:
    one.execute(
        "import sys, types\nonly_there = sys.modules['only_there'] = types.ModuleType('only_there')\n"
        "exec('class Thing: pass', vars(only_there))",
        block=True,
    )
    stranger = one.apply_async(lambda: only_there.Thing())  # noqa: F821
    assert "only_there" in str(stranger.exception(10)), stranger.exception()
    raises(Exception, stranger.get)

    async def strange():
        return await asyncio.wait_for(asyncio.wrap_future(stranger), 10)

    assert "only_there" in str(raises(Exception, asyncio.run, strange()))
    assert {stranger} == set(concurrent.futures.as_completed([stranger], 10))

# Whoever waits is told when an engine dies, and when the connection ends.
if RHUMBA:
    victim = rc[3].apply_sync(os.getpid)
    whole = every.apply_async(nap, 0.5, "survived")
    lost = rc[3].apply_async(nap, 30)
    told = []
    lost.add_done_callback(lambda result: told.append(type(result.exception())))
    eventually(lambda: rc.queue_status(3)["queue"] == 2)
    os.kill(victim, signal.SIGKILL)
    done, _ = concurrent.futures.wait([lost, whole], 20)
    assert done == {lost, whole}
    eventually(lambda: told == [ipp.EngineError])
    parts = whole.split()
    assert [part.get() for part in parts[:3]] == ["survived"] * 3
    assert isinstance(parts[3].exception(), ipp.EngineError)
    assert raises(ipp.CompositeError, whole.get).elist[0][0] == "EngineError"
    rest = ipp.AsyncResult.join(*parts[:3])
    assert rest.successful() and rest.get() == ["survived"] * 3

    async def lonely():
        return await rc[0].apply_async(nap, 30)

    threading.Timer(0.3, rc.close).start()
    raises(ipp.EngineError, asyncio.run, lonely())
rc.close()
