"""Attributes of objects, whatever their code raises."""

__all__ = ["dir2", "get_real_method", "safe_hasattr"]


def safe_hasattr(obj, attr):
    """Whether an object has an attribute that can be read."""
    try:
        getattr(obj, attr)
    except Exception:
        return False
    return True


def dir2(obj):
    """The names of the attributes of an object and of its class, in order."""
    names = set()
    for asked in (obj, type(obj)):
        try:
            names.update(dir(asked))
        except Exception:
            pass
    return sorted(name for name in names if isinstance(name, str))


def get_real_method(obj, name):
    """The method of an object, or None: also for classes, and for objects that claim to have everything."""
    import types

    try:
        if getattr(obj, "_ipython_canary_method_should_not_exist_", None) is not None:
            return None
        found = getattr(obj, name, None)
    except Exception:
        return None
    if isinstance(obj, type) and not isinstance(found, types.MethodType):
        return None
    return found if callable(found) else None
