"""Magics that carry code between cells, files, macros, notebooks and an editor."""

import os
import sys

import _rhumba_history
import _rhumba_shell
from IPython.core.macro import Macro

from rhumba import _past
from rhumba._magics.history import asked, bring_back, write
from rhumba._options import count, magic, option
from rhumba.shell import UsageError

# What is put into the prompt without asking.
_LOADED_MAX = 200_000


def _macro_names():
    return [name for name, value in _rhumba_shell.namespace().items() if isinstance(value, Macro)]


@magic(
    option("-r", "--raw", help="cells as they were entered; several with %%magics then run as one"),
    option("-t", "--translated", help="cells as the Python that they stood for, which is usual"),
    option("-q", "--quiet", help="says nothing of it"),
    words="[NAME RANGE|FILE|TEXT_NAME ...]",
)
def macro(given):
    """Makes a macro of cells, a file or text: its name alone in a cell then runs it.

    Without words it lists the macros.
    """
    if not given.words:
        # A macro that was the value of a cell has the names of that as well.
        names = sorted(name for name in _macro_names() if not name.startswith("_"))
        print("\n".join(names) if names else "No macros are defined.")
        return
    name, *rest = given.words
    if not name.isidentifier():
        raise UsageError(f"{name!r} can't be the name of a macro.")
    if given.raw and given.translated:
        raise UsageError("%macro takes one of -r and -t")
    made = Macro(_past.source_of(rest, given.raw))
    _rhumba_shell.namespace()[name] = made
    if not given.quiet:
        print(f"Macro `{name}` is made; its name alone runs it.")
        print(made.value, end="")


@magic(
    option("-r", "--raw", help="as they were entered, into a .ipy file if its name has no ending"),
    option("-f", "--force", help="replaces a file without asking"),
    option("-a", "--append", help="adds to the file"),
    words="FILE RANGE|TEXT_NAME ...",
)
def save(given):
    """Writes cells, a macro or text to a file."""
    name, *rest = given.words
    path = os.path.expanduser(name)
    if not path.endswith((".py", ".ipy")):
        path += ".ipy" if given.raw else ".py"
    text = _past.source_of(rest, given.raw)
    if text and not text.endswith("\n"):
        text += "\n"
    if os.path.exists(path) and not (given.force or given.append):
        if not asked(f"File {path} exists. Overwrite it?"):
            print("Nothing was written.")
            return
    new = not (given.append and os.path.exists(path))
    write(path, ("# coding: utf-8\n" if new else "") + text, given.append)
    print(f"Written to {path}:")
    print(text, end="")


@magic(
    option("-r", "--range", value="LINES", help="only these lines of it, counted from 1: 5-9, 1-3,7"),
    option("-s", "--symbols", value="NAMES", help="only these functions and classes, with commas between them"),
    option("-n", "--namespace", help="looks for an object of that name first, and takes its source"),
    option("-y", "--yes", help="doesn't ask before much text"),
    words="FILE|ADDRESS|RANGE|NAME ...",
)
def load(given):
    """Puts code into the next prompt: of a file, an address, cells, a macro or an object."""
    text = _past.source_of(given.words, namespace_first=given.namespace)
    if given.symbols:
        text = _symbols(text, given.symbols)
    if given.range:
        text = _lines(text, given.range)
    if len(text) > _LOADED_MAX and not given.yes:
        if not asked(f"It has {len(text):,} characters. Put them all into the prompt?", unasked=True):
            print("Nothing was loaded.")
            return
    bring_back(f"# %load {given.line.strip()}\n{text}", replace=True)


def _lines(text, ranges):
    lines = text.splitlines(keepends=True)
    found = []
    for part in ranges.replace(":", "-").split(","):
        first, mark, last = part.strip().partition("-")
        try:
            start = int(first) if first else 1
            end = (int(last) if last else len(lines)) if mark else start
        except ValueError:
            raise UsageError(f"%load -r takes lines such as 5-9 or 1-3,7, not {ranges!r}.") from None
        found += lines[max(start - 1, 0) : end]
    return "".join(found)


def _symbols(text, names):
    import ast

    wanted = [name.strip() for name in names.split(",")]
    try:
        tree = ast.parse(text)
    except SyntaxError as failure:
        raise UsageError(f"its functions and classes can't be told apart: {failure}") from None
    lines = text.splitlines(keepends=True)
    found = {}
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) and node.name in wanted:
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            found[node.name] = "".join(lines[first - 1 : node.end_lineno])
    missing = [name for name in wanted if name not in found]
    if missing:
        raise UsageError(f"it defines no {', '.join(missing)}.")
    return "\n".join(found[name] for name in wanted)


@magic(
    option("-n", "--line", value="LINE", kind=count, help="puts the cursor on this line"),
    option("-p", "--previous", help="what was edited last, again, as it was left"),
    option("-x", "--no-run", help="doesn't run what was edited"),
    option("-r", "--raw", help="runs a file as a cell, magics and all; cells are that always"),
    words="[FILE|RANGE|NAME ...]",
)
def edit(given):
    """Opens an editor ($VISUAL, $EDITOR) and runs what was edited when it is closed.

    What is edited is a file, cells, a function or class, a macro, text that a name is bound to,
    or a new file. A macro stays one and isn't run. What a cell has defined is edited by itself, a
    method with the cell around it; else it is the whole file, which runs again in the session if
    %run has run it. The file of a module that was imported doesn't run: reload the module.
    Returns the text, unless that is in a file of its own.
    """
    from rhumba._interface import has_hook

    command = None if has_hook("editor") else _editor()
    path, line, kept = _edited_file(given)
    _open(command, path, given.line or line)
    if isinstance(kept, str):
        _rhumba_shell.namespace()[kept] = Macro(_past.read(path))
        print(f"Macro `{kept}` is changed.")
        return None
    if kept is _IMPORTED:
        if not given.no_run:
            # Among the names of the session it would be another one, and its module would stay as it is.
            print(f"Editing {path} is done; %run it, or reload its module, for the change to count.")
        return None
    if kept is _SCRIPT and not given.raw:
        if not given.no_run:
            print("Editing is done. Running it…")
            _run_again(path)
        return None
    text = _past.read(path)
    if kept is _PASTED:
        _rhumba_shell.namespace()["pasted_block"] = text
    if not given.no_run:
        print("Editing is done. Running it…")
        _rhumba_shell.get_ipython().run_cell(text, store_history=False)
    return None if kept is _SCRIPT else text


# What is edited is in the file of a module, in one that runs again, or was pasted.
_IMPORTED = object()
_SCRIPT = object()
_PASTED = object()
_last_edited = None
_made = set()


def _edited_file(given):
    """The file to open, the line to go to, and what becomes of it.

    That is the name of a macro, _IMPORTED, _SCRIPT or _PASTED; None if the file is only there to be edited.
    """
    global _last_edited
    words = given.words
    if given.previous:
        if _last_edited is None:
            raise UsageError("nothing was edited yet in this session.")
        return _last_edited
    target = " ".join(words)
    kept = None
    line = None
    if not words:
        path = _new_file("")
    elif _past.is_ranges(words):
        path = _new_file(_past.source_of(words))
    elif _past.file_of(target):
        path = _past.file_of(target)
        # One that was made to edit something else in is none of the person's.
        kept = None if path in _made else _SCRIPT
    elif target in _macro_names():
        path, kept = _new_file(_rhumba_shell.namespace()[target].value), target
    elif all(part.isidentifier() for part in target.split(".")) and _is_bound(target.split(".")[0]):
        path, line, kept = _file_of_object(target)
    elif target.endswith((".py", ".ipy")) or os.sep in target:
        path, kept = os.path.abspath(os.path.expanduser(target)), _SCRIPT
        if not os.path.exists(path):
            write(path, "")
    else:
        raise UsageError(f"{target!r} is neither a file, nor cells, nor a name; a new file ends with .py.")
    _last_edited = path, line, kept
    return _last_edited


def _is_bound(name):
    import builtins

    return name in _rhumba_shell.namespace() or hasattr(builtins, name)


def _file_of_object(target):
    import inspect

    try:
        value = eval(target, _rhumba_shell.namespace())
    except Exception as failure:
        raise UsageError(f"{target} can't be edited: {type(failure).__name__}: {failure}.") from None
    if isinstance(value, str):
        return _new_file(value), None, _PASTED if target == "pasted_block" else None
    whole = inspect.unwrap(value) if callable(value) else value
    path, line = _place_in_file(whole)
    if path is not None:
        module = getattr(whole, "__name__" if inspect.ismodule(whole) else "__module__", None)
        is_imported = module != "__main__" and module in sys.modules
        return path, line, _IMPORTED if is_imported else _SCRIPT
    text, line = _source_in_cell(whole)
    if text is None and inspect.isroutine(whole) and not hasattr(getattr(whole, "__func__", whole), "__code__"):
        raise UsageError(f"{target!r} is neither a file, nor cells, nor made in Python: native code has no source.")
    if text is None:
        raise UsageError(f"the source of {target} isn't known.")
    return _new_file(text), line, None


def _place_in_file(value):
    """The file that something is defined in, and the line; None and None if it is in no file."""
    import inspect

    from rhumba import _sources

    path = line = None
    if isinstance(value, type):
        # What is known of it else is the file of its module; those of the session come from many.
        path, line = _sources.file_name(value), getattr(value, "__firstlineno__", None)
    if path is None:
        try:
            path = inspect.getsourcefile(value)
            _, line = inspect.getsourcelines(value)
        except (TypeError, OSError):
            pass
    return (path, line) if path and os.path.isfile(path) else (None, None)


def _source_in_cell(value):
    """The text of what a cell has defined, and the line to go to; None if there is none."""
    from rhumba import _inspect

    name = getattr(value, "__qualname__", "")
    function = getattr(value, "__func__", value)
    if "." in name and hasattr(function, "__code__"):
        # What is inside of something else can't run without it.
        code = function.__code__
        lines = _inspect._lines(code.co_filename) if code.co_filename.startswith("<") else ()
        return "".join(lines) or None, code.co_firstlineno
    if isinstance(value, type):
        return _inspect._source_of_class(value), None
    return _inspect._source_of_code(value), None


def _run_again(path):
    from rhumba._configuration import _quoted

    _rhumba_shell.get_ipython().run_line_magic("run", f"-i {_quoted(path)}")


def _new_file(text):
    import tempfile

    folder = tempfile.mkdtemp(prefix="rhumba-edit-")
    path = os.path.join(folder, "edited.py")
    write(path, text)
    _made.add(path)
    print(f"The file is {path}.")
    return path


def _editor():
    """The command of the person's editor."""
    import shutil

    from rhumba._pager import is_terminal

    if not is_terminal(sys.stdin):
        raise UsageError("an editor needs a terminal, and there is none here.")
    named = getattr(_rhumba_shell.get_ipython(), "editor", "")
    command = named or os.environ.get("VISUAL") or os.environ.get("EDITOR")
    if not command:
        command = next((name for name in ("nano", "vi", "ed") if shutil.which(name)), None)
    if not command:
        raise UsageError("no editor is found; set EDITOR to the one you like.")
    return command


def _open(command, path, line):
    import shlex

    from rhumba._interface import hooked
    from rhumba._system import run_at_terminal

    if hooked("editor", path, line)[0]:
        return
    # A hook may leave it to the person's editor.
    command = command or _editor()
    try:
        words = shlex.split(command)
    except ValueError:
        words = []
    if not words:
        raise UsageError(f"the editor {command!r} is no command; set EDITOR to one whose quotes are closed.")
    if line and os.path.basename(words[0]) in ("vi", "vim", "nvim", "nano", "emacs", "emacsclient", "kak", "micro"):
        words.append(f"+{line}")
    try:
        status = run_at_terminal([*words, path])
    except OSError as failure:
        raise UsageError(f"the editor {command} can't be started: {failure.strerror}") from None
    if status:
        raise UsageError(f"the editor {command} ended with status {status}; nothing was run.")


@magic(
    option("-e", "--export", help="taken as it stands; saving is all it does"),
    words="FILE",
)
def notebook(given):
    """Writes the cells of this session, with their results, to a notebook file (.ipynb)."""
    import json

    path = os.path.expanduser(given.words[0])
    if not path.endswith(".ipynb"):
        path += ".ipynb"
    found = _past.before_this()
    write(path, json.dumps(_notebook(found), indent=1, ensure_ascii=False) + "\n")
    print(f"{len(found)} cell{'' if len(found) == 1 else 's'} written to {path}.")


def _notebook(found):
    version = ".".join(map(str, sys.version_info[:3]))
    return {
        "cells": [_notebook_cell(cell) for cell in found],
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {
                "file_extension": ".py",
                "mimetype": "text/x-python",
                "name": "python",
                "version": version,
            },
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def _notebook_cell(cell):
    shown = _rhumba_history.outputs(cell.ordinal)
    if not shown and cell.result is not None:
        # Whoever runs the cells keeps nothing but values.
        shown = [("result", {"text/plain": cell.result}, {})]
    return {
        "cell_type": "code",
        "execution_count": cell.number,
        "id": f"cell-{cell.ordinal}",
        "metadata": {},
        "outputs": [_notebook_output(cell.number, *each) for each in shown],
        "source": cell.source.splitlines(keepends=True),
    }


def _notebook_output(number, kind, *parts):
    """One thing that a cell has shown, as notebooks have it."""
    import json

    if kind in ("stdout", "stderr"):
        return {"output_type": "stream", "name": kind, "text": parts[0].splitlines(keepends=True)}
    if kind == "failure":
        name, message, traceback = parts
        return {"output_type": "error", "ename": name, "evalue": message, "traceback": traceback.splitlines()}
    forms, said = parts
    data = {}
    for mime, form in forms.items():
        if mime == "application/json" or mime.endswith("+json"):
            data[mime] = json.loads(form)
        elif mime.startswith("text/") or mime == "image/svg+xml":
            data[mime] = form.splitlines(keepends=True)
        else:
            data[mime] = form
    output = {"data": data, "metadata": {mime: json.loads(each) for mime, each in said.items()}}
    if kind == "result":
        return {"output_type": "execute_result", "execution_count": number, **output}
    return {"output_type": "display_data", **output}


@magic(
    option("-d", "--description", value="TEXT", help="what it would be called"),
    option("-e", "--expires", value="DAYS", help="how long it would stay"),
    words="[RANGE|FILE ...]",
)
def pastebin(given):
    """Tells why rhumba uploads nothing, and what to do instead."""
    raise UsageError(
        "rhumba sends no code to a public site.\n"
        "%save FILE RANGE writes cells to a file, which you can upload where you want it."
    )
