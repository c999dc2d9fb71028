"""`%config`: what the shell can be set to, and is."""

from rhumba import _configuration, _ipython_settings, _traits
from rhumba._options import magic
from rhumba.shell import UsageError, get_ipython as _shell


def _paths(typed):
    added = _traits.configurables(_shell())
    if "." not in typed:
        return [owner for owner in (*_configuration.OWNERS, *added) if owner.startswith(typed)]
    paths = [each.path for each in _configuration.SETTINGS]
    paths += [f"{owner}.{name}" for owner, each in added.items() for name in each.trait_names(config=True)]
    return [path for path in paths if path.startswith(typed)]


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
        for owner in (*_configuration.OWNERS, *_traits.configurables(_shell())):
            print("   ", owner)
        return None
    if "." not in path and not mark:
        return _list(path)
    if mark and path.rpartition(".")[0] in _COMPLETERS:
        # Many notebooks begin so; what they mean to turn off isn't there.
        print(f"{path} changes nothing here: completion follows values as far as no code runs, without jedi.")
        return None
    added = _traits.configurables(_shell()).get(path.rpartition(".")[0])
    if added is not None:
        return _trait(added, path, text if mark else None)
    try:
        setting = _configuration.find(path)
    except LookupError as missing:
        if mark and _ipython_settings.changes_nothing(path):
            print(_ipython_settings.told(path) + ".")
            return None
        raise UsageError(f"%config: {_ipython_settings.refused(path) or missing.args[0]}") from None
    if not mark:
        return setting.read(_shell())
    try:
        setting.write(_shell(), _value(setting, text))
    except (ValueError, TypeError) as refused:
        raise UsageError(f"%config: {refused}") from None
    return None


# The classes that IPython's completion is set by.
_COMPLETERS = ("Completer", "IPCompleter")


def _trait(configured, path, text):
    """Returns a trait of an object of an extension, or sets it to the value of a text."""
    name = path.rpartition(".")[2]
    names = configured.trait_names(config=True)
    if name not in names:
        raise UsageError(f"%config: there is no setting {path}; there are {', '.join(sorted(names))}")
    if text is None:
        return getattr(configured, name)
    try:
        value = _shell().ev(text)
    except Exception as failure:
        raise _without_value(text, failure) from None
    try:
        _traits.set_trait(_shell(), configured, name, value)
    except _traits.Unset as refused:
        raise UsageError(f"%config: {refused}") from None
    return None


def _list(owner):
    added = _traits.configurables(_shell())
    owners = [*_configuration.OWNERS, *added]
    known = {each.lower(): each for each in owners}.get(owner.lower())
    if known is None:
        raise UsageError(f"%config: there is no class {owner!r}; there are {', '.join(owners)}")
    print(f"{known} options")
    print("-" * (len(known) + 8))
    if known in added:
        _list_traits(added[known])
    for each in _configuration.SETTINGS:
        if each.owner != known:
            continue
        choices = f"\n    Choices: {', '.join(map(repr, each.choices))}" if each.choices else ""
        print(f"{each.path}={each.read(_shell())!r}\n    {each.help}{choices}\n    Default: {each.default!r}")


def _list_traits(configured):
    owner = type(configured).__name__
    for name, trait in sorted(configured.traits(config=True).items()):
        help = f"\n    {trait.help}" if trait.help else ""
        choices = f"\n    Choices: {', '.join(map(repr, trait.values))}" if getattr(trait, "values", None) else ""
        print(f"{owner}.{name}={getattr(configured, name)!r}{help}{choices}\n    Default: {trait.default_value_repr()}")


def _value(setting, text):
    """The value of what was typed: an expression, or a bare word where a text is wanted."""
    try:
        return _shell().ev(text)
    except Exception as failure:
        wants_text = setting.kind is str or isinstance(setting.kind, tuple) and str in setting.kind
        if wants_text and text and " " not in text:
            return text
        raise _without_value(text, failure) from None


def _without_value(text, failure):
    return UsageError(f"%config: {text!r} has no value: {type(failure).__name__}: {failure}")
