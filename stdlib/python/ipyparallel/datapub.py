"""`publish_data` under the name by which it is imported on engines."""

from .engine.datapub import publish_data

__all__ = ["publish_data"]
