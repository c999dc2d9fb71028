"""What a timeout may be: seconds, or None or a negative number for ever."""


def seconds(timeout):
    """Returns a timeout in seconds, None if it is for ever.

    Raises TypeError for what isn't a number, ValueError for NaN.
    """
    if timeout is None:
        return None
    if not isinstance(timeout, (int, float)):
        try:
            timeout = float(timeout.__float__())
        except AttributeError:
            raise TypeError(
                f"a timeout is a number of seconds, or None, not {timeout!r}"
            ) from None
    if timeout != timeout:
        raise ValueError("a timeout is a number of seconds, not NaN")
    return None if timeout < 0 or timeout == float("inf") else timeout
