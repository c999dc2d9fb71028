"""Files in memory, as snapshots make them again.

Snapshots call it (`interpreter/src/snapshot/encode/substitute.rs`) for `io.BytesIO`, `io.StringIO`
and their subclasses, whose own `__init__` isn't run.
"""

import io


def fill(file, state):
    """Gives a new file in memory its content, and the position in it."""
    content, position = state
    if isinstance(file, io.StringIO):
        # Line ends were translated when they were written.
        io.StringIO.__init__(file, content, "")
        io.StringIO.seek(file, position)
    else:
        io.BytesIO.__init__(file, content)
        io.BytesIO.seek(file, position)
