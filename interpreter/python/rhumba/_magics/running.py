"""Magics that run files: `%run`."""

import os
import sys

from rhumba._options import magic, option
from rhumba.shell import UsageError, get_ipython as _shell


@magic(
    option("-i", "--interactive", help="it runs in the namespace itself"),
    option("-n", "--not-main", help='its __name__ isn\'t "__main__"'),
    words="FILE [ARGUMENT ...]",
    options_first=True,
)
def run(given):
    """Runs a script, and binds the names it leaves in the namespace."""
    words = given.words
    path = os.path.expanduser(words[0])
    if not os.path.exists(path) and not path.endswith(".py") and os.path.exists(path + ".py"):
        path += ".py"
    if not os.path.isfile(path):
        raise UsageError(f"%run finds no file {words[0]!r}")
    _run_file(path, [path, *words[1:]], given.interactive, not given.not_main)


def _run_file(path, argv, inside, as_main):
    path = os.path.abspath(path)
    shell = _shell()
    namespace = shell.user_ns if inside else {"__builtins__": __builtins__}
    name = "__main__" if as_main else os.path.splitext(os.path.basename(path))[0]
    held = {key: shell.user_ns.get(key) for key in ("__name__", "__file__")}
    namespace.update(__name__=name, __file__=path)
    saved_argv, sys.argv = sys.argv, argv
    sys.path.insert(0, os.path.dirname(path))
    try:
        with open(path, "rb") as file:
            source = file.read()
        if path.endswith(".ipy"):
            source = shell.transform_cell(source.decode())
        exec(compile(source, path, "exec"), namespace)
    except SystemExit as exit:
        # A script that ends itself well ends no shell.
        if exit.code not in (None, 0):
            print(f"{os.path.basename(path)} exited with status {exit.code}", file=sys.stderr)
    finally:
        sys.argv = saved_argv
        sys.path.remove(os.path.dirname(path))
        if inside:
            for key, value in held.items():
                shell.user_ns[key] = value
                if value is None:
                    del shell.user_ns[key]
        else:
            own = ("__builtins__", "__name__", "__file__")
            shell.user_ns.update({k: v for k, v in namespace.items() if k not in own})
