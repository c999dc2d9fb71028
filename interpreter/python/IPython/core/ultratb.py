"""Tracebacks as text, by the names by which programs import them.

What stands in them is `rhumba._tracebacks`'s. An object of a class here can take the place of `sys.excepthook`:

    sys.excepthook = FormattedTB(mode="Verbose", call_pdb=True)
"""

__all__ = ["AutoFormattedTB", "FormattedTB", "ListTB", "SyntaxTB", "VerboseTB"]


class FormattedTB:
    """Puts exceptions into text in one of the modes of `%xmode`.

    mode: its name; None is the one that the shell is set to, and `set_mode` sets that then
    tb_offset: how many frames at the beginning aren't told of
    ostream: where a call writes the text; by default, stderr
    call_pdb: whether a call opens the debugger after that
    theme_name, color_scheme and other options: taken, and without effect: colours are those of the shell
    """

    _mode = "Plain"

    def __init__(self, mode="", color_scheme=None, call_pdb=False, ostream=None, tb_offset=0, **options):
        if mode == "":
            mode = type(self)._mode
        self._own_mode = None if mode is None else _known(mode)
        self.call_pdb = bool(call_pdb)
        self.ostream = ostream
        self.tb_offset = tb_offset
        self.tb = None

    @property
    def mode(self):
        from rhumba import _tracebacks

        return self._own_mode or _tracebacks.mode()

    @property
    def valid_modes(self):
        from rhumba import _tracebacks

        return list(_tracebacks.MODES)

    def set_mode(self, mode=None):
        """Chooses a mode by its name; without one, the next in their order."""
        if self._own_mode is None:
            from rhumba import _tracebacks

            _tracebacks.set_mode(mode)
        elif mode is None:
            modes = self.valid_modes
            self._own_mode = modes[(modes.index(self._own_mode) + 1) % len(modes)]
        else:
            self._own_mode = _known(mode)

    def plain(self):
        self.set_mode("Plain")

    def context(self):
        self.set_mode("Context")

    def verbose(self):
        self.set_mode("Verbose")

    def minimal(self):
        self.set_mode("Minimal")

    def text(self, etype, value, tb, tb_offset=None, context=5):
        """The whole text of an exception, with the frames of a traceback."""
        from rhumba import _failure, _tracebacks

        value = _exception(etype, value)
        if value is None:
            return ""
        lines = _failure._own_lines(value)
        if lines is not None:
            return "\n".join(lines)
        for _ in range(self.tb_offset if tb_offset is None else tb_offset):
            # The last frame is always told.
            if tb is None or tb.tb_next is None:
                break
            tb = tb.tb_next
        before = value.__traceback__
        try:
            return _tracebacks.text(value.with_traceback(tb), self.mode)
        finally:
            value.__traceback__ = before

    def structured_traceback(self, etype, evalue, etb=None, tb_offset=None, context=5):
        """The same as a list of lines."""
        return self.text(etype, evalue, etb, tb_offset, context).splitlines()

    def stb2text(self, stb):
        return "\n".join(stb)

    def debugger(self, force=False):
        """Opens the debugger at the exception that was told last, if `call_pdb` or `force` says so."""
        if (self.call_pdb or force) and self.tb is not None:
            from rhumba import _debugger

            if _debugger.has_frames(self.tb):
                _debugger.post_mortem(self.tb)
        # Until the next one, nothing of the program is kept alive.
        self.tb = None

    def handler(self, info=None):
        """Tells of an exception: a tuple as of `sys.exc_info()`, by default the one that is handled."""
        import sys

        etype, evalue, etb = info or sys.exc_info()
        self(etype, evalue, etb)

    def __call__(self, etype=None, evalue=None, etb=None, out=None, tb_offset=None):
        """Writes the text of an exception, by default of the one that is handled."""
        import sys

        if etype is None:
            etype, evalue, etb = sys.exc_info()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        print(self.text(etype, evalue, etb, tb_offset), file=out or self.ostream or sys.stderr)
        self.tb = _exception(etype, evalue)
        try:
            self.debugger()
        except KeyboardInterrupt:
            print("\nKeyboardInterrupt", file=sys.stderr)


def _known(mode):
    from rhumba import _tracebacks

    return _tracebacks.known_mode(mode)


def _exception(etype, value):
    """The exception itself: who tells of one may have its class alone, or its class and a message."""
    if isinstance(value, BaseException) or etype is None:
        return value if isinstance(value, BaseException) else None
    return etype() if value is None else etype(value)


class AutoFormattedTB(FormattedTB):
    """The same, in the mode that the shell is set to unless one is named."""

    _mode = None


class VerboseTB(FormattedTB):
    """The same with the values of names."""

    _mode = "Verbose"


class ListTB(FormattedTB):
    """The same as the standard library writes it."""


class SyntaxTB(ListTB):
    """The same for source that doesn't compile, whose place is told and no frame."""

    def text(self, etype, value, tb, tb_offset=None, context=5):
        return super().text(etype, value, None if isinstance(value, SyntaxError) else tb, tb_offset, context)
