"""Opens a shell in the middle of a program."""

import sys

import rhumba
from rhumba._embedding import KillEmbedded

__all__ = ["InteractiveShellEmbed", "KillEmbedded", "embed", "start_ipython"]


def embed(*, header="", stack_depth=1, display_banner=True, config=None, **options):
    """Opens a shell that sees the names of whoever calls.

    display_banner: whether it says what it is; a text is said in the place of that
    config: what it is set to, as `{class: {name: value}}`; it stays so for the shells after it
    """
    options = {**_configured(config), **options}
    if display_banner is not True:
        options["banner1"] = display_banner or ""
    return rhumba.embed(header=header, stack_depth=stack_depth + 1, **options)


def start_ipython(argv=None, *, user_ns=None, config=None, **options):
    """Opens a shell with the names of the program, and those of a dict.

    config: what it is set to, as `{class: {name: value}}`
    """
    from IPython.terminal.ipapp import is_in_shell

    if is_in_shell():
        raise RuntimeError("this is a shell already: embed() opens one inside of a function")
    program = sys.modules["__main__"]
    vars(program).update(user_ns or {})
    return rhumba.embed(module=program, stack_depth=2, **_configured(config))


# What a configuration says of the opening itself.
_OF_OPENING = ("banner1", "banner2", "exit_msg")


def _configured(config):
    """Sets the shell to what a configuration says; returns what of it is said when it opens."""
    if not config:
        return {}
    from IPython.terminal.ipapp import _shell

    said = {}
    rest = {owner: dict(values) if isinstance(values, dict) else values for owner, values in config.items()}
    for owner in ("InteractiveShell", "TerminalInteractiveShell", "InteractiveShellEmbed"):
        values = rest.get(owner, {})
        said.update((name, values.pop(name)) for name in _OF_OPENING if name in values)
    _shell().update_config(rest)
    return said


class InteractiveShellEmbed:
    """A shell to open several times: called, it opens.

    banner1, banner2: what is said first, in the place of what the shell is, and behind it
    exit_msg: what is said when it is left
    user_ns, user_module: the names that it has; those of whoever calls it if there are none
    config: what it is set to, as `{class: {name: value}}`
    dummy_mode: whether it opens no more
    """

    _made = None

    def __init__(
        self, banner1=None, banner2="", header="", exit_msg="", user_ns=None, user_module=None, *, config=None,
        **options,
    ):  # fmt: skip
        self.banner1 = banner1
        self.banner2 = banner2
        self.header = header
        self.exit_msg = exit_msg
        self.user_ns = user_ns
        self.user_module = user_module
        self.config = config
        self.dummy_mode = False

    @classmethod
    def instance(cls, **options):
        """The one that every caller gets, made of these options if there is none yet."""
        if cls._made is None:
            cls._made = cls(**options)
        return cls._made

    @classmethod
    def clear_instance(cls):
        """Lets go of the one that `instance` has made: the next is made anew."""
        cls._made = None

    @classmethod
    def initialized(cls):
        return cls._made is not None

    def __call__(self, header="", local_ns=None, module=None, dummy=None, stack_depth=1, **options):
        if self.dummy_mode if dummy is None else dummy:
            return
        own = {name: getattr(self, name) for name in _OF_OPENING}
        given = {name: text for name, text in own.items() if text or name == "banner1" and text is not None}
        options = {**_configured(self.config), **given, **options}
        embed(
            header=header or self.header,
            user_ns=self.user_ns if local_ns is None else local_ns,
            module=self.user_module if module is None else module,
            stack_depth=stack_depth + 1, **options,
        )  # fmt: skip

    def set_dummy_mode(self, dummy):
        self.dummy_mode = bool(dummy)

    def get_dummy_mode(self):
        return self.dummy_mode
