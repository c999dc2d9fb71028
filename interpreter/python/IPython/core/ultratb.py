"""Tracebacks as text, by the names by which programs import them."""

__all__ = ["AutoFormattedTB", "FormattedTB", "VerboseTB"]


class FormattedTB:
    """Puts exceptions into text as the shell does."""

    def __init__(self, mode="Context", color_scheme=None, theme_name=None, tb_offset=0, ostream=None, **options):
        self.mode = mode
        self.tb_offset = tb_offset
        self.ostream = ostream

    def text(self, etype, value, tb, tb_offset=None, context=5):
        from rhumba._failure import described

        return described(value)[2]

    def structured_traceback(self, etype, evalue, etb=None, tb_offset=None, context=5):
        return self.text(etype, evalue, etb).splitlines()

    def stb2text(self, stb):
        return "\n".join(stb)

    def __call__(self, etype=None, evalue=None, etb=None):
        import sys

        if etype is None:
            etype, evalue, etb = sys.exc_info()
        print(self.text(etype, evalue, etb), file=self.ostream or sys.stderr)


AutoFormattedTB = VerboseTB = FormattedTB
