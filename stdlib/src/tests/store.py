"""`%store`: values that stay over sessions."""

import contextlib
import io
import os
import sys

import _rhumba_shell
from rhumba import shell
from rhumba.shell import UsageError

# A cell that is kept makes a program a session.
_rhumba_shell.run_cell("pass", True, True)
magics = shell.get_ipython()
sys._rhumba_configuration = {"state_folder": os.path.join(folder, "state")}


def said(line):
    """What a magic prints."""
    name, _, rest = line.partition(" ")
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        magics.run_line_magic(name.lstrip("%"), rest)
    return out.getvalue()


def refused(line):
    return raised(UsageError, said, line)


def test_values_are_kept_and_brought_back():
    enter("numbers = [1, 2]\ntext = 'x' * 100\ndef double(x): return x * factor\nfactor = 2\nclass Kind:\n    size = 3\n")
    assert said("%store numbers text") == "Stored 'numbers' (list)\nStored 'text' (str)\n"
    said("%store double Kind")
    listed = said("%store").splitlines()
    assert listed[0] == "Stored variables and their in-db values:"
    assert listed[3] == "numbers -> [1, 2]" and listed[4].startswith("text    -> 'xxx"), listed
    enter("")
    said("%store -r numbers")
    assert main["numbers"] == [1, 2] and "text" not in main
    said("%store -r")
    assert main["text"] == "x" * 100 and main["double"](4) == 8 and main["Kind"]().size == 3
    said("%store -d text Kind")
    assert [line.split()[0] for line in said("%store").splitlines()[1:]] == ["double", "numbers"]
    assert said("%store -z") == "2 forgotten.\n"
    assert said("%store") == "Nothing is stored; %store NAME keeps a value.\n"


def test_aliases_are_kept():
    said("%alias greet echo hello")
    assert said("%store greet") == "Alias stored: greet (echo hello)\n"
    said("%unalias greet")
    said("%store -r greet")
    assert said("%alias greet") == "greet -> echo hello\n"
    said("%unalias greet")
    said("%store -r")
    assert said("%alias greet") == "greet -> echo hello\n"
    said("%unalias greet")
    said("%store -z")


def test_a_value_becomes_a_file():
    enter("text = 'one'\nlines = ['a', 'b']\ntable = {1: 2}")
    assert said("%store text > out.txt") == "Writing 'text' (str) to file 'out.txt'.\n"
    said("%store lines >> out.txt")
    said("%store table >>out.txt")
    with open("out.txt") as file:
        assert file.read() == "one\na\nb\n{1: 2}\n"
    assert "has no value" in refused("%store nothing > out.txt")
    assert "can't write" in refused("%store text > /no/such/folder/out.txt")
    assert "%store NAME > FILE" in refused("%store > out.txt")


def test_what_cannot_be_is_told():
    enter("file = open('/dev/null')\nx = 1")
    assert "%store can't keep file:" in refused("%store file")
    assert "no name 'nothing' is bound" in refused("%store nothing")
    assert "keeps names of this session" in refused("%store x+1")
    assert "%store keeps no nothing" in refused("%store -r nothing")
    assert "%store keeps no nothing" in refused("%store -d nothing")
    assert "has no option '-x'" in refused("%store -x")


def test_one_that_is_damaged_keeps_no_other_from_coming_back():
    enter("good = 1\nbad = 2")
    said("%store good bad")
    with open(os.path.join(folder, "state", "stored", "bad.ns"), "wb") as file:
        file.write(b"damaged")
    enter("")
    told = said("%store -r")
    assert main["good"] == 1 and "bad" not in main
    assert told.startswith("bad can't be brought back:") and told.endswith("%store -d bad forgets it\n"), told
    assert "bad  -> <bad can't be brought back" in said("%store")
    said("%store -d bad")
    said("%store -z")


def test_without_a_folder_it_says_so():
    handed = sys._rhumba_configuration
    sys._rhumba_configuration = {"state_folder": None}
    try:
        assert "has no folder to keep values in" in refused("%store")
    finally:
        sys._rhumba_configuration = handed
