"""Shows long text in a pager."""

__all__ = ["page"]


def page(strng, start=0, screen_lines=0, pager_cmd=None):
    """Shows text: in the pager of the system if it is longer than the screen, else as it is."""
    if isinstance(strng, dict):
        strng = strng.get("text/plain", "")
    lines = strng.splitlines()[max(start, 0):]
    from rhumba._pager import page as paged

    paged("\n".join(lines))
