"""Shows forms by MIME type."""

from rhumba._display import publish_display_data
from rhumba._interface import DisplayPublisher

__all__ = ["DisplayPublisher", "publish_display_data"]
