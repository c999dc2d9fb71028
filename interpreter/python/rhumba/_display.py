"""Shows objects: `display(obj)`, and the value of a cell, in every form that they have.

What forms there are is `_formatters`'; how they look is the affair of who gets them.
"""

import sys

import _rhumba_shell

from rhumba._formatters import formatter

__all__ = ["DisplayHandle", "clear_output", "display", "publish_display_data", "update_display"]


def display(
    *objs, include=None, exclude=None, metadata=None, transient=None, display_id=None, raw=False, clear=False,
    update=False, **kwargs,
):
    """Shows objects, each in the richest form that whoever looks can render.

    raw: the objects are dicts of MIME types to forms already
    include, exclude: the only MIME types to show, and those not to
    display_id: a name by which to replace it later, or True for a new one; returns a DisplayHandle
    clear: takes away what was shown before
    """
    if metadata is not None and not isinstance(metadata, dict):
        raise TypeError(f"metadata must be a dict by MIME type, not {metadata!r}")
    if display_id is True:
        display_id = _new_id()
    if update and not display_id:
        raise TypeError("display_id required: the one under which was shown what is updated")
    if clear:
        clear_output(wait=True)
    if not objs and display_id:
        objs = ({},)
        raw = True
    for obj in objs:
        if raw:
            data, said = obj, {}
        else:
            if _is_rendered(obj):
                continue
            data, said = _forms(obj, include, exclude)
            if not data:
                continue
        said = _merge(dict(said), metadata or {})
        publish_display_data(data, said, transient=transient, display_id=display_id, update=update)
    return DisplayHandle(display_id) if display_id else None


def update_display(obj, *, display_id, **kwargs):
    """Replaces what was shown under an id."""
    display(obj, display_id=display_id, update=True, **kwargs)


def publish_display_data(data, metadata=None, *, transient=None, display_id=None, update=False, **kwargs):
    """Shows forms by MIME type."""
    if not isinstance(data, dict):
        raise TypeError(f"what is shown as it is must be a dict of MIME types to forms, not {data!r}")
    if metadata is not None and not isinstance(metadata, dict):
        raise TypeError(f"metadata must be a dict by MIME type, not {metadata!r}")
    if _are_rendered(data, metadata or {}):
        return
    if display_id is None and transient:
        display_id = transient.get("display_id")
    publisher = _publisher()
    if publisher is not None:
        return _hand_over(publisher, data, metadata, transient, display_id, update)
    if "text/plain" in data and _is_redirected():
        print(data["text/plain"])
        return
    _rhumba_shell.publish(_texts(data), _texts(metadata or {}, True), display_id, update)


def _is_redirected():
    """Whether what is printed on this terminal goes to a stream of a program: then so does what is shown, as text."""
    return _rhumba_shell.shown_kinds() is not None and type(sys.stdout).__module__ != "rhumba"


def _publisher():
    """What a program has put in the place of the shell's publisher, or of its method; None if that is as it was."""
    shell = sys.modules.get("rhumba.shell")
    shell = None if shell is None else shell.get_ipython()
    publisher = None if shell is None else vars(shell).get("display_pub")
    if publisher is None or _handing_over:
        return None
    from rhumba._interface import DisplayPublisher

    is_own = type(publisher) is DisplayPublisher and "publish" not in vars(publisher)
    return None if is_own else publisher


# The publishers that are being called: from inside of one, what is shown goes where it always went.
_handing_over = []


def _hand_over(publisher, data, metadata, transient, display_id, update):
    options = {}
    transient = {**(transient or {}), **({"display_id": display_id} if display_id else {})}
    if transient:
        options["transient"] = transient
    if update:
        options["update"] = True
    _handing_over.append(publisher)
    try:
        publisher.publish(data=data, metadata=metadata or {}, **options)
    finally:
        _handing_over.pop()


def clear_output(wait=False):
    """Takes away what the cell has shown; with `wait`, when something new is there."""
    _rhumba_shell.clear_output(wait)


class DisplayHandle:
    """What was shown, to show something else in its place."""

    def __init__(self, display_id=None):
        self.display_id = display_id or _new_id()

    def display(self, obj, **kwargs):
        display(obj, display_id=self.display_id, **kwargs)

    def update(self, obj, **kwargs):
        update_display(obj, display_id=self.display_id, **kwargs)

    def __repr__(self):
        return f"<DisplayHandle display_id={self.display_id}>"


def result(obj):
    """The forms of a cell's value and what is said of them, as texts; None if it showed itself."""
    if _is_rendered(obj):
        return None
    data, metadata = _forms(obj)
    if not data:
        return None
    return _texts(data), _texts(metadata, True)


def _renderers():
    """The functions of a program in `shell.mime_renderers`, by MIME type."""
    shell = sys.modules.get("rhumba.shell")
    shell = None if shell is None else shell.get_ipython()
    return {} if shell is None else vars(shell).get("mime_renderers") or {}


def _is_rendered(obj):
    """Whether such a function has shown an object."""
    renderers = _renderers()
    return bool(renderers) and _are_rendered(*formatter().format(obj, list(renderers)))


def _are_rendered(data, metadata):
    """Whether such a function has shown forms: it is called with that of its MIME type, and what is said of it."""
    for kind, function in _renderers().items():
        if kind in data:
            function(data[kind], metadata.get(kind))
            return True
    return False


def _forms(obj, include=None, exclude=None):
    """The forms of an object that somebody sees, or that are asked for by name."""
    shown = None if include else _rhumba_shell.shown_kinds()
    return formatter().format(obj, include, exclude, shown)


def _merge(into, further):
    """Adds the items of a dict to another one's, and so for the dicts in them; returns what came of it."""
    if not isinstance(into, dict) or not isinstance(further, dict):
        return further
    for key, value in further.items():
        into[key] = _merge(into.get(key), value)
    return into


def _new_id():
    import os

    return os.urandom(16).hex()


def _texts(forms, as_json=False):
    return {kind: _text(value, as_json) for kind, value in forms.items()}


def _text(value, as_json):
    if isinstance(value, str) and not as_json:
        return value
    if isinstance(value, (bytes, bytearray)):
        import base64

        return base64.b64encode(value).decode()
    import json

    return json.dumps(value, default=str)
