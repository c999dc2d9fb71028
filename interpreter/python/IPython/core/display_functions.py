"""Functions that show objects."""

from rhumba._display import DisplayHandle, _merge, _new_id, clear_output, display, publish_display_data, update_display

__all__ = ["DisplayHandle", "clear_output", "display", "publish_display_data", "update_display"]
