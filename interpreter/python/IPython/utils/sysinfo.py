"""What this runs on."""

__all__ = ["get_sys_info", "pkg_info", "sys_info"]


def pkg_info(pkg_path=None):
    """The versions of the shell and of Python, and the system, as a dict."""
    return get_sys_info()


def get_sys_info():
    """The versions of the shell and of Python, and the system, as a dict."""
    import os
    import platform
    import sys

    from IPython import __version__

    return {
        "ipython_version": __version__,
        # The package is part of the executable, which knows no commit.
        "ipython_path": sys.executable,
        "commit_source": "(none found)",
        "commit_hash": "<not found>",
        "sys_version": sys.version,
        "sys_executable": sys.executable,
        "sys_platform": sys.platform,
        "platform": platform.platform(),
        "os_name": os.name,
        "default_encoding": sys.getdefaultencoding(),
    }


def sys_info():
    """The same as text."""
    import pprint

    return pprint.pformat(get_sys_info())
