"""The magics that keep namespaces, as a person types them."""

import contextlib
import io

from rhumba import namespace, shell
from rhumba.shell import UsageError

magics = shell.get_ipython() or shell.Shell()


def said(line):
    """What a magic prints."""
    name, _, rest = line.partition(" ")
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        magics.run_line_magic(name.lstrip("%"), rest)
    return out.getvalue()


def refused(line):
    return raised(UsageError, said, line)


def test_a_session_is_checkpointed_and_restored():
    enter("x = [1]\ny = x")
    text = said("%checkpoint monday")
    assert text.startswith("Checkpoint monday: 2 names, "), text
    assert text.endswith(" written to the store\n"), text
    enter("z = 1")
    assert said("%restore monday") == "Restored monday: x, y\n"
    assert main["x"] is main["y"] and "z" not in main
    listed = said("%checkpoints").splitlines()
    assert listed[0].split() == ["Name", "When", "Size", "From", "Names"]
    assert listed[1].startswith("monday ") and listed[1].endswith("session  x, y"), listed
    assert said("%checkpoints --remove monday").startswith("Removed monday")
    assert said("%checkpoints --clean").endswith(" given back\n")
    assert said("%checkpoints") == "The store has no checkpoints; %checkpoint NAME makes one.\n"


def test_a_checkpoint_without_a_name_is_named_by_the_time():
    enter("x = 1")
    name = said("%checkpoint").split()[1].rstrip(":")
    assert name.startswith("20") and [each.name for each in namespace.checkpoints()] == [name]
    said(f"%checkpoints --remove {name}")


def test_what_is_left_out_is_told():
    enter("x = 1\nfile = open('/dev/null')")
    sentence = refused("%checkpoint half")
    assert sentence.endswith("can't be carried between namespaces; -p leaves it out"), sentence
    enter("x = 1\nfile = open('/dev/null')\nimport threading\nheld = {'lock': threading.Lock()}")
    for line in ("%checkpoint half", "%save_namespace half.ns"):
        assert refused(line).splitlines() == [
            "namespace['file']: an open file can't be carried between namespaces",
            "namespace['held']['lock']: a lock can't be carried between namespaces",
            "-p leaves them out",
        ], line
    assert namespace.checkpoints() == []
    for line in ("%checkpoint half -p", "%checkpoint -p half", "%save_namespace half.ns --partial"):
        told = said(line).splitlines()
        assert told[1].startswith("    left out: namespace['file']: an open file"), told
    assert "left out: namespace['file']" in said("%checkpoints")
    said("%checkpoints --remove half")


def test_a_session_is_saved_to_a_file():
    enter("x = 1\ny = 2")
    assert said("%save_namespace 'my work.ns'").startswith("my work.ns: 2 names, ")
    enter("")
    assert said("%load_namespace 'my work.ns'") == "my work.ns: x, y\n"
    assert main["x"] == 1


def test_many_names_are_told_in_short():
    enter("\n".join(f"name_{number} = 1" for number in range(50)))
    said("%checkpoint many")
    assert said("%restore many") == "Restored many: name_0, name_1, name_2, name_3, name_4 and 45 more\n"
    said("%checkpoints --remove many")


def test_what_makes_no_sense_is_told():
    assert refused("%restore") == "%restore needs NAME.\nUsage: %restore [-t TARGETS] [-p] NAME"
    assert "no checkpoint named" in refused("%restore nothing")
    assert "no checkpoint named" in refused("%checkpoints --remove nothing")
    assert "can't name a checkpoint" in refused("%checkpoint a/b")
    assert "doesn't know what to do with 'b'" in refused("%checkpoint a b")
    assert "has no option '-x'" in refused("%checkpoint -x")
    assert "-t needs TARGETS behind it" in refused("%checkpoint a -t")
    assert "needs engines: connect first" in refused("%checkpoint a -t all")
    assert "needs engines: connect first" in refused("%restore a -t0")
    assert "needs FILE" in refused("%save_namespace")
    assert "nothing.ns" in refused("%load_namespace nothing.ns")
    with open("bad.ns", "w") as file:
        file.write("something else")
    assert "not a namespace that rhumba saved" in refused("%load_namespace bad.ns")


def test_errors_of_the_objects_themselves_keep_their_traceback():
    enter(
        "class Fragile:\n    def __setstate__(self, state): raise ValueError('not again')\n"
        "fragile = Fragile()\nfragile.x = 1"
    )
    said("%checkpoint fragile")
    enter("mine = 1")
    assert raised(ValueError, said, "%restore fragile") == "not again"
    assert main["mine"] == 1
    said("%checkpoints --remove fragile")


def test_names_of_checkpoints_are_completed():
    enter("x = 1")
    for name in ("monday", "month", "tuesday"):
        namespace.checkpoint(name)
    assert magics._complete_argument("restore", "mon") == ["monday", "month"]
    assert magics._complete_argument("checkpoints", "t") == ["tuesday"]
    assert magics._complete_argument("restore", "--") == ["--targets", "--partial", "--help"]
    assert magics._complete_argument("timeit", "x") is None
    assert said("%checkpoints --remove mon*").startswith("Removed monday, month; ")
    assert namespace.remove("*") == ["tuesday"]


def test_help_tells_every_option():
    for name, words in {
        "checkpoint": ("-t", "-p", "NAME"),
        "restore": ("-t", "NAME"),
        "checkpoints": ("--remove", "--clean"),
        "save_namespace": ("-p", "FILE"),
        "load_namespace": ("FILE",),
    }.items():
        text = magics.find_magic(name).__doc__
        assert text.startswith(f"%{name}") and all(word in text for word in words), text
