"""What takes the values of cells: for the screen, or in the place of it."""

import _rhumba_shell

__all__ = ["CapturingDisplayHook", "DisplayHook"]


class DisplayHook:
    """Shows a value as that of a cell: `Out[N]` in every form that it has; what `shell.displayhook` is.

    exec_result: where the value is noted as well, an ExecutionResult, or None
    """

    def __init__(self, shell, cache_size=1000, **kwargs):
        self.shell = shell
        self.cache_size = cache_size
        self.do_full_cache = True
        self.exec_result = None

    @property
    def prompt_count(self):
        """The number of the cell that runs."""
        return _rhumba_shell.cell_count()

    def quiet(self):
        """Whether the cell that runs ends with a semicolon, which mutes it."""
        inputs = _rhumba_shell.inputs()
        return len(inputs) > 1 and self.semicolon_at_end_of_expression(self.shell.transform_cell(inputs[-1]))

    @staticmethod
    def semicolon_at_end_of_expression(expression):
        """Whether the last that isn't a comment is a semicolon."""
        import io
        import tokenize

        passed_over = (tokenize.NL, tokenize.NEWLINE, tokenize.COMMENT, tokenize.ENDMARKER, tokenize.DEDENT)
        last = None
        try:
            for token in tokenize.generate_tokens(io.StringIO(expression).readline):
                if token.type not in passed_over:
                    last = token
        except (tokenize.TokenError, SyntaxError):
            # Magics are no Python; as far as it could be read, it counts.
            pass
        return last is not None and last.string == ";"

    def compute_format_data(self, result):
        """The forms of a value by MIME type, and what is said of them."""
        return self.shell.display_formatter.format(result)

    def __call__(self, result=None):
        if result is None or self.quiet():
            return
        if self.exec_result is not None:
            self.exec_result.result = result
        _rhumba_shell.displayhook(result)

    def flush(self):
        """Forgets the values of cells."""
        from rhumba._magics.names import _forget_outputs

        _forget_outputs()


class CapturingDisplayHook:
    """A `sys.displayhook` that appends the forms of values to a list, as dicts of `data` and `metadata`."""

    def __init__(self, shell, outputs=None):
        self.shell = shell
        self.outputs = [] if outputs is None else outputs

    def __call__(self, result=None):
        if result is not None:
            data, metadata = self.shell.display_formatter.format(result)
            self.outputs.append({"data": data, "metadata": metadata})
