"""The reader of what stands behind a magic: `rhumba._options`."""

from rhumba._options import LineReader, count, magic, option

reader = LineReader(
    "work",
    (
        option("-n", "--loops", value="LOOPS", kind=count),
        option("-f", "--factor", value="FACTOR", kind=float, default=1.0),
        option("-q", "--quiet"),
        option("-v", "--verbose"),
        option("--by", value="KEY", choices=("name", "size")),
        option("-x", name="tags", value="TAG", repeats=True),
        option("--on", name="state", sets=True),
        option("--off", name="state", sets=False),
    ),
    words="FILE [OTHER ...]",
)
code_reader = LineReader("code", (option("-n", value="N", kind=int, name="n"), option("-q", "--quiet")), rest="STATEMENT")


def wrong(reader, line):
    try:
        reader.read(line)
    except UsageError as failure:
        sentence, usage = str(failure).split("\n")
        assert usage.startswith("Usage: %"), usage
        return sentence
    raise AssertionError(f"{line!r} was taken")


def test_options_stand_anywhere_beside_words():
    given = reader.read("a -n 3 'b c' --quiet -f0.5 d\\ e -x one --by=size -x two")
    assert given.words == ["a", "b c", "d e"]
    assert (given.loops, given.factor, given.quiet, given.verbose) == (3, 0.5, True, False)
    assert (given.by, given.tags, given.state) == ("size", ["one", "two"], None)
    assert given.chosen == {"loops", "factor", "quiet", "by", "tags"}


def test_letters_can_share_a_minus():
    given = reader.read("-qvn5 a --off")
    assert (given.quiet, given.verbose, given.loops, given.state) == (True, True, 5, False)
    assert reader.read("a -- -n -q").words == ["a", "-n", "-q"]


def test_code_begins_where_options_end():
    for line, n, rest in (
        ("f(x) -n 3", None, "f(x) -n 3"),
        ("-n 3 f('a  b', \"c)", 3, "f('a  b', \"c)"),
        ("-n3 -q -1 + x", 3, "-1 + x"),
        ("-q -- -x", None, "-x"),
        ("-(x)", None, "-(x)"),
        ("", None, ""),
    ):
        given = code_reader.read(line)
        assert (given.n, given.rest) == (n, rest), (line, given.n, given.rest)


def test_what_makes_no_sense_is_told_with_the_usage():
    for line, sentence in (
        ("", "%work needs FILE."),
        ("a -z", "%work has no option '-z'."),
        ("a --loop 3", "%work has no option '--loop'."),
        ("a -n", "%work: -n needs LOOPS behind it."),
        ("a -n x", "%work: -n needs a whole number from 1 on, not 'x'."),
        ("a -n 0", "%work: -n needs a whole number from 1 on, not '0'."),
        ("a -f x", "%work: -f needs a number, not 'x'."),
        ("a --by age", "%work: --by is one of name, size, not 'age'."),
        ("a --quiet=1", "%work: --quiet takes no value."),
        ("'a", "%work finds no end of the quote in \"'a\"."),
    ):
        assert wrong(reader, line) == sentence, wrong(reader, line)
    assert wrong(code_reader, "-z 1") == "%code has no option '-z'; -- goes before what begins with a minus."
    only = LineReader("only", (), words="[FILE]")
    assert wrong(only, "a b c") == "%only doesn't know what to do with 'b c'."
    assert wrong(LineReader("none", ()), "a") == "%none doesn't know what to do with 'a'."


def test_help_is_put_together_from_what_is_declared():
    @magic(option("-n", "--loops", value="LOOPS", kind=count, help="how often"), rest="STATEMENT")
    def measure(given, cell=None):
        """Measures."""
        return given.loops, given.rest, cell

    assert measure.__doc__ == (
        "%measure [-n LOOPS] STATEMENT\n\nMeasures.\n\n  -n, --loops LOOPS  how often\n  -h, --help         shows this"
    ), measure.__doc__
    assert measure("-n 2 x") == (2, "x", None) and measure("x", "y") == (None, "x", "y")
    shell.register_magic_function(measure, "line_cell")
    assert said("%measure -h") == measure.__doc__ + "\n"
    shows(shell.find_magic("bash", "cell").__doc__, "%%bash [--bg]")
    assert measure.raw_line and [each.name for each in measure.options] == ["loops", "help"]


def test_options_of_magics_are_completed():
    for line, expected in (
        ("%timeit --lo", ["--loops"]),
        ("%bookmark -", ["--delete", "--help", "--list", "--remove-all", "-d", "-h", "-l", "-r"]),
        ("%%script --no", ["--no-raise-error"]),
    ):
        found = shell.complete(None, line)[1]
        assert sorted(found) == expected, (line, found)


def test_every_magic_explains_itself_and_refuses_what_it_has_not():
    """None of them may end with a traceback, or run, for a line that isn't one of its own."""
    from rhumba._magics import CELL, LINE

    others = {"pinfo", "pinfo2"}
    for kind, index in (("line", LINE), ("cell", CELL)):
        for name, (module, _) in index.items():
            function = shell.find_magic(name, kind)
            if module == "aliases" and name not in ("alias", "unalias", "rehashx"):
                assert name in function.__doc__
                continue
            if name in others or not hasattr(function, "usage"):
                continue
            mark = "%" if kind == "line" else "%%"
            body = "" if kind == "line" else "\npass"
            assert said(f"{mark}{name} --help{body}").startswith("%"), name
            if not _takes_anything(function):
                sentence = refused(f"{mark}{name} --no-such-option-{body}")
                assert sentence.split("\n")[0].startswith(f"{mark}{function.__name__} has no option"), (name, sentence)


def _takes_anything(function):
    try:
        reader = function.__closure__[[*function.__code__.co_freevars].index("reader")].cell_contents
    except ValueError:
        return True
    return reader.lenient
