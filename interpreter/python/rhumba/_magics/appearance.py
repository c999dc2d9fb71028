"""Magics that set how the shell reads and shows: each by its own name; `%config` sets everything."""

from rhumba._options import magic, option
from rhumba.shell import UsageError, get_ipython as _shell

_ON = ("1", "on", "true", "yes")
_OFF = ("0", "off", "false", "no")


def _switched(name, text, now):
    """What a switch is after a magic: what was asked for, or else the other way round."""
    lowered = text.lower()
    if not lowered:
        return not now
    if lowered in _ON or lowered in _OFF:
        return lowered in _ON
    raise UsageError(f"%{name} is turned on or off, not {text!r}: %{name} on")


@magic(words="[STATE]", complete=lambda typed: [each for each in ("on", "off") if each.startswith(typed)])
def automagic(given):
    """Turns on or off whether line magics may be typed without their %."""
    shell = _shell()
    shell.automagic = _switched("automagic", "".join(given.words), shell.automagic)
    state = "ON, % prefix IS NOT needed for line magics." if shell.automagic else "OFF, % prefix IS needed for line magics."
    print(f"\nAutomagic is {state}")


_CALLING = ("Off", "Smart", "Full")
_calling_before = 1


@magic(words="[LEVEL]")
def autocall(given):
    """Sets whether `f x` calls f: 0 (off) no, 1 (smart) with something behind it, 2 (full) always."""
    global _calling_before
    shell = _shell()
    text = "".join(given.words).lower()
    if not text:
        level = 0 if shell.autocall else _calling_before
    elif text in ("0", "1", "2"):
        level = int(text)
    elif text in ("off", "smart", "full"):
        level = ("off", "smart", "full").index(text)
    else:
        raise UsageError(f"%autocall is 0, 1 or 2, or Off, Smart or Full, not {given.words[0]!r}")
    if shell.autocall:
        _calling_before = shell.autocall
    shell.autocall = level
    print("Automatic calling is:", _CALLING[level])


@magic(words="[STATE]")
def autoindent(given):
    """Turns on or off whether a new line of a cell is indented."""
    shell = _shell()
    shell.autoindent = _switched("autoindent", "".join(given.words), getattr(shell, "autoindent", True))
    print("Automatic indentation is:", "ON" if shell.autoindent else "OFF")


@magic(words="[RUNNER]")
def autoawait(given):
    """Sets whether cells may await, and who runs what does.

    true, false    allows it, or not
    asyncio        runs it in the loop of asyncio that lives as long as the session: so it is at first
    sync           runs it without a loop, so that nothing may really wait
    NAME           runs it with a function, given as module.function or a name of the session
    """
    shell = _shell()
    if not given.words:
        name = getattr(shell.loop_runner, "__name__", None) if shell.loop_runner else "asyncio"
        state = "on, and set to use" if shell.autoawait else "off, and would use"
        print(f"autoawait is {state} `{'sync' if name == 'without_loop' else name}`")
        return
    word = given.words[0]
    if word.lower() in (*_ON, *_OFF):
        shell.autoawait = word.lower() in _ON
        return
    shell.loop_runner = runner(word)
    shell.autoawait = True


def runner(word):
    """The function of a name that %autoawait takes; None is that of asyncio."""
    if word == "asyncio":
        return None
    if word == "sync":
        from rhumba._await import without_loop

        return without_loop
    # trio and curio run coroutines with a function of this name.
    module, _, name = (word + ".run" if word in ("trio", "curio") else word).rpartition(".")
    try:
        if module:
            import importlib

            function = getattr(importlib.import_module(module), name)
        else:
            function = _shell().ev(name)
    except (ImportError, AttributeError, NameError, SyntaxError) as failure:
        raise UsageError(f"%autoawait finds no {word!r} to run what awaits: {failure}") from None
    if not callable(function):
        raise UsageError(f"%autoawait: {word} is a {type(function).__name__} and can't be called with a coroutine")
    return function


def _schemes(typed):
    from rhumba import _themes

    return [name for name in _themes.names() if name.startswith(typed.lower())]


def scheme(shell):
    """The name of the colours that a shell has."""
    return str(getattr(shell, "colors", "neutral")).lower()


@magic(words="[THEME]", complete=_schemes)
def colors(given):
    """Chooses colours by the name of a theme; without one, tells which they are.

    nocolor        none
    neutral        those of the terminal: so it is at first
    linux, lightbg, gruvbox-dark, pride    others, for dark or bright backgrounds

    A file NAME.json in the folder `themes` of the configuration adds one (`rhumba profile locate`
    says where that is): {"base": "linux", "extra_style": {"Keyword": "#ff8800 bold"}}.
    """
    from rhumba import _configuration

    shell = _shell()
    if not given.words:
        print(scheme(shell))
        return
    try:
        _configuration.find("InteractiveShell.colors").write(shell, given.words[0])
    except ValueError as refused:
        raise UsageError(f"%colors: {refused}") from None


@magic(words="[STATE]")
def pprint(given):
    """Turns pretty printing of values on or off."""
    formatter = _text_formatter()
    formatter.pprint = _switched("pprint", "".join(given.words), formatter.pprint)
    print("Pretty printing has been turned", "ON" if formatter.pprint else "OFF")


def _text_formatter():
    return _shell().display_formatter.formatters["text/plain"]


@magic(rest="[PRECISION]", lenient=True)
def precision(given):
    """Sets how values that are floats are shown: a number of decimals (3), a format (%.3g), nothing for all of them."""
    formatter = _text_formatter()
    text = given.rest
    if text.isdigit():
        text = f"%.{int(text)}f"
    if text:
        try:
            text % 3.14159
        except (TypeError, ValueError):
            raise UsageError(f"%precision takes a number of decimals or a format such as %.3g, not {text!r}") from None
    formatter.float_precision = text
    return formatter.float_format or "%r"


@magic(option("-r", "--raw", help="pages str() of it, and not how it is shown"), rest="[EXPRESSION]")
def page(given):
    """Shows a value through a pager: of an expression, by default the last one."""
    from rhumba._pager import page as show

    shell = _shell()
    try:
        value = shell.ev(given.rest or "_")
    except Exception as failure:
        raise UsageError(f"%page can't show {given.rest!r}: {type(failure).__name__}: {failure}") from None
    show(str(value) if given.raw else _text_formatter()(value))


_before_doctests = None


@magic(words="[STATE]")
def doctest_mode(given):
    """Turns on or off the look of the standard interpreter, for sessions that become doctests.

    Prompts are `>>>`, values are shown by repr, tracebacks as Python writes them.
    """
    global _before_doctests
    shell = _shell()
    now = bool(getattr(shell, "doctest_mode", False))
    wanted = _switched("doctest_mode", "".join(given.words), now)
    if wanted != now:
        from rhumba import _tracebacks

        formatter = _text_formatter()
        if wanted:
            _before_doctests = formatter.pprint, _tracebacks.mode()
            formatter.pprint = False
            _tracebacks.set_mode("Plain")
        elif _before_doctests is not None:
            formatter.pprint = _before_doctests[0]
            _tracebacks.set_mode(_before_doctests[1])
        shell.doctest_mode = shell.classic_prompts = wanted
    print("Doctest mode is:", "ON" if wanted else "OFF")
