"""The magics of the first interface: `%px`, `%pn`, `%result` and `%autopx`.

`activate` of a RemoteController or MultiEngineClient registers them in the shell.
"""

from rhumba.shell import UsageError, get_ipython


def activate(controller, shell=None):
    """Registers the magics for a RemoteController or MultiEngineClient; warns where there is no shell."""
    shell = get_ipython() if shell is None else shell
    if shell is None:
        from warnings import warn

        warn("there is no shell here that could have the magics", stacklevel=3)
        return
    EngineMagics(shell, controller).register()


class EngineMagics:
    """The magics of one RemoteController or MultiEngineClient."""

    def __init__(self, shell, controller):
        self.shell = shell
        self.controller = controller
        self._next_hook = None
        self._sends_all = False

    def register(self):
        """Puts the magics into the shell."""
        for magic in (self.px, self.pn, self.result, self.autopx):
            self.shell.register_magic_function(magic, "line", magic.__name__)

    def px(self, line=""):
        """%px CODE runs a line of Python on the engines of `magicTargets` or `targets`."""
        targets = self.controller._magic_targets
        print(f"Parallel execution on engines: {targets}")
        return self.controller._execute(targets, line, None)

    px.raw_line = True

    def pn(self, line=""):
        """%pn N CODE runs a line of Python on engine N."""
        engine, _, code = line.strip().partition(" ")
        if not (engine.isdigit() and code.strip()):
            raise UsageError("%pn takes the id of an engine and code: %pn 2 a = 5")
        return self.controller._execute(int(engine), code, None)

    pn.raw_line = True

    def result(self, line=""):
        """%result [N] shows what the last command, or command N, gave on the engines."""
        text = line.strip()
        if text and not text.isdigit():
            raise UsageError(f"%result takes the number of a command, not {text!r}")
        targets = self.controller._magic_targets
        return self.controller._result(targets, int(text) if text else None)

    def autopx(self, line=""):
        """%autopx runs every cell on the engines, until it is given again."""
        if self._sends_all:
            self.shell.input_hook = self._next_hook
            print("Auto Parallel Disabled")
        else:
            self._next_hook = self.shell.input_hook
            self.shell.input_hook = self._on_cell
            print("Auto Parallel Enabled")
        self._sends_all = not self._sends_all

    def _on_cell(self, source):
        """Runs a cell on the engines; returns it to the shell if it is one of these magics, or asks
        for the shell's own help."""
        words = source.split(None, 1)
        if not words or words[0] in ("%px", "%pn", "%result", "%autopx") or words in (["?"], ["??"]):
            return source
        print(self.controller._execute(self.controller._magic_targets, source, None))
        return None
