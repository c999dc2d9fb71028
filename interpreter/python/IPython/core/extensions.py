"""What loads extensions, by the name by which programs import it."""

from rhumba._interface import ExtensionManager

__all__ = ["ExtensionManager"]
