"""Checks what examples/climate.py found against a plain serial computation.

    python3 climate_reference.py FIGURES.json DATA_FOLDER

Says for each figure checked by how much it differs at most, and exits with 1 if one differs by more
than 1e-6 of its value. The way is another one on purpose: every fit is a QR factorization of all its
rows (the example adds up normal equations by week and never sees a row again), the files are read by
slicing, and maxima are bisected. Only the order of random draws is the same, as it is part of what the
example promises. It shares no code with the example and imports nothing of rhumba.

Read next: `check_city`.
"""

import json
import math
import random
import sys
from operator import mul

TOLERANCE = 1e-6
WEEKS = 52
CELSIUS_PER_FAHRENHEIT = 5.0 / 9.0


def read_rows(path):
    """(hour of the year, °C) of each row, whichever of the two columns comes first."""
    days_before = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334]
    with open(path, encoding="utf-8") as file:
        header, *lines = file.read().split("\n")
    date, temp = (header.strip().split(",").index(name) for name in ("date", "temp"))
    rows = []
    for line in filter(None, map(str.strip, lines)):
        fields = line.split(",")
        month, day, hour = int(fields[date][5:7]), int(fields[date][8:10]), int(fields[date][11:13])
        hours = 24 * (days_before[month - 1] + day - 1) + hour
        rows.append((hours, (float(fields[temp]) - 32.0) * CELSIUS_PER_FAHRENHEIT))
    return rows


def week_of(hour):
    return min(hour // 168, WEEKS - 1)


def row_of(hour, shape):
    """One row of the design: constant, year, day, then day times season, season by season."""
    k_day, k_year, k_season = shape

    def waves(turn, count):
        return [f(2 * math.pi * k * turn) for k in range(1, count + 1) for f in (math.cos, math.sin)]

    year, day = hour / 8760, hour / 24
    rhythm = waves(day, k_day)
    seasons = waves(year, k_season)
    return [1.0] + waves(year, k_year) + rhythm + [d * s for s in seasons for d in rhythm]


def dot(a, b):
    return math.fsum(x * y for x, y in zip(a, b))


def least_squares(rows, shape):
    """Coefficients and sum of squared residuals, by Householder reflections of all rows."""
    columns = [list(column) for column in zip(*(row_of(hour, shape) for hour, _ in rows))]
    size = len(columns)
    columns.append([celsius for _, celsius in rows])
    for i in range(size):
        pivot = columns[i]
        tail = pivot[i:]
        norm = math.copysign(math.sqrt(dot(tail, tail)), -tail[0])
        mirror = [tail[0] - norm] + tail[1:]
        scale = 2.0 / dot(mirror, mirror)
        for column in columns[i + 1 :]:
            part = column[i:]
            along = scale * sum(map(mul, mirror, part))
            column[i:] = [x - along * y for x, y in zip(part, mirror)]
        pivot[i:] = [norm]
    image = columns[size]
    solution = [0.0] * size
    for i in reversed(range(size)):
        known = sum(columns[j][i] * solution[j] for j in range(i + 1, size))
        solution[i] = (image[i] - known) / columns[i][i]
    return solution, dot(image[size:], image[size:])


def maximum(terms, turn):
    """Where the sum of a cos(kx) + b sin(kx) is largest: the best minute, then its slope bisected."""

    def value(x):
        return sum(a * math.cos(k * x) + b * math.sin(k * x) for k, a, b in terms)

    def slope(x):
        return sum(k * (b * math.cos(k * x) - a * math.sin(k * x)) for k, a, b in terms)

    step = 2 * math.pi / 1440
    best = step * max(range(1440), key=lambda i: value(step * i))
    low, high = best - step, best + step
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if slope(middle) > 0 else (low, middle)
    return (low + high) / 2 / (2 * math.pi) % 1.0 * turn


def figures_of(solution, shape):
    k_day, k_year, _ = shape
    year = [(k, *solution[2 * k - 1 : 2 * k + 1]) for k in range(1, k_year + 1)]
    begin = 1 + 2 * k_year
    day = [(k, *solution[begin + 2 * k - 2 : begin + 2 * k]) for k in range(1, k_day + 1)]
    return {
        "mean": solution[0],
        "year_amplitude": math.sqrt(year[0][1] ** 2 + year[0][2] ** 2),
        "year_peak": maximum(year, 365.0),
        "day_amplitude": math.sqrt(day[0][1] ** 2 + day[0][2] ** 2),
        "day_peak": maximum(day, 24.0),
    }


class Checks:
    """Collects comparisons; keeps the largest difference of each kind, relative to the value."""

    def __init__(self):
        self.largest = {}
        self.faults = []

    def near(self, kind, what, found, expected):
        difference = abs(found - expected) / max(abs(expected), 1e-3)
        count, most = self.largest.get(kind, (0, 0.0))
        self.largest[kind] = (count + 1, max(most, difference))
        if not difference <= TOLERANCE:
            self.faults.append(f"{what}: the example found {found!r}, here it is {expected!r}")

    def holds(self, kind, what, truth):
        count, most = self.largest.get(kind, (0, 0.0))
        self.largest[kind] = (count + 1, most)
        if not truth:
            self.faults.append(what)


def check_scores(checks, city, rows, fitted):
    """Residuals, AIC and BIC of the smallest, the largest and the chosen model; the choice itself."""
    by_size = sorted(city["scores"], key=lambda s: s["parameters"])
    checks.holds("choices", f"{city['name']}: not a model of the sweep", city["chosen"] in by_size)
    of_interest = {tuple(s["shape"]): s for s in (by_size[0], by_size[-1], city["chosen"])}
    for score in of_interest.values():
        is_chosen = score["shape"] == city["chosen"]["shape"]
        solution, rss = fitted if is_chosen else least_squares(rows, score["shape"])
        what = f"{city['name']}, model {score['shape']}"
        count, size = len(rows), len(solution)
        checks.holds("parameter counts", f"{what}: {size} parameters", score["parameters"] == size)
        checks.near("residuals", f"{what}, residuals", score["rss"], rss)
        aic = count * math.log(rss / count) + 2 * size
        checks.near("AIC", f"{what}, AIC", score["aic"], aic)
        checks.near("BIC", f"{what}, BIC", score["bic"], aic + (math.log(count) - 2) * size)
    best = min(score["cv"] for score in by_size)
    chosen = city["chosen"]
    smaller = [s for s in by_size if s["parameters"] < chosen["parameters"]]
    spread = next(s["held_out"] for s in by_size if s["cv"] == best)
    error = math.sqrt(sum((x - best) ** 2 for x in spread) / (WEEKS - 1) / WEEKS)
    checks.holds(
        "choices",
        f"{city['name']}: {chosen['shape']} is not the smallest model within one standard error",
        chosen["cv"] <= best + error and all(s["cv"] > best + error for s in smaller),
    )


def check_held_out(checks, city, rows):
    """The error of the last week, which has eight days, foretold from all the others."""
    chosen = city["chosen"]
    checks.holds("weeks", f"{city['name']}: not {WEEKS} weeks", len(chosen["held_out"]) == WEEKS)
    mean = math.fsum(chosen["held_out"]) / WEEKS
    checks.near("errors of left-out weeks", f"{city['name']}, their mean", chosen["cv"], mean)
    week = WEEKS - 1
    solution, _ = least_squares([r for r in rows if week_of(r[0]) != week], chosen["shape"])
    own = [r for r in rows if week_of(r[0]) == week]
    away = [celsius - dot(row_of(hour, chosen["shape"]), solution) for hour, celsius in own]
    expected = dot(away, away) / len(own)
    what = f"{city['name']}, week {week}"
    checks.near("errors of left-out weeks", what, chosen["held_out"][week], expected)


def check_bootstrap(checks, city, rows, count):
    """One replicate from its rows; then what intervals must hold of the replicates they come from."""
    checks.holds("replicates", f"{city['name']}: not {count}", len(city["replicates"]) == count)
    shape = city["chosen"]["shape"]
    weeks = [[r for r in rows if week_of(r[0]) == week] for week in range(WEEKS)]
    seed = count - 1
    generator = random.Random(seed)
    drawn = [row for _ in range(WEEKS) for row in weeks[generator.randrange(WEEKS)]]
    expected = figures_of(least_squares(drawn, shape)[0], shape)
    for name, value in expected.items():
        what = f"{city['name']}, replicate {seed}, {name}"
        checks.near("replicates", what, city["replicates"][seed][name], value)
    for name, (low, high) in city["interval"].items():
        what = f"{city['name']}, {name}: {low!r} to {high!r}"
        value = city["figures"][name]
        checks.holds("intervals", f"{what} doesn't hold the estimate {value!r}", low < value < high)
        tail = math.ceil(0.025 * count)
        below = sum(1 for one in city["replicates"] if one[name] < low)
        above = sum(1 for one in city["replicates"] if one[name] > high)
        checks.holds(
            "intervals",
            f"{what} leaves {below} and {above} of {count} replicates outside, not {tail} at most",
            0 < below <= tail and 0 < above <= tail,
        )


def check_city(checks, city, rows, settings):
    checks.holds("row counts", f"{city['name']}: not {len(rows)} rows", city["rows"] == len(rows))
    shape = city["chosen"]["shape"]
    fitted = least_squares(rows, shape)
    solution = fitted[0]
    checks.holds("coefficients", "not all are there", len(city["coefficients"]) == len(solution))
    for place, (found, expected) in enumerate(zip(city["coefficients"], solution)):
        checks.near("coefficients", f"{city['name']}, coefficient {place}", found, expected)
    for name, expected in figures_of(solution, shape).items():
        checks.near("figures", f"{city['name']}, {name}", city["figures"][name], expected)
    check_scores(checks, city, rows, fitted)
    check_held_out(checks, city, rows)
    check_bootstrap(checks, city, rows, settings["replicates"])


def main(figures_file, data_folder):
    with open(figures_file, encoding="utf-8") as file:
        found = json.load(file)
    checks = Checks()
    checks.holds("agreement", "alone and on engines differ", found["identical"])
    files = {"San Francisco": "sf-temps.csv", "Seattle": "seattle-temps.csv"}
    checks.holds("cities", "not the two cities", [c["name"] for c in found["cities"]] == list(files))
    for city in found["cities"]:
        rows = read_rows(f"{data_folder}/{files[city['name']]}")
        check_city(checks, city, rows, found["settings"])
    for kind, (count, difference) in checks.largest.items():
        print(f"{kind}: {count} checked, largest relative difference {difference:.1e}")
    for fault in checks.faults:
        print(f"WRONG: {fault}")
    return 1 if checks.faults else 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: climate_reference.py FIGURES.json DATA_FOLDER")
    sys.exit(main(sys.argv[1], sys.argv[2]))
