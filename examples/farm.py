"""Farming out tasks: the way of a load-balanced view.

    rhumba -n 4 examples/farm.py

How long Collatz sequences get, below a limit. The pieces of the range differ in how long they take; each
goes to whichever engine is free, and its result is looked at as it arrives, in whatever order that is.
"""

import ipyparallel as ipp

LIMIT, PIECE = 6000, 200


def longest(begin, end):
    """Returns (steps, number) of the longest Collatz sequence that begins in a range."""
    best = (0, 0)
    for number in range(begin, end):
        steps, n = 0, number
        while n != 1:
            n = 3 * n + 1 if n % 2 else n // 2
            steps += 1
        best = max(best, (steps, number))
    return best


def main():
    client = ipp.Client()
    client.wait_for_engines(1)
    farm = client.load_balanced_view()
    begins = range(1, LIMIT, PIECE)
    ends = [min(begin + PIECE, LIMIT) for begin in begins]

    tasks = farm.map_async(longest, begins, ends, ordered=False)
    best = (0, 0)
    for found in tasks:
        if found > best:
            best = found
            print(f"{best[1]} takes {best[0]} steps")
    shares = {}
    for engine in tasks.engine_id:
        shares[engine] = shares.get(engine, 0) + 1

    alone = longest(1, LIMIT)
    assert best == alone, (best, alone)
    assert sum(shares.values()) == len(begins)
    print(f"{len(begins)} tasks on {len(shares)} engines agree with one process: {alone[1]}")


if __name__ == "__main__":
    main()
