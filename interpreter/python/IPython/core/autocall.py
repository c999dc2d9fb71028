"""Objects that are called when their name stands alone on a line."""

__all__ = ["ExitAutocall", "IPyAutocall"]


class IPyAutocall:
    """Called when its name stands alone; `rewrite` is whether the call is shown."""

    rewrite = True

    def __init__(self, ip=None):
        self._ip = ip

    def set_ip(self, ip):
        self._ip = ip


class ExitAutocall(IPyAutocall):
    """Ends the session."""

    rewrite = False

    def __call__(self):
        from rhumba._leaving import Leave

        raise Leave
