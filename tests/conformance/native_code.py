"""What native code of the runtime owes a person: it ends on a signal, and refuses sizes without memory for them.

Run by the suite; what ends here as it should doesn't end with CPython everywhere. The last part holds with both.
"""

import collections
import itertools
import os
import random
import re
import signal


def stop(number, frame):
    raise InterruptedError


signal.signal(signal.SIGALRM, stop)
ENDLESS = {
    "sum": lambda: sum(range(10**14)),
    "max": lambda: max(range(10**14)),
    "sorted": lambda: sorted(iter(int, 1)),
    "in": lambda: -1 in itertools.count(),
    "deque": lambda: collections.deque(itertools.repeat(None), maxlen=0),
    "zip": lambda: collections.deque(zip(itertools.cycle("ab")), maxlen=0),
    "islice": lambda: next(itertools.islice(itertools.count(), 10**14, None)),
    "product": lambda: collections.deque(itertools.product(range(10**4), repeat=4), maxlen=0),
    "long range": lambda: max(range(10**30, 10**30 + 10**14)),
    "power": lambda: 7**10**9,
    "pow": lambda: pow(7, 10**9),
    "match": lambda: re.match("(a+)+b", "a" * 60),
    "search": lambda: re.search(r"(\w+\s?)*\.", "é" * 60),
    "search bytes": lambda: re.search(b"(x*)*y", b"x" * 60),
    "a long text": lambda: re.search(".*.*.*.*=", "x" * 10**5),
    "sub": lambda: re.sub("(a|aa)+$", "", "a" * 80 + "b"),
    "findall": lambda: re.findall("(a|aa)+$", "a" * 80 + "b"),
    "finditer": lambda: list(re.finditer("(a|aa)+$", "a" * 80 + "b")),
    "split": lambda: re.split("(a|aa)+$", "a" * 80 + "b"),
}
for name, call in ENDLESS.items():
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    try:
        print(name, "ended by itself", call())
    except InterruptedError:
        print(name, "ended")

signal.setitimer(signal.ITIMER_REAL, 0)

# No machine has so much.
VAST = 10**15
TOO_LARGE = {
    "str": lambda: f"%{VAST}d" % 1,
    "bytes": lambda: b"%%%dd" % VAST % 1,
    "random bytes": lambda: random.randbytes(VAST),
    "of the system": lambda: os.urandom(VAST),
    "repeated": lambda: "a" * VAST,
}
for name, call in TOO_LARGE.items():
    try:
        call()
    except MemoryError:
        print(name, "refused")
assert "%5d|%-3s|%%" % (1, "a") == "    1|a  |%"
assert b"%05d" % 7 == b"00007" and "%(a)s %(b).2f" % {"a": 1, "b": 2} == "1 2.00" and "%*d" % (4, 2) == "   2"
assert f"number {VAST}: %d" % 3 == "number 1000000000000000: 3"
assert len(os.urandom(16)) == 16 and 0 <= random.getrandbits(20) < 2**20 and random.Random(3).getrandbits(8) == 60

# What is watched gives what it gave.
assert 7**1_600_000 == 7**800_000 * 7**800_000 and (-3) ** 3_000_001 < 0 and 0**10**9 == 0
words = re.compile(r"(?:(\w+)(\s|$))+")
text = "one two  thrée four"
found = words.search(text, 4)
assert (found.span(), found.groups(), found.pos, found.re) == ((4, 8), ("two", " "), 4, words), found
assert words.match(text, 3) is None and words.fullmatch(text) is None and words.fullmatch("a b").end() == 3
assert words.search(text, 0, 3).group() == "one" and words.search(string=text, pos=9, endpos=12).group() == "thr"
assert words.findall(text) == [("two", " "), ("four", "")], words.findall(text)
assert [each.start() for each in words.finditer(text)] == [0, 9]
assert words.sub(r"<\1>", text, count=1) == "<two> thrée four" and words.subn("", text) == (" ", 2)
assert words.split(text, maxsplit=1) == ["", "two", " ", " thrée four"]
assert re.fullmatch(b"(a+)+b", bytearray(b"aab")).group() == b"aab" and re.match("(a+)+b", "aac") is None
few = re.compile("a*")
assert few.match("aabaa", -1).span() == (0, 2) and few.match("aabaa", pos=-3, endpos=1).span() == (0, 1)
assert few.match("aabaa", 3, 1) is few.search("aabaa", 3, 1) is few.fullmatch("aabaa", pos=2, endpos=-1) is None
assert few.findall("aabaa", 3, 1) == list(few.finditer("aabaa", 3, 1)) == [] and few.findall("aab", 1, 99) == ["a", "", ""]
for wrong in (lambda: words.search(3), lambda: words.search(), lambda: words.search(text, "x"), lambda: words.sub("a")):
    try:
        wrong()
    except TypeError as error:
        assert str(error), error
    else:
        raise AssertionError("taken")
print("all well")
