"""Type aliases as a `type` statement makes them: what they stand for is computed when it is
asked for, so that they may stand for themselves.

Snapshots call it (`interpreter/src/snapshot/encode/substitute.rs`); an alias whose value is known
is made by its class.
"""

import types
import typing

# The variable by which what computes a value is known again.
_COMPUTE = "_rhumba_compute"


def lazy(name, compute, module):
    """Returns an alias of this name, whose value is what `compute` gives when it is asked for."""
    return _maker(name, module)(compute)


def generic(name, compute, module, parameters):
    """As `lazy`, of an alias that has these type parameters: those that `compute` refers to."""
    make = _maker(name, module)
    # A statement without parameters has None in their place, and nowhere else.
    constants = (parameters if each is None else each for each in make.__code__.co_consts)
    make.__code__ = make.__code__.replace(co_consts=tuple(constants))
    return make(compute)


def _maker(name, module):
    if not name.isidentifier():
        raise ValueError(f"{name!r} can't name a type")
    names = {"__name__": module}
    exec(f"def make({_COMPUTE}):\n    type {name} = {_COMPUTE}(1)\n    return {name}", names)
    return names["make"]


def needs_itself(alias):
    """Whether an alias is part of what it stands for, or what that is can't be computed yet."""
    rest, seen = [alias], set()
    while rest:
        each = rest.pop()
        if id(each) in seen:
            if each is alias:
                return True
            continue
        seen.add(id(each))
        if isinstance(each, typing.TypeAliasType):
            try:
                rest.append(each.__value__)
            except NameError:
                return True
        elif isinstance(each, (list, tuple)):
            rest.extend(each)
        elif isinstance(each, (types.GenericAlias, types.UnionType, typing._GenericAlias)):
            rest.extend((each.__origin__, *each.__args__))
    return False


def computing(alias):
    """Returns what computes the value of an alias: for one that `lazy` has made, what that was given."""
    compute = alias.evaluate_value
    if getattr(getattr(compute, "__code__", None), "co_freevars", ()) == (_COMPUTE,):
        compute = compute.__closure__[0].cell_contents
    return compute
