"""Type aliases as a `type` statement makes them: what they stand for is computed when it is
asked for, so that they may stand for themselves.

Snapshots call it (`interpreter/src/snapshot/encode/substitute.rs`); an alias whose value is known
is made by its class.
"""


def lazy(name, compute, module):
    """Returns an alias of this name, whose value is what `compute` gives when it is asked for."""
    if not name.isidentifier():
        raise ValueError(f"{name!r} can't name a type")
    names = {"__name__": module, "compute": compute}
    exec(f"type {name} = compute(1)", names)
    return names[name]
