"""What functions and tasks need, under the name by which scripts import it; see `..dependency`."""

from ..dependency import Dependency, depend, dependent, interactive, require

__all__ = ["Dependency", "depend", "dependent", "interactive", "require"]
