"""Objects of megabytes: they arrive as they were sent, and nobody sees another's changes."""

import os

import ipyparallel as ipp
from _expect import connect, raises_remote

MB = 1 << 20
rc = connect()
everyone, one = rc[:], rc[0]

# The same bytes everywhere and back, from engine to engine, and once more.
sent = os.urandom(3 * MB)
everyone.push({"sent": sent}, block=True)
assert everyone.pull("sent", block=True) == [sent] * len(rc)
rc[1].push({"passed_on": one.pull("sent", block=True)}, block=True)
assert rc[1].pull("passed_on", block=True) == sent
assert everyone.apply_sync(lambda data: (len(data), data[:9]), sent) == [(len(sent), sent[:9])] * len(rc)

# What can be changed is changed for whoever changes it.
grown = bytearray(sent)
everyone.push({"grown": grown}, block=True)
one.execute("grown[0] ^= 0xFF; grown.extend(b'more')", block=True)
assert one.pull("grown", block=True) == bytes([sent[0] ^ 0xFF]) + sent[1:] + b"more"
assert rc[1].pull("grown", block=True) == sent and grown == sent
one.execute("sent_too = bytes(bytearray(sent)); sent += b'!'", block=True)
assert one.pull(["sent", "sent_too"], block=True) == [sent + b"!", sent]
assert rc[1].pull("sent", block=True) == sent

# Several in one message, with small ones between them.
mixed = {"first": sent, "table": list(range(1000)), "second": sent[::-1], "third": bytes(2 * MB)}
rc[2].push({"mixed": mixed}, block=True)
assert rc[2].pull("mixed", block=True) == mixed
many = [os.urandom(MB) for _ in range(40)]
assert rc[2].apply_sync(lambda many: many, many) == many

# More of them than a process hands over by other means than bytes.
kept = [os.urandom(8) * (MB // 8) for _ in range(300)]
for number, block in enumerate(kept):
    one.push({f"kept_{number}": block}, block=True)
for number, block in enumerate(kept):
    assert one.pull(f"kept_{number}", block=True) == block
one.clear(block=True)
raises_remote("NameError", one.pull("kept_0").get, 30)
