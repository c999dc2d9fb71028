"""What starts a shell, by the names by which programs do it."""

import _rhumba_shell

__all__ = ["TerminalIPythonApp", "launch_new_instance", "load_default_config"]


# Whether the shell is there only because a program asked for it before it opens one.
_is_ahead = False


def _shell():
    global _is_ahead
    if _rhumba_shell.get_ipython() is None:
        _is_ahead = True
    return _rhumba_shell.shell()


def is_in_shell():
    """Whether a shell is open, or runs a file."""
    from rhumba import _embedding

    return _rhumba_shell.get_ipython() is not None and (not _is_ahead or bool(_embedding._open))


def load_default_config(ipython_dir=None):
    """The configuration that the shell has."""
    return _shell().config


class TerminalIPythonApp:
    """A shell that isn't open yet: `shell` is the object that it will be, from `initialize` on."""

    def __init__(self, **options):
        self.shell = None
        for name, value in options.items():
            setattr(self, name, value)

    @classmethod
    def instance(cls, **options):
        return cls(**options)

    def initialize(self, argv=None):
        self.shell = _shell()

    def start(self):
        """Opens it."""
        from IPython.terminal.embed import start_ipython

        return start_ipython()


def launch_new_instance(argv=None, **options):
    """Opens a shell with the names of the program."""
    from IPython.terminal.embed import start_ipython

    return start_ipython(argv, **options)
