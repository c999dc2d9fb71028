"""How snapshots make objects without the `__new__` and `__init__` of classes that go by value.

Snapshots call it (`interpreter/src/snapshot/encode/making.rs` and `substitute.rs`): what those methods
of a class made in a namespace want isn't known, and what they did is in the object's attributes.
"""

import collections


def by_base(base, class_, *args):
    """Returns an object of a class, as a base of it makes one of these arguments."""
    new, init = base.__new__, base.__init__
    made = new(class_) if new is object.__new__ else new(class_, *args)
    if init is not object.__init__:
        init(made, *args)
    return made


def fill_property(made, parts):
    """Gives a new property its functions and its docstring, and leaves its attributes as they are."""
    try:
        attributes = object.__getattribute__(made, "__dict__")
    except AttributeError:
        attributes = {}
    kept = dict(attributes)
    property.__init__(made, *parts)
    # One of a subclass is given its docstring as an attribute, which the one that went may not have.
    attributes.clear()
    attributes.update(kept)


def set_module(made, module):
    """Gives a type variable or the like the name of the module that it was made in, where it takes one."""
    try:
        made.__module__ = module
    except (AttributeError, TypeError):
        pass


def reversed_deque(deque, position):
    """Returns an iterator that goes backwards over a deque, from where another has got to."""
    return type(reversed(collections.deque()))(deque, position)
