import re


def table(text):
    """The rows of a profile, by function: calls, own and total time."""
    rows = {}
    for line in text.splitlines():
        cells = line.split(None, 5)
        if len(cells) == 6 and re.fullmatch(r"\d+(/\d+)? +[\d.]+ .*", line.strip()):
            rows[cells[5]] = cells[0], float(cells[1]), float(cells[3])
    return rows


PROGRAM = """
def inner(n):
    return sorted(range(n))
def outer():
    for n in range(5):
        inner(n)
    return len([1])
def deep(n):
    return n and deep(n - 1)
"""


def test_prun_counts_calls_and_who_made_them():
    run(PROGRAM)
    out = said("%prun outer(); deep(3)")
    rows = table(out)
    calls = {name: row[0] for name, row in rows.items()}
    assert [calls[name] for name in calls if name.endswith("(inner)")] == ["5"], out
    assert [calls[name] for name in calls if name.endswith("(outer)")] == ["1"], out
    assert [calls[name] for name in calls if name.endswith("(deep)")] == ["4/1"], out
    assert calls["{built-in method builtins.sorted}"] == "5", out
    shows(out, "function calls", "Ordered by: internal time")
    total = max(row[2] for row in rows.values())
    assert total >= [row[2] for name, row in rows.items() if name.endswith("(outer)")][0]


def test_prun_gives_its_figures():
    run(PROGRAM)
    stats = value("%prun -q -r outer()")
    inner = next(key for key in stats.stats if key[2] == "inner")
    outer = next(key for key in stats.stats if key[2] == "outer")
    primitive, calls, own, total, callers = stats.stats[inner]
    assert (primitive, calls) == (5, 5) and 0 <= own <= total
    assert {caller[2]: figures[0] for caller, figures in callers.items()} == {"outer": 5}
    assert stats.stats[outer][3] >= total
    assert said("%prun -q outer()") == ""


def test_prun_sorts_cuts_and_writes():
    run(PROGRAM)
    out = said("%prun -s name -l inner -T table.txt -D figures.prof outer()")
    assert [name.rpartition("(")[2] for name in table(out)] == ["inner)"], out
    shows(out, "Ordered by: function name", "The table is in table.txt.", "The figures are in figures.prof")
    shows(read("table.txt"), "Ordered by: function name", "inner")
    import pstats

    assert any(key[2] == "inner" for key in pstats.Stats("figures.prof").stats)
    assert len(table(said("%prun -l 2 outer()"))) == 2
    shows(refused("%prun -s age 1"), "-s is one of calls, cumulative")
    shows(refused("%prun -D /no/such/folder/x -q 1"), "%prun can't write")
    shows(refused("%prun"), "needs a statement")


def test_prun_ends_with_what_it_runs():
    assert raised(ZeroDivisionError, "%prun 1 / 0") == "division by zero"
    assert sys.getprofile() is None
    shows(said("%prun -l 1 raise SystemExit"), "*** SystemExit ended the code.", "function calls")
    run("%%prun -q\ndef local(): return 1\nkept = local()")
    assert main["kept"] == 1


def test_a_method_of_a_native_object_is_one_function():
    stats = value("%prun -q -r for append in [[].append for _ in range(50)]: append(1)")
    assert [figures[1] for key, figures in stats.stats.items() if "append" in key[2]] == [50], stats.stats


def test_lprun_counts_lines():
    run("def work(n):\n    total = 0\n    for i in range(n):\n        total += i\n    if n < 0:\n        return None\n    return total\n")
    figures = value("%lprun -r -f work work(10); work(5)")
    assert {line: hits for line, (hits, _) in figures["work"].items()} == {2: 2, 3: 17, 4: 15, 5: 2, 7: 2}, figures
    assert all(seconds >= 0 for _, seconds in figures["work"].values())
    assert sys.gettrace() is None


def test_lprun_shows_the_source_with_its_figures():
    path = write("lined.py", "import functools\n\n@functools.cache\ndef work(n):\n    return n + 1  # added\n\nclass Kind:\n    def one(self):\n        return work(1)\n    @property\n    def two(self):\n        return 2\n")
    fresh_module("lined")
    run("import lined")
    out = said("%lprun -f lined.work -f lined.Kind -T lines.txt k = lined.Kind(); k.one(); k.two")
    shows(out, "Timer unit: 1e-06 s", f"File: {path}", "Function: work at line 3", "5         1", "return n + 1  # added", "Function: Kind.one", "Function: Kind.two")
    shows(read("lines.txt"), "Function: work at line 3")
    shows(said("%lprun -m lined -u 1e-3 lined.Kind().two"), "Timer unit: 0.001 s", "Function: work")
    assert "Function: work" not in said("%lprun -z -m lined -u 1 lined.Kind().two")


def test_lprun_refuses_what_has_no_lines():
    shows(refused("%lprun -f len len([])"), "len has no lines of Python")
    shows(refused("%lprun -f nothing 1"), "finds no function 'nothing'")
    shows(refused("%lprun -m no.such.module 1"), "finds no module")
    shows(refused("%lprun 1"), "whose lines")
    shows(refused("%lprun -f shell"), "needs a statement")
    raised(ZeroDivisionError, "def broken(): 1 / 0\n%lprun -f broken broken()")


def test_memit_tells_the_peak():
    result = value("%memit -q -o x = b'x' * (80 * 1024 * 1024)")
    assert result.peak >= result.increment >= 60, result
    assert re.fullmatch(r"peak memory: [\d.]+ MiB, increment: [\d.]+ MiB\n", said("%memit -r 2 1"))
    shows(refused("%memit"), "needs a statement")
