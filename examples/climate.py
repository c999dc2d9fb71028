"""The daily and the yearly cycle of temperature in two cities, fitted on many engines.

    rhumba -n 4 examples/climate.py [--quick] [--json FILE]

What is done: hourly temperatures are modelled as a mean, harmonics of the year, harmonics of the day,
and harmonics of the day whose size changes with the season. How many of each is the *shape* of a model,
(k_day, k_year, k_season). Models are compared by leaving out one week at a time, first over a coarse
grid of shapes, then around the best of it. Weeks are then drawn again and again (a block bootstrap) to
see how sure the figures are. Everything is done twice, by this process alone and by the engines, and
the two must agree to the last bit.

What it is not: a forecast. Nor does it need any package; it runs unchanged with CPython and ipyparallel.

Read next: `analyse` for the order of the work, `OnEngines` for how it is spread over the engines.
"""

import argparse
import csv
import datetime
import json
import math
import os
import random
import sys
import time
from operator import mul, sub

import ipyparallel as ipp

try:
    from math import sumprod
except ImportError:  # Python before 3.12

    def sumprod(p, q):
        return sum(map(mul, p, q))


DATA_FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data")

# name, file, how the file writes a time
CITIES = [
    ("San Francisco", "sf-temps.csv", "%Y/%m/%d %H:%M:%S"),
    ("Seattle", "seattle-temps.csv", "%Y/%m/%d %H:%M"),
]
YEAR_BEGIN = datetime.datetime(2010, 1, 1)
DAY_HOURS = 24
YEAR_HOURS = 365 * 24
WEEK_HOURS = 7 * 24
WEEK_COUNT = 52  # the 365th day is counted to the last week

FULL = {
    "coarse": {"k_day": [1, 2, 4], "k_year": [1, 2, 4], "k_season": [0, 1, 2]},
    "limit": [4, 4, 2],
    "replicates": 200,
}
QUICK = {
    "coarse": {"k_day": [1, 2], "k_year": [1, 2], "k_season": [0, 1]},
    "limit": [2, 3, 1],
    "replicates": 40,
}
CONFIDENCE = 0.95
KINDS = ["day", "year", "season"]


# ---- The model: plain functions of plain numbers, which the engines are given too. ----


def columns_of(limit):
    """Names the columns of the largest design: (day term, year term).

    A term is 0 for the constant, or (harmonic, 'c' for its cosine or 's' for its sine).
    """
    k_day, k_year, k_season = limit
    day = [(k, part) for k in range(1, k_day + 1) for part in "cs"]
    year = [(k, part) for k in range(1, k_year + 1) for part in "cs"]
    season = [(k, part) for k in range(1, k_season + 1) for part in "cs"]
    plain = [(0, 0)] + [(0, y) for y in year] + [(d, 0) for d in day]
    return plain + [(d, y) for y in season for d in day]


def columns_in(shape, columns):
    """The indices of those columns that a model of this shape has, in ascending order."""
    k_day, k_year, k_season = shape

    def within(term, limit):
        return term == 0 or term[0] <= limit

    return [
        i
        for i, (d, y) in enumerate(columns)
        if within(d, k_day) and within(y, k_year if d == 0 else k_season)
    ]


def week_sums(week, limit):
    """Sums of products of one week: (rows, y'y, X'y, lower triangle of X'X by rows).

    These are all that least squares needs to know of a week. Sums of several weeks are added, weeks
    are left out by subtracting theirs, and a smaller model has a selection of the rows and columns.
    """
    hours, celsius = week
    waves = {0: [1.0] * len(hours)}
    day = {0: waves[0]}
    for k in range(1, max(limit) + 1):
        for table, period in ((waves, 8760.0), (day, 24.0)):
            turns = [2.0 * math.pi * k * hour / period for hour in hours]
            table[k, "c"] = list(map(math.cos, turns))
            table[k, "s"] = list(map(math.sin, turns))
    design = [list(map(mul, day[d], waves[y])) for d, y in columns_of(limit)]
    gram = [
        [sumprod(column, other) for other in design[: i + 1]] for i, column in enumerate(design)
    ]
    moment = [sumprod(column, celsius) for column in design]
    return len(hours), sumprod(celsius, celsius), moment, gram


def select(sums, indices):
    """The sums of a smaller model: those of the columns with these indices."""
    count, square, moment, gram = sums
    return (
        count,
        square,
        [moment[i] for i in indices],
        [[gram[i][j] for j in indices[: rank + 1]] for rank, i in enumerate(indices)],
    )


def total_of(sums):
    """The sums of several weeks together; a week may occur several times."""
    counts, squares, moments, grams = zip(*sums)
    return (
        sum(counts),
        sum(squares),
        list(map(sum, zip(*moments))),
        [list(map(sum, zip(*rows))) for rows in zip(*grams)],
    )


def without(total, sums):
    """The total less one week."""
    return (
        total[0] - sums[0],
        total[1] - sums[1],
        list(map(sub, total[2], sums[2])),
        [list(map(sub, row, other)) for row, other in zip(total[3], sums[3])],
    )


def solve(sums):
    """Least squares by Cholesky: X'X = LL', Lz = X'y, L'b = z. Returns b."""
    _, _, moment, gram = sums
    lower, diagonal = [], []  # the rows of L up to its diagonal, and that
    for row in gram:
        found = []
        for other, pivot, entry in zip(lower, diagonal, row):
            found.append((entry - sumprod(found, other)) / pivot)
        diagonal.append(math.sqrt(row[-1] - sumprod(found, found)))
        lower.append(found)
    z = []
    for row, pivot, entry in zip(lower, diagonal, moment):
        z.append((entry - sumprod(z, row)) / pivot)
    coefficients = []
    for i in reversed(range(len(z))):
        b = z[i] / diagonal[i]
        coefficients.append(b)
        z = [x - b * y for x, y in zip(z, lower[i])]
    return coefficients[::-1]


def squared_error(sums, coefficients):
    """The sum of squared residuals, |y - Xb|², from sums alone."""
    _, square, moment, gram = sums
    error = square - 2.0 * sumprod(moment, coefficients)
    for i, row in enumerate(gram):
        b = coefficients[i]
        error += b * (2.0 * sumprod(row, coefficients[: i + 1]) - row[i] * b)
    return error


def score(weeks, shape, columns):
    """Fits one model to all weeks, and to all but each: how well does it foretell the week left out?"""
    indices = columns_in(shape, columns)
    parts = [select(week, indices) for week in weeks]
    total = total_of(parts)
    rows, size = total[0], len(indices)
    rss = squared_error(total, solve(total))
    held_out = [squared_error(part, solve(without(total, part))) / part[0] for part in parts]
    return {
        "shape": list(shape),
        "parameters": size,
        "rss": rss,
        "aic": rows * math.log(rss / rows) + 2 * size,
        "bic": rows * math.log(rss / rows) + math.log(rows) * size,
        "cv": sum(held_out) / len(held_out),
        "held_out": held_out,
    }


def highest(terms):
    """Where the sum of a cos(kx) + b sin(kx) over (k, a, b) is largest, as a fraction of a turn."""

    def value(x):
        return sum(a * math.cos(k * x) + b * math.sin(k * x) for k, a, b in terms)

    grid = [2.0 * math.pi * i / 96 for i in range(96)]
    x = max(grid, key=value)
    for _ in range(6):  # Newton's steps towards a zero of the slope
        slope = sum(k * (b * math.cos(k * x) - a * math.sin(k * x)) for k, a, b in terms)
        bend = -sum(k * k * (a * math.cos(k * x) + b * math.sin(k * x)) for k, a, b in terms)
        if bend < 0.0:
            x -= max(-0.1, min(0.1, slope / bend))
    return x / (2.0 * math.pi) % 1.0


def describe(coefficients, shape, columns):
    """What people ask of a fit, in °C, hours and days. The season's terms average out over the year."""
    b = {columns[i]: value for i, value in zip(columns_in(shape, columns), coefficients)}
    day = [(k, b[(k, "c"), 0], b[(k, "s"), 0]) for k in range(1, shape[0] + 1)]
    year = [(k, b[0, (k, "c")], b[0, (k, "s")]) for k in range(1, shape[1] + 1)]
    return {
        "mean": b[0, 0],
        "year_amplitude": math.hypot(year[0][1], year[0][2]),
        "year_peak": 365.0 * highest(year),
        "day_amplitude": math.hypot(day[0][1], day[0][2]),
        "day_peak": 24.0 * highest(day),
    }


def replicate(parts, shape, columns, seed):
    """The figures of a city whose year is made of weeks drawn at random from the real one."""
    generator = random.Random(seed)
    drawn = [parts[generator.randrange(len(parts))] for _ in parts]
    return describe(solve(total_of(drawn)), shape, columns)


KERNELS = [
    sumprod,
    columns_of,
    columns_in,
    week_sums,
    select,
    total_of,
    without,
    solve,
    squared_error,
    score,
    highest,
    describe,
    replicate,
]


# ---- What an engine calls: the same functions on what was pushed into its namespace. ----


def score_here(city, shape):
    return score(SUMS[city], shape, COLUMNS)  # noqa: F821 (the engine's own names)


def replicates_here(seeds):
    return [
        [replicate(p, shape, COLUMNS, seed) for p, shape in zip(CHOSEN_SUMS, SHAPES)]  # noqa: F821
        for seed in seeds
    ]


# ---- The order of the work, once for whoever does it. ----


class Alone:
    """Does each step of the work in this process, one thing after the other."""

    def sum_weeks(self, weeks, limit):
        return [week_sums(week, limit) for week in weeks]

    def keep_sums(self, sums, columns):
        self.sums, self.columns = sums, columns

    def scores(self, jobs):
        return [score(self.sums[city], shape, self.columns) for city, shape in jobs]

    def replicates(self, shapes, seeds):
        parts = chosen_sums(self.sums, shapes, self.columns)
        return [
            [replicate(p, shape, self.columns, seed) for p, shape in zip(parts, shapes)]
            for seed in seeds
        ]


class OnEngines:
    """Does each step of the work on the engines, and pulls the findings back for the next decision."""

    def __init__(self, client):
        self.all = client[:]
        self.any = client.load_balanced_view()
        self.all.execute("import math, random\nfrom operator import mul, sub", block=True)
        kernels = {function.__name__: function for function in KERNELS + [replicates_here]}
        self.all.push(kernels, block=True)

    def sum_weeks(self, weeks, limit):
        # Weeks are alike in cost: an equal share for each engine.
        self.all["limit"] = limit
        self.all.scatter("weeks", weeks, block=True)
        self.all.execute("sums = [week_sums(week, limit) for week in weeks]", block=True)
        return list(self.all.gather("sums", block=True))

    def keep_sums(self, sums, columns):
        self.columns = columns
        self.sums = sums
        self.all.push({"SUMS": sums, "COLUMNS": columns}, block=True)

    def scores(self, jobs):
        # Models differ in cost by a factor of a hundred: whichever engine is free
        # takes the next, the dearest first, so that none is left with it at the end.
        order = sorted(range(len(jobs)), key=lambda i: -parameter_count(jobs[i][1]))
        cities, shapes = zip(*(jobs[i] for i in order))
        found = dict(zip(order, self.any.map_sync(score_here, cities, shapes, chunksize=1)))
        return [found[i] for i in range(len(jobs))]

    def replicates(self, shapes, seeds):
        parts = chosen_sums(self.sums, shapes, self.columns)
        self.all.push({"CHOSEN_SUMS": parts, "SHAPES": shapes}, block=True)
        self.all.scatter("seeds", seeds, block=True)
        self.all.execute("found = replicates_here(seeds)", block=True)
        return [figures for found in self.all.pull("found", block=True) for figures in found]


def chosen_sums(sums, shapes, columns):
    """The weeks' sums of each city, narrowed to the model that was chosen for it."""
    return [
        [select(week, columns_in(shape, columns)) for week in weeks]
        for weeks, shape in zip(sums, shapes)
    ]


def parameter_count(shape):
    k_day, k_year, k_season = shape
    return 1 + 2 * k_year + 2 * k_day * (1 + 2 * k_season)


def choose(scores):
    """The smallest model that foretells about as well as the best: within one standard error."""
    best = min(scores, key=lambda s: s["cv"])
    weeks = best["held_out"]
    variance = sum((x - best["cv"]) ** 2 for x in weeks) / (len(weeks) - 1)
    enough = best["cv"] + math.sqrt(variance / len(weeks))
    return min((s for s in scores if s["cv"] <= enough), key=lambda s: (s["parameters"], s["cv"]))


def neighbours(shape, limit):
    """Shapes that differ by at most one harmonic of each kind."""
    k_day, k_year, k_season = shape
    return [
        (a, b, c)
        for a in range(max(1, k_day - 1), min(limit[0], k_day + 1) + 1)
        for b in range(max(1, k_year - 1), min(limit[1], k_year + 1) + 1)
        for c in range(max(0, k_season - 1), min(limit[2], k_season + 1) + 1)
    ]


def analyse(cities, settings, how):
    """The whole analysis. `how` does the steps; what it finds decides which models are tried next."""
    times = []
    clock = time.perf_counter()

    def finished(step):
        nonlocal clock
        now = time.perf_counter()
        times.append((step, now - clock))
        clock = now

    limit = settings["limit"]
    columns = columns_of(limit)
    flat = how.sum_weeks([week for weeks in cities for week in weeks], limit)
    sums = [flat[i : i + WEEK_COUNT] for i in range(0, len(flat), WEEK_COUNT)]
    how.keep_sums(sums, columns)
    finished("sums of each week")

    grid = settings["coarse"]
    coarse = [(a, b, c) for a in grid["k_day"] for b in grid["k_year"] for c in grid["k_season"]]
    jobs = [(city, shape) for city in range(len(cities)) for shape in coarse]
    scores = [[] for _ in cities]
    for (city, _), found in zip(jobs, how.scores(jobs)):
        scores[city].append(found)
    finished("coarse sweep of models")

    jobs = []
    for city in range(len(cities)):
        known = {tuple(found["shape"]) for found in scores[city]}
        around = neighbours(choose(scores[city])["shape"], limit)
        jobs += [(city, shape) for shape in around if shape not in known]
    for (city, _), found in zip(jobs, how.scores(jobs)):
        scores[city].append(found)
    finished("fine sweep of models")

    chosen = [choose(found) for found in scores]
    shapes = [found["shape"] for found in chosen]
    drawn = how.replicates(shapes, list(range(settings["replicates"])))
    finished("bootstrap by week")

    results = []
    for city in range(len(cities)):
        parts = chosen_sums([sums[city]], [shapes[city]], columns)[0]
        coefficients = solve(total_of(parts))
        results.append(
            {
                "scores": scores[city],
                "chosen": chosen[city],
                "columns": [columns[i] for i in columns_in(shapes[city], columns)],
                "coefficients": coefficients,
                "figures": describe(coefficients, shapes[city], columns),
                "replicates": [found[city] for found in drawn],
            }
        )
        results[-1]["interval"] = intervals(results[-1]["figures"], results[-1]["replicates"])
    return results, times


def intervals(figures, drawn):
    """Percentile intervals. Times go round: they are ranked by their distance from the estimate."""
    found = {}
    for name, centre in figures.items():
        turn = {"day_peak": 24.0, "year_peak": 365.0}.get(name)
        away = [one[name] - centre for one in drawn]
        if turn:
            away = [(x + turn / 2.0) % turn - turn / 2.0 for x in away]
        away.sort()
        tail = (1.0 - CONFIDENCE) / 2.0
        found[name] = [centre + quantile(away, p) for p in (tail, 1.0 - tail)]
    return found


def quantile(ranked, p):
    """The value below which a share p of the ranked values lies, interpolated."""
    place = p * (len(ranked) - 1)
    below = int(place)
    above = min(below + 1, len(ranked) - 1)
    return ranked[below] + (place - below) * (ranked[above] - ranked[below])


# ---- Input and output. ----


def read_weeks(file_name, time_format):
    """Reads a city: for each week, its hours (since the year began) and its temperatures (°C)."""
    weeks = [([], []) for _ in range(WEEK_COUNT)]
    with open(os.path.join(DATA_FOLDER, file_name), newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            moment = datetime.datetime.strptime(row["date"], time_format)
            hour = (moment - YEAR_BEGIN).total_seconds() / 3600.0
            hours, celsius = weeks[min(int(hour) // WEEK_HOURS, WEEK_COUNT - 1)]
            hours.append(hour)
            celsius.append((float(row["temp"]) - 32.0) / 1.8)
    return weeks


def as_hour(hours):
    minutes = round(hours * 60) % (24 * 60)
    return f"{minutes // 60:02}:{minutes % 60:02}"


def as_day(days):
    return (YEAR_BEGIN + datetime.timedelta(days=days)).strftime("%d %b").lstrip("0")


def print_models(results, limit):
    for (name, _, _), result in zip(CITIES, results):
        ranked = sorted(result["scores"], key=lambda s: s["cv"])
        shown = ranked[:4]
        if result["chosen"] not in shown:
            shown.append(result["chosen"])
        print(f"{name}: {len(ranked)} models; harmonics of day, year, season")
        print("    day year season  parameters      AIC      BIC   error of a week left out")
        for s in shown:
            mark = "  chosen" if s is result["chosen"] else ""
            k_day, k_year, k_season = s["shape"]
            print(
                f"    {k_day:3} {k_year:4} {k_season:6}  {s['parameters']:10}"
                f" {s['aic']:8.0f} {s['bic']:8.0f}  {math.sqrt(s['cv']):6.3f} °C{mark}"
            )
        edges = [name for name, k, most in zip(KINDS, result["chosen"]["shape"], limit) if k == most]
        if edges:
            print(f"    The choice has the most harmonics of the {' and the '.join(edges)} that were tried.")
        print()


def print_figures(results, replicates):
    rows = [
        ("mean temperature", "mean", "{:.2f}".format, "°C"),
        ("yearly amplitude", "year_amplitude", "{:.2f}".format, "°C"),
        ("warmest time of year", "year_peak", as_day, ""),
        ("daily amplitude", "day_amplitude", "{:.2f}".format, "°C"),
        ("warmest time of day", "day_peak", as_hour, "h"),
    ]
    print(f"Fitted, with {CONFIDENCE:.0%} intervals from {replicates} years of redrawn weeks")
    print(" " * 24 + "".join(f"{name:<30}" for name, _, _ in CITIES).rstrip())
    for label, key, form, unit in rows:
        line = f"  {label:<22}"
        for result in results:
            low, high = result["interval"][key]
            value = f"{form(result['figures'][key])} {unit}".rstrip()
            line += f"{value:<10}{form(low)} to {form(high)}".ljust(30)
        print(line.rstrip())
    print("  (amplitudes of the first harmonic; hours are local standard time)\n")


def print_times(alone, together, engines, cores):
    print(f"{'Seconds':<26}{'alone':>8}{'engines':>10}{'speed-up':>10}")
    rows = [(step, a, b) for (step, a), (_, b) in zip(alone, together)]
    rows.append(("all", sum(t for _, t in alone), sum(t for _, t in together)))
    for step, a, b in rows:
        print(f"  {step:<24}{a:8.2f}{b:10.2f}{a / b:10.2f}")
    print(f"  ({engines} engines on {cores} cores; the engines' times include moving all data)")


def core_count():
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


def connect(engines):
    """Finds the running cluster, or starts one that ends with this script."""
    try:
        client = ipp.Client(timeout=1)
    except OSError:
        cluster = ipp.Cluster(n=engines or 4)
        return cluster.start_and_connect_sync(), cluster
    client.wait_for_engines(engines or 1, timeout=60)
    return client, None


def main():
    parser = argparse.ArgumentParser(description="Fits the daily and the yearly cycle of temperature.")
    parser.add_argument("--quick", action="store_true", help="fewer models and replicates")
    parser.add_argument("--engines", type=int, metavar="N", help="wait for N engines")
    parser.add_argument("--json", metavar="FILE", help="write all figures to FILE")
    options = parser.parse_args()
    settings = QUICK if options.quick else FULL

    cities = [read_weeks(file_name, time_format) for _, file_name, time_format in CITIES]
    rows = [sum(len(hours) for hours, _ in weeks) for weeks in cities]
    print(" and ".join(f"{name}: {n} hours" for (name, _, _), n in zip(CITIES, rows)) + " of 2010\n")

    client, cluster = connect(options.engines)
    try:
        engines = len(client)
        together, parallel_times = analyse(cities, settings, OnEngines(client))
    finally:
        client.close()
        if cluster:
            cluster.stop_cluster_sync()
    alone, serial_times = analyse(cities, settings, Alone())

    print_models(together, settings["limit"])
    print_figures(together, settings["replicates"])
    print_times(serial_times, parallel_times, engines, core_count())
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(
                {
                    "settings": settings,
                    "cities": [
                        {"name": name, "rows": count, **found}
                        for (name, _, _), count, found in zip(CITIES, rows, together)
                    ],
                    "engines": engines,
                    "cores": core_count(),
                    "serial_s": dict(serial_times),
                    "parallel_s": dict(parallel_times),
                    "identical": alone == together,
                },
                file,
            )
    if alone != together:
        print("climate.py: the engines' figures differ from those found alone", file=sys.stderr)
        return 1
    print("  The figures found alone and by the engines are identical.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
