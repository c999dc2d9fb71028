"""Nested data as text, under the name by which programs import it."""

from rhumba._pretty import *  # noqa: F403
from rhumba._pretty import _deferred as _deferred_type_pprinters
from rhumba._pretty import _print_class as _type_pprint
from rhumba._pretty import _singletons as _singleton_pprinters
from rhumba._pretty import _types as _type_pprinters
from rhumba._pretty import __all__

__all__ = [*__all__]
