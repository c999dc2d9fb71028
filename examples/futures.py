"""Engines behind the interface of concurrent.futures, and inside asyncio.

    rhumba -n 4 examples/futures.py

Which of some large numbers are prime. The same question is asked through an Executor, with results taken
as they are completed, and from coroutines that await them while something else goes on.
"""

import asyncio
from concurrent.futures import as_completed

import ipyparallel as ipp

NUMBERS = [112272535095293, 10007 * 10009, 97 * 112272535095293, 7919 * 7927, 30011 * 30013, 97]


def smallest_factor(n):
    """Returns the smallest factor of n above 1: n itself, if it is prime."""
    if n % 2 == 0:
        return 2
    factor = 3
    while factor * factor <= n and factor < 60_000:
        if n % factor == 0:
            return factor
        factor += 2
    return n


def with_executor(client):
    """Returns the factors, asked for through an Executor."""
    found = {}
    with client.executor() as executor:
        asked = {executor.submit(smallest_factor, number): number for number in NUMBERS}
        for future in as_completed(asked):
            found[asked[future]] = future.result()
    return found


async def with_coroutines(client):
    """Returns the factors, awaited, and how often the event loop came by meanwhile."""
    view = client.load_balanced_view()
    rounds = 0

    async def come_by():
        nonlocal rounds
        while True:
            rounds += 1
            await asyncio.sleep(0.001)

    beside = asyncio.ensure_future(come_by())
    asked = [asyncio.wrap_future(view.apply_async(smallest_factor, n)) for n in NUMBERS]
    found = dict(zip(NUMBERS, await asyncio.gather(*asked)))
    beside.cancel()
    return found, rounds


def main():
    client = ipp.Client()
    client.wait_for_engines(1)
    found = with_executor(client)
    awaited, rounds = asyncio.run(with_coroutines(client))
    alone = {number: smallest_factor(number) for number in NUMBERS}
    assert found == awaited == alone, (found, awaited, alone)
    assert rounds > 1
    for number, factor in alone.items():
        told = "no small factor" if factor == number else f"divisible by {factor}"
        print(f"{number}: {told}")
    print("Executor, coroutines and one process agree.")


if __name__ == "__main__":
    main()
