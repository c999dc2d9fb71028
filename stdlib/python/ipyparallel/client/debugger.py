"""The debugger for an error that happened on an engine: `view.debug()` and `%debug -t ENGINE`.

The failure stays on its engine, the last one of each, until another comes or the engine is
cleared. Every line that is typed here is a request of its own there: between two of them the engine
does what others ask of it, and the other engines go on anyway. What the commands are is
`rhumba._debugger`'s.

Imported only where somebody debugs.
"""

import sys

from .. import error
from .interruption import interrupt

# How long Tab waits for an engine that may be busy.
_COMPLETION_TIMEOUT_S = 1.0
_LOOK_INTERVAL_S = 0.2


def debug(view):
    """Debugs the last failure of the engine of a view, until the person leaves it.

    Raises ValueError if the view has not exactly one engine, RuntimeError if nothing failed there.
    """
    targets = view.targets
    engines = [targets] if isinstance(targets, int) else view.client.ids if targets == "all" else list(targets)
    if len(engines) != 1:
        raise ValueError(f"the debugger looks at one engine, not at {len(engines)}: rc[2].debug()")
    _Session(view.client.direct_view(engines[0]), engines[0]).run()


class _Session:
    """One failure on one engine, as it is looked at from here."""

    def __init__(self, view, engine):
        self._view = view
        self._engine = engine
        self._number = None

    def run(self):
        from rhumba import _engine_debugger

        opened = self._ask(_engine_debugger.open_session)
        if "trouble" in opened:
            raise RuntimeError(f"engine {self._engine} can't be debugged: {opened['trouble']}")
        self._number = opened["session"]
        is_over = False
        try:
            while not is_over:
                try:
                    is_over = self._command(self._line(f"ipdb [{self._engine}]> "))
                except EOFError:
                    print()
                    break
                except KeyboardInterrupt:
                    print("--KeyboardInterrupt--")
        finally:
            if not is_over:
                # An engine that has died has let go of it, too.
                try:
                    self._view.apply_async(_engine_debugger.close, self._number)
                except error.IPythonError:
                    pass

    def _command(self, line):
        """Has one line obeyed; returns whether the session is over."""
        if line.strip() == "interact":
            return self._interact()
        return self._obey(line)

    def _obey(self, line, more_prompt="  ...: "):
        from rhumba import _engine_debugger

        while True:
            answer = self._ask(_engine_debugger.obey, self._number, line)
            if "trouble" in answer:
                print(f"*** {answer['trouble']}", file=sys.stderr)
                return True
            if not answer["more"]:
                return answer["ended"]
            # Only whole statements are of use there: what is typed is put together here.
            line += "\n" + self._line(more_prompt).rstrip()

    def _interact(self):
        print("Statements run with the names of this frame; Ctrl-D goes back to the debugger.")
        while True:
            try:
                line = self._line(">>> ")
            except EOFError:
                print()
                return False
            if line.strip() in ("exit", "exit()", "quit", "quit()"):
                return False
            if line.strip() and self._obey("!" + line, "... "):
                return True

    def _line(self, prompt):
        reader = getattr(sys, "_rhumba_read_line", None)
        return input(prompt) if reader is None else reader(prompt, self._candidates)

    def _candidates(self, line, cursor):
        from rhumba import _engine_debugger

        asked = self._view.apply_async(_engine_debugger.complete, self._number, line, cursor)
        try:
            return asked.get(_COMPLETION_TIMEOUT_S)
        except (error.IPythonError, error.TimeoutError):
            return cursor, []

    def _ask(self, function, *args):
        """Calls a function on the engine, and shows what it prints as that comes.

        Ctrl-C interrupts what runs there for this session, and nothing of others.
        """
        result = self._view.apply_async(function, *args)
        group = result._group
        cursor = 0
        while True:
            try:
                is_done = group.done()
                cursor = _show_new(group, cursor)
                if is_done:
                    break
                group.wait_output(cursor, _LOOK_INTERVAL_S)
            except KeyboardInterrupt:
                interrupt(self._view.client._connection, [group])
        try:
            return result.get()
        except error.RemoteError as failure:
            if failure.ename == "KeyboardInterrupt":
                raise KeyboardInterrupt from None
            raise


def _show_new(group, cursor):
    cursor, items = group.outputs_since(cursor)
    for _, kind, data in items:
        if kind in ("stdout", "stderr"):
            stream = sys.stderr if kind == "stderr" else sys.stdout
            stream.write(data)
            stream.flush()
    return cursor
