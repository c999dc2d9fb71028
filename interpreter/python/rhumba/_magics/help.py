"""Magics about the magics: which there are, what they do, other names for them."""

from rhumba._options import magic, option
from rhumba.shell import UsageError, get_ipython as _shell

_MARKS = {"line": "%", "cell": "%%"}


@magic(option("-j", "--json", help="returns them as a dict instead: by kind, then by name, the module that has it"))
def lsmagic(given):
    """Lists the magics."""
    shell = _shell()
    if given.json:
        return {kind: {name: _home(name, kind) for name in shell._magic_names(kind)} for kind in _MARKS}
    for kind, mark in _MARKS.items():
        names = "  ".join(mark + name for name in shell._magic_names(kind))
        print(f"Available {kind} magics:\n{names}\n")
    state = "ON, % prefix IS NOT needed for line magics" if _automagic() else "OFF, % prefix IS needed for line magics"
    print(f"Automagic is {state}.")
    return None


def _automagic():
    return bool(getattr(_shell(), "automagic", False))


def _home(name, kind):
    from . import place

    found = place(name, kind)
    if found is not None:
        return found[0]
    return getattr(_shell().find_magic(name, kind), "__module__", "")


_ABOUT = """\
Magics are commands of the shell: `%name arguments` on one line, `%%name
arguments` in front of a whole cell. `%name?` and `%name -h` tell what one does,
TAB completes names and options. The value of one can be bound: `files = %sx ls`.
$name, ${name} and {expression} in their arguments stand for values, but for
those that are given code.

%lsmagic lists them, %quickref tells of everything that can be typed, and
@register_line_magic of IPython.core.magic makes new ones.
"""


@magic(
    option("--brief", "-brief", help="names and the first line of each only"),
    option("--rest", "-rest", help="as reStructuredText"),
    name="magic",
)
def magic_(given):
    """Tells of the magics: what they are, and each with its options."""
    from rhumba._pager import page

    shell = _shell()
    parts = [_ABOUT]
    for kind, mark in _MARKS.items():
        for name in shell._magic_names(kind):
            text = getattr(shell.find_magic(name, kind), "__doc__", None) or "(it says nothing of itself)"
            if given.brief:
                text = _first_sentence(text)
            if given.rest:
                indented = "\n".join("    " + line if line else "" for line in text.splitlines())
                parts.append(f"``{mark}{name}``\n\n::\n\n{indented}\n")
            elif given.brief:
                parts.append(f"{mark + name:<20} {text}")
            else:
                parts.append(f"{mark}{name}:\n\n{text}\n")
    page("\n".join(parts).rstrip("\n"))


def _first_sentence(text):
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    # The first is how it is written.
    told = lines[1] if len(lines) > 1 and lines[0].startswith("%") else lines[0]
    return told


_QUICKREF = """\
Cells
  a newline ends a cell when it is complete, and goes on where it isn't
  ;                          at the end keeps the value from being shown
  await f()                  works outside of functions
  _  __  ___   _5  Out[5]    the last values, and that of cell 5
  _i _ii _iii  _i5 In[5]     the last cells, and cell 5
  _dh                        the folders that %cd was in

Help
  obj?  obj??                what an object is; with its source
  %name?                     what a magic does, and its options
  name.*part*?               which names there are
  %pdef %pdoc %psource %pfile NAME   signature, docstring, source, file
  TAB                        completes names, attributes, keys, files, magics

Magics
  %name arguments            a line; %%name is for the whole cell below it
  x = %name arguments        its value is bound
  %lsmagic  %magic           lists them; tells of all
  %automagic                 whether they need their % in front

The system
  !command                   runs it;  $name, ${name} and {expression} are filled in
  x = !command               its output as a list of lines, with .n .s .p .grep() .fields()
  %%bash  %%script NAME      the cell as a script of another program
  %cd  %pwd  %env  %alias    folders, environment, commands of one's own

Time, memory, faults
  %time  %timeit             once; often, with the spread
  %prun  %lprun  %memit      by function; by line; memory
  %debug  %pdb  %tb  %xmode  debugger; traceback again; how much it tells

Sessions
  %history  %recall  %rerun  %macro  %save  %load  %edit
  %run file.py               a script; -i in this namespace, -t timed, -d in the debugger
  %autoreload 2              modules that changed are loaded anew before each cell
  %store NAME                keeps a value over sessions; %store -r brings it back
  %config                    what can be set, and is

Engines
  rc = ipp.Client()          connects to a cluster; `rhumba -n 4` has one of its own
  %px  %%px  %autopx         on all engines of a view
  %checkpoint  %restore      keeps a namespace in the store, and brings it back
"""


@magic()
def quickref(given):
    """Shows on one page what can be typed."""
    from rhumba._pager import page

    page(_QUICKREF.rstrip("\n"))


@magic(
    option("-l", "--line", help="only the line magic"),
    option("-c", "--cell", help="only the cell magic"),
    option("-p", "--params", value="ARGUMENTS", default="", help="arguments that it is always given, in front"),
    words="NAME TARGET",
)
def alias_magic(given):
    """Gives a magic another name."""
    shell = _shell()
    name, target = (word.lstrip("%") for word in given.words)
    if not name.isidentifier():
        raise UsageError(f"%alias_magic: {name!r} can't name a magic")
    kinds = [kind for kind in _MARKS if shell.find_magic(target, kind) is not None]
    if given.line or given.cell:
        wanted = [kind for kind, asked in (("line", given.line), ("cell", given.cell)) if asked]
        missing = [kind for kind in wanted if kind not in kinds]
        if missing:
            raise UsageError(f"%alias_magic: {_MARKS[missing[0]]}{target} isn't known")
        kinds = wanted
    if not kinds:
        raise UsageError(f"%alias_magic: neither %{target} nor %%{target} is known; %lsmagic lists the magics")
    for kind in kinds:
        shell.register_magic_function(_alias(name, target, kind, given.params), kind, name)
    created = " and ".join(f"`{_MARKS[kind]}{name}` as an alias for `{_MARKS[kind]}{target}`" for kind in kinds)
    print(f"Created {created}" + (f" with {given.params!r} in front." if given.params else "."))


def _alias(name, target, kind, params):
    shell = _shell()
    first = shell.find_magic(target, kind)

    def filled(line):
        return f"{params} {line}".strip() if params else line

    def call(line, *cell, **scope):
        # The target as it is now: it may have been registered anew.
        function = shell.find_magic(target, kind)
        return function(filled(line), *cell, **scope)

    call.__name__ = name
    call.__doc__ = f"Alias for `{_MARKS[kind]}{filled(target) if not params else target + ' ' + params}`.\n\n{first.__doc__}"
    for attribute in ("raw_line", "options", "complete_argument", "needs_local_scope"):
        if hasattr(first, attribute):
            setattr(call, attribute, getattr(first, attribute))
    return call
