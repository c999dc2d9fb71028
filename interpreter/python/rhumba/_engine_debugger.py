"""The debugger of an engine for somebody elsewhere: one call for each command.

Nothing waits here between two commands, so that the engine goes on with the work of everybody. What
a command prints is output like any other. Who asks, and shows it, is
`ipyparallel.client.debugger`; the commands are `_debugger`'s.
"""

import codeop
import sys

from rhumba._debugger import Debugger, has_frames

# A session holds a failure, with all that its frames hold: those opened last are kept.
_SESSIONS_MAX = 4

_sessions = {}
_last_number = 0


def open_session():
    """Opens a session on the last failure, and prints where that was.

    Returns {"session": number}, or {"trouble": sentence} if there is nothing to look at.
    """
    global _last_number
    failure = getattr(sys, "last_exc", None)
    if failure is None:
        return {"trouble": "nothing has failed there since it started or was cleared"}
    if not has_frames(failure):
        kind = type(failure).__name__
        return {"trouble": f"the last failure there, {kind}, left no frames: nothing of it has run"}
    _last_number += 1
    session = _sessions[_last_number] = _Session(failure)
    while len(_sessions) > _SESSIONS_MAX:
        del _sessions[min(_sessions)]
    session.message(f"{type(failure).__name__}: {failure}")
    session.print_stack_entry(session.stack[session.curindex])
    return {"session": _last_number}


def obey(number, line):
    """Does what a line says, and prints what comes of it.

    Returns {"ended": whether that ended the session, "more": whether the line is the beginning of
    a statement that goes on}; {"trouble": sentence} if there is no such session any more.
    """
    session = _sessions.get(number)
    if session is None:
        return {"trouble": "the session there is over: others have been opened since"}
    session.wants_more = False
    ended = bool(session.obey_all(line))
    if ended:
        close(number)
    return {"ended": ended, "more": session.wants_more}


def complete(number, line, cursor):
    """What could stand in place of the word before the cursor: where it starts, and texts."""
    session = _sessions.get(number)
    return (cursor, []) if session is None else session.candidates(line, cursor)


def close(number):
    """Ends a session, and lets go of what it held."""
    session = _sessions.pop(number, None)
    if session is not None:
        session.let_go()


class _Session(Debugger):
    """The debugger with nobody at a keyboard."""

    def __init__(self, failure):
        super().__init__()
        # A file of the engine's user is not of whoever asks.
        self.rcLines = []
        self.wants_more = False
        self._typed = ""
        self.is_post_mortem = True
        self.reset()
        # `exceptions` goes from one to another; the session holds them as long as it is open.
        self._chained_exceptions, tb = self._get_tb_and_exceptions(failure)
        self._chained_exception_index = len(self._chained_exceptions) - 1
        self.setup(None, tb)

    def obey_all(self, line):
        self.stdout, self.stdin = sys.stdout, sys.stdin
        self._typed = line
        self.cmdqueue = [line]
        while self.cmdqueue:
            if self.obey(self.cmdqueue.pop(0)):
                return True
        return False

    def read_line(self, prompt):
        raise EOFError

    def _read_code(self, line):
        # pdb strips what it is given, and an empty line is what ends a block.
        typed = self._typed.lstrip().removeprefix("!").lstrip()
        source = typed if "\n" in typed and typed.strip() == line.strip() else line + "\n"
        code = codeop.compile_command(source, "<debugger>", "single")
        if code is None:
            self.wants_more = True
            return None, None, False
        return code, line, False

    def _prompt_for_confirmation(self, prompt, default):
        return True

    def let_go(self):
        """Lets go of all that the session holds."""
        self.forget()
        self._chained_exceptions = ()
        self._chained_exception_index = 0

    def do_interact(self, arg):
        """interact

        Takes statements with the names of this frame, until Ctrl-D or exit().
        """
        # The asker's side does this; see `ipyparallel.client.debugger`.
        self.error("interact stands alone in a line")

    def do_debug(self, arg):
        """Needs a program that still runs."""
        self.error("nothing can be stepped through on an engine: it would keep everybody waiting")
