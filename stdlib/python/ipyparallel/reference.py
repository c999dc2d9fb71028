"""A name that stands for what an engine has by it.

    view.apply_sync(len, Reference("part"))

Each engine puts its own object in the place of the reference, before the call.
It may be an argument, be inside one, or be the function itself.
"""


class Reference:
    """An expression whose value is the engine's: a name such as 'a', or 'a.b[0]'.

    name: the expression, looked up in the engine's namespace

    Raises TypeError if `name` isn't a str, SyntaxError if it isn't an expression.
    """

    def __init__(self, name):
        if not isinstance(name, str):
            raise TypeError(f"a Reference names something by a str, not {name!r}")
        compile(name, "<Reference>", "eval")
        self.name = name

    def __repr__(self):
        return f"Reference({self.name!r})"

    def __call__(self, *args, **kwargs):
        """Calls what this process has by the name."""
        return resolve(self.name)(*args, **kwargs)

    # In a namespace that is saved or copied whole it stays what it is.
    _is_kept_in_namespaces = True

    def __reduce__(self):
        # Whoever receives it gets what it refers to there.
        return resolve, (self.name,)


def resolve(name):
    """Returns the value of an expression in the namespace of this process.

    Raises NameError, or what else evaluating it raises.
    """
    import __main__

    return eval(name, vars(__main__))
