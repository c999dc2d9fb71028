"""Input and output of blocks and programs."""

from IPython.utils.capture import CapturedIO, capture_output

__all__ = ["CapturedIO", "Tee", "ask_yes_no", "capture_output", "temp_pyfile"]


class Tee:
    """A stream that writes to a file as well."""

    def __init__(self, file_or_name, mode="w", channel="stdout"):
        import sys

        if channel not in ("stdout", "stderr"):
            raise ValueError(f"a channel is stdout or stderr, not {channel!r}")
        self.file = file_or_name if hasattr(file_or_name, "write") else open(file_or_name, mode, encoding="utf-8")
        self.channel = channel
        self.ostream = getattr(sys, channel)
        setattr(sys, channel, self)
        self._closed = False

    def write(self, data):
        self.file.write(data)
        self.ostream.write(data)
        self.ostream.flush()

    def flush(self):
        self.file.flush()
        self.ostream.flush()

    def isatty(self):
        """False: what reads it along is no terminal."""
        return False

    def close(self):
        import sys

        self.flush()
        setattr(sys, self.channel, self.ostream)
        self.file.close()
        self._closed = True

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        if not self._closed:
            self.close()


def ask_yes_no(prompt, default=None, interrupt=None):
    """Asks until the answer is yes or no; where nobody can be asked, it is the default."""
    answers = {"y": True, "yes": True, "n": False, "no": False}
    while True:
        try:
            answer = input(prompt + " ").strip().lower() or (default or "")
        except KeyboardInterrupt:
            if interrupt is None:
                raise
            answer = interrupt
        except EOFError:
            if default not in answers:
                raise
            print()
            answer = default
        if answer in answers:
            return answers[answer]


def temp_pyfile(src, ext=".py"):
    """A new file with this text in it; returns its path, and removes nothing."""
    import tempfile

    with tempfile.NamedTemporaryFile("w", suffix=ext, encoding="utf-8", delete=False) as file:
        file.write(src)
    return file.name
