"""Paths: homes, files looked for in folders, what was typed with marks in it."""

import os

__all__ = [
    "HomeDirError", "compress_user", "ensure_dir_exists", "expand_path", "filefind", "get_home_dir",
    "get_long_path_name", "get_py_filename", "get_xdg_cache_dir", "get_xdg_dir", "link", "link_or_copy", "shellglob",
    "unescape_glob",
]


class HomeDirError(Exception):
    """There is no home folder that can be written to."""


def get_home_dir(require_writable=False):
    """The person's home folder, links followed."""
    home = os.path.realpath(os.path.expanduser("~"))
    if require_writable and not _is_writable(home):
        raise HomeDirError(f"{home} can't be written to: set $HOME to a folder that can")
    return home


def _is_writable(path):
    return os.path.isdir(path) and os.access(path, os.W_OK)


def get_xdg_dir():
    """The folder of configurations, or None if it isn't there."""
    return _of_person("XDG_CONFIG_HOME", ".config")


def get_xdg_cache_dir():
    """The folder of what can be made again, or None if it isn't there."""
    return _of_person("XDG_CACHE_HOME", ".cache")


def _of_person(variable, usual):
    path = os.environ.get(variable) or os.path.join(get_home_dir(), usual)
    return path if _is_writable(path) else None


def compress_user(path):
    """The path with `~` for the home folder."""
    home = os.path.expanduser("~")
    if path == home:
        return "~"
    return "~" + path[len(home) :] if path.startswith(os.path.join(home, "")) else path


def expand_path(s):
    """The path with the values of `$NAME` and `~` in it."""
    return os.path.expandvars(os.path.expanduser(s))


def get_long_path_name(path):
    return path


def get_py_filename(name):
    """A file by its name, with or without its .py."""
    name = os.path.expanduser(name)
    for path in (name, name + ".py"):
        if os.path.isfile(path):
            return path
    raise OSError(f"there is no file {name!r}")


def filefind(filename, path_dirs=None):
    """The first file of that name in folders; without folders, in the one that is worked in."""
    filename = filename.strip("\"'")
    folders = ("",) if path_dirs is None else (path_dirs,) if isinstance(path_dirs, str) else path_dirs
    for folder in folders:
        path = os.path.abspath(expand_path(os.path.join(folder, filename)))
        if os.path.isfile(path):
            return path
    raise OSError(f"there is no file {filename!r} in any of {list(folders)}")


def unescape_glob(string):
    """The text of a pattern without the backslashes before its marks."""
    parts = []
    for part in string.split("\\\\"):
        for mark in "*[]!?":
            part = part.replace("\\" + mark, mark)
        parts.append(part)
    return "\\".join(parts)


def shellglob(args):
    """The files that patterns match, one after the other; a pattern that matches none stays."""
    import glob

    return [path for pattern in args for path in (sorted(glob.glob(pattern)) or [unescape_glob(pattern)])]


def link(src, dst):
    """Makes a file known under another name; returns 0, or the number of what went wrong."""
    import errno

    if not hasattr(os, "link"):
        return errno.ENOTSUP
    try:
        os.link(src, dst)
    except OSError as failure:
        return failure.errno
    return 0


def link_or_copy(src, dst):
    """Makes a file known under another name as well; where that can't be, copies it."""
    import shutil

    if os.path.isdir(dst):
        dst = os.path.join(dst, os.path.basename(src))
    if os.path.exists(dst):
        if os.path.samefile(src, dst):
            return
        os.remove(dst)
    if link(src, dst):
        shutil.copy(src, dst)


def ensure_dir_exists(path, mode=0o755):
    """Makes a folder, if it isn't there."""
    os.makedirs(path, mode=mode, exist_ok=True)
