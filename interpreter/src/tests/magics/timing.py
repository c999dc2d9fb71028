import re

SPAN = r"\d[\d.e+]* (ns|µs|ms|s)"


def test_time_tells_how_long_and_gives_the_value():
    result, out, _ = run("%time 1 + 1")
    assert result == 2
    assert re.fullmatch(rf"CPU times: user {SPAN}, sys: {SPAN}, total: {SPAN}\nWall time: {SPAN}\n", out), out
    run("x = %time 40 + 2")
    assert main["x"] == 42
    shows(said("%%time\ny = 5\nz = y + 1"), "Wall time")
    assert main["z"] == 6 and value("%%time\na = 1\na + y") == 6
    assert value("%time {n: n for n in (1, 2)}") == {1: 1, 2: 2}
    assert value("%time await __import__('asyncio').sleep(0, 'waited')") == "waited"


def test_an_error_of_what_is_timed_is_its_own():
    assert raised(ZeroDivisionError, "%time 1 / 0") == "division by zero"
    value_, out, err = run("%%time --no-raise-error\nb = 1\n1 / 0")
    shows(err, "ZeroDivisionError")
    shows(out, "Wall time")
    assert main["b"] == 1 and value_ is None
    shows(refused("%time"), "%time needs a statement")
    raised(SyntaxError, "%time 1 +")


def test_timeit_tells_the_mean_and_the_spread():
    main["x"] = 1
    out = said("%timeit -n 10 -r 3 x + 1")
    assert re.search(rf"^{SPAN} ± {SPAN} per loop \(mean ± std. dev. of 3 runs, 10 loops each\)\n$", out, re.M), out
    shows(said("%timeit -n 1 -r 1 x"), "of 1 run, 1 loop each)")
    shows(said("%timeit -n 1234 -r 1 -p 5 x"), "1,234 loops each")
    assert said("%timeit -q -n 1 -r 1 x") == ""


def test_timeit_gives_its_result():
    result = value("%timeit -o -q -n 4 -r 5 sum(range(10))")
    assert (result.loops, result.repeat, len(result.all_runs), len(result.timings)) == (4, 5, 5, 5)
    assert result.best <= result.average <= result.worst and result.stdev >= 0 and result.compile_time > 0
    assert [each / 4 for each in result.all_runs] == result.timings
    assert repr(result) == f"<TimeitResult : {result}>"
    assert value("%timeit -q -n 1 -r 1 1") is None
    run("%timeit -q -n 1 -r 1 -v kept 1")
    assert main["kept"].loops == 1
    for clock in "-t", "-c":
        assert value(f"%timeit -o -q {clock} -n 1 -r 1 1").repeat == 1


def test_timeit_chooses_as_many_loops_as_it_needs():
    main["clock"] = Clock()
    main["calls"] = []
    from rhumba._magics import timing

    measure = timing._measurement("calls.append(clock.move())", "", main)
    assert timing._enough_loops(measure, main["clock"]) == 100
    assert len(main["calls"]) == 1 + 10 + 100


class Clock:
    """Goes on by 10 ms whenever it is moved."""

    def __init__(self):
        self.now = 0.0

    def move(self):
        self.now += 0.01

    def __call__(self):
        return self.now


def test_timeit_of_a_cell_has_its_set_up_in_the_line():
    run("%%timeit -q -n 3 -r 1 made = []\nmade.append(1)\nassert made and '''a\nb''' == 'a\\nb'")
    assert "made" not in main
    run("%timeit -q -n 1 -r 1 {n for n in (1, 2)}")
    run("%timeit -o -q -n 1 -r 1 -- -1")
    raised(NameError, "%timeit nothing_like_it")


def test_timeit_refuses_what_makes_no_sense():
    shows(refused("%timeit"), "%timeit needs a statement")
    shows(refused("%timeit -n x 1"), "-n needs a whole number, not 'x'")
    shows(refused("%timeit -r 0 1"), "-r needs a whole number from 1 on")
    shows(refused("%timeit -z 1"), "has no option '-z'", "Usage: %timeit [-n LOOPS]")
    shows(refused("%timeit -v 1x 1"), "-v needs a name")


def test_times_are_told_as_people_read_them():
    from rhumba._magics.timing import span

    for seconds, text in (
        (0, "0 ns"), (1.5e-8, "15 ns"), (9.99999e-7, "1 µs"), (9.994e-7, "999 ns"), (2.5e-5, "25 µs"), (0.00123456, "1.23 ms"), (1.5, "1.5 s"), (61, "1min 1s"),
        (3725, "1h 2min 5s"), (90061, "1d 1h 1min 1s"),
    ):
        assert span(seconds) == text, (seconds, span(seconds))


def test_code_sees_the_names_of_the_function_that_runs_it():
    run(
        "def of_local(n):\n    local = n + 1\n    %time found = local * 2\n    value = %time [local + each for each in range(2)]\n"
        "    measured = %timeit -o -q -n 1 -r 1 local + n\n    %prun -q local\n    %memit -q local\n    return value, measured.loops"
    )
    assert value("%time of_local(4)") == ([5, 6], 1)
    run("%alias_magic howlong timeit\ndef of_alias(local):\n    %howlong -q -n 1 -r 1 local\nof_alias(1)")
    # At the level of the session what is bound stays.
    run("%time bound = 5")
    assert main["bound"] == 5
    raised(NameError, "%time local")


def test_what_was_defined_keeps_its_source():
    run("%%time\ndef timed(): return 'first'\n")
    run("%time 1\n%timeit -q -n 1 -r 1 2\n%prun -q 3")
    shows(said("timed??"), "def timed(): return 'first'")
