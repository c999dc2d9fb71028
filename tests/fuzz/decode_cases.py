"""Decodes cases for the fuzz harness: decode_cases.py PATH MEMORY_MB; see `decode_loop.py`.

Objects are decoded into this session, so nothing else is in it.
"""

import sys

import decode_loop

decode_loop.main(*sys.argv[1:])
