"""Magics about the working folder and the environment of this process."""

import contextlib
import os
import re

from rhumba._options import FOLDERS, magic, option
from rhumba.shell import UsageError, get_ipython as _shell

# The folders that %pushd left, the last one first.
_pushed = []

# Names of variables whose values are nobody's to read over a shoulder.
_SECRET_PARTS = ("key", "token", "secret", "password", "passphrase", "credential")

_HIDDEN = "<hidden>"


# -- where one is


@magic()
def pwd(given):
    """Returns the working folder."""
    return _here()


def _here():
    try:
        return os.getcwd()
    except OSError as failure:
        raise UsageError(f"the working folder is gone ({failure.strerror}); %cd goes to another") from None


def history():
    """The folders that the session was in, oldest first: the list `_dh`."""
    namespace = _shell().user_ns
    folders = namespace.get("_dh")
    if not isinstance(folders, list):
        folders = namespace["_dh"] = []
    if not folders:
        folders.append(_here())
    return folders


def forget():
    """Forgets the folders of before."""
    folders = _shell().user_ns.get("_dh")
    try:
        here = [_here()]
    except UsageError:
        # One that is gone keeps nothing else from being forgotten.
        here = []
    if isinstance(folders, list):
        folders[:] = here


@magic(
    option("-q", "--quiet", help="doesn't print the new folder"),
    option("-b", name="bookmark", value="NAME", complete=lambda word: _bookmark_names(word), help="goes to a bookmark"),
    rest="[FOLDER]",
    raw_line=False,
    lenient=True,
    complete=FOLDERS,
)
def cd(given):
    """Changes the working folder.

    %cd             goes to the home folder
    %cd FOLDER      goes there, or to the bookmark of that name if there is no such folder
    %cd -           goes back to where %cd was before
    %cd -N          goes to number N of %dhist
    %cd --TEXT      goes to the last folder of %dhist with TEXT in its path
    """
    if given.bookmark is not None and given.rest:
        raise UsageError("%cd takes a bookmark or a folder, not both")
    go(_target(given.rest) if given.bookmark is None else _marked(given.bookmark), quiet=given.quiet)


def _target(typed):
    if len(typed) > 1 and typed[0] == typed[-1] and typed[0] in "\"'":
        return typed[1:-1]
    if typed == "-":
        if len(history()) < 2:
            raise UsageError("%cd - has no folder to go back to: this is the first one")
        return history()[-2]
    if typed.startswith("--"):
        return _remembered(typed[2:].strip())
    if typed.startswith("-") and typed[1:].isdigit():
        number = int(typed[1:])
        if number >= len(history()):
            raise UsageError(f"%cd: %dhist has no number {number}; its last is {len(history()) - 1}")
        return history()[number]
    folder = os.path.expanduser(typed or "~")
    if "\\" in folder and not os.path.exists(folder):
        # As the system's shell writes names with spaces.
        folder = re.sub(r"\\(.)", r"\1", folder)
    marked = None if os.path.isdir(folder) else bookmarks().get(typed)
    if marked is None:
        return folder
    print(f"(bookmark:{typed}) -> {marked}")
    return marked


def _marked(name):
    marked = bookmarks().get(name)
    if marked is None:
        raise UsageError(f"%cd: there is no bookmark {name!r}; %bookmark -l lists them")
    return marked


def _remembered(text):
    for folder in reversed(history()):
        if text in folder:
            return folder
    raise UsageError(f"%cd: %dhist has no folder with {text!r} in it")


def go(folder, quiet=False):
    """Makes a folder the working folder, and remembers it."""
    folders = history()
    try:
        os.chdir(folder)
    except OSError as failure:
        raise UsageError(f"%cd can't go to {folder!r}: {failure.strerror}") from None
    here = os.getcwd()
    if not folders or folders[-1] != here:
        folders.append(here)
    if not quiet:
        print(here)


@magic(words="[FIRST] [LAST]")
def dhist(given):
    """Shows the folders that the session was in: all, the last N, or those from FIRST to LAST."""
    folders = history()
    try:
        numbers = [int(word) for word in given.words]
    except ValueError:
        raise UsageError("%dhist takes numbers: %dhist, %dhist 5, %dhist 2 7") from None
    first, last = 0, len(folders)
    if len(numbers) == 1:
        first = max(last - numbers[0], 0)
    elif numbers:
        first, last = numbers
    print("Directory history (kept in _dh)")
    for number in range(first, min(last, len(folders))):
        print(f"{number}: {folders[number]}")


@magic(words="[FOLDER]")
def pushd(given):
    """Goes to a folder, and puts the one it leaves on the stack that %popd takes from."""
    here = _here()
    if given.words:
        go(os.path.expanduser(given.words[0]))
        _pushed.insert(0, here)
    elif _pushed:
        other = _pushed.pop(0)
        go(other)
        _pushed.insert(0, here)
    else:
        raise UsageError("%pushd needs a folder: the stack is empty")
    return list(_pushed)


@magic()
def popd(given):
    """Goes back to the folder that %pushd left last."""
    if not _pushed:
        raise UsageError("%popd: the stack of folders is empty; %pushd fills it")
    go(_pushed.pop(0))


@magic()
def dirs(given):
    """Returns the stack of folders that %pushd left, the last one first."""
    return list(_pushed)


# -- bookmarks

# Those of a session that has no place to keep them.
_unkept = {}

# How long another session that changes them is waited for.
_patience_s = 5


def bookmarks():
    """The bookmarks as they are now, a dict from names to folders: sessions share them where there is a state folder."""
    file = _bookmark_file()
    if file is None:
        return _unkept
    import json

    try:
        with open(file, encoding="utf-8") as opened:
            text = opened.read()
        return {str(name): str(folder) for name, folder in json.loads(text or "{}").items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, AttributeError) as failure:
        raise UsageError(f"the bookmarks in {file} can't be read: {failure}; remove the file to begin anew") from None


def _bookmark_file():
    from rhumba import _configuration

    folder = _configuration.state_folder()
    return folder and os.path.join(folder, "bookmarks.json")


def _open_private(path, flags):
    return os.open(path, flags, 0o600)


@contextlib.contextmanager
def _changed_bookmarks():
    """The bookmarks, for a change that no other session can be in the middle of; they are kept at its end."""
    file = _bookmark_file()
    if file is None:
        yield _unkept
        return
    with contextlib.ExitStack() as lock:
        try:
            os.makedirs(os.path.dirname(file), mode=0o700, exist_ok=True)
            opened = lock.enter_context(open(file + ".lock", "w", opener=_open_private))
            _locked(opened, file)
        except OSError as failure:
            raise UsageError(f"the bookmarks can't be written to {file}: {failure.strerror}") from None
        known = bookmarks()
        yield known
        _keep(known, file)


def _locked(opened, file):
    """Locks a file until it is closed."""
    import fcntl
    import time

    end = time.monotonic() + _patience_s
    while True:
        try:
            # One that waits in the system couldn't be interrupted.
            return fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= end:
                raise UsageError(f"another session is changing the bookmarks in {file}: try again") from None
        time.sleep(0.02)


def _keep(known, file):
    import json

    made = f"{file}.{os.getpid()}.new"
    try:
        with open(made, "w", encoding="utf-8", opener=_open_private) as opened:
            json.dump(known, opened, indent=1)
        os.replace(made, file)
    except OSError as failure:
        with contextlib.suppress(OSError):
            os.unlink(made)
        raise UsageError(f"the bookmarks can't be written to {file}: {failure.strerror}") from None


def _bookmark_names(typed):
    return [name for name in bookmarks() if name.startswith(typed)]


@magic(
    option("-l", "--list", help="lists them"),
    option("-d", "--delete", help="deletes one"),
    option("-r", "--remove-all", help="deletes all"),
    words="[NAME] [FOLDER]",
    complete=_bookmark_names,
)
def bookmark(given):
    """Gives this folder, or another, a name that `%cd -b NAME` goes to. They stay over sessions."""
    if given.list:
        known = bookmarks()
        width = max(map(len, known), default=0)
        print("Current bookmarks:")
        for name in sorted(known):
            print(f"{name:<{width}} -> {known[name]}")
        return
    if not given.words and not given.remove_all:
        raise UsageError("%bookmark needs NAME.\nUsage: " + bookmark.usage)
    with _changed_bookmarks() as known:
        if given.remove_all:
            known.clear()
        elif given.delete:
            if given.words[0] not in known:
                raise UsageError(f"%bookmark: there is no bookmark {given.words[0]!r}; %bookmark -l lists them")
            del known[given.words[0]]
        else:
            name, *folder = given.words
            known[name] = os.path.abspath(os.path.expanduser(folder[0])) if folder else _here()


# -- the environment


def _variables(typed):
    return [name for name in os.environ if name.startswith(typed)]


@magic(rest="[NAME[=VALUE]]", raw_line=False, complete=_variables)
def env(given):
    """Shows the environment, or one variable, or sets one.

    %env              all variables; the values of secrets are hidden
    %env NAME         the value of one
    %env NAME=VALUE   sets one; so does %env NAME VALUE
    """
    text = given.rest
    if not text:
        return {name: _hidden(name, value) for name, value in os.environ.items()}
    name, mark, value = text.partition("=") if "=" in text else text.partition(" ")
    if mark:
        return _set_env(name.strip(), value.strip())
    if text not in os.environ:
        raise UsageError(f"the environment has no variable {text}")
    return os.environ[text]


@magic(rest="NAME=VALUE", raw_line=False, complete=_variables)
def set_env(given):
    """Sets a variable of the environment; processes that are started from now on see it."""
    name, mark, value = given.rest.partition("=") if "=" in given.rest else given.rest.partition(" ")
    if not mark or not name.strip():
        raise UsageError("%set_env needs a name and a value: %set_env NAME=VALUE")
    return _set_env(name.strip(), value.strip())


def _set_env(name, value):
    if any(letter.isspace() for letter in name):
        raise UsageError(f"a variable of the environment has no blanks in its name: {name!r}")
    os.environ[name] = value
    print(f"env: {name}={_hidden(name, value)}")


def _hidden(name, value):
    lowered = name.lower()
    # An empty one, too: whether there is a secret is nobody's business.
    return _HIDDEN if any(part in lowered for part in _SECRET_PARTS) else value
