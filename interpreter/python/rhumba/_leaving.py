"""How a person leaves a shell: what `exit` and `quit` are while one is open.

Code that ends itself, as `sys.exit()` does, means the program that it was written for: only
`Leave` ends a shell.
"""

import builtins

__all__ = ["Leave", "Leaver", "offer"]


class Leave(SystemExit):
    """The person leaves the shell."""


class Leaver:
    """Leaves the shell when it is called.

    code: the exit status; None is 0, and a text is shown and means 1
    """

    def __init__(self, name):
        self.name = name

    def __repr__(self):
        return f"Use {self.name}() or Ctrl-D to leave the shell"

    def __call__(self, code=None):
        raise Leave(code)


def confirmed():
    """Asks the person whether to leave; nothing, and Ctrl-D once more, mean yes."""
    while True:
        try:
            answer = input("Do you really want to exit ([y]/n)? ").strip().lower()
        except EOFError:
            print()
            return True
        except KeyboardInterrupt:
            print()
            return False
        if answer in ("", "y", "yes"):
            return True
        if answer in ("n", "no"):
            return False


def offer():
    """Makes `exit` and `quit` leave the shell that is open."""
    for name in ("exit", "quit"):
        bound = getattr(builtins, name, None)
        # Whoever has put something else there wants that.
        if bound is None or type(bound).__module__ == "_sitebuiltins":
            setattr(builtins, name, Leaver(name))
