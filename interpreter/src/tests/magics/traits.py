"""Magics and formatters with traits, and the shell as their parent.

traitlets isn't to be had in the tests: what stands in for it here has as much of it as the shell touches.
"""

STAND_IN = {
    "traitlets/__init__.py": '''
class TraitError(Exception):
    pass

class TraitType:
    def __init__(self, default=None, help=""):
        self.default_value, self.help, self.metadata = default, help, {}
    def tag(self, **metadata):
        self.metadata.update(metadata)
        return self
    def default_value_repr(self):
        return repr(self.default_value)
    def __get__(self, obj, cls):
        return self if obj is None else obj.values.get(self.name, self.default_value)
    def __set__(self, obj, value):
        if not isinstance(value, type(self.default_value)):
            raise TraitError(f"the trait {self.name} can't be {value!r}")
        obj.values[self.name] = value

class MetaHasTraits(type):
    def __init__(cls, name, bases, names):
        super().__init__(name, bases, names)
        for key, each in names.items():
            if isinstance(each, TraitType):
                each.name = key

class HasTraits(metaclass=MetaHasTraits):
    def __new__(cls, *args, **kwargs):
        made = super().__new__(cls)
        made.values = {}
        return made
    @classmethod
    def class_traits(cls, **metadata):
        found = {name: getattr(cls, name) for name in dir(cls)}
        return {
            name: each for name, each in found.items()
            if isinstance(each, TraitType) and metadata.items() <= each.metadata.items()
        }
    def traits(self, **metadata):
        return self.class_traits(**metadata)
    def trait_names(self, **metadata):
        return list(self.class_traits(**metadata))
''',
    "traitlets/config/__init__.py": "from traitlets.config.configurable import Config, Configurable\n",
    "traitlets/config/configurable.py": '''
from traitlets import HasTraits, TraitError

class Later(list):
    pass

class Config(dict):
    def __missing__(self, name):
        self[name] = Config() if name[0].isupper() else Later()
        return self[name]
    __setattr__ = dict.__setitem__
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return self[name]

class Configurable(HasTraits):
    def __init__(self, parent=None, config=None, **values):
        if parent is not None and not isinstance(parent, Configurable):
            raise TraitError(f"the parent is a Configurable, not {parent!r}")
        self.parent, self.config = parent, config or parent.config
        own = self.config[type(self).__name__] if type(self).__name__ in self.config else {}
        for name, value in {**own, **values}.items():
            setattr(self, name, [*getattr(self, name), *value] if isinstance(value, Later) else value)

class SingletonConfigurable(Configurable):
    pass
''',
}

AN_EXTENSION = '''
from IPython.core.magic import Magics, magics_class, line_magic
from traitlets import TraitType

@magics_class
class Counting(Magics):
    start = TraitType(1, "where it begins").tag(config=True)
    words = TraitType(["one"]).tag(config=True)
    untold = TraitType(1)
    @line_magic
    def count(self, line):
        return [self.start, *self.words]

def load_ipython_extension(shell):
    shell.register_magics(Counting)
'''


@contextlib.contextmanager
def traitlets():
    """The stand-in, as it is from the start of a session; nothing of it is left after that."""
    for path, text in {**STAND_IN, "counting.py": AN_EXTENSION}.items():
        write(path, text)
    ours = ("IPython.core.magic", "IPython.core.formatters", "traitlets", "counting")
    kept = {name: sys.modules.pop(name) for name in list(sys.modules) if name.startswith(ours)}
    held = {name: vars(shell).pop(name, None) for name in ("config", "configurables")}
    fresh_module("counting")
    try:
        yield
    finally:
        for name in [name for name in sys.modules if name.startswith(ours)]:
            del sys.modules[name]
        sys.modules.update(kept)
        sys.path.remove(folder)
        for name, value in held.items():
            vars(shell).pop(name, None)
            if value is not None:
                setattr(shell, name, value)
        shell.magics_manager.registry.pop("Counting", None)
        shell.extension_manager.loaded.discard("counting")
        shell._magics["line"].pop("count", None)


def test_magics_have_traits_that_config_sets():
    with traitlets():
        shell.config.Counting.start = 5
        run("%load_ext counting")
        assert value("%count") == [5, "one"]
        run("%config Counting.start = 7")
        assert value("%count") == [7, "one"] and value("%config Counting.start") == 7
        shows(said("%config Counting"), "Counting.start=7", "where it begins", "Default: 1", "Counting.words=['one']")
        assert "untold" not in said("%config Counting") and "    Counting\n" in said("%config")
        shows(refused("%config Counting.start = 'x'"), "the trait start can't be 'x'")
        shows(refused("%config Counting.star = 1"), "no setting Counting.star", "start, words")
        shows(refused("%config Counting.start = nothing"), "'nothing' has no value")
        # Whoever makes another one has what was set.
        assert value("%count") == [7, "one"] and shell.config.Counting.start == 7


def test_files_set_the_traits_of_what_is_loaded_later():
    from rhumba import _configuration

    path = write("rhumba_config.py", "c = get_config()\nc.Counting.start = 3\nc.Counting.words.append('two')\n")
    with traitlets():
        _configuration.apply(shell, _configuration.read_python(path), path)
        run("%load_ext counting")
        assert value("%count") == [3, "one", "two"]
        errors = io.StringIO()
        with contextlib.redirect_stderr(errors):
            _configuration.apply(shell, {"InteractiveShel": {"autocall": 1}, "kernel": {"x": 1}}, "a file")
        shows(errors.getvalue(), "InteractiveShel.autocall (there is InteractiveShell.autocall), kernel.x;")


def test_the_shell_is_a_configurable_where_there_are_any():
    assert shell.__class__ is type(shell)
    with traitlets():
        from IPython.core.magic import Magics
        from traitlets.config.configurable import Configurable, SingletonConfigurable

        assert isinstance(shell, Configurable) and isinstance(shell, SingletonConfigurable)
        assert issubclass(Magics, Configurable) and Magics(shell=shell).parent is shell
        assert type(shell).__name__ == shell.__class__.__name__ == "TerminalInteractiveShell"
        shell.__class__.greeting = lambda self: "hello"
        assert shell.greeting() == type(shell).greeting(shell) == "hello"
        del shell.__class__.greeting
        assert not hasattr(shell, "greeting")
    assert shell.__class__ is type(shell)


def test_formatters_have_traits():
    with traitlets():
        from IPython.core.formatters import BaseFormatter
        from traitlets import TraitType

        class Loud(BaseFormatter):
            format_type = TraitType("text/x-loud")
            print_method = "_repr_loud_"
            mark = TraitType("!").tag(config=True)

        shell.config.Loud.mark = "?"
        loud = Loud(parent=shell.display_formatter)
        assert (loud.format_type, loud.mark, loud.parent, loud.enabled) == ("text/x-loud", "?", shell, True)
        loud.for_type(int, lambda number: str(number) + loud.mark)
        assert loud(3) == "3?" and isinstance(shell.display_formatter.formatters["text/html"], BaseFormatter)


def test_traits_need_traitlets_from_the_start():
    with traitlets():
        sys.path.remove(folder)
        from IPython.core.magic import Magics

        sys.path.insert(0, folder)
        from traitlets import TraitType

        try:
            type("Late", (Magics,), {"x": TraitType(1)})
        except TypeError as refused:
            shows(str(refused), "Late.x is a trait", "PYTHONPATH")
        else:
            raise AssertionError("it would fail at its first use")
