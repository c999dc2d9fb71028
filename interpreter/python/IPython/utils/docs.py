"""Whether documentation is being made."""

import os

__all__ = ["GENERATING_DOCUMENTATION"]

GENERATING_DOCUMENTATION = os.environ.get("IN_SPHINX_RUN") == "True"
