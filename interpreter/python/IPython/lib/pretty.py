"""Nested data as text, under the name by which programs import it.

The shell makes the text of values by the `RepresentationPrinter` that is here; a program may bind another one.
"""

import sys
import types

import _rhumba_shell
from rhumba._pretty import *  # noqa: F403
from rhumba._pretty import _deferred as _deferred_type_pprinters
from rhumba._pretty import _print_class as _type_pprint
from rhumba._pretty import _singletons as _singleton_pprinters
from rhumba._pretty import _types as _type_pprinters
from rhumba._pretty import __all__

__all__ = [*__all__]


class _Watched(types.ModuleType):
    """The shell asks its formatters for every value as soon as something here is replaced."""

    def __setattr__(self, name, value):
        super().__setattr__(name, value)
        if name == "RepresentationPrinter":
            _rhumba_shell.format_every_result()


sys.modules[__name__].__class__ = _Watched
