"""Folders and files for a moment."""

import os
from tempfile import TemporaryDirectory

__all__ = ["NamedFileInTemporaryDirectory", "TemporaryDirectory", "TemporaryWorkingDirectory"]


class NamedFileInTemporaryDirectory:
    """A file with a name of its own, in a folder that goes with it."""

    def __init__(self, filename, mode, bufsize=-1, add_to_syspath=False, **kwds):
        self._folder = TemporaryDirectory(**kwds)
        encoding = None if "b" in mode else "utf-8"
        self.file = open(os.path.join(self._folder.name, filename), mode, bufsize, encoding=encoding)

    def cleanup(self):
        self.file.close()
        self._folder.cleanup()

    def __enter__(self):
        return self.file

    def __exit__(self, *failure):
        self.cleanup()


class TemporaryWorkingDirectory(TemporaryDirectory):
    """A folder that is the one that is worked in, as long as the block runs."""

    def __enter__(self):
        self._before = os.getcwd()
        os.chdir(self.name)
        return super().__enter__()

    def __exit__(self, *failure):
        os.chdir(self._before)
        return super().__exit__(*failure)
