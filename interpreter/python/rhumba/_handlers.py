"""What programs put in the place of how the shell tells of failed cells.

That is a handler of `set_custom_exc`, a method of the shell that they have replaced, or one of
its `InteractiveTB`, which makes the text. It is
asked as the cell ends; what the shell would have shown is then left out (`_failure.report`).
"""

import sys
import types

from rhumba.shell import UsageError


def set_custom_exc(shell, exc_tuple, handler):
    """Has a handler tell of these exceptions where a cell raises them, in the place of the shell.

    handler: called as `handler(shell, etype, value, tb, tb_offset=None)`; what it returns is a list
        of lines, a text or None, and isn't shown; None for the handler is one that prints the three

    A handler that fails is told of and dropped.
    """
    if not isinstance(exc_tuple, tuple) or not all(isinstance(each, type) for each in exc_tuple):
        raise TypeError(f"the exceptions are a tuple of classes, not {exc_tuple!r}")
    shell.custom_exceptions = exc_tuple
    shell.CustomTB = types.MethodType(_told_in_short if handler is None else handler, shell)


def _told_in_short(shell, etype, value, tb, tb_offset=None):
    print("Exception type :", etype)
    print("Exception value:", value)
    print("Traceback      :", tb)


def told_by_handler(shell, failure, began):
    """Lets what a program has set tell of a cell's failure; says whether it did.

    That is a handler of `set_custom_exc`, or a method that was put in the place of the shell's own.
    began: whether the cell ran: what isn't Python never does
    """
    name = _teller(shell, failure, began)
    if name is None:
        return False
    tb, context = failure.__traceback__, failure.__context__
    try:
        # It is found as the exception that is being handled.
        raise failure
    except BaseException:
        failure.__traceback__, failure.__context__ = tb, context
        try:
            _call_teller(shell, name, failure)
        except BaseException as own:
            _drop_teller(shell, name, own, failure)
            failure.__traceback__, failure.__context__ = tb, context
            return False
    return True


def _teller(shell, failure, began):
    """The attribute of the shell that tells of a failure, if that isn't the shell itself."""
    own = shell.__dict__
    if isinstance(failure, SystemExit):
        return None
    if "CustomTB" in own and isinstance(failure, shell.custom_exceptions):
        return "CustomTB"
    if not began and isinstance(failure, SyntaxError):
        return "showsyntaxerror" if "showsyntaxerror" in own else None
    name = next((name for name in ("showtraceback", "_showtraceback") if name in own), None)
    return "InteractiveTB" if name is None and maker_of_lines(shell, failure) is not None else name


def maker_of_lines(shell, failure):
    """What a program has put in the place of how the text of a failure is made; None if it is the shell's own."""
    made = vars(shell).get("InteractiveTB")
    # What isn't Python hasn't run, and has no frames to tell of.
    has_not_run = isinstance(failure, SyntaxError) and failure.__traceback__ is None
    if made is None or has_not_run or isinstance(failure, UsageError):
        return None
    from IPython.core.ultratb import AutoFormattedTB

    is_own = type(made) is AutoFormattedTB and "structured_traceback" not in vars(made)
    return None if is_own else made.structured_traceback


def _call_teller(shell, name, failure):
    if name == "CustomTB":
        told = shell.CustomTB(type(failure), failure, failure.__traceback__, tb_offset=None)
        if told is not None and not isinstance(told, str):
            if not isinstance(told, list) or not all(isinstance(line, str) for line in told):
                raise TypeError(f"a handler of exceptions returns a list of lines or None, not {told!r}")
    elif name == "showsyntaxerror":
        shell.showsyntaxerror(None)
    else:
        # There is no frame of the shell's own in front of those of the cell.
        shell.showtraceback(running_compiled_code=True, tb_offset=0)


def _drop_teller(shell, name, failure, called_for):
    from rhumba._failure import described

    # What it was called for is shown by itself, and isn't why it failed.
    first = failure
    while first.__context__ is not None and first.__context__ is not called_for:
        first = first.__context__
    first.__context__ = None
    del shell.__dict__[name]
    if name == "CustomTB":
        shell.custom_exceptions = ()
    handler = "handler that set_custom_exc has set" if name == "CustomTB" else f"shell's {name} of a program"
    print(f"The {handler} failed, and is dropped:", file=sys.stderr)
    print(described(failure)[2], file=sys.stderr)
    print("\nThe exception that it was called for:", file=sys.stderr)
