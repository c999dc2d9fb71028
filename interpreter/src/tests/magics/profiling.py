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


def called(stats):
    """How often each was called, by its name."""
    calls = {}
    for key, figures in stats.stats.items():
        calls[key[2]] = calls.get(key[2], 0) + figures[1]
    return calls


def test_prun_counts_natives_that_the_runtime_has_shortcuts_for():
    run("def work(n):\n    seen = []\n    for i in range(n):\n        seen.append(len(str(i)))\n        isinstance(i, int)\n    return seen\nwork(50)")
    calls = called(value("%prun -q -r work(100)"))
    for name in ("<method 'append' of 'list' objects>", "<built-in method builtins.len>", "<built-in method builtins.isinstance>", "<class str>"):
        assert calls[name] == 100, calls
    assert calls["work"] == calls["<class range>"] == calls["<module>"] == 1, calls
    assert [sys.monitoring.get_tool(place) for place in range(6)] == [None] * 6


LEAVES = """
class Sized:
    def __len__(self): return 3
class Key:
    def __hash__(self): return 7
    def __eq__(self, other): return True
def work():
    values, table = [], {}
    for n in range(20):
        len(values); values.append(n); table.get(n); "a b".split(); abs(n)
        len(Sized()); table.get(Key())
    try:
        abs("a")
    except TypeError:
        pass
"""


def test_natives_are_counted_whether_or_not_they_call_something():
    run(LEAVES)
    for _ in range(2):
        stats = value("%prun -q -r work()")
        calls = called(stats)
        natives = {
            "<built-in method builtins.len>": 40,
            "<built-in method builtins.abs>": 21,
            "<method 'append' of 'list' objects>": 20,
            "<method 'get' of 'dict' objects>": 40,
            "<method 'split' of 'str' objects>": 20,
        }
        assert {name: calls[name] for name in natives} == natives, calls
        callers = {
            key[2]: {caller[2]: figures[0] for caller, figures in figures[4].items()}
            for key, figures in stats.stats.items()
        }
        assert callers["__len__"] == {"<built-in method builtins.len>": 20}, callers
        assert callers["__hash__"] == {"<method 'get' of 'dict' objects>": 20}, callers
        assert callers["<built-in method builtins.len>"] == {"work": 40}, callers
        own = [figures[2] for key, figures in stats.stats.items() if key[2] == "work"]
        assert own[0] > 0, stats.stats


GENERATORS = """
import asyncio
def inner(n):
    yield from range(n)
def outer(n):
    yield from inner(n)
def use():
    return [x for x in outer(3)], sum(outer(2)), list(x for x in (1, 2))
async def leaf():
    await asyncio.sleep(0)
    return 1
async def branch():
    return await leaf() + await leaf()
"""


def test_prun_counts_each_step_of_generators_and_coroutines():
    run(GENERATORS)
    for _ in range(2):
        calls = called(value("%prun -q -r use()"))
        assert (calls["outer"], calls["inner"], calls["<genexpr>"], calls["use"]) == (7, 7, 3, 1), calls
        calls = called(value("%prun -q -r asyncio.run(branch())"))
        assert (calls["branch"], calls["leaf"]) == (3, 4), calls


KINDS = """
class Kind:
    def __init__(self, a, b=2, *, c=3): self.a = a
    @property
    def p(self): return self.a
    def __getitem__(self, i): return i
    def __add__(self, other): return self
    def m(self, *a, **k): return a
def filled(a, b=(), c=3): return (a, b, c)
def objects(n):
    for i in range(n):
        k = Kind(i)
        k.p, k[i], k + k, k.m(1, x=2), Kind(1, 2, c=4)
        assert filled(1) == (1, (), 3) and filled(1, 2) == (1, 2, 3) and filled(c=1, a=2) == (2, (), 1)
def broken(n):
    if not n:
        raise ValueError
    broken(n - 1)
def caught():
    try:
        broken(3)
    except ValueError:
        return len("a")
def source():
    exec("def f(): return 1\\nf()")
    exec(compile("1 + 1", "<c>", "exec"))
def body():
    class Made:
        x = len("abc")
    return Made()
"""


def test_prun_counts_every_way_to_call():
    run(KINDS)
    for _ in range(2):
        calls = called(value("%prun -q -r objects(50)"))
        assert calls["__init__"] == calls["<class Kind>"] == 100 and calls["filled"] == 150, calls
        assert {calls[name] for name in ("p", "__getitem__", "__add__", "m")} == {50}, calls
        calls = called(value("%prun -q -r caught()"))
        assert (calls["broken"], calls["caught"], calls["<built-in method builtins.len>"]) == (4, 1, 1), calls
        calls = called(value("%prun -q -r source()"))
        assert (calls["f"], calls["<module>"], calls["<built-in method builtins.exec>"]) == (1, 3, 3), calls
        assert calls["<built-in method builtins.compile>"] == 1, calls
        calls = called(value("%prun -q -r body()"))
        assert (calls["Made"], calls["body"], calls["<built-in method builtins.len>"]) == (1, 1, 1), calls
    with_wrong = "def two(a): pass"
    run(with_wrong)
    assert "argument" in raised(TypeError, "%prun two()")


def test_prun_adds_up_what_looks_the_same():
    run("pair = (lambda: 1, lambda: 2)\ndef use():\n    for each in pair: each()")
    stats = value("%prun -q -r use()")
    [(calls, callers)] = [(figures[1], figures[4]) for key, figures in stats.stats.items() if key[2] == "<lambda>"]
    assert calls == 2 and [figures[0] for figures in callers.values()] == [2], stats.stats


def test_prun_within_prun():
    run(PROGRAM + "def nested():\n    outer()\n    stats = get_ipython().run_line_magic('prun', '-q -r deep(3)')\n    outer()\n    return stats")
    run("stats = get_ipython().run_line_magic('prun', '-q -r kept = nested()')")
    assert called(main["kept"])["deep"] == 4
    assert called(main["stats"])["outer"] == 2, main["stats"].stats
    assert sys.getprofile() is None


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
