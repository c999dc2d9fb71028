"""Where modules are."""

__all__ = ["find_mod"]


def find_mod(module_name):
    """The file with the source of a module; None if there is none."""
    import importlib.util

    spec = importlib.util.find_spec(module_name)
    origin = spec.origin if spec is not None else None
    return origin if origin is not None and origin.endswith((".py", ".pyw")) else None
