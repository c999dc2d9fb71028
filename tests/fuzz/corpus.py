"""Writes the samples that are damaged: snapshots of every kind of object, and namespace files.

corpus.py FOLDER writes NAME.snapshot and NAME.namespace files. Nothing in them does harm when it is called
with the wrong arguments: damaged bytes that members of a cluster are trusted with may call what they name.
"""

import abc
import array
import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import pathlib
import random
import re
import sys
import types
import typing
import uuid
import weakref

import canary
from rhumba import namespace


class Plain:
    def __init__(self, value):
        self.value = value

    def method(self, other=(1, [2])):
        return self.value, other


class Slotted:
    __slots__ = ("left", "right", "__weakref__")

    def __init__(self, left, right):
        self.left, self.right = left, right


class Child(Plain):
    def method(self, other=None):
        return super().method(other)


class Colour(enum.Enum):
    RED = 1
    GREEN = "two"


class Level(enum.IntFlag):
    LOW = 1
    HIGH = 4


@dataclasses.dataclass(frozen=True, order=True)
class Point:
    x: int
    y: float = 0.5


class Pair(typing.NamedTuple):
    first: int
    second: str = "2"


class Words(list):
    pass


class Table(dict):
    pass


class Refused(ValueError):
    def __init__(self, code, *more):
        super().__init__(code, *more)
        self.code = code


def closure(number):
    seen = [number]

    def inner(value, *rest, key="k", **others):
        nonlocal number
        number += value
        seen.append(inner)
        return [item for item in rest if item], key, others

    return inner


def looping():
    loop = [1]
    loop.append({"loop": (loop,)})
    one, other = Plain(1), Plain(2)
    one.value, other.value = other, (one, loop)
    return loop, one


def failure():
    try:
        try:
            raise KeyError("first")
        except KeyError as error:
            raise Refused(7, "second") from error
    except Refused as error:
        error.add_note("a note")
        return error


def shared():
    part = ["shared"]
    key = (1, "key")
    return {"a": part, "b": [part, part], key: part, "c": [key, 2**70, 2**70]}


def weak():
    kept = Slotted(1, 2)
    return [kept, weakref.WeakValueDictionary({"kept": kept}), weakref.WeakSet([kept])]


def made_by_reduction():
    return [canary.Reduced(1), {canary.Hashed("key"): 1}, canary.touch, canary.Stateful()]


class Readable(abc.ABC):
    @abc.abstractmethod
    def read(self): ...


Readable.register(Plain)

Kind = typing.TypeVar("Kind", int, str)
Rest = typing.TypeVarTuple("Rest")


def constants(value):
    "Documented."
    nested = lambda: (70000, (1.5, None), 10**20, b"bytes")
    return value in {"one", 2.5, 3}, value[1:2], 2j, "\ud800", nested


def made_module():
    module = types.ModuleType("made_by_hand", "Documented.")
    exec("count = 1\ndef increase(): return count + 1", module.__dict__)
    return [module, module.increase]


OBJECTS = {
    "constants": lambda: [constants, constants.__code__],
    "long_text": lambda: ["long " * 2000, b"long" * 2000],
    "abstract": lambda: [Readable, Plain],
    "type_variables": lambda: [Kind, Rest, typing.NewType("New", int)],
    "made_module": made_module,
    "dict_views": lambda: [{"a": 1}.keys(), collections.OrderedDict(b=2).items()],
    "scalars": lambda: [None, True, ..., NotImplemented, 0, -1, 300, 2**31, -(2**63), 10**40, 1.5, -0.0, 2j, "t", ""],
    "texts": lambda: ["plain", "ünïcödé", "\ud800", "a" * 300, "x\0y"],
    "buffers": lambda: [b"", b"raw", bytearray(b"more"), memoryview(b"view"), b"x" * 5000, bytearray(b"y" * 5000)],
    "views": lambda: [memoryview(bytes(24)).cast("d"), memoryview(bytes(24)).cast("B", (4, 6)), memoryview(b"abcdef")[::2]],
    "packed": lambda: [list(range(50)), [i * 1000 for i in range(40)], [2**40 + i for i in range(20)], [i / 3 for i in range(40)]],
    "packed_texts": lambda: [[str(i) for i in range(60)], tuple("abcdefghijklmnopqrstuvwxyz")],
    "containers": lambda: [(), (1, (2, (3,))), {}, {"k": 1, 2: "v"}, set(), {1, "2"}, frozenset({(1, 2)}), range(3, 9, 2), slice(1, None, 2)],
    "mixed": lambda: {f"key {i}": (i, i / 3, f"value {i}", [i]) for i in range(12)},
    "loop": looping,
    "shared": shared,
    "deep": lambda: functools.reduce(lambda inner, _: [inner], range(300), "bottom"),
    "deep_tuples": lambda: functools.reduce(lambda inner, _: (inner, 1), range(100), ()),
    "function": lambda: closure,
    "closures": lambda: [closure(1), closure(2), lambda a, b=[1]: a + b[0]],
    "classes": lambda: [Plain, Child, Slotted, Words],
    "instances": lambda: [Plain(1), Child([2]), Slotted(3, "4"), Plain(Plain(5))],
    "enums": lambda: [Colour.RED, Level.LOW | Level.HIGH, Colour],
    "dataclass": lambda: [Point(1), Pair(2), Point],
    "subclasses": lambda: [Words([1, 2]), Table(a=1), Pair(1, "x")],
    "methods": lambda: [Plain(1).method, len, str.upper, [].append, datetime.date.today],
    "errors": failure,
    "standard": lambda: [
        datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc),
        datetime.timedelta(1, 2, 3),
        decimal.Decimal("1.50"),
        fractions.Fraction(1, 3),
        uuid.UUID(int=5),
        pathlib.PurePosixPath("a/b"),
        re.compile("a+(b)"),
        array.array("d", [1.0, 2.0]),
        random.Random(1).getstate()[0],
        types.SimpleNamespace(a=1),
    ],
    "collections": lambda: [
        collections.deque([1, 2], 5),
        collections.OrderedDict(b=1, a=2),
        collections.defaultdict(list, {"k": [1]}),
        collections.Counter("abca"),
        functools.partial(max, 1, key=abs),
    ],
    "weak": weak,
    "descriptors": lambda: [property(len), staticmethod(len), classmethod(len)],
    "modules": lambda: [collections, collections.abc, typing.List[int]],
    "reduced": made_by_reduction,
}


def namespaces():
    """Dicts of names: objects that several names share lie in one segment and are named by others."""
    part = [1, [2], "three"]
    yield "plain", {"a": 1, "b": "text", "c": [1.5] * 20, "d": b"z" * 9000}
    yield "sharing", {"one": part, "two": {"part": part, "inner": part[1]}, "three": (part, Plain(part))}
    yield "program", {"Plain": Plain, "make": closure, "items": [Plain(1), Child(2)], "Colour": Colour, "red": Colour.RED}


def main(folder):
    folder = pathlib.Path(folder)
    for name, make in OBJECTS.items():
        (folder / f"{name}.snapshot").write_bytes(namespace.dumps(make()))
    for name, names in namespaces():
        namespace.save(folder / f"{name}.namespace", names)


main(sys.argv[1])
