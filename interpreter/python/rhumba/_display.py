"""`display(obj)`: an object in every form that it knows of itself, by MIME type."""

import _rhumba_shell

# What an object's method gives, in the order in which a notebook prefers them.
_METHODS = {
    "_repr_html_": "text/html",
    "_repr_markdown_": "text/markdown",
    "_repr_svg_": "image/svg+xml",
    "_repr_latex_": "text/latex",
    "_repr_json_": "application/json",
    "_repr_javascript_": "application/javascript",
    "_repr_png_": "image/png",
    "_repr_jpeg_": "image/jpeg",
}


def display(*objs, include=None, exclude=None, raw=False, display_id=None, **kwargs):
    """Shows objects, each in the richest form that whoever looks can render.

    raw: the objects are dicts of MIME types to text already
    include, exclude: the only MIME types to show, and those not to
    """
    for obj in objs:
        forms = dict(obj) if raw else forms_of(obj)
        if include is not None:
            forms = {kind: text for kind, text in forms.items() if kind in include}
        if exclude is not None:
            forms = {kind: text for kind, text in forms.items() if kind not in exclude}
        if forms:
            _rhumba_shell.publish(forms)


def forms_of(obj):
    """Every form of an object, by MIME type; `text/plain` is always among them."""
    forms = {}
    bundle = _called(obj, "_repr_mimebundle_", include=None, exclude=None)
    if isinstance(bundle, tuple):
        bundle = bundle[0]
    if isinstance(bundle, dict):
        forms.update({kind: _text(value) for kind, value in bundle.items()})
    for method, kind in _METHODS.items():
        if kind not in forms:
            value = _called(obj, method)
            if value is not None:
                forms[kind] = _text(value)
    if "text/plain" not in forms:
        forms["text/plain"] = repr(obj)
    return forms


def _called(obj, method, **kwargs):
    # Of the class, not the object: an object that answers to every name has no such form.
    function = None if isinstance(obj, type) else getattr(type(obj), method, None)
    if not callable(function):
        return None
    try:
        value = function(obj, **kwargs)
    except NotImplementedError:
        return None
    # A form may come with metadata, which no sink takes.
    return value[0] if isinstance(value, tuple) and method != "_repr_mimebundle_" else value


def _text(value):
    if isinstance(value, str):
        return value
    if isinstance(value, (bytes, bytearray)):
        import base64

        return base64.b64encode(value).decode()
    import json

    return json.dumps(value)
