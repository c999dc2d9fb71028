"""Magics about the working folder and the environment of this process."""

import os

from rhumba._options import magic, option
from rhumba.shell import UsageError


@magic()
def pwd(given):
    """Returns the working folder."""
    return os.getcwd()


_previous_folder = None


@magic(option("-q", "--quiet", help="doesn't print the new folder"), rest="[FOLDER]", raw_line=False)
def cd(given):
    """Changes the working folder: to the home folder without one, `-` goes back."""
    global _previous_folder
    target = given.rest.strip("\"'")
    if target == "-":
        if _previous_folder is None:
            raise UsageError("%cd - has no folder to go back to: this is the first one")
        target = _previous_folder
    here = os.getcwd()
    try:
        os.chdir(os.path.expanduser(target or "~"))
    except OSError as failure:
        raise UsageError(f"%cd can't go to {target!r}: {failure.strerror}") from None
    _previous_folder = here
    if not given.quiet:
        print(os.getcwd())


@magic(rest="[NAME[=VALUE]]", raw_line=False)
def env(given):
    """Shows the environment, or one variable, or sets one."""
    text = given.rest
    if not text:
        return dict(os.environ)
    for mark in ("=", " "):
        if mark in text:
            name, _, value = text.partition(mark)
            return _set_env(name.strip(), value.strip())
    if text not in os.environ:
        raise UsageError(f"the environment has no variable {text}")
    return os.environ[text]


@magic(rest="NAME=VALUE", raw_line=False)
def set_env(given):
    """Sets a variable of the environment."""
    name, mark, value = given.rest.partition("=")
    if not mark:
        name, _, value = given.rest.partition(" ")
    if not name:
        raise UsageError("%set_env needs a name and a value: %set_env NAME=VALUE")
    return _set_env(name.strip(), value.strip())


def _set_env(name, value):
    os.environ[name] = value
    print(f"env: {name}={value}")
