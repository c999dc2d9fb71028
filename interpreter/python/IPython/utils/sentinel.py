"""Objects that stand for nothing but themselves."""

__all__ = ["Sentinel"]


class Sentinel:
    """A constant that is shown by its name."""

    def __init__(self, name, module, docstring=None):
        self.name = name
        self.module = module
        # Without a docstring, what the class says is nothing that the constant is.
        self.__doc__ = docstring

    def __repr__(self):
        return f"{self.module}.{self.name}"
