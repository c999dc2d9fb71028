"""The magics of this extension are part of the shell: loading it changes nothing."""


def load_ipython_extension(shell):
    """Does nothing."""


def unload_ipython_extension(shell):
    """Does nothing."""
