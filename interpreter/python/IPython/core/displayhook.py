"""What takes the values of cells in the place of the screen."""

__all__ = ["CapturingDisplayHook"]


class CapturingDisplayHook:
    """A `sys.displayhook` that appends the forms of values to a list, as dicts of `data` and `metadata`."""

    def __init__(self, shell, outputs=None):
        self.shell = shell
        self.outputs = [] if outputs is None else outputs

    def __call__(self, result=None):
        if result is not None:
            data, metadata = self.shell.display_formatter.format(result)
            self.outputs.append({"data": data, "metadata": metadata})
