"""Objects by their full names."""

__all__ = ["import_item"]


def import_item(name):
    """The object of a name with dots, `package.module.object`, or a module."""
    from importlib import import_module

    package, _, own = name.rpartition(".")
    if not package:
        return import_module(name)
    module = import_module(package)
    if not hasattr(module, own):
        try:
            return import_module(name)
        except ModuleNotFoundError:
            raise ImportError(f"{package} has no {own}", name=name) from None
    return getattr(module, own)
