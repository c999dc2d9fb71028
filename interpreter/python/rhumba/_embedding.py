"""A shell in the middle of a program: `rhumba.embed()`, with the names of whoever calls it.

In a function, the names of its frame and of its module are put together in one dict. Before each
cell the frame's values are taken into it, and after each cell what was bound anew is given back: to
the frame if the name is one of its own, else to the module if the module has it, else to the frame.
A name of a frame can't be unbound from outside: it comes back. At the level of a module cells run
in the module itself.

What reads and runs the cells is the shell; it is reached as `sys._rhumba_open_shell`. What is done here around it
is done by `sys._rhumba_around_shell`, which refuses it where another thread has a shell open.
"""

import sys

from rhumba._leaving import Leave
from rhumba.shell import UsageError, get_ipython

# What the shell binds for itself, which no program should find among its names.
_SHELL_NAMES = ("In", "Out", "_ih", "_oh", "_dh", "_", "__", "___", "_i", "_ii", "_iii", "_exit_code")

# The places, as files and lines, whose shell is not to be opened any more.
_killed = set()
_open = []


class KillEmbedded(Exception):
    """The person has left an embedded shell with `%exit_raise`."""


# The name that programs written for IPython know.
KillEmbeded = KillEmbedded


def embed(
    *, header="", banner1=None, banner2="", exit_msg="", user_ns=None, module=None, compile_flags=None, stack_depth=1,
    **kwargs,
):  # fmt: skip
    """Opens a shell with the names of the caller, and returns when the person leaves it.

    header: what is said first, beside what the shell is
    banner1: what is said in the place of that; "" for nothing
    banner2: what is said behind it
    exit_msg: what is said when it is left
    user_ns: a dict whose names it has in the place of those of the calling function
    module: a module whose names it has in the place of those of the caller's

    Names can be read and bound, those of the function and those of its module. `%kill_embedded`
    keeps the shell from opening here again, `%exit_raise` ends the program by an exception.

    Raises TypeError for a `user_ns` that isn't a dict, or a `module` that isn't one, and EOFError while another
    thread has a shell open.
    """
    if user_ns is not None and not isinstance(user_ns, dict):
        raise TypeError(f"user_ns is a dict of names, not {type(user_ns).__name__}")
    if module is not None and not isinstance(getattr(module, "__dict__", None), dict):
        raise TypeError(f"module is one that has names, not {type(module).__name__}")
    opened = getattr(sys, "_rhumba_open_shell", None)
    if opened is None:
        raise RuntimeError("there is no shell to open here: this Python runs without one")
    frame = sys._getframe(stack_depth)
    place = frame.f_code.co_filename, frame.f_lineno
    if place in _killed or place[0] in _killed:
        return
    session = _Session(_names_of(frame, user_ns, module), place)
    said = _said(header, banner1, banner2, frame)
    sys._rhumba_around_shell(lambda: _run(session, opened, said))
    if session.raises:
        raise KillEmbedded("the embedded shell was left with %exit_raise")
    if exit_msg:
        print(exit_msg)


def _run(session, opened, said):
    from rhumba import _tracebacks

    # They are for a person from here on, who may have chosen another mode before.
    _tracebacks.set_mode(_tracebacks._mode or "Context")
    _open.append(session)
    try:
        session.run(opened, said)
    finally:
        _open.pop()


def _names_of(frame, user_ns, module):
    if user_ns is None and module is None:
        return _ModuleNames(frame.f_globals) if frame.f_code.co_name == "<module>" else _FrameNames(frame)
    globals = frame.f_globals if module is None else vars(module)
    if user_ns is None or user_ns is globals:
        return _ModuleNames(globals)
    return _FrameNames(_Place(user_ns, globals))


class _Place:
    """Stands for a frame that has names of one's own."""

    def __init__(self, locals, globals):
        self.f_locals, self.f_globals = locals, globals


def _said(header, banner1, banner2, frame):
    if banner1 is not None:
        text = banner1
    else:
        code = frame.f_code
        where = "" if code.co_name == "<module>" else f", in {code.co_name}"
        text = (
            f"rhumba, in {code.co_filename}, line {frame.f_lineno}{where}."
            " Ctrl-D goes on with the program."
        )
    parts = (part.rstrip("\n") for part in (text, banner2, header))
    text = "\n".join(part for part in parts if part)
    return text + "\n\n" if text else ""


class _Session:
    """One embedded shell, from where it opens to where it is left."""

    def __init__(self, names, place):
        self.place = place
        self.raises = False
        self._names = names

    def run(self, opened, header):
        import _rhumba_shell

        names = self._names
        around = _rhumba_shell.swap_namespace(names.dict)
        shell = None
        try:
            names.bind_shell_names(around)
            # There is a shell object only where somebody looks: the screen is put there first.
            shell = _rhumba_shell.shell()
            user_ns, global_ns = shell.user_ns, shell.user_global_ns
            shell.user_ns, shell.user_global_ns = names.dict, names.globals
            _register_magics(shell)
            shell.events.register("pre_execute", names.take)
            shell.events.register("post_execute", names.give_back)
            opened(header)
        finally:
            _rhumba_shell.swap_namespace(around)
            if shell is not None:
                shell.events.unregister("pre_execute", names.take)
                shell.events.unregister("post_execute", names.give_back)
                shell.user_ns, shell.user_global_ns = user_ns, global_ns
            names.give_back()
            names.unbind_shell_names()


# What the shell's own names were bound to when the last embedded shell was left.
_kept = {}


class _Names:
    """The dict that cells run with."""

    def bind_shell_names(self, around):
        own = {name: around[name] for name in _SHELL_NAMES if name in around} or _kept
        self._hidden = {name: self.dict[name] for name in own if name in self.dict}
        self.dict.update(own)

    def unbind_shell_names(self):
        for name in list(self.dict):
            if _is_shell_name(name):
                _kept[name] = self.dict.pop(name)
        self.dict.update(self._hidden)


class _ModuleNames(_Names):
    """The names of a module are its dict itself."""

    def __init__(self, names):
        self.dict = self.globals = names

    def take(self):
        pass

    def give_back(self):
        pass


class _FrameNames(_Names):
    """The names of a function that is paused, before those of its module."""

    def __init__(self, frame):
        self._frame = frame
        self.globals = frame.f_globals
        self.dict = {}
        self._taken = {}
        self.take()

    def take(self):
        """Takes the values that the frame and its module have now."""
        locals = self._frame.f_locals
        current = {**self.globals, **locals}
        for name in self._taken:
            if name not in current:
                self.dict.pop(name, None)
        for name, value in current.items():
            # Where nothing has changed there, what a cell has bound stays.
            if name not in self._taken or self._taken[name] is not value:
                self.dict[name] = value
        self._taken = current

    def give_back(self):
        """Gives what was bound anew to the frame or to its module."""
        locals = self._frame.f_locals
        for name, value in list(self.dict.items()):
            # `__builtins__` comes by itself into the dict that cells run with.
            if not isinstance(name, str) or name == "__builtins__" or _is_shell_name(name):
                continue
            if name in self._taken and self._taken[name] is value:
                continue
            if name in self.globals and name not in locals:
                self.globals[name] = value
            else:
                locals[name] = value
            self._taken[name] = value
        for name in [name for name in self._taken if name not in self.dict]:
            if name in self.globals and name not in locals:
                del self.globals[name]
                del self._taken[name]
            elif name in locals:
                # The frame keeps it: what it is bound to is shown again.
                self.dict[name] = locals[name]


def _is_shell_name(name):
    if name in _SHELL_NAMES:
        return True
    # _7 and _i7: values and inputs by their numbers.
    return isinstance(name, str) and name[:1] == "_" and name[1:].removeprefix("i").isdigit()


# -- magics


def _register_magics(shell):
    add = shell.register_magic_function
    add(kill_embedded, "line", "kill_embedded")
    add(exit_raise, "line", "exit_raise")


def kill_embedded(line=""):
    """%kill_embedded [-i] [-x] [-y] keeps this shell from opening again, where it was opened.

    -i, --instance  every shell that is opened by this file
    -x, --exit      leaves it at once
    -y, --yes       doesn't ask first
    """
    words = set(line.split())
    unknown = words - {"-i", "--instance", "-x", "--exit", "-y", "--yes"}
    if unknown:
        raise UsageError(
            f"%kill_embedded has no option {sorted(unknown)[0]!r}.\nUsage: %kill_embedded [-i] [-x] [-y]"
        )
    session = _innermost("%kill_embedded")
    file, number = session.place
    whole_file = bool(words & {"-i", "--instance"})
    where = f"of {file}" if whole_file else f"of {file}, line {number},"
    if not words & {"-y", "--yes"}:
        answer = input(f"The shell {where} won't be opened any more. Are you sure (y/[n])? ")
        if answer.strip().lower() not in ("y", "yes"):
            print("Nothing done.")
            return
    _killed.add(file if whole_file else session.place)
    print(f"The shell {where} won't be opened any more.")
    if words & {"-x", "--exit"}:
        raise Leave


def exit_raise(line=""):
    """%exit_raise leaves this shell, and ends the program around it by an exception."""
    if line.strip():
        raise UsageError("%exit_raise takes no options.")
    _innermost("%exit_raise").raises = True
    raise Leave


def _innermost(magic):
    if not _open:
        raise UsageError(f"{magic} is for shells that a program has opened with embed().")
    return _open[-1]
