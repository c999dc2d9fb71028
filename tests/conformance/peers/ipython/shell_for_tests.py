"""The shell that IPython's tests look for, made under rhumba; it stands in the place of their conftest.py.

They expect `get_ipython`, `ip` and `_ip` among the builtins, `IPython.testing` with its tools, and a
`system` that prints what a command prints. The tools come from IPython's sources; only what starts
the shell is made here. It changes nothing about the shell that a case could be about.

A test file that imports at its top what rhumba hasn't would fail as a whole. Such names are given a
placeholder, which fails in the cases that use it and says what is absent. Read next: run_cases.py.
"""

import ast
import builtins
import importlib
import importlib.util
import os
import sys
import types

# What of IPython.testing comes from its sources: they need nothing of IPython's own shell.
TOOLS = ("skipdoctest", "ipunittest", "decorators", "tools")
# The package that test files are in.
PACKAGE = "tests"


def prepare(program, sources):
    """Makes everything that the test files import and use without importing it."""
    if program == "rhumba":
        from IPython.testing import globalipapp

        shell = globalipapp.start_ipython()
        sys.path.insert(1, sources)
        _install_tools(f"{sources}/testing")
        _version_of_absent_packages()
        _count_histories()
    else:
        shell = _shell_of_ipython()
        _install_starter(shell)
    shell.system = types.MethodType(_printing_system, shell)
    for name, value in (("get_ipython", lambda: shell), ("_ip", shell), ("ip", shell)):
        setattr(builtins, name, value)
    from IPython.core import page

    page.pager_page = _printing_pager


def stand_in_for_absent(path):
    """Gives a placeholder to each name that a test file imports at its top and that isn't there."""
    with open(path, encoding="utf-8") as file:
        tree = ast.parse(file.read(), path)
    for statement in tree.body:
        if isinstance(statement, ast.ImportFrom) and statement.level == 1 and statement.module:
            stand_in_for_absent(os.path.join(os.path.dirname(path), f"{statement.module}.py"))
            _stand_in_for_broken(f"{PACKAGE}.{statement.module}", statement.names)
        elif isinstance(statement, ast.ImportFrom) and not statement.level:
            module = _module(statement.module)
            for alias in statement.names:
                if not hasattr(module, alias.name):
                    _add_absent(module, alias.name)
        elif isinstance(statement, ast.Import):
            for alias in statement.names:
                _module(alias.name)


def _stand_in_for_broken(name, aliases):
    """Another test file that can't be imported as a whole; only names of it are wanted."""
    try:
        importlib.import_module(name)
    except Exception:
        module = sys.modules[name] = types.ModuleType(name)
        for alias in aliases:
            _add_absent(module, alias.name)


def _module(name):
    """A module; where there is none, an empty one under its name."""
    try:
        return importlib.import_module(name)
    except ImportError:
        parent, _, last = name.rpartition(".")
        module = types.ModuleType(name)
        module.__path__ = []
        module.__getattr__ = lambda attribute: _refuse(f"{name}.{attribute}", attribute)
        sys.modules[name] = module
        if parent:
            setattr(_module(parent), last, module)
        return module


def _refuse(full, attribute):
    if attribute.startswith("__"):
        raise AttributeError(attribute)
    raise AttributeError(f"rhumba has no {full}")


def _add_absent(module, name):
    full = f"{module.__name__}.{name}"
    try:
        # It may be a submodule that nobody has imported yet.
        importlib.import_module(full)
        return
    except ImportError:
        pass
    setattr(module, name, Absent(name, (), {"_absent": full}))


class Absent(type):
    """The class of placeholders: a class that can be named and subclassed, and not used."""

    def __getattr__(cls, name):
        _refuse(f"{cls.__dict__.get('_absent', cls.__name__)}", name)

    def __call__(cls, *args, **kwargs):
        raise AttributeError(f"rhumba has no {cls._absent}")


def _shell_of_ipython():
    from IPython.core.history import HistoryManager
    from IPython.terminal.interactiveshell import TerminalInteractiveShell
    from IPython.testing import tools

    config = tools.default_config()
    config.TerminalInteractiveShell.simple_prompt = True
    shell = TerminalInteractiveShell.instance(config=config)
    shell.builtin_trap.activate()
    HistoryManager._max_inst = 1
    return shell


def _install_tools(folder):
    import IPython.testing as package

    package.IPYTHON_TESTING_TIMEOUT_SCALE = float(os.environ.get("IPYTHON_TESTING_TIMEOUT_SCALE", 1))
    for name in TOOLS:
        full = f"IPython.testing.{name}"
        spec = importlib.util.spec_from_file_location(full, f"{folder}/{name}.py")
        module = importlib.util.module_from_spec(spec)
        sys.modules[full] = module
        setattr(package, name, module)
        spec.loader.exec_module(module)


def _version_of_absent_packages():
    """Test files ask at their top for the version of jedi, which isn't there."""
    import importlib.metadata as metadata

    known = metadata.version

    def version(name):
        try:
            return known(name)
        except metadata.PackageNotFoundError:
            return "0"

    metadata.version = version


def _count_histories():
    """What fixtures of several files read and set on the class, whatever their cases are about."""
    from weakref import WeakSet

    from IPython.core.history import HistoryManager

    HistoryManager._max_inst, HistoryManager._instances = 1, WeakSet()


def _install_starter(shell):
    """`IPython.testing.globalipapp` as IPython has it would start a second shell."""
    import IPython.testing as package

    starter = types.ModuleType("IPython.testing.globalipapp")
    starter.get_ipython = starter.start_ipython = lambda: shell
    sys.modules[starter.__name__] = package.globalipapp = starter


def _printing_system(shell, cmd):
    """Runs a command and prints what it printed, where a case that captures sees it."""
    print(shell.getoutput(cmd, split=False, depth=1).rstrip(), end="", flush=True)


def _printing_pager(text, start=0, screen_lines=0, pager_cmd=None):
    print(text.get("text/plain", "") if isinstance(text, dict) else text)
