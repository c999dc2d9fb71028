"""What runs on an engine for the first interface: properties, modules, names, tasks.

Functions of this module travel by their names. The properties are the engine's,
not its namespace's: clearing the names leaves them.
"""

import sys

_properties = {}

# Names that a namespace begins with.
_OWN = ("In", "Out", "exit", "quit", "get_ipython")


def set_properties(properties):
    _properties.update(properties)


def get_properties(keys):
    if not keys:
        return dict(_properties)
    return {key: _properties[key] for key in keys}


def has_properties(keys):
    return [key in _properties for key in keys]


def del_properties(keys):
    for key in keys:
        del _properties[key]


def clear_properties():
    _properties.clear()


def require_properties(depend):
    """Raises UnmetDependency unless `depend` says of this engine's properties that they will do."""
    if not depend(dict(_properties)):
        from ipyparallel.error import UnmetDependency

        name = getattr(depend, "__name__", repr(depend))
        raise UnmetDependency(f"the task can't run here: {name} is false of {_properties}")


def user_names():
    """Returns the names that are bound in this engine's namespace, sorted."""
    import __main__

    return sorted(name for name in vars(__main__) if name[:1] != "_" and name not in _OWN)


def clear_names():
    import __main__

    for name in user_names():
        del vars(__main__)[name]


def put_module(name, source):
    """Makes a module of its source."""
    from types import ModuleType

    module = ModuleType(name)
    module.__file__ = f"<pushed {name}>"
    exec(compile(source, module.__file__, "exec"), vars(module))
    sys.modules[name] = module
    _bind(name, module)


def call_named(name, items):
    """Maps a callable, given as an expression of this engine's names, over tuples of arguments."""
    import __main__

    function = eval(name, vars(__main__))
    return [function(*item) for item in items]


def run_task(expression, result_names, setup, clear_before, clear_after):
    """Runs a task's code among this engine's names, and returns those that were asked for."""
    import __main__

    names = vars(__main__)
    if clear_before:
        clear_names()
    names.update(setup)
    exec(compile(expression, "<task>", "exec"), names)
    results = {}
    for name in result_names:
        if name not in names:
            raise NameError(f"name {name!r} is not defined")
        results[name] = names[name]
    if clear_after:
        clear_names()
    return results


def call_task(function, args, kwargs, clear_before, clear_after):
    """Calls a task's function, and returns what it gave as the result 'value'."""
    if clear_before:
        clear_names()
    value = function(*args, **kwargs)
    if clear_after:
        clear_names()
    return {"value": value}


def _bind(name, value):
    import __main__

    setattr(__main__, name, value)
