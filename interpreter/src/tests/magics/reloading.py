import os

_changes = 0


def change(name, text):
    """Changes the file of a module, whatever the clock of the file system can tell apart."""
    global _changes
    _changes += 1
    path = write(name, text)
    os.utime(path, ns=(10**18 + _changes * 10**9,) * 2)


def cell(source):
    """Runs a cell as a person does: modules are looked at before it."""
    errors = io.StringIO()
    with contextlib.redirect_stderr(errors):
        result = shell.run_cell(source)
    result.raise_error()
    return errors.getvalue()


def load(name, text):
    change(name + ".py", text)
    fresh_module(name)
    cell(f"import {name}")


def test_what_changes_is_reloaded_before_a_cell():
    load("changing", "x = 1\ndef f(): return x\n")
    cell("from changing import f\n%autoreload 2")
    change("changing.py", "x = 2\ndef f(): return x * 10\nadded = 1\n")
    cell("pass")
    assert main["changing"].x == 2 and main["f"]() == 20 and main["f"] is main["changing"].f
    assert "added" not in main
    change("changing.py", "def f(): return 'gone'\n")
    cell("%autoreload 0")
    assert main["f"]() == "gone" and not hasattr(main["changing"], "x")
    change("changing.py", "def f(): return 'later'\n")
    cell("pass")
    assert main["f"]() == "gone"
    cell("%autoreload")
    assert main["f"]() == "later"
    change("changing.py", "def f(): return 'now'\n")
    cell("%autoreload now")
    assert main["f"]() == "now"


def test_classes_stay_the_same_objects():
    load("classes", "class Base:\n    kind = 'base'\n    def name(self): return 'old'\n    def gone(self): pass\nclass Child(Base):\n    def name(self): return 'child of ' + super().name()\n    @property\n    def size(self): return 1\n    @classmethod\n    def make(cls): return cls()\n    @staticmethod\n    def two(): return 2\n")
    cell("from classes import Base, Child\nbase, child = Base(), Child()\n%autoreload 2")
    change("classes.py", "class Base:\n    kind = 'new base'\n    def name(self): return 'new'\nclass Child(Base):\n    extra = 5\n    def name(self): return 'son of ' + super().name()\n    @property\n    def size(self): return 10\n    @classmethod\n    def make(cls): return cls()\n    @staticmethod\n    def two(): return 22\nmade = Child()\n")
    cell("pass")
    child, Base, Child = main["child"], main["Base"], main["Child"]
    assert main["classes"].Base is Base and main["classes"].Child is Child
    assert child.name() == "son of new" and main["base"].name() == "new" and child.kind == "new base"
    assert isinstance(child, Base) and type(main["classes"].made) is Child and isinstance(main["classes"].made, Base)
    assert child.size == 10 and child.extra == 5 and type(Child.make()) is Child and Child.two() == 22
    assert not hasattr(Base, "gone") and Child.__mro__ == (Child, Base, object)
    cell("%autoreload 0")


def test_a_class_may_get_other_bases():
    load("bases", "class One:\n    def f(self): return 1\nclass Two:\n    def f(self): return 2\nclass Kind(One): pass\n")
    cell("from bases import Kind\nkind = Kind()\n%autoreload 2")
    change("bases.py", "class One:\n    def f(self): return 1\nclass Two:\n    def f(self): return 22\nclass Kind(Two): pass\n")
    cell("pass")
    assert main["kind"].f() == 22 and isinstance(main["kind"], main["bases"].Two)
    cell("%autoreload 0")


def test_members_of_enumerations_stay():
    load("colours", "import enum\nclass Colour(enum.Enum):\n    RED = 1\n    BLUE = 2\n    OLD = 3\n    def shown(self): return 'old'\n")
    cell("from colours import Colour\nred = Colour.RED\n%autoreload 2")
    change("colours.py", "import enum\nclass Colour(enum.Enum):\n    RED = 10\n    BLUE = 2\n    GREEN = 4\n    ALSO = 4\n    def shown(self): return self.name\n")
    cell("pass")
    Colour, red = main["Colour"], main["red"]
    assert main["colours"].Colour is Colour and Colour.RED is red and red.value == 10 and red.shown() == "RED"
    assert Colour(10) is red and Colour["GREEN"] is Colour.GREEN and Colour.ALSO is Colour.GREEN
    assert isinstance(Colour.GREEN, Colour) and [each.name for each in Colour] == ["RED", "BLUE", "GREEN"]
    assert not hasattr(Colour, "OLD") and red in Colour
    cell("%autoreload 0")


def test_a_file_that_cannot_be_loaded_changes_nothing():
    load("broken", "x = 1\ndef f(): return 1\n")
    cell("%autoreload 2")
    for text, told in (("x = (", "SyntaxError"), ("x = 5\n1 / 0\n", "ZeroDivisionError")):
        change("broken.py", text)
        errors = cell("pass")
        shows(errors, "[autoreload of broken failed: it stays as it was]", told)
        assert main["broken"].x == 1 and main["broken"].f() == 1
        assert cell("pass") == ""
    change("broken.py", "x = 3\n")
    cell("pass")
    assert main["broken"].x == 3
    change("broken.py", "x = (")
    assert cell("%autoreload 2 --hide-errors") != "" and cell("pass") == ""
    change("broken.py", "y = (")
    assert cell("pass") == ""
    cell("%autoreload 0")


def test_aimport_says_which():
    load("chosen", "x = 1\n")
    load("other", "x = 1\n")
    cell("%autoreload 1\n%aimport chosen")
    shows(said("%aimport"), "explicit", "Modules to reload:\nchosen\n", "Modules to skip:")
    change("chosen.py", "x = 2\n")
    change("other.py", "x = 2\n")
    cell("pass")
    assert (main["chosen"].x, main["other"].x) == (2, 1)
    cell("%autoreload 2\n%aimport -other")
    cell("pass")
    assert main["other"].x == 1
    cell("%aimport other")
    change("other.py", "x = 3\n")
    cell("pass")
    assert main["other"].x == 3
    shows(refused("%aimport no_such_module"), "%aimport finds no module 'no_such_module'")
    cell("%autoreload off\n%aimport -chosen, -other")


def test_what_is_new_is_bound_in_mode_3():
    load("growing", "x = 1\n")
    cell("%autoreload 3")
    change("growing.py", "x = 1\ndef fresh(): return 'fresh'\ndef _hidden(): pass\nfrom os import path\n")
    cell("pass")
    assert main["fresh"]() == "fresh" and "_hidden" not in main and "path" not in main
    cell("%autoreload 0")


def test_a_closure_that_does_not_fit_is_bound_anew():
    load("closures", "def make():\n    def inner(): return 1\n    return inner\nf = make()\n")
    cell("from closures import f\n%autoreload 2 -p")
    change("closures.py", "def make():\n    x = 2\n    def inner(): return x\n    return inner\nf = make()\n")
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        cell("pass")
    assert main["closures"].f() == 2 and main["f"]() == 2
    assert out.getvalue() == "Reloading 'closures'.\n"
    cell("%autoreload 0")


def test_modes_that_are_none():
    shows(refused("%autoreload 7"), "%autoreload knows now, 0, off, 1, explicit")


def test_the_import_system_stays_out_of_tracebacks():
    from rhumba import _failure

    def told(source):
        try:
            run(source)
        except Exception as failure:
            return _failure.described(failure)[2]
        raise AssertionError(f"{source!r} raised nothing")

    write("broken_source.py", "x = (\n")
    write("broken_import.py", "import no_such_thing_at_all\n")
    write("broken_run.py", "1 / 0\n")
    for name, kind in ("broken_source", "SyntaxError"), ("broken_import", "ModuleNotFoundError"), ("broken_run", "ZeroDivisionError"):
        for source in f"import {name}", f"import importlib\nimportlib.import_module('{name}')":
            fresh_module(name)
            text = told(source)
            shows(text, name + ".py", kind)
            assert "importlib>" not in text and "importlib._" not in text, text
    # What is wrong with the call itself is shown where it is noticed.
    shows(told("import importlib\nimportlib.import_module('.x')"), "<frozen importlib>", "TypeError")
    load("turned_bad", "x = 1\n")
    cell("%autoreload 2")
    change("turned_bad.py", "x = 2\n1 / 0\n")
    text = cell("pass")
    cell("%autoreload 0")
    shows(text, "turned_bad", "Traceback", "turned_bad.py", "1 / 0", "ZeroDivisionError")
    assert "<frozen importlib" not in text, text
