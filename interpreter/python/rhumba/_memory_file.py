"""Files in memory, as snapshots make them again.

Snapshots call it (`interpreter/src/snapshot/encode/substitute.rs`) for `io.BytesIO`, `io.StringIO`
and their subclasses, whose own `__init__` isn't run.
"""

import io


def fill(file, state):
    """Gives a new file in memory its content, and the position in it.

    state: the content, the position, and of a text what its `newline` was;
        without that, as some snapshots are, it is the usual one
    """
    content, position, *rest = state
    if isinstance(file, io.StringIO):
        newline = rest[0] if rest else "\n"
        # Unlike what `__init__` is given, the content isn't translated once more.
        io.StringIO.__init__(file, "", newline)
        io.StringIO.__setstate__(file, (content, newline, position, None))
    else:
        io.BytesIO.__init__(file, content)
        io.BytesIO.seek(file, position)
