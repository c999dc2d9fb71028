def test_lsmagic_lists_all():
    text = said("%lsmagic")
    shows(text, "Available line magics:\n%", "%timeit", "Available cell magics:\n%%", "%%writefile", "Automagic is")
    kinds = value("%lsmagic -j")
    assert kinds["line"]["timeit"] == "timing" and kinds["cell"]["bash"] == "processes"
    for name in LINE_MAGICS:
        assert name in kinds["line"], name
    for name in CELL_MAGICS:
        assert name in kinds["cell"], name


# What IPython has, without an extension and with those that come with it; %store comes with the store.
LINE_MAGICS = """
    alias alias_magic autoawait autocall autoindent automagic bookmark cat cd clear code_wrap colors conda config cp
    cpaste debug dhist dirs doctest_mode ed edit env gui hist history killbgscripts ldir less lf lk ll load load_ext
    loadpy logoff logon logstart logstate logstop ls lsmagic lx macro magic mamba man matplotlib micromamba mkdir more
    mv notebook page paste pastebin pdb pdef pdoc pfile pinfo pinfo2 pip popd pprint precision prun psearch psource
    pushd pwd pycat pylab quickref recall rehashx reload_ext rep rerun reset reset_selective rm rmdir run save sc
    set_env sx system tb time timeit unalias unload_ext uv who who_ls whos xdel xmode
    autoreload aimport lprun memit
""".split()
CELL_MAGICS = """
    ! HTML SVG bash capture code_wrap debug file html javascript js latex markdown perl prun pypy python python2
    python3 ruby script sh svg sx system time timeit writefile
""".split()


def test_magic_tells_of_all():
    text = said("%magic")
    shows(text, "Magics are commands of the shell", "%timeit:\n\n%timeit [-n LOOPS]", "%%bash:")
    shows(said("%magic --brief"), "%timeit ", "Tells how long a statement takes")
    shows(said("%magic -rest"), "``%timeit``\n\n::\n\n    %timeit [-n LOOPS]")


def test_quickref_fits_on_pages():
    text = said("%quickref")
    shows(text, "Cells", "Help", "Magics", "The system", "Engines", "%px")
    assert all(len(line) <= 100 for line in text.splitlines())
    import re

    named = set(re.findall(r"%%?([a-z_]\w*)", text)) - {"name", "px", "autopx", "checkpoint", "restore", "store"}
    unknown = [name for name in named if name not in LINE_MAGICS + CELL_MAGICS]
    assert not unknown, unknown


def test_a_magic_gets_another_name():
    assert said("%alias_magic t timeit") == "Created `%t` as an alias for `%timeit` and `%%t` as an alias for `%%timeit`.\n"
    assert value("%t -o -q -n 1 -r 1 5").loops == 1
    said("%alias_magic -l -p '-q -o' quiet timeit")
    assert value("%quiet -n 1 -r 1 5").repeat == 1
    shows(raised(UsageError, "%%quiet\n1"), "%%quiet isn't a cell magic")
    shows(refused("%alias_magic a no_such"), "neither %no_such nor %%no_such is known")
    shows(refused("%alias_magic -c a who"), "%%who isn't known")
    shows(refused("%alias_magic 1a who"), "can't name a magic")
    shows(shell.find_magic("quiet").__doc__, "Alias for `%timeit -q -o`", "%timeit [-n LOOPS]")


def test_a_magic_that_is_not_known_is_taken_for_one_that_is_nearly_the_same():
    shows(refused("%tiem"), "Line magic %tiem isn't known. Did you mean %time?")
    shows(refused("%%tiemit\nx"), "Cell magic %%tiemit isn't known. Did you mean %%timeit?")
    shows(refused("%nosuchmagic"), "Line magic %nosuchmagic isn't known. %lsmagic lists the magics.")


def test_native_objects_have_docstrings():
    import _socket
    import _thread
    import codecs
    import csv
    import functools
    import lzma
    import math
    import select
    import typing

    assert (5).__doc__.startswith("int([x]) -> integer")
    assert vars(int)["__doc__"] == int.__doc__ == (5).__doc__
    assert True.__doc__ == bool.__doc__ != int.__doc__
    assert _thread.allocate_lock().__doc__ == type(_thread.allocate_lock()).__doc__
    assert type.__doc__.startswith("type(object) -> the object's type")
    assert len.__doc__ == "Return the number of items in a container."
    assert [].append.__doc__ == list.append.__doc__ == "Append object to the end of the list."
    assert dict.fromkeys.__doc__.startswith("Create a new dictionary with keys from iterable")
    assert (5).__add__.__doc__ == int.__add__.__doc__ == "Return self+value."
    assert int.numerator.__doc__.startswith("the numerator of a rational number")
    assert str.maketrans.__doc__.startswith("Return a translation table usable for str.translate")
    assert math.__doc__.startswith("This module provides access to the mathematical functions")
    assert math.floor.__doc__.startswith("Return the floor of x as an Integral")

    assert super(bool, True).__doc__ == int.__doc__
    assert codecs.ignore_errors.__doc__.startswith("Implements the 'ignore' error handling")
    assert csv.reader([]).__doc__ == type(csv.reader([])).__doc__ != None
    assert lzma.LZMAError.__doc__ == "Call to liblzma failed."
    assert select.poll().__doc__ == type(select.poll()).__doc__ != None
    assert typing.Generic.__doc__.startswith("Abstract base class for generic types.")
    assert _socket.socket.family.__doc__ == "the socket family"
    assert type(len).__dict__["__doc__"].__get__(len) == len.__doc__
    for kind, other in ((type, 5), (type(len), int), (type, len)):
        try:
            kind.__dict__["__doc__"].__get__(other)
        except TypeError:
            pass
        else:
            raise AssertionError(f"{kind} takes {other}")

    class Appending(list):
        def append(self, item):
            return super().append.__doc__

        append_too = list.append

    assert Appending().append(1) == Appending().append_too.__doc__ == list.append.__doc__

    class Plain(int):
        pass

    class Documented(list):
        "its own"

    assert Plain.__doc__ is None and Plain().__doc__ is None
    assert Documented.__doc__ == Documented().__doc__ == "its own"
    Documented.__doc__ = "another"
    assert Documented().__doc__ == "another"
    adder = functools.partial(int, base=2)
    assert adder.__doc__ == functools.partial.__doc__
    adder.__doc__ = "of base two"
    assert adder.__doc__ == "of base two"
    try:
        int.__doc__ = "no"
    except TypeError:
        pass
    else:
        raise AssertionError("native classes can't be changed")
    shows(said("len?"), "Return the number of items")
    shows(said("%pinfo [].append"), "Append object to the end")


def test_a_pager_is_waited_for_whatever_it_does_with_interrupts():
    import subprocess

    from rhumba import _pager

    left = [1, 2]

    class Interrupted(subprocess.Popen):
        def wait(self, timeout=None):
            if left:
                left.pop()
                raise KeyboardInterrupt
            return super().wait(timeout)

    text = "line\n" * 100_000
    before, subprocess.Popen = subprocess.Popen, Interrupted
    pager = os.environ.get("PAGER")
    try:
        os.environ["PAGER"] = "sh -c 'cat >seen'"
        assert _pager._paged(text) and left == []
        assert read("seen") == text
        # One that is left before the end is no trouble.
        os.environ["PAGER"] = "head -c 1"
        assert _pager._paged(text)
    finally:
        subprocess.Popen = before
        if pager is None:
            del os.environ["PAGER"]
        else:
            os.environ["PAGER"] = pager
