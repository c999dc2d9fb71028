"""Monte Carlo: the same experiment many times, with seeds that make it repeatable.

    rhumba -n 4 examples/montecarlo.py

What an option on the average price of a share is worth. Each task has a seed of its own, so that the
figure does not depend on how many engines there are, or on who did what.
"""

import random

import ipyparallel as ipp

PRICE, STRIKE, RATE, VOLATILITY, DAYS = 100.0, 100.0, 0.05, 0.2, 32
TASKS, PATHS = 32, 60


def payoffs(seed, paths, price, strike, rate, volatility, days):
    """Returns the sum of what the option pays over some random paths, and of its square."""
    import math
    import random

    chance = random.Random(seed)
    step = 1 / days
    drift, spread = (rate - volatility**2 / 2) * step, volatility * math.sqrt(step)
    total = squares = 0.0
    for _ in range(paths):
        now, mean = price, 0.0
        for _ in range(days):
            now *= math.exp(drift + spread * chance.gauss(0, 1))
            mean += now / days
        paid = math.exp(-rate) * max(0.0, mean - strike)
        total += paid
        squares += paid * paid
    return total, squares


def worth(results):
    """Returns the mean and its standard error."""
    count = TASKS * PATHS
    mean = sum(total for total, _ in results) / count
    variance = sum(squares for _, squares in results) / count - mean**2
    return mean, (variance / count) ** 0.5


def main():
    client = ipp.Client()
    client.wait_for_engines(1)
    view = client.load_balanced_view()
    seeds = [random.Random(2008).getrandbits(32) + task for task in range(TASKS)]
    fixed = (PATHS, PRICE, STRIKE, RATE, VOLATILITY, DAYS)
    columns = [[value] * TASKS for value in fixed]

    on_engines = worth(view.map_sync(payoffs, seeds, *columns))
    alone = worth([payoffs(seed, *fixed) for seed in seeds])
    assert on_engines == alone, (on_engines, alone)
    mean, error = on_engines
    print(f"The option is worth {mean:.2f}, give or take {error:.2f}: the same here and there.")
    assert abs(mean - 5.8) < 6 * error


if __name__ == "__main__":
    main()
