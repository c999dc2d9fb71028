"""Saving, loading, restoring, the store; and what bad input does."""

import datetime

import rhumba
from rhumba import SnapshotError, namespace

SESSION = """
shared = [1, 2]
alias = shared
count = 0
def bump():
    global count
    count += 1
    return count
class Base:
    def name(self): return "base"
class Child(Base):
    def name(self): return "child of " + super().name()
child = Child()
child.parts = shared
"""


def flipped(data, at):
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def test_the_package_imports_no_part():
    assert rhumba.SnapshotError is SnapshotError
    assert "namespace" in dir(rhumba)
    assert "no attribute" in raised(AttributeError, lambda: rhumba.nothing)


def test_objects_go_to_bytes_and_back():
    for value in (None, 1 << 100, -0.0, "text \udc80", b"bytes", [1, (2,)], {"a": {3}}, range(3)):
        assert repr(namespace.loads(namespace.dumps(value))) == repr(value)
    assert namespace.loads(bytearray(namespace.dumps(5))) == 5
    assert namespace.loads(memoryview(namespace.dumps(5))) == 5


def test_functions_find_their_globals_where_it_was_said():
    enter("limit = 3\ndef get(): return limit")
    received = namespace.dumps(main["get"])
    carried = namespace.dumps(main["get"], globals="carried")
    enter("limit = 4")
    assert namespace.loads(received)() == 4
    assert namespace.loads(carried)() == 3
    assert "globals must be" in raised(ValueError, namespace.dumps, 1, globals="here")


def test_data_alone_calls_nothing():
    enter("called = []\nclass Loud:\n    def __reduce__(self): return called.append, (1,)")
    data = namespace.dumps(main["Loud"]())
    raised(SnapshotError, namespace.loads, data, trust="data")
    assert main["called"] == []
    plain = {"a": [1, 2.5, "x", None], "b": (b"c", {1})}
    assert namespace.loads(namespace.dumps(plain), trust="data") == plain
    assert "trust must be" in raised(ValueError, namespace.loads, data, trust="nobody")
    namespace.save("loud.ns", {"x": main["called"].append})
    raised(SnapshotError, namespace.load, "loud.ns", trust="data")


def test_bad_bytes_are_told_as_such():
    data = namespace.dumps({"a": [1, 2, 3], "b": "text"})
    for bad in (b"", b"x", data[:-1], data + b"x", b"\x01" + data):
        assert "can't be read" in raised(SnapshotError, namespace.loads, bad)
    assert "object['a']: an open file" in raised(SnapshotError, namespace.dumps, {"a": open(os.devnull)})
    raised(TypeError, namespace.loads, "text")


def test_a_session_is_saved_and_restored():
    enter(SESSION)
    saved = namespace.save("one.ns")
    assert saved.names == ["shared", "alias", "count", "bump", "Base", "Child", "child"], saved
    assert saved.size > 0 and saved.left_out == []
    assert saved.bytes_written == os.path.getsize("one.ns")
    old = main["shared"]
    enter("other = 1\nshared = 'gone'")
    assert namespace.restore("one.ns") == saved.names
    assert "other" not in main
    assert main["shared"] == [1, 2] and main["shared"] is not old
    assert main["shared"] is main["alias"] is main["child"].parts
    assert main["child"].name() == "child of base"
    assert main["bump"]() == 1 and main["count"] == 1
    assert isinstance(main["child"], main["Child"])


def test_a_namespace_is_loaded_as_a_dict_of_its_own():
    enter(SESSION)
    namespace.save("one.ns")
    main["count"] = 100
    loaded = namespace.load("one.ns")
    assert list(loaded) == ["shared", "alias", "count", "bump", "Base", "Child", "child"]
    assert loaded["bump"]() == 1 and loaded["count"] == 1
    assert main["count"] == 100
    assert loaded["shared"] is loaded["child"].parts is not main["shared"]
    # What was loaded can be saved: its functions take along what they use.
    namespace.save("two.ns", loaded)
    assert namespace.load("two.ns")["bump"]() == 2


def test_a_mapping_is_saved_in_place_of_the_session():
    enter(SESSION)
    namespace.save("part.ns", {"bump": main["bump"], "n": 1})
    enter("")
    loaded = namespace.load("part.ns")
    assert list(loaded) == ["bump", "n"] and loaded["bump"]() == 1
    assert namespace.save("none.ns", {}).names == [] and namespace.load("none.ns") == {}
    assert "names must be str" in raised(TypeError, namespace.save, "x.ns", {1: 2})
    raised(TypeError, namespace.save, "x.ns", 5)
    assert not os.path.exists("x.ns")


def test_a_loaded_namespace_is_saved_as_one():
    enter(SESSION)
    namespace.save("first.ns")
    first = namespace.load("first.ns")
    assert first["bump"]() == 1
    namespace.save("second.ns", first)
    second = namespace.load("second.ns")
    assert second["bump"].__globals__ is second and second["count"] == 1
    assert second["bump"]() == 2 and second["count"] == 2 and first["count"] == 1
    # Beside a session's own class, that of a loaded one comes home to nobody.
    assert type(second["child"]) is second["Child"] is not first["Child"]
    assert namespace.loads(namespace.dumps(main["child"])).__class__ is main["Child"]


def test_only_files_are_replaced():
    import os, socket, stat
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("listener")
        assert "ordinary" in raised(OSError, lambda: namespace.save("listener", {"a": 1}))
        assert stat.S_ISSOCK(os.stat("listener").st_mode)
    os.remove("listener")


def test_a_folder_does_not_hide_a_checkpoint():
    os.mkdir("hidden")
    assert "ordinary" in raised(SnapshotError, namespace.load, "hidden")
    namespace.checkpoint("hidden", {"x": 1})
    assert namespace.load("hidden") == {"x": 1}
    assert str(namespace.diff("hidden", {"x": 1})) == "no differences"
    namespace.remove("hidden")
    os.rmdir("hidden")


def test_names_of_the_module_are_not_restored():
    namespace.save("odd.ns", {"__name__": "odd", "__builtins__": {}, "_": 1, "x": 2})
    enter("y = 1")
    namespace.restore("odd.ns")
    assert main["__name__"] == "__main__" and main["x"] == 2
    assert "print" in dir(main["__builtins__"])


def test_what_cannot_be_carried_is_left_out_if_that_is_said():
    enter("good = 1\nfile = open('/dev/null')\ntable = {'a': 1, 'b': file}")
    sentence = raised(SnapshotError, namespace.save, "half.ns")
    assert "namespace['file']" in sentence and "open file" in sentence, sentence
    assert not os.path.exists("half.ns")
    saved = namespace.save("half.ns", partial=True)
    assert saved.names == ["good", "table"]
    assert sorted(left.path for left in saved.left_out) == [
        "namespace['file']", "namespace['table']['b']",
    ]  # fmt: skip
    assert "namespace['file']: an open file" in "\n".join(map(str, saved.left_out))
    file = main["file"]
    main["later"] = 1
    namespace.restore("half.ns")
    # A whole name that was left out stays, another name goes.
    assert main["file"] is file and "later" not in main
    assert main["table"] == {"a": 1}


def test_what_belongs_to_a_connection_is_left_out_as_a_whole():
    import ipyparallel as ipp

    for kind in (ipp.Client, ipp.DirectView, ipp.LoadBalancedView, ipp.BroadcastView, ipp.AsyncResult):
        enter("good = 1")
        main["rc"] = rc = kind.__new__(kind)
        sentence = raised(SnapshotError, namespace.save, "rc.ns")
        assert f"{kind.__name__} can't be carried between namespaces: " in sentence, sentence
        saved = namespace.save("rc.ns", partial=True)
        assert saved.names == ["good"] and [left.path for left in saved.left_out] == ["namespace['rc']"]
        main["good"] = 2
        namespace.restore("rc.ns")
        assert main["good"] == 1 and main["rc"] is rc
        del main["rc"]


def test_damaged_files_change_nothing():
    enter(SESSION)
    namespace.save("whole.ns")
    with open("whole.ns", "rb") as file:
        whole = file.read()
    enter("mine = 1")
    before = dict(main)
    sentences = set()
    damaged = [whole[:length] for length in range(0, len(whole), 7)]
    damaged += [flipped(whole, at) for at in range(0, len(whole), 5)]
    for bad in damaged:
        with open("bad.ns", "wb") as file:
            file.write(bad)
        sentences.add(raised(SnapshotError, namespace.restore, "bad.ns"))
        assert main == before
    assert all("bad.ns" in sentence for sentence in sentences), sentences
    assert any("is damaged" in sentence for sentence in sentences), sentences
    # Its version stands behind the first eight bytes.
    newer = [flipped(whole, at) for at in range(8, 12)]
    found = []
    for bad in newer:
        with open("bad.ns", "wb") as file:
            file.write(bad)
        found.append(raised(SnapshotError, namespace.restore, "bad.ns"))
    assert any("later rhumba" in sentence for sentence in found), found


def test_what_is_not_there_is_told():
    assert "no file and no checkpoint named 'nothing.ns'" in raised(
        FileNotFoundError, namespace.load, "nothing.ns"
    ).replace('"', "'")
    raised(SnapshotError, namespace.load, folder)
    raised(OSError, namespace.save, os.path.join(folder, "none", "x.ns"))
    raised(OSError, namespace.save, folder)
    raised(TypeError, namespace.load, 5)


def test_a_module_that_is_not_there_changes_nothing():
    with open("passing_guest.py", "w") as file:
        file.write("def greet(): return 'hello'\n")
    import sys

    sys.path.insert(0, folder)
    try:
        enter("from passing_guest import greet\nimport passing_guest")
        namespace.save("guest.ns")
    finally:
        sys.path.remove(folder)
    os.remove("passing_guest.py")
    for name in [name for name in sys.modules if name == "passing_guest"]:
        del sys.modules[name]
    enter("mine = 1")
    sentence = raised(Exception, namespace.restore, "guest.ns")
    assert "passing_guest" in sentence, sentence
    assert main["mine"] == 1 and "greet" not in main


def test_a_class_that_cannot_be_made_changes_nothing():
    enter(
        "fails = [False]\n"
        "class Meta(type):\n"
        "    def __setattr__(cls, name, value):\n"
        "        type.__setattr__(cls, name, value)\n"
        "    def __new__(meta, name, bases, space, **rest):\n"
        "        import builtins\n"
        "        if getattr(builtins, 'meta_fails', False): raise LookupError('the metaclass fails')\n"
        "        return type.__new__(meta, name, bases, space)\n"
        "class Made(metaclass=Meta): pass\n"
        "class Fragile:\n"
        "    def __setstate__(self, state): raise ZeroDivisionError('not again')\n"
        "fragile = Fragile()\n"
        "fragile.x = 1\n"
    )
    namespace.save("fragile.ns")
    enter("mine = 1")
    assert "not again" in raised(ZeroDivisionError, namespace.restore, "fragile.ns")
    assert main["mine"] == 1 and "Made" not in main


def test_a_full_disk_leaves_the_old_file():
    import resource
    import signal

    enter("small = 1")
    namespace.save("disk.ns")
    namespace.checkpoint("disk")
    with open("disk.ns", "rb") as file:
        old = file.read()
    enter("import random\nlarge = random.Random(1).randbytes(3_000_000)")
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
    try:
        sentence = raised(OSError, namespace.save, "disk.ns")
        kept = raised(OSError, namespace.checkpoint, "disk")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "disk.ns" in sentence and "still there" in sentence, sentence
    assert "disk" in kept and "still there" in kept, kept
    with open("disk.ns", "rb") as file:
        assert file.read() == old
    assert namespace.load("disk.ns") == {"small": 1}
    namespace.restore("disk")
    assert main["small"] == 1
    assert [name for name in os.listdir(folder) if "temporary" in name] == []
    namespace.remove("disk")


def test_checkpoints_are_kept_listed_and_removed():
    enter("rows = list(range(100_000, 150_000))\nname = 'x'")
    first = namespace.checkpoint("tuesday")
    main["name"] = "y"
    second = namespace.checkpoint("wednesday")
    # Only what changed is written.
    assert second.bytes_written < 2000 < first.bytes_written, (first, second)
    assert second.size == first.size
    kept = {each.name: each for each in namespace.checkpoints()}
    assert set(kept) == {"tuesday", "wednesday"}
    tuesday = kept["tuesday"]
    assert tuesday.names == ["rows", "name"] and tuesday.origin == "session"
    assert tuesday.left_out == [] and tuesday.parts == [None] and tuesday.problem is None
    age = datetime.datetime.now(datetime.UTC) - tuesday.created
    assert datetime.timedelta(0) <= age < datetime.timedelta(minutes=5)
    assert namespace.restore("tuesday") == ["rows", "name"] and main["name"] == "x"
    assert namespace.load("wednesday")["name"] == "y"
    assert str(namespace.diff("tuesday", "wednesday")).split() == "name value 'x' became 'y'".split()
    namespace.remove("tuesday")
    namespace.clean()
    assert namespace.load("wednesday")["rows"][-1] == 149_999
    namespace.remove("wednesday")
    assert namespace.clean() > 0
    assert namespace.clean() == 0 and namespace.checkpoints() == []
    assert "no checkpoint named" in raised(LookupError, namespace.remove, "wednesday")


def test_a_checkpoint_takes_the_place_of_one_of_several_engines():
    enter("x = 1")
    namespace.checkpoint("monday")
    kept = os.path.join(folder, "home", "store", "checkpoints")
    with open(os.path.join(kept, "monday"), "rb") as file:
        manifest = file.read()
    for engine in (0, 1):
        with open(os.path.join(kept, f"monday@{engine}"), "wb") as file:
            file.write(manifest)
    assert [each.parts for each in namespace.checkpoints()] == [[None, 0, 1]]
    main["x"] = 2
    namespace.checkpoint("monday")
    assert [each.parts for each in namespace.checkpoints()] == [[None]]
    assert namespace.load("monday")["x"] == 2
    namespace.remove("monday")


def test_names_of_checkpoints():
    enter("x = 1")
    for bad in ("", "a/b", ".hidden", "x@3", "n" * 300, "line\nbreak"):
        assert "can't name a checkpoint" in raised(ValueError, namespace.checkpoint, bad)
    raised(TypeError, namespace.checkpoint, 5)
    for good in ("with space", "höhe", "a@b", "-x"):
        namespace.checkpoint(good)
        namespace.restore(good)
        namespace.remove(good)


def test_a_file_is_meant_before_a_checkpoint():
    enter("x = 'in the store'")
    namespace.checkpoint("same")
    main["x"] = "in the file"
    namespace.save("same")
    assert namespace.load("same")["x"] == "in the file"
    os.remove("same")
    assert namespace.load("same")["x"] == "in the store"
    namespace.remove("same")


def test_deep_and_cyclic_namespaces():
    enter("deep = []\nfor _ in range(100_000): deep = [deep]\nloop = {}\nloop['self'] = loop")
    namespace.save("deep.ns")
    loaded = namespace.load("deep.ns")
    depth, node = 0, loaded["deep"]
    while node:
        depth, node = depth + 1, node[0]
    assert depth == 100_000
    assert loaded["loop"]["self"] is loaded["loop"]


def test_what_is_the_namespaces_own_stays_that():
    import random, secrets, sys
    enter("""
class Only:
    def __reduce__(self):
        return "ONLY"

import IPython, ipyparallel, random
from random import seed
from sys import version_info
names = globals()
reference = ipyparallel.Reference("nothing_here")
shell = IPython.get_ipython()
ONLY = Only()
ONLY.x = [1]
""")
    namespace.save("own.ns")
    there = namespace.load("own.ns")
    assert there["names"] is there and there["reference"].name == "nothing_here"
    assert there["shell"] is main["shell"] and there["ONLY"].x == [1] and there["ONLY"] is not main["ONLY"]
    assert there["seed"] is random.seed and there["version_info"] is sys.version_info
    main["names"] = None
    namespace.restore("own.ns")
    assert main["names"] is main
    main["choice"] = secrets.choice
    assert raised(SnapshotError, lambda: namespace.save("own.ns")).startswith("namespace['choice'].__self__: ")


def test_modules_can_go_by_value():
    import os, sys, types
    folder = os.getcwd()
    with open("helpers_here.py", "w") as file:
        file.write("UNIT = 3\nclass Scaled:\n    def get(self): return UNIT\ndef scale(x): return x * UNIT\n")
    sys.path.insert(0, folder)
    try:
        import helpers_here
        namespace.register_by_value(helpers_here)
        assert namespace.registered_by_value() == ["helpers_here"]
        data = namespace.dumps([helpers_here.scale, helpers_here.Scaled(), helpers_here])
        del sys.modules["helpers_here"]
        sys.path.remove(folder)
        scale, scaled, module = namespace.loads(data)
        assert scale(2) == 6 and scaled.get() == 3 and module.scale(1) == 3 and isinstance(module, types.ModuleType)
        namespace.unregister_by_value("helpers_here")
    finally:
        if folder in sys.path:
            sys.path.remove(folder)
    assert raised(ValueError, lambda: namespace.unregister_by_value("helpers_here"))
    assert "isn't imported" in raised(ImportError, lambda: namespace.register_by_value("no_such_module"))
    assert raised(ValueError, lambda: namespace.register_by_value("__main__"))
    assert raised(TypeError, lambda: namespace.register_by_value(3))


def test_texts_that_no_file_and_no_message_can_hold_are_said_so():
    import _rhumba
    half = "name \ud800"
    natives = [
        lambda: _rhumba.find_cluster_file(half),
        lambda: _rhumba.check_checkpoint_name(half),
        lambda: _rhumba.start_cluster(n=0, cluster_id=half),
        lambda: _rhumba.Connection(half),
    ]
    for native in natives:
        assert "surrogates not allowed" in raised(UnicodeEncodeError, native)
    assert "position 5" in raised(UnicodeEncodeError, natives[0])
    # A name of the user's has a sentence.
    assert "choose another" in raised(ValueError, lambda: namespace.checkpoint(half))
    assert raised(TypeError, lambda: _rhumba.find_cluster_file(3))
