"""Arguments of magics, declared by decorators and read by argparse.

    @magic_arguments()
    @argument("-n", "--number", type=int, help="how many")
    @line_magic
    def cell(self, line):
        given = parse_argstring(self.cell, line)
"""

import argparse

from IPython.utils.process import arg_split
from rhumba.shell import UsageError

__all__ = [
    "MagicArgumentParser", "MagicHelpFormatter", "argument", "argument_group", "construct_parser", "defaults",
    "kwds", "magic_arguments", "parse_argstring", "real_name",
]


class MagicHelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Keeps the lines of what a magic says of itself."""


class MagicArgumentParser(argparse.ArgumentParser):
    """Reads the line of a magic; what is wrong is a UsageError."""

    def __init__(self, prog=None, usage=None, description=None, epilog=None, parents=None, formatter_class=MagicHelpFormatter, prefix_chars="-", argument_default=None, conflict_handler="error", add_help=False):
        super().__init__(
            prog=prog, usage=usage, description=description, epilog=epilog, parents=parents or [],
            formatter_class=formatter_class, prefix_chars=prefix_chars, argument_default=argument_default,
            conflict_handler=conflict_handler, add_help=add_help,
        )

    def error(self, message):
        raise UsageError(f"{message}\n{self.format_usage().rstrip()}")

    def exit(self, status=0, message=None):
        raise UsageError((message or "").strip() or self.format_usage().rstrip())

    def parse_argstring(self, argstring, *, partial=False):
        """Reads a line; with `partial`, also gives what it doesn't know.

        Quotes keep words together and stay where they are: what they enclose may be Python, or SQL.
        """
        try:
            words = arg_split(argstring)
        except ValueError as failure:
            self.error(f"{failure} in {argstring!r}")
        return self.parse_known_args(words) if partial else self.parse_args(words)


def magic_arguments(name=None):
    """Makes a parser of the arguments that are declared below it."""

    def decorate(function):
        if not hasattr(function, "decorators"):
            function.decorators = []
        if name is not None:
            function.argcmd_name = name
        function.has_arguments = True
        function.parser = construct_parser(function)
        function.__doc__ = function.parser.format_help()
        function.raw_line = getattr(function, "raw_line", False)
        return function

    return decorate


def _declaring(add):
    def decorate(function):
        if not hasattr(function, "decorators"):
            function.decorators = []
        # Decorators are applied from below; the arguments are told from above.
        function.decorators.insert(0, add)
        return function

    return decorate


def argument(*args, **kwds):
    """Declares an argument, as `ArgumentParser.add_argument` does."""
    return _declaring(lambda parser, group: (group or parser).add_argument(*args, **kwds) and None)


def argument_group(*args, **kwds):
    """Begins a group: the arguments below it are told together."""
    return _declaring(lambda parser, group: parser.add_argument_group(*args, **kwds))


def defaults(*args, **kwds):
    """Declares defaults, as `ArgumentParser.set_defaults` does."""
    return _declaring(lambda parser, group: parser.set_defaults(*args, **kwds))


def kwds(**options):
    """Declares options of the parser itself."""

    def decorate(function):
        function.argcmd_kwds = options
        return function

    return decorate


def construct_parser(magic_func):
    """The parser of a magic's arguments."""
    options = dict(getattr(magic_func, "argcmd_kwds", {}))
    options.setdefault("description", _described(magic_func))
    parser = MagicArgumentParser("%" + real_name(magic_func), **options)
    group = None
    for declare in magic_func.decorators:
        made = declare(parser, group)
        if isinstance(made, argparse._ArgumentGroup):
            group = made
    return parser


def _described(function):
    import inspect

    return inspect.getdoc(function)


def parse_argstring(magic_func, argstring, *, partial=False):
    """Reads the line of a magic into an object with an attribute for each argument."""
    return magic_func.parser.parse_argstring(argstring, partial=partial)


def real_name(magic_func):
    """The name of a magic, without the prefix that some functions have."""
    return getattr(magic_func, "argcmd_name", magic_func.__name__.removeprefix("magic_"))
