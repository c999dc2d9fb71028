"""`%config`: what the shell can be set to, and is."""

from rhumba import _configuration
from rhumba._options import magic
from rhumba.shell import UsageError, get_ipython as _shell


def _paths(typed):
    owners = [owner for owner in _configuration.OWNERS if owner.startswith(typed)]
    paths = [each.path for each in _configuration.SETTINGS if each.path.startswith(typed)]
    return owners if "." not in typed else paths


@magic(rest="[CLASS[.NAME[=VALUE]]]", lenient=True, complete=_paths)
def config(given):
    """Tells what can be set and is, and sets it.

    %config                     lists the classes of settings
    %config CLASS               lists those of one, with what they are for and what they are
    %config CLASS.NAME          returns what one is set to
    %config CLASS.NAME = VALUE  sets it, for this session; the file config.toml does for all
    """
    path, mark, text = (part.strip() for part in given.rest.partition("="))
    if not path:
        print("Available objects for config:")
        for owner in _configuration.OWNERS:
            print("   ", owner)
        return None
    if "." not in path and not mark:
        return _list(path)
    if mark and path.rpartition(".")[0] in _COMPLETERS:
        # Many notebooks begin so; what they mean to turn off isn't there.
        print(f"{path} changes nothing here: completion follows values as far as no code runs, without jedi.")
        return None
    try:
        setting = _configuration.find(path)
    except LookupError as missing:
        raise UsageError(f"%config: {missing.args[0]}") from None
    if not mark:
        return setting.read(_shell())
    try:
        setting.write(_shell(), _value(setting, text))
    except (ValueError, TypeError) as refused:
        raise UsageError(f"%config: {refused}") from None
    return None


# The classes that IPython's completion is set by.
_COMPLETERS = ("Completer", "IPCompleter")


def _list(owner):
    by_lower = {each.lower(): each for each in _configuration.OWNERS}
    known = by_lower.get(owner.lower())
    if known is None:
        raise UsageError(f"%config: there is no class {owner!r}; there are {', '.join(_configuration.OWNERS)}")
    print(f"{known} options")
    print("-" * (len(known) + 8))
    for each in _configuration.SETTINGS:
        if each.owner != known:
            continue
        choices = f"\n    Choices: {', '.join(map(repr, each.choices))}" if each.choices else ""
        print(f"{each.path}={each.read(_shell())!r}\n    {each.help}{choices}\n    Default: {each.default!r}")


def _value(setting, text):
    """The value of what was typed: an expression, or a bare word where a text is wanted."""
    try:
        return _shell().ev(text)
    except Exception as failure:
        wants_text = setting.kind is str or isinstance(setting.kind, tuple) and str in setting.kind
        if wants_text and text and " " not in text:
            return text
        raise UsageError(f"%config: {text!r} has no value: {type(failure).__name__}: {failure}") from None
