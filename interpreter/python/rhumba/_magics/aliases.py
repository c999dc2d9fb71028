"""Commands of the system as line magics: `%alias`, `%unalias`, `%rehashx`, and those that are there from the start."""

import os

from rhumba._options import FILES, magic
from rhumba.shell import UsageError, get_ipython as _shell

# Without a terminal there are no colours: what reads the output wants the names alone.
PREDEFINED = {
    "cat": "cat",
    "clear": "clear",
    "cp": "cp",
    "ldir": "ls -F -o --color=auto %l | grep /$",
    "less": "less",
    "lf": "ls -F -o --color=auto %l | grep ^-",
    "lk": "ls -F -o --color=auto %l | grep ^l",
    "ll": "ls -F -o --color=auto",
    "ls": "ls -F --color=auto",
    "lx": "ls -F -o --color=auto %l | grep ^-..x",
    "man": "man",
    "mkdir": "mkdir",
    "more": "more",
    "mv": "mv",
    "rm": "rm",
    "rmdir": "rmdir",
}


class Alias:
    """A line magic that runs a command of the system."""

    # The command is expanded as a whole.
    raw_line = True
    options = ()
    complete_argument = FILES

    def __init__(self, name, command):
        self.name = self.__name__ = name
        self.command = command
        # `%%s` is a percent sign and an s, and no argument.
        self.arguments_count = command.count("%s") - command.count("%%s")
        self.__doc__ = f"%{name} runs the command `{command}` with what stands behind it."
        if self.arguments_count and "%l" in command:
            raise UsageError(f"%alias: %l is the whole line and %s one word of it: {command!r} has both")

    @property
    def cmd(self):
        return self.command

    @property
    def nargs(self):
        """How many words the command takes for itself."""
        return self.arguments_count

    def __call__(self, line):
        _shell().system(self.filled(line))

    def filled(self, line):
        """The command with what was typed behind the alias in its place."""
        command = self.command
        if "%l" in command:
            return command.replace("%l", line)
        if not self.arguments_count:
            return f"{command.replace('%%s', '%s')} {line}".rstrip()
        words = line.split(None, self.arguments_count)
        if len(words) < self.arguments_count:
            needed = "1 argument" if self.arguments_count == 1 else f"{self.arguments_count} arguments"
            raise UsageError(f"the alias {self.name} needs {needed}, and was given {len(words)}: {self.command}")
        parts = command.replace("%%s", "\0").split("%s")
        filled = parts[0] + "".join(word + part for word, part in zip(words, parts[1:]))
        return " ".join([filled.replace("\0", "%s"), *words[self.arguments_count :]])

    def __repr__(self):
        return f"<alias {self.name} for {self.command!r}>"


for _name, _command in PREDEFINED.items():
    globals()["alias_" + _name] = Alias(_name, _command)


def known():
    """The aliases, a dict from name to `Alias`: those from the start, and those that were made."""
    found = {}
    shell = _shell()
    for name in PREDEFINED:
        function = shell.find_magic(name, "line")
        if isinstance(function, Alias):
            found[name] = function
    found.update((name, each) for name, each in shell._magics["line"].items() if isinstance(each, Alias))
    return found


def define(name, command):
    """Makes an alias; UsageError says why it can't be one."""
    if not name.replace("_", "a").replace("-", "a").replace(".", "a").isalnum():
        raise UsageError(f"%alias: {name!r} can't name an alias: letters, digits and _ can")
    taken = _shell().find_magic(name, "line")
    if taken is not None and not isinstance(taken, Alias):
        raise UsageError(f"%alias: %{name} is a magic, which an alias doesn't replace")
    _shell()._magics["line"][name] = Alias(name, command)


def _names(typed):
    return [name for name in known() if name.startswith(typed)]


@magic(rest="[NAME [COMMAND]]", complete=_names)
def alias(given):
    """Makes a line magic of a command of the system.

    %alias                  returns those that there are, as pairs
    %alias NAME             shows one
    %alias NAME COMMAND     makes one; what is typed behind it goes behind the command

    In the command, %l stands for the whole line, each %s for one word of it,
    $name and {expression} for values at the time when it runs.
    """
    name, _, command = given.rest.partition(" ")
    if not name:
        found = sorted((name, each.command) for name, each in known().items())
        print(f"Total number of aliases: {len(found)}")
        return found
    if not command.strip():
        if name not in known():
            raise UsageError(f"%alias: {name} is no alias; %alias {name} COMMAND makes one")
        print(f"{name} -> {known()[name].command}")
        return None
    define(name, command.strip())
    return None


@magic(words="NAME", complete=_names)
def unalias(given):
    """Removes an alias."""
    name = given.words[0]
    if name not in known():
        raise UsageError(f"%unalias: {name} is no alias; %alias lists them")
    # One that is there from the start comes back with the next session.
    _shell()._magics["line"].pop(name, None)
    if name in PREDEFINED:
        from . import LINE

        LINE.pop(name, None)


@magic()
def rehashx(given):
    """Makes an alias of every program on $PATH whose name no magic has."""
    shell = _shell()
    count = 0
    for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
        try:
            entries = list(os.scandir(folder or "."))
        except OSError:
            # $PATH may name folders that aren't there.
            continue
        for entry in entries:
            name = entry.name
            if name.replace(".", "_").replace("-", "_").isidentifier() and _is_program(entry):
                if shell.find_magic(name, "line") is None:
                    shell._magics["line"][name] = Alias(name, name)
                    count += 1
    print(f"{count} programs have become aliases.")


def _is_program(entry):
    try:
        return entry.is_file() and os.access(entry.path, os.X_OK)
    except OSError:
        return False
