"""What programs do to cells of one line before they run: transformers, checkers and handlers.

They are asked by the shell from the first one on that is registered, after magics have become
Python. Automagic and autocall are the shell's own and aren't among them.
"""

from IPython.core.splitinput import LineInfo

__all__ = [
    "LineInfo", "PrefilterChecker", "PrefilterError", "PrefilterHandler", "PrefilterManager", "PrefilterTransformer",
]


class PrefilterError(Exception):
    """A line can't be taken apart."""


class PrefilterManager:
    """The transformers, checkers and handlers of a shell.

    multi_line_specials: whether lines behind the first are changed, too, where several are given
    """

    multi_line_specials = True

    def __init__(self, shell=None, **kwargs):
        from rhumba.shell import get_ipython

        self.shell = shell if shell is not None else get_ipython()
        self._transformers = []
        self._checkers = []
        self._handlers = {}
        self._esc_handlers = {}
        PrefilterHandler(shell=self.shell, prefilter_manager=self)

    @property
    def transformers(self):
        return self._transformers

    @property
    def checkers(self):
        return self._checkers

    @property
    def handlers(self):
        return self._handlers

    def sort_transformers(self):
        self._transformers.sort(key=lambda each: each.priority)

    def sort_checkers(self):
        self._checkers.sort(key=lambda each: each.priority)

    def register_transformer(self, transformer):
        if transformer not in self._transformers:
            self._transformers.append(transformer)
            self.sort_transformers()
            self._listen()

    def unregister_transformer(self, transformer):
        if transformer in self._transformers:
            self._transformers.remove(transformer)

    def register_checker(self, checker):
        if checker not in self._checkers:
            self._checkers.append(checker)
            self.sort_checkers()
            self._listen()

    def unregister_checker(self, checker):
        if checker in self._checkers:
            self._checkers.remove(checker)

    def register_handler(self, name, handler, esc_strings=()):
        self._handlers[name] = handler
        self._esc_handlers.update((mark, handler) for mark in esc_strings)

    def unregister_handler(self, name, handler, esc_strings=()):
        if self._handlers.get(name) is handler:
            del self._handlers[name]
        for mark in esc_strings:
            if self._esc_handlers.get(mark) is handler:
                del self._esc_handlers[mark]

    def get_handler_by_name(self, name):
        return self._handlers.get(name)

    def get_handler_by_esc(self, esc_str):
        return self._esc_handlers.get(esc_str)

    def find_handler(self, line_info):
        """The handler that the first checker names, else the one that leaves the line as it is."""
        for checker in self._checkers:
            handler = checker.check(line_info) if checker.enabled else None
            if handler is not None:
                return handler
        return self.get_handler_by_name("normal")

    def prefilter_line_info(self, line_info):
        return self.find_handler(line_info).handle(line_info)

    def transform_line(self, line, continue_prompt=False):
        for transformer in self._transformers:
            if transformer.enabled:
                line = transformer.transform(line, continue_prompt)
        return line

    def prefilter_line(self, line, continue_prompt=False):
        """What a line becomes."""
        if not line:
            return ""
        if continue_prompt and not self.multi_line_specials:
            return line
        line = self.transform_line(line, continue_prompt)
        return self.prefilter_line_info(LineInfo(line, continue_prompt)) if line.strip() else line

    def prefilter_lines(self, lines, continue_prompt=False):
        """What lines become, each by itself."""
        single = lines.rstrip("\n").split("\n")
        return "\n".join(
            self.prefilter_line(line, continue_prompt or index > 0) for index, line in enumerate(single)
        )

    def _listen(self):
        if self.shell is not None and self._of_one_line not in self.shell.input_transformers_post:
            self.shell.input_transformers_post.append(self._of_one_line)

    def _of_one_line(self, lines):
        if len(lines) != 1 or not (self._transformers or self._checkers):
            return lines
        return self.prefilter_lines(lines[0]).splitlines(keepends=True)


class _Part:
    """What hangs on a manager: by default, on that of the shell."""

    priority = 100
    enabled = True

    def __init__(self, shell=None, prefilter_manager=None, **kwargs):
        from rhumba.shell import get_ipython

        self.shell = shell if shell is not None else get_ipython()
        self.prefilter_manager = self.shell.prefilter_manager if prefilter_manager is None else prefilter_manager
        for name, value in kwargs.items():
            setattr(self, name, value)


class PrefilterTransformer(_Part):
    """Changes the text of a line; it registers itself."""

    def __init__(self, shell=None, prefilter_manager=None, **kwargs):
        super().__init__(shell, prefilter_manager, **kwargs)
        self.prefilter_manager.register_transformer(self)

    def transform(self, line, continue_prompt):
        return line


class PrefilterChecker(_Part):
    """Says which handler takes a line, or None; it registers itself."""

    def __init__(self, shell=None, prefilter_manager=None, **kwargs):
        super().__init__(shell, prefilter_manager, **kwargs)
        self.prefilter_manager.register_checker(self)

    def check(self, line_info):
        return None


class PrefilterHandler(_Part):
    """Says what a line becomes: this one leaves it as it is. It registers itself under its name."""

    handler_name = "normal"
    esc_strings = ()

    def __init__(self, shell=None, prefilter_manager=None, **kwargs):
        super().__init__(shell, prefilter_manager, **kwargs)
        self.prefilter_manager.register_handler(self.handler_name, self, self.esc_strings)

    def handle(self, line_info):
        return line_info.line
