"""Type aliases as a `type` statement makes them: what they stand for is computed when it is
asked for, so that they may stand for themselves.

Snapshots call it (`interpreter/src/snapshot/encode/substitute.rs`); an alias whose value is known
is made by its class.
"""


# The variable by which what computes a value is known again.
_COMPUTE = "_rhumba_compute"


def lazy(name, compute, module):
    """Returns an alias of this name, whose value is what `compute` gives when it is asked for."""
    if not name.isidentifier():
        raise ValueError(f"{name!r} can't name a type")
    names = {"__name__": module}
    exec(f"def make({_COMPUTE}):\n    type {name} = {_COMPUTE}(1)\n    return {name}", names)
    return names["make"](compute)


def computing(alias):
    """Returns what computes the value of an alias: for one that `lazy` has made, what that was given."""
    compute = alias.evaluate_value
    if getattr(getattr(compute, "__code__", None), "co_freevars", ()) == (_COMPUTE,):
        compute = compute.__closure__[0].cell_contents
    return compute
