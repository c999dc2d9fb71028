"""What a function needs of the engine that runs it: `@require` and `@depend`.

Both are looked at on the engine, before the call. Where an engine doesn't have
what is needed, the call raises UnmetDependency; a task then goes to another
engine, without using up a retry, and raises ImpossibleDependency if none is left.

What a task needs of other tasks is a `Dependency`: see `LoadBalancedView`.
"""

from .error import UnmetDependency


class Dependency(set):
    """The message ids of requests and tasks, and what must become of them.

    dependencies: an AsyncResult, a message id, or several of both
    all: whether all of them are meant, or any one
    success, failure: whether those that succeed count, and those that fail

    Raises ValueError if neither counts, TypeError for what has no message ids.
    """

    def __init__(self, dependencies=(), all=True, success=True, failure=False):
        if not (success or failure):
            raise ValueError("a dependency is on successes, on failures, or both")
        set.__init__(self, _message_ids(dependencies))
        self.all = all
        self.success = success
        self.failure = failure

    def check(self, completed, failed=None):
        """Returns whether it is met, if these have succeeded and those failed."""
        met = set(completed) if self.success else set()
        if self.failure and failed is not None:
            met |= set(failed)
        if not self:
            return True
        return self <= met if self.all else not self.isdisjoint(met)

    def unreachable(self, completed, failed=None):
        """Returns whether it can't be met any more, if these have succeeded and those failed."""
        missed = set() if self.success else set(completed)
        if not self.failure and failed is not None:
            missed |= set(failed)
        if not self:
            return False
        return not self.isdisjoint(missed) if self.all else self <= missed

    def as_dict(self):
        """Returns it as plain data, from which a view takes it as well."""
        return {
            "dependencies": sorted(self),
            "all": self.all,
            "success": self.success,
            "failure": self.failure,
        }


def terms_of(dependency):
    """Returns what the native module is told of a dependency, in any form; None for none.

    Raises ValueError for what isn't one.
    """
    if dependency is None:
        return None
    if isinstance(dependency, str):
        return [dependency], True, True, False
    try:
        if isinstance(dependency, dict):
            dependency = _from_dict(dependency)
        elif not isinstance(dependency, Dependency):
            dependency = Dependency(dependency)
    except TypeError as error:
        raise ValueError(f"not a dependency: {dependency!r} ({error})") from None
    return list(dependency), dependency.all, dependency.success, dependency.failure


def _from_dict(described):
    """Returns the Dependency that plain data describes; its ids may also be called `msg_ids`."""
    described = dict(described)
    if "msg_ids" in described:
        described.setdefault("dependencies", described.pop("msg_ids"))
    return Dependency(**described)


def _message_ids(dependencies):
    if isinstance(dependencies, str):
        return [dependencies]
    if hasattr(dependencies, "msg_ids"):
        return dependencies.msg_ids
    ids = []
    for dependency in dependencies:
        if not (isinstance(dependency, str) or hasattr(dependency, "msg_ids")):
            raise TypeError(f"{type(dependency).__name__} objects have no message ids")
        ids += _message_ids(dependency)
    return ids


class depend:
    """Makes a function run only where `check(*args, **kwargs)` is true: a decorator.

    The check runs on the engine. False, or raising UnmetDependency, means that
    this engine can't run the function.
    """

    def __init__(self, check, *args, **kwargs):
        _check_callable(check, "depend")
        self.check = check
        self.args = args
        self.kwargs = kwargs

    def __call__(self, f):
        _check_callable(f, "depend")
        return dependent(f, self.check, *self.args, **self.kwargs)


def require(*objects, **mapping):
    """Makes a function run only where these modules are, with these objects at hand: a decorator.

    objects: names of modules, which are imported on the engine; modules; and
        functions or classes, which are bound there by their own names
    mapping: more objects, by the names under which they are bound

    Raises TypeError for what is none of these.
    """
    from types import ModuleType

    modules, bound = [], {}
    for needed in objects:
        if isinstance(needed, str):
            modules.append(needed)
        elif isinstance(needed, ModuleType):
            modules.append(needed.__name__)
        elif callable(needed) and hasattr(needed, "__name__"):
            bound[needed.__name__] = needed
        else:
            raise TypeError(
                "require takes names of modules, modules, functions and classes,"
                f" and other objects by keyword, not {needed!r}"
            )
    bound.update(mapping)
    return depend(_provide, modules, bound)


class dependent:
    """A function that runs only where `check(*args, **kwargs)` is true: what `depend` makes."""

    def __init__(self, f, check, /, *args, **kwargs):
        self.f = f
        self.check = check
        self.args = args
        self.kwargs = kwargs
        self.__name__ = getattr(f, "__name__", type(f).__name__)
        self.__doc__ = getattr(f, "__doc__", None)

    def __repr__(self):
        return f"<{self.__name__}, if {getattr(self.check, '__name__', self.check)}>"

    def __call__(self, *args, **kwargs):
        if self.check(*self.args, **self.kwargs) is False:
            name = getattr(self.check, "__name__", repr(self.check))
            raise UnmetDependency(f"{self.__name__} can't run here: {name} is False")
        return self.f(*args, **kwargs)


def interactive(f):
    """Makes a function find its globals where it runs, as if it had been typed there.

    A function of a module that engines can import otherwise travels by its
    name, and uses that module's globals. What isn't a Python function, such as
    a builtin, has no globals and is returned as it is.

    Raises TypeError for what can't be called.
    """
    from types import FunctionType

    _check_callable(f, "interactive")
    if not isinstance(f, FunctionType):
        return f
    import __main__

    linked = FunctionType(
        f.__code__, vars(__main__), f.__name__, f.__defaults__, f.__closure__
    )
    linked.__kwdefaults__ = f.__kwdefaults__
    linked.__doc__ = f.__doc__
    linked.__dict__.update(f.__dict__)
    linked.__module__ = "__main__"
    linked.__qualname__ = f.__qualname__
    return linked


def _provide(modules, bound):
    """Imports modules and binds objects in the namespace of this engine."""
    import __main__

    names = vars(__main__)
    for module in modules:
        try:
            imported = __import__(module)
        except ImportError as missing:
            raise UnmetDependency(f"this engine has no module {module}: {missing}") from None
        names[module.split(".")[0]] = imported
    names.update(bound)
    return True


def _check_callable(f, decorator):
    if not callable(f):
        raise TypeError(f"{decorator} is for functions, not for {type(f).__name__} objects")


__all__ = ["Dependency", "depend", "dependent", "interactive", "require"]
