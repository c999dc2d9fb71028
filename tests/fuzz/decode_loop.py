"""Decodes what the fuzz harness sends, one damaged case after the other, and says how each ended.

main(PATH, MEMORY_MB) reads cases from standard input: a letter, a length (4 bytes, little-endian),
the bytes. It answers each on standard output with a letter:

    o  an object came back          s  SnapshotError: it was refused
    e  another exception, and the length (2 bytes) and text of its type and message
    c  something was called, imported or bound in the session that must not have been

The letter of a case says what is done with it: l, loads; d, loads with trust="data"; f, load of a file, which
is written to PATH; g, the same with trust="data".
"""

import gc
import os
import resource
import sys

import canary
from rhumba import SnapshotError, namespace

# The session that objects are decoded into, and what is bound there before.
SESSION = sys.modules["__main__"].__dict__


def channels():
    """The two ends to the harness; what decoded code prints or reads goes nowhere."""
    ends = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.dup2(nowhere, 1)
    return ends


def decode(letter, data, path):
    trust = "data" if letter in "dg" else "all"
    if letter in "ld":
        return namespace.loads(data, trust=trust)
    with open(path, "wb") as file:
        file.write(data)
    return namespace.load(path, trust=trust)


def answer(letter, data, path):
    """Decodes one case and tells how it ended."""
    before = canary.calls, len(sys.modules), dict(SESSION)
    try:
        made = decode(letter, data, path)
        ended = b"o"
        if letter in "dg":
            # What only looks like an object would be seen now.
            namespace.dumps(made)
            if made is SESSION:
                return b"c"
        del made
    except SnapshotError:
        ended = b"s"
    except BaseException as error:
        text = f"{type(error).__name__}: {error}".encode("utf-8", "replace")[:300]
        ended = b"e" + len(text).to_bytes(2, "little") + text
    if letter in "dg" and before != (canary.calls, len(sys.modules), SESSION):
        return b"c"
    return ended


def main(path, memory_mb):
    memory_bytes = int(memory_mb) << 20
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    stream_in, stream_out = channels()
    count = 0
    while head := stream_in.read(5):
        letter = chr(head[0])
        data = stream_in.read(int.from_bytes(head[1:], "little"))
        stream_out.write(answer(letter, data, path))
        stream_out.flush()
        count += 1
        if count % 1000 == 0:
            gc.collect()
