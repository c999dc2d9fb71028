"""Commands of the system as magics, by the names by which programs import them."""

from rhumba._magics import aliases
from rhumba._magics.aliases import Alias
from rhumba.shell import UsageError, get_ipython

__all__ = ["Alias", "AliasError", "AliasManager", "InvalidAliasError", "default_aliases"]


class AliasError(Exception):
    """Something about an alias that can't be."""


class InvalidAliasError(AliasError):
    """A name or a command that an alias can't have."""


def default_aliases():
    """The aliases that are there from the start: pairs of a name and a command."""
    return list(aliases.PREDEFINED.items())


class AliasManager:
    """The aliases of the shell."""

    def __init__(self, shell=None, **kwargs):
        self.shell = get_ipython() if shell is None else shell

    @property
    def aliases(self):
        """Pairs of a name and a command."""
        return [(name, each.command) for name, each in aliases.known().items()]

    def is_alias(self, name):
        return name in aliases.known()

    def get_alias(self, name):
        return aliases.known().get(name)

    def retrieve_alias(self, name):
        """The command of an alias; ValueError if there is none of that name."""
        if not self.is_alias(name):
            raise ValueError(f"{name} is no alias")
        return self.get_alias(name).command

    def define_alias(self, name, cmd):
        """Makes an alias; InvalidAliasError says why it can't be one."""
        try:
            aliases.define(name, cmd)
        except UsageError as failure:
            raise InvalidAliasError(str(failure)) from None

    def soft_define_alias(self, name, cmd):
        """Makes an alias, or says why it can't be one."""
        try:
            self.define_alias(name, cmd)
        except AliasError as failure:
            print(failure)

    def undefine_alias(self, name):
        if not self.is_alias(name):
            raise ValueError(f"{name} is no alias")
        self.shell.run_line_magic("unalias", name)

    def clear_aliases(self):
        """Removes all of them, those that are there from the start, too."""
        for name in list(aliases.known()):
            self.undefine_alias(name)

    def init_aliases(self):
        """Makes those that are there from the start."""
        for name, command in default_aliases():
            self.define_alias(name, command)
