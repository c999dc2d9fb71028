"""Catches what is printed and displayed inside a block."""

import json
import sys
from io import StringIO

import _rhumba_shell

from rhumba._formatters import METHODS

__all__ = ["CapturedIO", "RichOutput", "capture_output"]


class RichOutput:
    """One thing that was displayed, in all of its forms."""

    def __init__(self, data=None, metadata=None, transient=None, update=False):
        self.data = data or {}
        self.metadata = metadata or {}
        self.transient = transient or {}
        self.update = update

    def display(self):
        """Shows it again."""
        from rhumba._display import publish_display_data

        publish_display_data(self.data, self.metadata, transient=self.transient, update=self.update)

    def _repr_mimebundle_(self, include=None, exclude=None):
        return self.data, self.metadata

    def _form(self, kind):
        form = self.data.get(kind)
        if form is None or kind not in self.metadata:
            return form
        return form, self.metadata[kind]

    def __repr__(self):
        return self.data.get("text/plain", f"<RichOutput of {', '.join(self.data)}>")


def _of_kind(kind):
    return lambda self: self._form(kind)


for _kind, _method in METHODS.items():
    setattr(RichOutput, _method, _of_kind(_kind))


def _rich(output):
    # The forms that a CapturingDisplayHook has kept are a dict.
    if isinstance(output, dict):
        return RichOutput(**output)
    data, metadata, display_id, update = output
    metadata = {kind: json.loads(said) for kind, said in metadata.items()}
    return RichOutput(data, metadata, {"display_id": display_id} if display_id else None, update)


class CapturedIO:
    """What a block printed and displayed; called, it shows that again."""

    def __init__(self, stdout, stderr, outputs=None):
        self._stdout = stdout
        self._stderr = stderr
        self._outputs = outputs

    @property
    def stdout(self):
        return self._stdout.getvalue() if self._stdout else ""

    @property
    def stderr(self):
        return self._stderr.getvalue() if self._stderr else ""

    @property
    def outputs(self):
        """What was displayed, as a list of RichOutput."""
        return [_rich(output) for output in self._outputs or ()]

    def __str__(self):
        return self.stdout

    def show(self):
        """Shows all of it again."""
        sys.stdout.write(self.stdout)
        sys.stderr.write(self.stderr)
        for output in self.outputs:
            output.display()

    __call__ = show


class capture_output:
    """A block whose output is caught: `with capture_output() as captured: …`."""

    def __init__(self, stdout=True, stderr=True, display=True):
        self.stdout = stdout
        self.stderr = stderr
        self.display = display

    def __enter__(self):
        self._before = sys.stdout, sys.stderr
        stdout = stderr = outputs = None
        if self.stdout:
            stdout = sys.stdout = StringIO()
        if self.stderr:
            stderr = sys.stderr = StringIO()
        if self.display:
            outputs = []
            _rhumba_shell.begin_capture(outputs)
        return CapturedIO(stdout, stderr, outputs)

    def __exit__(self, *failure):
        sys.stdout, sys.stderr = self._before
        if self.display:
            _rhumba_shell.end_capture()
        return False
