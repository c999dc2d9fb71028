"""What programs may replace in the shell."""

from IPython.core.error import TryNext

__all__ = ["TryNext"]
