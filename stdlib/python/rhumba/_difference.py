"""How two sets of names, or two objects, differ.

Objects are compared by what they are made of. Where their snapshots are the
same bytes, they are the same; else the first difference in their structure is
looked for. No `__eq__`, `__hash__` or `__repr__` of a user's class has a say.
How often an object is shared, and the line that a function stood in, make no
difference.

Where the two sets come from is `namespace.py`'s.
"""

import copyreg
import re
import sys
import types
import weakref
from collections import OrderedDict

import _rhumba

# Longer texts and numbers are shown in part.
_SHOWN_MAX = 40

# Longer paths are cut in the middle.
_STEPS_MAX = 24

# Shorter sequences are looked at one by one, and so are those in which so many
# places have been found that were the same after all.
_HALVED_MIN = 64
_HALVINGS_MAX = 8

# What of a class says what its objects are made of.
_REDUCED_BY = ("__reduce_ex__", "__reduce__", "__getstate__", "__getattribute__")

# What is deeper isn't looked at where items of sets are told apart.
_OUTLINE_DEPTH_MAX = 4


def _kinds(*kinds):
    """Types by their address: looking a type up would ask its metaclass what is equal. These stay."""
    return frozenset(map(id, kinds))


_PLAIN = _kinds(bool, int, str, types.NoneType, types.EllipsisType, types.NotImplementedType)
# Types of the library whose objects read well, by module and name: nothing is imported for them.
_SHORT = frozenset(
    (
        ("datetime", "datetime"), ("datetime", "date"), ("datetime", "time"), ("datetime", "timedelta"),
        ("decimal", "Decimal"), ("fractions", "Fraction"), ("uuid", "UUID"),
        ("pathlib", "PosixPath"), ("pathlib", "PurePosixPath"),
    )
)  # fmt: skip
_BYTES = _kinds(bytes, bytearray)
_FLOATS = _kinds(float, complex)
_SETS = _kinds(set, frozenset)
_COUNTED = _kinds(list, tuple, dict, set, frozenset)
_KEYS = _kinds(str, int, bool, bytes, types.NoneType)

# What makes a code object do what it does; lines and file names don't.
_CODE = (
    "co_name", "co_flags", "co_argcount", "co_posonlyargcount", "co_kwonlyargcount", "co_names",
    "co_varnames", "co_cellvars", "co_freevars", "co_code",
)  # fmt: skip

# What every class has, or what is the class's own bookkeeping.
_CLASS_INNER = frozenset(
    (
        "__dict__", "__weakref__", "__module__", "__qualname__", "__firstlineno__",
        "__static_attributes__", "__annotations_cache__", "__slotnames__", "_abc_impl",
    )
)  # fmt: skip

# Functions that say what annotations are: their cells hold the class they are in.
_ANNOTATE = ("__annotate__", "__annotate_func__")


class Change:
    """How one name differs.

    kind: 'added', 'removed', 'type' (bound to another type of object) or
        'value' (bound to another value of the same type)
    where: the path below the name where the first difference is: `[2].rate`,
        empty if it is the object itself
    text: the difference in words
    """

    __slots__ = ("kind", "where", "text")

    def __init__(self, kind, where, text):
        self.kind = kind
        self.where = where
        self.text = text

    def __str__(self):
        where = f"{self.where}: " if self.where else ""
        return f"{self.kind:<8}{where}{self.text}"

    def __repr__(self):
        return f"<{' '.join(str(self).split())}>"


class Differences(dict):
    """The names that differ, with the Change of each, in order; empty if nothing differs.

    not_compared: what can't be carried and is at the same place in both: paths and reasons
    """

    not_compared = ()

    def __str__(self):
        width = max(map(len, self), default=0) + 2
        lines = [f"{name:<{width}}{change}" for name, change in self.items()] or ["no differences"]
        lines += [f"not compared: {path}: {reason}" for path, reason in self.not_compared]
        return "\n".join(lines)

    __repr__ = __str__


def differences(old, new, old_left_out=(), new_left_out=()):
    """Returns how the mapping `new` differs from the mapping `old`, as Differences.

    old_left_out, new_left_out: what is bound there and can't be carried, as paths and reasons
    """
    found = Differences()
    old_left, new_left = _by_name(old_left_out), _by_name(new_left_out)
    found.not_compared = sorted({*old_left_out} & {*new_left_out})
    for name in sorted({*old, *new, *old_left, *new_left}):
        in_old, in_new = old_left.get(name, {}), new_left.get(name, {})
        # The name itself is bound to what can't be carried.
        if "" in in_old or "" in in_new:
            if "" in in_old and "" in in_new:
                continue
            reason = {**in_old, **in_new}[""]
            other = new if "" in in_old else old
            if name in other:
                found[name] = Change("type", "", f"{reason} in one, and {_brief(other[name])} is in the other")
            else:
                found[name] = Change("removed" if "" in in_old else "added", "", reason)
        elif name not in new:
            found[name] = Change("removed", "", _brief(old[name]))
        elif name not in old:
            found[name] = Change("added", "", _brief(new[name]))
        elif change := change_of(old[name], new[name]):
            found[name] = change
        elif in_old != in_new:
            where = min({*in_old.items()} ^ {*in_new.items()})
            found[name] = Change("value", where[0], f"{where[1]}, and it is in one and not in the other")
    return found


def _by_name(left_out):
    """What was left out, by the name that it is below: {name: {path below it: reason}}."""
    names = {}
    for path, reason in left_out:
        match = re.fullmatch(r"\w+\[(['\"])(.*?)\1\](.*)", path, re.DOTALL)
        if match:
            names.setdefault(match[2], {})[match[3]] = reason
    return names


def change_of(old, new):
    """Returns how one object differs from another, as a Change, or None."""
    if not _alike(type(old), type(new)):
        return Change("type", "", f"{_brief(old)} became {_brief(new)}")
    if old is new or _rhumba.same_snapshot(old, new):
        return None
    try:
        found = _first_difference(old, new, {})
    except RecursionError:
        return Change("value", "", "it has sets nested too deeply to be compared")
    return found and Change("value", *found)


def _first_difference(old, new, met):
    """Returns path and words of the first difference inside two objects, or None.

    met: the pairs that are being compared, and taken to be the same meanwhile, by their addresses;
        those that are found to be the same are added
    """
    met_before = len(met)
    path = []
    open_parts = [iter((("", old, new),))]
    while open_parts:
        part = next(open_parts[-1], None)
        if part is None:
            open_parts.pop()
            if path:
                path.pop()
            continue
        step, old, new = part
        if old is new or (id(old), id(new)) in met:
            continue
        # They are held as long as they are known by their addresses.
        met[id(old), id(new)] = old, new
        words, parts = _compared(old, new, met)
        if words:
            # What was taken to be the same because these were has to be looked at again.
            while len(met) > met_before:
                met.popitem()
            return _path([*path, step]), words
        if parts is not None:
            path.append(step)
            open_parts.append(iter(parts))
    return None


def _compared(old, new, met):
    """Compares two objects themselves; `met` is as for `_first_difference`.

    Returns words if they differ, and else the parts to compare next, as
    (step, old, new) triples, or None.
    """
    kind = type(old)
    if not _alike(kind, type(new)):
        return f"{_brief(old)} became {_brief(new)}", None
    if id(kind) in _PLAIN:
        return (None if old == new else _changed(old, new)), None
    if id(kind) in _FLOATS:
        # As texts, so that a NaN equals itself and the zeros differ.
        return (None if repr(old) == repr(new) else f"{old!r} became {new!r}"), None
    if id(kind) in _BYTES:
        return (None if old == new else _changed(bytes(old), bytes(new))), None
    name = _name_of(kind)
    if name in _SHORT:
        made = old.__reduce_ex__(4), new.__reduce_ex__(4)
        zones = [getattr(each, "tzinfo", None) for each in (old, new)]
        if zones[0] is None and zones[1] is None:
            return (None if made[0] == made[1] else _changed(old, new)), None
        if zones[0] is None or zones[1] is None or made[0][1][:1] != made[1][1][:1]:
            return _changed(old, new), None
        return None, [(".tzinfo", *zones)]
    if id(kind) in _SETS:
        return _of_sets(old, new, met)
    compare = _COMPARED.get(id(kind)) or _COMPARED_BY_NAME.get(name)
    if compare is None:
        compare = _classes if issubclass(kind, type) else _made
    return compare(old, new)


def _alike(old, new):
    """Whether two types are the same, or one class that was carried twice."""
    return old is new or _name_of(old, "__qualname__") == _name_of(new, "__qualname__")


def _name_of(kind, name="__name__"):
    """The module and the name of a type, without asking its metaclass."""
    module = type.__dict__["__module__"].__get__(kind)
    return module if type(module) is str else None, type.__dict__[name].__get__(kind)


# -- containers


def _sequences(old, new):
    if len(old) != len(new):
        return f"{_count(old)} became {_count(new)}", None
    return None, _unequal_items(old, new)


def _unequal_items(old, new):
    for index in _unequal(old, new):
        yield f"[{index}]", old[index], new[index]


def _unequal(old, new):
    """Yields the places at which two sequences of one length may differ, in order.

    A few are found by halving, with snapshots of slices: that is what makes it
    fast where much is the same. Where these turn out to be the same after all,
    such as sets in another order, the rest are looked at one by one.
    """
    start, halvings = 0, 0
    while len(old) - start > _HALVED_MIN and halvings < _HALVINGS_MAX:
        if _rhumba.same_snapshot(old[start:], new[start:]):
            return
        end = len(old)
        while end - start > 1:
            middle = (start + end) // 2
            if _rhumba.same_snapshot(old[start:middle], new[start:middle]):
                start = middle
            else:
                end = middle
        yield start
        start += 1
        halvings += 1
    for index in range(start, len(old)):
        a, b = old[index], new[index]
        # Most items are plain and the same.
        if a is not b and not (type(a) is type(b) and (type(a) is int or type(a) is str) and a == b):
            yield index


def _dicts(old, new):
    if _are_plain_keys(old) and _are_plain_keys(new):
        added = [key for key in new if key not in old]
        removed = [key for key in old if key not in new]
        if added or removed:
            words = [f"key {_brief(key)} was added" for key in added[:1]]
            words += [f"key {_brief(key)} was removed" for key in removed[:1]]
            more = len(added) + len(removed) - len(words)
            if more:
                words.append(f"{more} more")
            return ", ".join(words), None
        if list(old) != list(new):
            return "its keys are in another order", None
        # True and 1 are one key to a dict.
        for a, b in zip(old, new):
            if type(a) is not type(b):
                return f"key {_brief(a)} became {_brief(b)}", None
        return None, _unequal_values(old, new)
    if len(old) != len(new):
        return f"{_count(old)} became {_count(new)}", None
    # Looking keys up would ask their classes what is equal: these go by their order.
    parts = []
    for index, ((a, x), (b, y)) in enumerate(zip(old.items(), new.items())):
        parts.append((f" (key {index})", a, b))
        parts.append((f" (value of key {index})", x, y))
    return None, parts


def _unequal_values(old, new):
    keys, old, new = list(old), list(old.values()), list(new.values())
    for index in _unequal(old, new):
        yield f"[{keys[index]!r}]", old[index], new[index]


def _are_plain_keys(keys):
    return all(id(type(key)) in _KEYS for key in keys)


def _of_sets(old, new, met):
    if len(old) != len(new):
        return f"{_count(old)} became {_count(new)}", None
    if _are_plain_keys(old) and _are_plain_keys(new):
        gone, come = old - new, new - old
        if gone:
            return f"{_brief(min(gone, key=repr))} became {_brief(min(come, key=repr))}", None
        # True and 1 are one item to a set.
        there = {item: item for item in new}
        for item in old:
            if type(there[item]) is not type(item):
                return f"{_brief(item)} became {_brief(there[item])}", None
        return None, None
    old_left, new_left = _without_twins(old, new)
    # Of the rest, only what looks alike from outside is compared, each with each.
    alike, known = {}, {}
    for other in new_left:
        alike.setdefault(_outline(other, known), []).append(other)
    for item in old_left:
        others = alike.get(_outline(item, known), [])
        match = next((i for i, other in enumerate(others) if not _first_difference(item, other, met)), None)
        if match is None:
            return f"{_brief(item)} is in one and not in the other", None
        del others[match]
    return None, None


def _without_twins(old, new):
    """The items of two sets, as lists, but for those that have the same snapshot in both."""
    twins, left = {}, []
    for other in new:
        twins.setdefault(_snapshot(other), []).append(other)
    for item in old:
        others = twins.get(_snapshot(item))
        if others:
            others.pop()
        else:
            left.append(item)
    return left, [other for others in twins.values() for other in others]


def _snapshot(item):
    """The bytes of an item's snapshot, or the address of what has none."""
    try:
        return _rhumba.dumps(item, False)
    except Exception:
        return id(item)


def _outline(value, known, depth=0):
    """A number that is the same for what is the same, and seldom for anything else.

    known: the numbers that were found before, by address and depth, with what has the address
    """
    at = id(value), depth
    if at not in known:
        kind = type(value)
        name = _name_of(kind, "__qualname__")
        if id(kind) in _KEYS:
            inside = value
        elif id(kind) in _FLOATS:
            inside = repr(value)
        elif depth < _OUTLINE_DEPTH_MAX and kind is tuple:
            inside = tuple(_outline(each, known, depth + 1) for each in value)
        elif depth < _OUTLINE_DEPTH_MAX and id(kind) in _SETS:
            inside = tuple(sorted(_outline(each, known, depth + 1) for each in value))
        elif depth < _OUTLINE_DEPTH_MAX:
            attributes = _attributes_alone(value)
            inside = tuple((name, _outline(attributes[name], known, depth + 1)) for name in sorted(attributes))
        else:
            inside = None
        known[at] = hash((name, inside)), value
    return known[at][0]


def _attributes_alone(value):
    """The attributes of an object that is made of them, as far as its class says, or else nothing."""
    kind = type(value)
    if id(kind) in _COMPARED or _name_of(kind) in _SHORT or _registered(kind):
        return {}
    if any(getattr(kind, name) is not getattr(object, name) for name in _REDUCED_BY):
        return {}
    try:
        attributes = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return {}
    return attributes if type(attributes) is dict and all(type(name) is str for name in attributes) else {}


def _memoryviews(old, new):
    if bytes(old) != bytes(new):
        return _changed(bytes(old), bytes(new)), None
    return None, [(".format", old.format, new.format), (".shape", old.shape, new.shape)]


def _ranges(old, new):
    same = (old.start, old.stop, old.step) == (new.start, new.stop, new.step)
    return (None if same else _changed(old, new)), None


# -- functions, classes, instances


def _functions(old, new):
    if not _same_code(old.__code__, new.__code__):
        return "its code changed", None
    names = ("__defaults__", "__kwdefaults__", "__closure__", "__dict__")
    parts = [(f".{name}", getattr(old, name), getattr(new, name)) for name in names]
    annotate = [getattr(each.__annotate__, "__code__", None) for each in (old, new)]
    return None, [*parts, (".__annotate__", *annotate)]


def _same_code(old, new):
    pairs = [(old, new)]
    while pairs:
        old, new = pairs.pop()
        if any(getattr(old, name) != getattr(new, name) for name in _CODE):
            return False
        if len(old.co_consts) != len(new.co_consts):
            return False
        for a, b in zip(old.co_consts, new.co_consts):
            if type(a) is types.CodeType and type(b) is types.CodeType:
                pairs.append((a, b))
            elif change_of(a, b):
                return False
    return True


def _codes(old, new):
    return (None if _same_code(old, new) else "it changed"), None


def _cells(old, new):
    empty = object()
    contents = []
    for cell in (old, new):
        try:
            contents.append(cell.cell_contents)
        except ValueError:
            contents.append(empty)
    if (contents[0] is empty) != (contents[1] is empty):
        return "it is bound in one and not in the other", None
    return None, [(".cell_contents", *contents)]


def _methods(old, new):
    return None, [
        (".__func__", old.__func__, new.__func__),
        (".__self__", old.__self__, new.__self__),
    ]


def _properties(old, new):
    names = ("fget", "fset", "fdel", "__doc__")
    return None, [(f".{name}", getattr(old, name), getattr(new, name)) for name in names]


def _wrappers(old, new):
    return None, [(".__func__", old.__func__, new.__func__)]


def _named(old, new):
    names = [getattr(each, "__qualname__", None) or each.__name__ for each in (old, new)]
    return (None if names[0] == names[1] else f"{names[0]} became {names[1]}"), None


def _modules(old, new):
    words, _ = _named(old, new)
    names = [sys.modules.get(each.__name__) is each for each in (old, new)]
    if words or all(names):
        return words, None
    # Made by hand: there is no file to say what is in them.
    own = [{name: value for name, value in vars(each).items() if not name.startswith("__")} for each in (old, new)]
    return _attributes(*own)


def _references(old, new):
    return None, [("()", old(), new())]


def _weak_dicts(old, new):
    pairs = [list(each.items()) for each in (old, new)]
    if all(_are_plain_keys(key for key, _ in each) for each in pairs):
        return None, [("", *map(dict, pairs))]
    return None, [("", *pairs)]


def _views(old, new):
    # What they are views of may differ in what they don't show.
    return None, [("", tuple(old), tuple(new))]


def _formats(old, new):
    return None, [(".format", old.format, new.format)]


def _classes(old, new):
    if not _alike(old, new):
        return f"the class {old.__qualname__} became the class {new.__qualname__}", None
    bases = [tuple(base.__qualname__ for base in each.__bases__) for each in (old, new)]
    if bases[0] != bases[1]:
        return f"its bases {', '.join(bases[0])} became {', '.join(bases[1])}", None
    own = [
        {
            name: getattr(value, "__code__", value) if name in _ANNOTATE else value
            for name, value in vars(each).items()
            if name not in _CLASS_INNER
        }
        for each in (old, new)
    ]
    added, removed = sorted(own[1].keys() - own[0]), sorted(own[0].keys() - own[1])
    if added or removed:
        names = [f"{name} was added" for name in added] + [f"{name} was removed" for name in removed]
        return ", ".join(names[:3]), None
    return None, [(f".{name}", own[0][name], own[1][name]) for name in own[0]]


def _made(old, new):
    """Compares what two objects say they are made of, as when they are carried."""
    kind = type(old)
    reduce = _registered(kind)
    try:
        made = [reduce(each) if reduce else each.__reduce_ex__(4) for each in (old, new)]
    except Exception as failure:
        return f"it can't be compared ({type(failure).__name__}: {failure})", None
    if isinstance(made[0], str) or isinstance(made[1], str):
        # What stands for a function, such as one with a cache, has only its name to say.
        inside = [vars(each).get("__wrapped__") if hasattr(each, "__dict__") else None for each in (old, new)]
        if made[0] == made[1] and None not in inside:
            return None, [(".__wrapped__", *inside)]
        return (None if made[0] == made[1] else f"{made[0]} became {made[1]}"), None
    halves = []
    for reduced in made:
        call, args, state, items, pairs = (*reduced[:5], None, None, None)[:5]
        # The class itself is bound to a name of its own.
        args = tuple(arg for arg in args if arg is not kind and arg is not type(new))
        slots = None
        if isinstance(state, tuple) and len(state) == 2 and isinstance(state[1], dict):
            state, slots = state
        if isinstance(old, BaseException) and (state is None or type(state) is dict):
            # Where it was raised is told as text once it was carried, and is no part of what it is.
            state = dict(state or {})
            state.pop("__remote_traceback__", None)
        halves.append((args, state, slots, items and list(items), pairs and list(pairs)))
    (args, state, slots, items, pairs), new_half = halves[0], halves[1]
    parts = []
    if isinstance(old, BaseException):
        names = ("__cause__", "__context__", "__suppress_context__")
        parts += [(f".{name}", getattr(old, name), getattr(new, name)) for name in names]
    if args or new_half[0]:
        parts.append((" (its value)", args, new_half[0]))
    for mine, other in ((state, new_half[1]), (slots, new_half[2])):
        if all(isinstance(each, dict) and all(type(name) is str for name in each) for each in (mine, other)):
            words, attributes = _attributes(mine, other)
            if words:
                return words, None
            parts.extend(attributes)
        else:
            parts.append((" (its state)", mine, other))
    parts.append(("", items, new_half[3]))
    parts.append(("", pairs, new_half[4]))
    return None, parts


def _registered(kind):
    """What `copyreg` was told for a type, without asking its metaclass what is equal."""
    return next((reduce for other, reduce in copyreg.dispatch_table.items() if other is kind), None)


def _attributes(old, new):
    added, removed = new.keys() - old.keys(), old.keys() - new.keys()
    if added or removed:
        names = [f".{name} was added" for name in sorted(added, key=str)]
        names += [f".{name} was removed" for name in sorted(removed, key=str)]
        return ", ".join(names[:3]), None
    return None, [(f".{name}", old[name], new[name]) for name in old]


_COMPARED = {
    range: _ranges,
    memoryview: _memoryviews,
    list: _sequences,
    tuple: _sequences,
    dict: _dicts,
    types.MappingProxyType: _dicts,
    types.FunctionType: _functions,
    types.CodeType: _codes,
    types.CellType: _cells,
    types.MethodType: _methods,
    property: _properties,
    classmethod: _wrappers,
    staticmethod: _wrappers,
    types.ModuleType: _modules,
    weakref.ReferenceType: _references,
    weakref.WeakMethod: _references,
    weakref.WeakValueDictionary: _weak_dicts,
    weakref.WeakKeyDictionary: _weak_dicts,
    types.BuiltinFunctionType: _named,
    types.GetSetDescriptorType: _named,
    types.MemberDescriptorType: _named,
    types.WrapperDescriptorType: _named,
    types.MethodDescriptorType: _named,
}
_COMPARED |= {type(view()): _views for made in ({}, OrderedDict()) for view in (made.keys, made.values, made.items)}
# By address, as the kinds above.
_COMPARED = {id(kind): compare for kind, compare in _COMPARED.items()}

# Of modules that may not be imported.
_COMPARED_BY_NAME = {("_struct", "Struct"): _formats}


# -- words


def _path(steps):
    """The steps of a path in a row; of a long one, the first and the last."""
    steps = [step for step in steps if step]
    if len(steps) > _STEPS_MAX:
        steps[_STEPS_MAX // 2 : -_STEPS_MAX // 2] = [" … "]
    return "".join(steps)


def _changed(old, new):
    """Says how one plain value became another."""
    if isinstance(old, (str, bytes)) and (len(repr(old)) > _SHOWN_MAX or len(repr(new)) > _SHOWN_MAX):
        at = next((i for i, (a, b) in enumerate(zip(old, new)) if a != b), min(len(old), len(new)))
        lengths = f"{len(old)} long became {len(new)} long, " if len(old) != len(new) else ""
        return f"{lengths}the first difference is at {at}"
    return f"{_brief(old)} became {_brief(new)}"


def _count(items):
    return "1 item" if len(items) == 1 else f"{len(items)} items"


def _brief(value):
    """A value in a few words, without asking a user's class for them."""
    kind = type(value)
    if kind is range or any(id(kind) in kinds for kinds in (_PLAIN, _FLOATS, _BYTES)):
        if (kind is str or id(kind) in _BYTES) and len(value) > _SHOWN_MAX:
            return f"a {kind.__name__} of length {len(value)}"
        text = _number(value) if kind is int else repr(value)
        return text if len(text) <= _SHOWN_MAX else text[: _SHOWN_MAX - 1] + "…"
    if _name_of(kind) in _SHORT:
        text = str(value)
        return text if len(text) <= _SHOWN_MAX else text[: _SHOWN_MAX - 1] + "…"
    if id(kind) in _COUNTED:
        return f"a {kind.__name__} of {_count(value)}"
    if kind is types.FunctionType:
        return f"the function {value.__name__}"
    if kind is types.ModuleType:
        return f"the module {value.__name__}"
    if isinstance(value, type):
        return f"the class {type.__dict__['__qualname__'].__get__(value)}"
    _, name = _name_of(kind, "__qualname__")
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"


def _number(value):
    # Writing out an integer of millions of digits takes long.
    return repr(value) if value.bit_length() <= 4096 else f"an int of {value.bit_length()} bits"
