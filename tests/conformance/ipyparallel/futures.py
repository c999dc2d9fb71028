"""AsyncResult as a future: callbacks, await, concurrent.futures, executors."""

import asyncio
import concurrent.futures
import itertools
import os
import pickle
import signal
import threading

import ipyparallel as ipp
from _expect import PATIENCE, RHUMBA, connect, eventually, raises, raises_remote
from _gates import Gate, held

if RHUMBA:
    from _ctrl_c import waits

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
assert ar.get(PATIENCE) == [7] * 4
eventually(lambda: called)
assert called == [(ar, [7] * 4, 1)]
# A client waits for futures of others, too.
foreign = concurrent.futures.Future()
assert rc.wait([foreign, ar], timeout=0.01) is False
foreign.set_result("theirs")
assert rc.wait([foreign, ar], timeout=PATIENCE) is True and rc.wait([foreign]) is True
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
gates = [Gate() for _ in rc.ids]
calls = [gate.hold(rc[engine], engine) for engine, gate in enumerate(gates)]
arriving = concurrent.futures.as_completed(calls, timeout=PATIENCE)
for engine in (2, 0, 3, 1):
    gates[engine].open()
    assert next(arriving).result() == engine
assert {future.get() for future in concurrent.futures.as_completed(calls)} == {0, 1, 2, 3}
gate = Gate()
calls = [gate.hold(one), *(rc[engine].apply_async(abs, -engine) for engine in (1, 2, 3))]
done, others = concurrent.futures.wait(calls, return_when=concurrent.futures.FIRST_COMPLETED)
assert done and others and calls[0] in others
gate.open()
done, others = concurrent.futures.wait(calls, timeout=PATIENCE)
assert done == set(calls) and not others
gate = Gate()
slow, broken = gate.hold(one), rc[1].apply_async(lambda: 1 / 0)
pair = [slow, broken]
done, others = concurrent.futures.wait(pair, 10, concurrent.futures.FIRST_EXCEPTION)
assert done == {broken} and others == {slow}
assert not slow.done()
if RHUMBA:
    assert slow.running()
raises(TimeoutError, list, concurrent.futures.as_completed([slow], timeout=0.05))
gate.open()
slow.get(PATIENCE)
assert slow.done() and not slow.running()
if RHUMBA:
    # One that is left locked, as Ctrl-C in the midst of `wait` can leave it, keeps no other from being told.
    gate = Gate()
    left = gate.hold(one, "left")
    left._condition.acquire()
    gate.open()
    assert left.get(PATIENCE) == "left"
    told = threading.Event()
    rc[1].apply_async(nap, 0.1, "told").add_done_callback(lambda _: told.set())
    assert told.wait(PATIENCE)
    left._condition.release()
    assert concurrent.futures.wait([left], PATIENCE).done == {left}
many = [lbv.apply_async(abs, -number) for number in range(1000)]
assert sum(future.get() for future in concurrent.futures.as_completed(many, PATIENCE)) == 499500

# What has not started can be cancelled, and what runs as well.
if RHUMBA:
    # ipyparallel's cancel lets it run, and forgets its result.
    gate = Gate()
    blocker = gate.hold(one)
    queued = one.apply_async(nap, 0, "ran")
    aborted = one.apply_async(nap, 0, "ran")
    assert queued.cancel() is True and queued.cancelled() is True
    raises(ipp.error.TaskAborted, queued.get, PATIENCE)
    done, _ = concurrent.futures.wait([queued], PATIENCE)
    assert done == {queued}
    aborted.abort()
    assert blocker.cancel() is True, "it runs, and is stopped"
    raises(ipp.error.TaskAborted, blocker.get, PATIENCE)
    assert blocker.cancelled() is True and one.apply_sync(abs, -1) == 1, "the engine goes on"
    ended = one.apply_async(abs, -2)
    ended.get(PATIENCE)
    assert ended.cancel() is False and ended.cancelled() is False

    # Who knows futures, and not this package, expects the exception that they have for that.
    async def awaited(result):
        return await result

    gate = Gate()
    blockers = gate.hold(every)
    several = every.apply_async(nap, 0)
    assert several.cancel() is True
    gate.open()
    assert blockers.get(PATIENCE) == [None] * 4
    for cancelled, also in (
        (queued, ipp.TaskAborted), (blocker, ipp.TaskAborted), (several, ipp.CompositeError)
    ):  # fmt: skip
        failure = raises(concurrent.futures.CancelledError, cancelled.result, PATIENCE)
        assert isinstance(failure, also) and type(failure).__name__ == also.__name__, failure
        assert isinstance(cancelled.exception(), concurrent.futures.CancelledError)
        raises(concurrent.futures.CancelledError, asyncio.run, awaited(cancelled))
    assert failure.elist == several.exception().elist and len(failure.elist) == 4
    assert isinstance(pickle.loads(pickle.dumps(queued.exception())), ipp.TaskAborted)
    # Aborting is no cancelling.
    failure = raises(ipp.TaskAborted, aborted.get, PATIENCE)
    assert not isinstance(failure, concurrent.futures.CancelledError), failure


# Awaiting lets the event loop go on.
async def several():
    ticks = 0

    async def tick():
        nonlocal ticks
        while True:
            await asyncio.sleep(0.01)
            ticks += 1

    ticking = asyncio.ensure_future(tick())
    gate = Gate()
    calls = [gate.hold(rc[engine], engine) for engine in range(4)]

    async def open_when_all_run():
        ticks_before = ticks
        while gate.engines() < 4 or ticks < ticks_before + 5:
            await asyncio.sleep(0.01)
        gate.open()

    opening = asyncio.ensure_future(open_when_all_run())
    together = asyncio.gather(*map(asyncio.wrap_future, calls))
    assert await asyncio.wait_for(together, PATIENCE) == [0, 1, 2, 3]
    await opening
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
        gate = Gate()
        try:
            await asyncio.wait_for(gate.hold(one), 0.05)
        except TimeoutError:
            pass
        else:
            raise AssertionError("the timeout did not end the wait")
        gate.open()
    ticking.cancel()


asyncio.run(several())

# Executors: the interface of concurrent.futures over a view.
with lbv.executor as executor:
    assert isinstance(executor, concurrent.futures.Executor)
    future = executor.submit(pow, 2, 5)
    assert isinstance(future, concurrent.futures.Future) and future.result(PATIENCE) == 32
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
        gate = Gate()
        raises(TimeoutError, list, executor.map(held, [gate.path], timeout=0.05))
        gate.open()
        raises(ValueError, executor.map, abs, [1], chunksize=0)
        raises(ValueError, executor.map, abs, [1], buffersize=0)
    raises(RuntimeError, executor.submit, abs, -1)
    assert isinstance(executor, ipp.ViewExecutor)

    # Leaving the block waits for maps, too: nothing is opened before it waits.
    for view, options in ((lbv, {}), (lbv, {"chunksize": 3}), (lbv, {"buffersize": 2}), (one, {})):
        order, gate = [], Gate()

        def open_when_waited_for():
            eventually(lambda: order or waits())  # noqa: B023
            order.append("opened")  # noqa: B023
            gate.open()  # noqa: B023

        with view.executor as executor:
            found = executor.map(held, [gate.path] * 8, range(8), **options)
            gate.wait_for_engines()
            opener = threading.Thread(target=open_when_waited_for)
            opener.start()
        order.append("left")
        opener.join()
        assert order == ["opened", "left"], (view, options, order)
        assert list(found) == list(range(8))

    # So is what nobody takes any more: the iterator is one that can be closed.
    gate = Gate()
    left = lbv.executor.map(held, [gate.path] * 40)
    calls = list(left._pending)
    gate.wait_for_engines(4)
    left.close()
    gate.open()
    rc.wait(calls, PATIENCE)
    assert [call.status for call in calls].count("aborted") == 36, [call.status for call in calls]
    raises(StopIteration, next, left)

    # What has not started when it is shut down is cancelled, as futures have it.
    for submit in (
        lambda executor, path: [executor.submit(held, path) for _ in range(40)],
        lambda executor, path: list(executor.map(held, [path] * 40)._pending),
    ):
        executor, gate = lbv.executor, Gate()
        calls = submit(executor, gate.path)
        gate.wait_for_engines(4)
        executor.shutdown(wait=False, cancel_futures=True)
        gate.open()
        executor.shutdown()
        assert len(calls) == 40 and all(future.done() for future in calls)
        ended = [future for future in calls if future.status == "ok"]
        cancelled = [future for future in calls if future.cancelled()]
        assert len(ended) == 4 and len(cancelled) == 36, (ended, cancelled)
        for future in cancelled:
            raises(concurrent.futures.CancelledError, future.result, PATIENCE)
        assert all(future.exception() is None for future in ended)

# What can't be rebuilt here is a failure like any other, also for who awaits it.
if RHUMBA:
    one.execute(
        "import sys, types\nonly_there = sys.modules['only_there'] = types.ModuleType('only_there')\n"
        "exec('class Thing: pass', vars(only_there))",
        block=True,
    )
    stranger = one.apply_async(lambda: only_there.Thing())  # noqa: F821
    assert "only_there" in str(stranger.exception(PATIENCE)), stranger.exception()
    raises(Exception, stranger.get)

    async def strange():
        return await asyncio.wait_for(asyncio.wrap_future(stranger), PATIENCE)

    assert "only_there" in str(raises(Exception, asyncio.run, strange()))
    assert {stranger} == set(concurrent.futures.as_completed([stranger], PATIENCE))

# Whoever waits is told when an engine dies, and when the connection ends.
if RHUMBA:
    victim = rc[3].apply_sync(os.getpid)
    gate = Gate()
    whole = gate.hold(every, "survived")
    lost = rc[3].apply_async(nap, 600)
    told = []
    lost.add_done_callback(lambda result: told.append(type(result.exception())))
    eventually(lambda: rc.queue_status(3)["queue"] == 2)
    os.kill(victim, signal.SIGKILL)
    eventually(lambda: told)
    gate.open()
    done, _ = concurrent.futures.wait([lost, whole], PATIENCE)
    assert done == {lost, whole}
    eventually(lambda: told == [ipp.EngineError])
    parts = whole.split()
    assert [part.get() for part in parts[:3]] == ["survived"] * 3
    assert isinstance(parts[3].exception(), ipp.EngineError)
    assert raises(ipp.CompositeError, whole.get).elist[0][0] == "EngineError"
    rest = ipp.AsyncResult.join(*parts[:3])
    assert rest.successful() and rest.get() == ["survived"] * 3

    async def lonely():
        call = Gate().hold(one)
        threading.Thread(target=rc.close).start()
        return await call

    raises(ipp.EngineError, asyncio.run, lonely())
rc.close()
