"""What is known about one executed part: its metadata, and the reply to `execute`.

Everything is read from the native group when it is asked for, so that nothing
is kept twice. Times become `datetime` objects only here.
"""

_TIME_KEYS = ("submitted", "started", "completed", "received")

# The form under which an engine sends what is said of the others, such as the width of a picture:
# a JSON object by MIME type.
_SAID = "application/vnd.rhumba.metadata+json"


class Metadata(dict):
    """A dict whose items are attributes, too."""

    def __getattr__(self, name):
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


def metadata_of(group, index, key=None):
    """Returns all metadata of one part, or what is known under one key."""
    if key is None:
        metadata = Metadata(group.metadata(index))
        for name in _TIME_KEYS:
            metadata[name] = _moment(metadata[name])
        for name in ("stdout", "stderr", "outputs", "execute_result", "error", "engine_uuid", "data"):
            metadata[name] = metadata_of(group, index, name)
        return metadata
    if key in ("stdout", "stderr"):
        return "".join([data for kind, data in group.output(index) if kind == key])
    if key == "outputs":
        return [told_apart(forms) for kind, forms in group.output(index) if kind == "display"]
    if key == "data":
        return group.data(index)
    if key == "execute_result":
        return _execute_result(group, index)
    if key == "error":
        # What failed is an exception that the result makes, which knows what was done.
        return None
    if key == "engine_uuid":
        engine_id = group.metadata(index)["engine_id"]
        return None if engine_id is None else f"engine-{engine_id}"
    value = group.metadata(index)[key]
    return _moment(value) if key in _TIME_KEYS else value


def _moment(seconds):
    if seconds is None:
        return None
    from datetime import datetime, timezone

    return datetime.fromtimestamp(seconds, timezone.utc)


def _execute_result(group, index):
    """Returns what the last expression of a cell displayed, or None."""
    for kind, data in group.output(index):
        if kind == "result":
            count, forms = data
            return {"execution_count": count, **told_apart(forms)}
    return None


def told_apart(forms):
    """Returns the forms of what was displayed as 'data', and what is said of them as 'metadata'."""
    if _SAID not in forms:
        return {"data": forms, "metadata": {}}
    import json

    data = {kind: form for kind, form in forms.items() if kind != _SAID}
    return {"data": data, "metadata": json.loads(forms[_SAID])}


class ExecuteReply:
    """The reply of one engine to `execute`.

    metadata: all that is known, as in `AsyncResult.metadata`; its items are
        attributes of the reply as well (`reply.stdout`, `reply.engine_id`)
    execution_count: the number of the last cell on that engine that was not silent
    data: the value of the last expression as text by media type, {} if none

    The shell shows it as the engine's value, with its forms.
    """

    def __init__(self, group, index):
        self._group = group
        self._index = index
        self._known = None
        self.execution_count = group.outcome(index)[1]

    @property
    def metadata(self):
        # Most replies are only waited for, so that theirs is never put together.
        if self._known is None:
            self._known = metadata_of(self._group, self._index)
        return self._known

    @property
    def data(self):
        result = self.metadata["execute_result"]
        return result["data"] if result else {}

    @property
    def source(self):
        """'', as engines send no source with a value; None if there is no value."""
        return "" if self.metadata["execute_result"] else None

    # -- how it is shown

    def display(self):
        """Shows the value of the last expression here, in the best form that there is room for."""
        from IPython.display import publish_display_data

        if self.data:
            publish_display_data(self.data, self._said)

    @property
    def _said(self):
        result = self.metadata["execute_result"]
        return result["metadata"] if result else {}

    def _repr_mimebundle_(self, include=None, exclude=None):
        return ({**self.data, "text/plain": self._labelled()} if self.data else {}), self._said

    def _repr_pretty_(self, printer, cycle):
        printer.text(self._labelled() or repr(self))

    def _repr_html_(self):
        return self.data.get("text/html")

    def _repr_markdown_(self):
        return self.data.get("text/markdown")

    def _repr_latex_(self):
        return self.data.get("text/latex")

    def _repr_json_(self):
        return self.data.get("application/json")

    def _repr_javascript_(self):
        return self.data.get("application/javascript")

    def _repr_png_(self):
        return self.data.get("image/png")

    def _repr_jpeg_(self):
        return self.data.get("image/jpeg")

    def _repr_svg_(self):
        return self.data.get("image/svg+xml")

    def _labelled(self):
        """Returns the value as text behind its engine and cell, '' if there is none."""
        text = self._text()
        if not text:
            return ""
        below = "\n" if "\n" in text and text[0] != "\n" else ""
        return f"Out[{self.metadata['engine_id']}:{self.execution_count}]: {below}{text}"

    def __getitem__(self, key):
        return self.metadata[key]

    # It is the same reply, wherever it was asked for.

    def __eq__(self, other):
        return self._msg_id() == other._msg_id() if isinstance(other, ExecuteReply) else NotImplemented

    def __hash__(self):
        return hash(self._msg_id())

    def _msg_id(self):
        return self._group.metadata(self._index)["msg_id"]

    def __getattr__(self, name):
        # Private names are looked up before there is a group to ask.
        if name[:1] != "_" and name in self.metadata:
            return self.metadata[name]
        raise AttributeError(f"ExecuteReply has no attribute {name!r}")

    def _text(self):
        return self.data.get("text/plain", "")

    def __repr__(self):
        text = self._text()
        if len(text) > 32:
            text = text[:29] + "..."
        return f"<ExecuteReply[{self.execution_count}]: {text}>"
