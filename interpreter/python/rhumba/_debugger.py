"""The debugger of the shell: the standard `pdb`, at home in cells.

It shows the lines around a place, leaves out the frames that are rhumba's own, explains objects by
`name?`, and can look at what has failed after the fact. What its commands do is pdb's. How a
failure on an engine is looked at from elsewhere is `_engine_debugger`'s.

Imported only where somebody debugs: pdb and what it needs take several megabytes.
"""

import _imp
import codeop
import linecache
import os
import pdb
import sys
import types

import _rhumba_shell

from rhumba import _stack, _tracebacks
from rhumba.shell import UsageError, get_ipython

_OWN = ("rhumba", "ipyparallel", "IPython", "bdb", "pdb")
_CONTEXT_LINES = 5
# Commands that need a program that still runs.
_NEEDS_PROGRAM = frozenset(
    "s step n next unt until r return j jump run restart b break tbreak".split()
)

# As many engines are named that something has failed on.
_ENGINES_NAMED_MAX = 10

# What makes a frame one to pass over, and whether that holds at first.
_PREDICATES = {"tbhide": True, "readonly": False, "debuggerskip": True}

_YES_OR_NO = {
    "yes": True, "true": True, "1": True, "on": True, "no": False, "false": False, "0": False, "off": False,
}

# Steps pass over what is in these modules.
_STEPPED_OVER = frozenset(("rhumba", "rhumba.*", "_rhumba", "_rhumba_*", "ipyparallel", "ipyparallel.*"))

_shared = None


def shared():
    """The debugger of this shell: its aliases, breakpoints and settings stay from use to use."""
    global _shared
    if _shared is None or _shared.is_busy:
        fresh = Debugger()
        if _shared is not None:
            # The one in use is asked from inside one of its own commands.
            return fresh
        _shared = fresh
    return _shared


def post_mortem(exception=None):
    """Looks at the frames that an exception left: by default, the last one that was shown."""
    if exception is None:
        exception = last_failure()
    shared().examine(exception)


def last_failure():
    """The exception that was shown last; UsageError if there is none to look at."""
    failure = getattr(sys, "last_exc", None)
    if failure is None:
        raise UsageError("Nothing has failed yet, so there is nothing to look at.")
    told = _told_elsewhere(failure)
    if told is not None:
        if not _has_functions(failure):
            raise UsageError(told)
        print(told)
    if not has_frames(failure):
        raise UsageError(
            f"The last failure, {type(failure).__name__}, left no frames to look at:"
            " nothing of it has run."
        )
    return failure


def has_frames(exception):
    """Whether an exception left frames that aren't rhumba's own."""
    return any(not is_own(entry.tb_frame) for entry in _stack._entries(exception.__traceback__))


def _has_functions(exception):
    """Whether frames that it left are of functions: a cell that asks engines for something shows no more than that."""
    frames = (entry.tb_frame for entry in _stack._entries(exception.__traceback__))
    return any(frame.f_code.co_name != "<module>" for frame in frames if not is_own(frame))


def _told_elsewhere(exception):
    """A sentence on the engines that an exception was raised on; None of what was raised here."""
    raised_on = getattr(type(exception), "_raised_on_", None)
    engines = [] if raised_on is None else raised_on(exception)
    if not engines:
        return None
    first = engines[0]
    if len(engines) == 1:
        return f"That failed on engine {first}: %debug -t {first} looks at it there."
    named = ", ".join(map(str, engines[:_ENGINES_NAMED_MAX])) + ", …" * (len(engines) > _ENGINES_NAMED_MAX)
    return f"That failed on {len(engines)} engines ({named}): %debug -t {first} looks at it on the first of them."


def on_failure(exception):
    """Looks at what has just failed, where there is anything to see; for `%pdb`."""
    if isinstance(exception, KeyboardInterrupt):
        return
    told = _told_elsewhere(exception)
    if told is not None:
        print(told)
        if not _has_functions(exception):
            return
    if has_frames(exception):
        shared().examine(exception)


def set_trace(frame=None, header=None):
    """Stops where it is called, or in the frame, as the command line's `breakpoint()` does."""
    debugger = shared()
    if header is not None:
        debugger.message(header)
    debugger.set_trace(frame or sys._getframe(1))


def on_breakpoint(*args, **kwargs):
    """What `breakpoint()` calls in a shell; $PYTHONBREAKPOINT stays in force."""
    if os.environ.get("PYTHONBREAKPOINT", ""):
        return sys.__breakpointhook__(*args, **kwargs)
    frame = sys._getframe(1)
    while frame.f_back is not None and is_own(frame):
        frame = frame.f_back
    debugger = shared()
    if kwargs.get("header") is not None:
        debugger.message(kwargs["header"])
    return debugger.set_trace(frame, commands=kwargs.get("commands"))


def run(source, namespace, breakpoints=(), name=None):
    """Runs source step by step: from its first line, or from the breakpoints on.

    source: text or code
    breakpoints: pairs of a file and a line
    Returns whether to run it again, because the person has asked for that.
    """
    debugger = shared()
    for file, line in breakpoints:
        trouble = debugger.set_break(file, line)
        if trouble:
            raise UsageError(f"There can be no breakpoint at {file}:{line}: {trouble}")
    if isinstance(source, str):
        source = _compiled(source, name or _next_name())
    if breakpoints:
        debugger.cmdqueue.append("continue")
    try:
        debugger.run(source, namespace, namespace)
    except pdb.Restart:
        return True
    finally:
        sys.settrace(None)
    return False


def _compiled(source, name):
    lines = [line + "\n" for line in source.splitlines()]
    linecache.cache[name] = len(source), None, lines, name
    return compile(source, name, "exec")


_debug_count = 0


def _next_name():
    global _debug_count
    _debug_count += 1
    return f"<debug {_debug_count}>"


def is_own(frame):
    """Whether a frame is the shell's or the debugger's, and not the person's."""
    module = frame.f_globals.get("__name__")
    if not isinstance(module, str) or module.partition(".")[0] not in _OWN:
        return False
    filename = frame.f_code.co_filename
    # A cell may be run in a namespace of any name, but it is of no file.
    return _imp.is_frozen(filename) or os.sep in filename


class Debugger(pdb.Pdb):
    """pdb with the shell's habits."""

    def __init__(
        self, completekey=None, stdin=None, stdout=None, context=None, *, skip=None, readrc=True, mode=None, **options
    ):
        # Programs make one in many ways; what is said of colours and of completion is the shell's here.
        # Ctrl-C ends what runs, as it does without a debugger, and gives the prompt back.
        passed_over = [*_STEPPED_OVER, *(skip or ())]
        super().__init__(None, stdin, stdout, passed_over, nosigint=True, readrc=readrc, mode=mode)
        # Where commands come from and answers go; without them that is wherever a cell's do.
        self._own_stdin, self._own_stdout = stdin, stdout
        self.prompt = "ipdb> "
        self.context = int(context) if context else _CONTEXT_LINES
        # For programs that make more of this class; None where there is no shell.
        self.shell = get_ipython()
        self.skip_hidden = True
        self.predicates = dict(_PREDICATES)
        self.is_busy = False
        self.is_post_mortem = False
        self.allow_kbdint = True
        # The frame and the line that was jumped to, until it runs.
        self._jumped = None

    # -- starting and ending

    def examine(self, exception):
        """Opens at the innermost frame of an exception, and returns when the person leaves."""
        # What failed while it was stepped through, with breakpoints set, has left tracing on.
        sys.settrace(None)
        self.reset()
        self.is_post_mortem = True
        try:
            self.interaction(None, exception)
        finally:
            self.is_post_mortem = False
            self.forget()

    def interaction(self, frame, tb_or_exc):
        self.stdout, self.stdin = self._own_stdout or sys.stdout, self._own_stdin or sys.stdin
        was_busy, self.is_busy = self.is_busy, True
        try:
            super().interaction(frame, tb_or_exc)
        finally:
            self.is_busy = was_busy

    def get_stack(self, frame, tb):
        stack, index = super().get_stack(frame, tb)
        at = stack[index] if stack else None
        kept = [entry for entry in stack if not is_own(entry[0])]
        if not kept:
            return stack, index
        if at in kept:
            return kept, kept.index(at)
        return kept, len(kept) - 1

    def user_line(self, frame):
        # The runtime tells of a line once when it is jumped to and once more when it runs.
        jumped, self._jumped = self._jumped, None
        if jumped != (frame, frame.f_lineno):
            super().user_line(frame)

    def user_return(self, frame, return_value):
        super().user_return(frame, return_value)
        _unbind(frame, "__return__")

    def user_exception(self, frame, exc_info):
        super().user_exception(frame, exc_info)
        _unbind(frame, "__exception__")

    def stop_here(self, frame):
        return super().stop_here(frame) and not (self.predicates["debuggerskip"] and _asks_to_be_skipped(frame))

    def _is_passed_over(self, frame):
        holds = self.predicates
        return (
            (holds["tbhide"] and _is_true(frame, "__tracebackhide__"))
            or (holds["debuggerskip"] and _asks_to_be_skipped(frame))
            or (holds["readonly"] and _is_of_others(frame.f_code.co_filename))
        )

    def do_debug(self, arg):
        """debug STATEMENT

        Steps through a statement with the names of this frame, in a debugger of its own.
        """
        if not arg.strip():
            self.error("debug takes a statement: debug f(3)")
            return
        frame = self.curframe
        inner = type(self)(None, self._own_stdin, self._own_stdout, self.context)
        inner.prompt = f"({self.prompt.strip()}) "
        sys.settrace(None)
        self.message("ENTERING RECURSIVE DEBUGGER")
        try:
            code = _compiled(arg, _next_name())
            sys.call_tracing(inner.run, (code, frame.f_globals, frame.f_locals))
        except Exception:
            self._error_exc()
        self.message("LEAVING RECURSIVE DEBUGGER")
        if not self.is_post_mortem:
            sys.settrace(self.trace_dispatch)

    def do_jump(self, arg):
        before = self.stack[self.curindex]
        result = super().do_jump(arg)
        if self.stack[self.curindex] != before:
            self._jumped = self.stack[self.curindex]
        return result

    do_jump.__doc__ = pdb.Pdb.do_jump.__doc__
    do_j = do_jump

    def dispatch_return(self, frame, arg):
        result = super().dispatch_return(frame, arg)
        if frame.f_back is None or is_own(frame.f_back):
            # The cell is over: what the shell does next is nothing to step through.
            self.set_continue()
            sys.settrace(None)
            return None
        return result

    # -- lines

    def read_line(self, prompt):
        """Asks the person for a line, without its end; EOFError at the end of the input."""
        if self._own_stdin is not None:
            print(prompt, end="", file=self._own_stdout or sys.stdout, flush=True)
            line = self._own_stdin.readline()
            if not line:
                raise EOFError
            return line.rstrip("\r\n")
        reader = getattr(sys, "_rhumba_read_line", None)
        # It waits for its turn where the shell or another thread reads: two can't edit lines at once.
        if reader is not None:
            return reader(prompt, self.candidates)
        return input(prompt)

    def cmdloop(self, intro=None):
        self.preloop()
        stop = None
        while not stop:
            if self.cmdqueue:
                line = self.cmdqueue.pop(0)
            else:
                try:
                    line = self.read_line(self.prompt)
                except EOFError:
                    self.message("")
                    line = "EOF"
            stop = self.obey(line)
        self.postloop()

    def obey(self, line):
        """Does what one line says; returns whether that ends the session."""
        line = self.precmd(line)
        return self.postcmd(self.onecmd(line), line)

    def precmd(self, line):
        text = line.strip()
        if not self.commands_defining:
            if text.endswith("??") and text != "??":
                line = "pinfo2 " + text[:-2]
            elif text.endswith("?") and text != "?":
                line = "pinfo " + text[:-1]
            elif text.startswith("%"):
                line = "_magic " + text
        return super().precmd(line)

    def onecmd(self, line):
        word = line.partition(" ")[0]
        if self.is_post_mortem and word in _NEEDS_PROGRAM:
            self.error("the program has ended here: there is nothing to step through or stop")
            return False
        return super().onecmd(line)

    def _read_code(self, line):
        """Compiles a statement; asks for more lines as long as it isn't complete."""
        buffer = line
        code = codeop.compile_command(buffer + "\n", "<debugger>", "single")
        while code is None:
            try:
                more = self.read_line("  ...: ")
            except (EOFError, KeyboardInterrupt):
                self.lastcmd = ""
                self.message("")
                return None, None, False
            # An empty line ends a block.
            buffer += "\n" + more.rstrip()
            code = codeop.compile_command(buffer, "<debugger>", "single")
            self.lastcmd = ""
        return code, buffer, False

    def candidates(self, line, cursor):
        """What could stand in place of the word before the cursor: where it starts, and texts."""
        start = cursor
        while start > 0 and (line[start - 1].isalnum() or line[start - 1] in "_."):
            start -= 1
        typed = line[start:cursor]
        frame = self.curframe
        if "." in typed:
            owner, _, attribute = typed.rpartition(".")
            names = _attributes_of(owner, frame)
            found = [f"{owner}.{name}" for name in names if name.startswith(attribute)]
            if not attribute.startswith("_"):
                found = [name for name in found if not name.rpartition(".")[2].startswith("_")]
            return start, sorted(found)
        names = {*frame.f_locals, *frame.f_globals, *dir(frame.f_globals.get("__builtins__"))}
        if not line[:start].strip():
            names |= {name[3:] for name in dir(self) if name.startswith("do_")}
        return start, sorted(name for name in names if isinstance(name, str) and name.startswith(typed))

    def get_names(self):
        # What `h` lists: not the one that only `%` leads to.
        return [name for name in super().get_names() if name != "do__magic"]

    # -- what is shown

    def message(self, msg, end="\n"):
        print(msg, end=end, file=self._own_stdout or sys.stdout)

    def error(self, msg):
        print("***", msg, file=self._own_stdout or sys.stdout)

    def set_theme_name(self, name):
        """Taken, and without effect: colours are those of the shell."""

    def print_stack_entry(self, frame_lineno, prompt_prefix=pdb.line_prefix):
        frame, line = frame_lineno
        mark = "> " if frame is self.curframe else "  "
        code = frame.f_code
        where = f"{code.co_filename}({line}){code.co_name}()"
        names = frame.f_locals
        if "__return__" in names:
            where += "->" + _tracebacks.brief(names["__return__"])
        self.message(mark + where)
        text = self._around(frame, line)
        if text:
            self.message(text, end="")

    def _around(self, frame, line):
        lines = linecache.getlines(frame.f_code.co_filename, frame.f_globals)
        before = self.context // 2
        first = max(1, line - before)
        last = min(len(lines), first + self.context - 1)
        first = max(1, min(first, last - self.context + 1))
        width = len(str(last))
        text = ""
        for number in range(first, last + 1):
            arrow = "---->" if number == line else "     "
            text += f"{arrow} {number:>{width}} {lines[number - 1].rstrip()}\n"
        return text

    def print_stack_trace(self, count=None):
        shown = self.stack
        if count is not None:
            shown = [self.stack[self.curindex]] if count == 0 else shown[:-count] if count < 0 else shown[-count:]
        hidden = dict(zip(map(id, self.stack), self.hidden_frames(self.stack)))
        skipped = 0
        for entry in shown:
            if hidden[id(entry)] and entry[0] is not self.curframe:
                skipped += 1
                continue
            self._tell_skipped(skipped, 0)
            skipped = 0
            self.print_stack_entry(entry)
        self._tell_skipped(skipped, 0)

    def hidden_frames(self, stack):
        """For each entry of a stack, whether up and down pass over it because it is hidden."""
        last = len(stack) - 1
        # There is always an end to go to.
        hidden = [
            self.skip_hidden and 0 < at < last and self._is_passed_over(frame) for at, (frame, _) in enumerate(stack)
        ]
        if self.skip_hidden and self.predicates["tbhide"]:
            # What such a frame hides is all that has led to it.
            bottoms = [at for at, (frame, _) in enumerate(stack) if _hides_callers(frame)]
            if bottoms:
                hidden[: bottoms[-1] + 1] = [True] * (bottoms[-1] + 1)
        return hidden

    def _tell_skipped(self, hidden, ignored):
        told = [
            f"{count} {kind} frame{'s' if count > 1 else ''} skipped"
            for count, kind in ((hidden, "hidden"), (ignored, "ignored"))
            if count
        ]
        if told:
            self.message(f"[{', '.join(told)}]")

    def _move(self, arg, step, end):
        """Goes so many frames up or down that are neither hidden nor of an ignored module."""
        try:
            count = int(arg or 1)
        except ValueError:
            self.error(f"Invalid frame count ({arg})")
            return
        last = 0 if step < 0 else len(self.stack) - 1
        if self.curindex == last:
            self.error(end)
            return
        if count < 0:
            self._select_frame(last)
            return
        hidden = self.hidden_frames(self.stack)
        at, found, passed = self.curindex, None, {"hidden": 0, "ignored": 0}
        while at != last and count:
            at += step
            if hidden[at]:
                passed["hidden"] += 1
            elif self._is_ignored(self.stack[at][0]):
                passed["ignored"] += 1
            else:
                found = at
                skipped = tuple(passed.values())
                count -= 1
        if found is None:
            where = "above" if step < 0 else "below"
            self.error(
                f"all frames {where} skipped: they are hidden or of ignored modules;"
                " skip_hidden no and unignore_module show them"
            )
            return
        self._tell_skipped(*skipped)
        self._select_frame(found)

    def _is_ignored(self, frame):
        name = frame.f_globals.get("__name__")
        return isinstance(name, str) and bool(self.skip) and self.is_skipped_module(name)

    def do_up(self, arg):
        self._move(arg, -1, "Oldest frame")

    do_up.__doc__ = pdb.Pdb.do_up.__doc__
    do_u = do_up

    def do_down(self, arg):
        self._move(arg, 1, "Newest frame")

    do_down.__doc__ = pdb.Pdb.do_down.__doc__
    do_d = do_down

    # -- commands beside pdb's

    def do_exception(self, arg):
        return self.do_exceptions(arg)

    do_exception.__doc__ = pdb.Pdb.do_exceptions.__doc__

    def do_context(self, arg):
        """context LINES

        Shows so many lines of source around a place from now on.
        """
        try:
            lines = int(arg)
            if lines < 1:
                raise ValueError
        except ValueError:
            self.error("context takes how many lines to show, 1 or more: context 9")
            return
        self.context = lines

    def do_skip_hidden(self, arg):
        """skip_hidden [yes|no]

        Whether up and down pass over the frames that `skip_predicates` tells. Without a word, tells.
        """
        word = arg.strip().lower()
        if word in _YES_OR_NO:
            self.skip_hidden = _YES_OR_NO[word]
        elif word:
            self.error("skip_hidden takes yes or no")
            return
        else:
            self.message(f"hidden frames are {'skipped' if self.skip_hidden else 'shown'}")

    def do_skip_predicates(self, arg):
        """skip_predicates [NAME yes|no]

        What makes a frame hidden: tbhide, a true __tracebackhide__ in it; readonly, that its file can't
        be written; debuggerskip, a name __debuggerskip__ in it or in a caller, which step passes over
        as well. Without words, tells which of them hold.
        """
        words = arg.split()
        if not words:
            for name, holds in self.predicates.items():
                self.message(f"{name}: {'yes' if holds else 'no'}")
            return
        holds = _YES_OR_NO.get(words[1].lower()) if len(words) == 2 else None
        if holds is None or words[0] not in self.predicates:
            self.error(f"skip_predicates takes one of {', '.join(self.predicates)}, and yes or no")
            return
        self.predicates[words[0]] = holds

    def do_ignore_module(self, arg):
        """ignore_module [PATTERN]

        Steps, up and down pass over modules whose names are like this. Without a pattern, tells which those are.
        """
        if arg.strip():
            self.skip = {*self.skip, arg.strip()}
            return
        ignored = sorted(self.skip - _STEPPED_OVER)
        self.message(f"ignored modules: {', '.join(ignored)}" if ignored else "no module is ignored")

    def do_unignore_module(self, arg):
        """unignore_module PATTERN

        Steps into these modules again.
        """
        if arg.strip() not in self.skip - _STEPPED_OVER:
            self.error(f"{arg.strip()!r} is none of the ignored modules")
            return
        self.skip = self.skip - {arg.strip()}

    def do_pinfo(self, arg):
        """pinfo EXPRESSION, or EXPRESSION?

        Explains an object.
        """
        self._explain(arg, False)

    def do_pinfo2(self, arg):
        """pinfo2 EXPRESSION, or EXPRESSION??

        Explains an object and shows its source.
        """
        self._explain(arg, True)

    def _explain(self, arg, detail):
        from rhumba._inspect import describe

        try:
            value = self._getval(arg)
        except Exception:
            # pdb has told what is wrong with it.
            return
        self.message(describe(value, arg.strip(), detail))

    def do_pdoc(self, arg):
        """pdoc EXPRESSION

        Shows the documentation of an object.
        """
        import inspect

        self._show_of(arg, lambda value: inspect.getdoc(value) or "it has no documentation")

    def do_pdef(self, arg):
        """pdef EXPRESSION

        Shows how a function is called.
        """
        import inspect

        self._show_of(arg, lambda value: arg.strip() + str(inspect.signature(value)))

    def do_psource(self, arg):
        """psource EXPRESSION

        Shows the source of an object.
        """
        import inspect

        self._show_of(arg, lambda value: inspect.getsource(value).rstrip("\n"))

    def do_pfile(self, arg):
        """pfile EXPRESSION

        Shows the file that an object is from.
        """
        from rhumba._magics.introspection import file_text

        self._show_of(arg, lambda value: file_text(value, arg.strip()))

    def _show_of(self, arg, show):
        try:
            value = self._getval(arg)
        except Exception:
            return
        try:
            self.message(show(value))
        except (TypeError, ValueError, OSError, UsageError) as failure:
            self.error(str(failure))

    def do__magic(self, arg):
        """%MAGIC [LINE]

        Runs a magic of the shell.
        """
        name, _, line = arg.strip().lstrip("%").partition(" ")
        try:
            value = get_ipython().run_line_magic(name, line)
        except UsageError as failure:
            self.error(str(failure))
        except Exception:
            self._error_exc()
        else:
            if value is not None:
                self.message(repr(value))

    def do_interact(self, arg):
        """interact

        Takes statements with the names of this frame, until Ctrl-D or exit().
        """
        self.message("Statements run with the names of this frame; Ctrl-D goes back to the debugger.")
        while True:
            try:
                line = self.read_line(">>> ")
            except EOFError:
                self.message("")
                break
            except KeyboardInterrupt:
                self.message("KeyboardInterrupt")
                continue
            if line.strip() in ("exit", "exit()", "quit", "quit()"):
                break
            if line.strip():
                self.default("!" + line)


class InterruptibleDebugger(Debugger):
    """The same where Ctrl-C at the prompt ends debugging; what is debugged goes on."""

    def _cmdloop(self):
        try:
            self.cmdloop()
        except KeyboardInterrupt:
            self.message("\nKeyboardInterrupt")
            self.set_continue()
            sys.settrace(None)


def _attributes_of(path, frame):
    """The names of the attributes of what a path of names leads to in a frame; none where code would be run for that."""
    first, *further = path.split(".")
    builtins = frame.f_globals.get("__builtins__", {})
    scopes = (frame.f_locals, frame.f_globals, builtins if isinstance(builtins, dict) else vars(builtins))
    scope = next((scope for scope in scopes if first in scope), None)
    if scope is None:
        return ()
    value = scope[first]
    for name in further:
        found = _rhumba_shell.attributes(value)
        if name not in found or _is_unread(found[name]):
            return ()
        value = found[name]
    return _rhumba_shell.attributes(value)


def _is_unread(value):
    """Whether an attribute is a descriptor that has not been asked, such as a property: it may be code."""
    kind = type(value)
    if kind in (types.FunctionType, types.MethodType, types.BuiltinFunctionType):
        return False
    return any("__get__" in vars(each) for each in kind.__mro__)


def _unbind(frame, name):
    """Takes back what pdb has bound in a frame: that of a cell is the namespace, which outlives it."""
    if frame.f_locals is frame.f_globals:
        frame.f_globals.pop(name, None)


def _is_true(frame, name):
    try:
        return bool(frame.f_locals.get(name))
    except Exception:
        return False


def _hides_callers(frame):
    """Whether a frame says that it and all that led to it are nothing to look at."""
    try:
        return frame.f_locals.get("__tracebackhide__") == "__ipython_bottom__"
    except Exception:
        return False


def _asks_to_be_skipped(frame):
    """Whether a frame or one of its callers has a `__debuggerskip__`: it need not be bound yet."""
    while frame is not None:
        if "__debuggerskip__" in frame.f_code.co_varnames:
            return True
        frame = frame.f_back
    return False


def _is_of_others(filename):
    return os.path.exists(filename) and not os.access(filename, os.W_OK)
