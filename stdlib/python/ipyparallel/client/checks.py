"""Arguments that are numbers, or true or false, looked at before they are kept or sent.

A number that the wire has no room for is told here, in a sentence. Times are in
`timeout.py`.
"""

# The largest number of retries, of engines, of tasks.
_MOST = 2**32 - 1


def whole(name, value, least=0, most=_MOST):
    """Returns a whole number, if it is one.

    name: what it is called in messages

    Raises TypeError unless it is an int, ValueError if it is out of bounds.
    """
    if not isinstance(value, int):
        raise TypeError(f"{name} must be an int, not {value!r}")
    if value < least:
        wanted = "must not be negative:" if least == 0 else f"must be at least {least}, not"
        raise ValueError(f"{name} {wanted} {value}")
    if most is not None and value > most:
        raise ValueError(f"{name} must be at most {most}, not {value}")
    return value


def truth(name, value):
    """Returns what is True or False. Raises TypeError for all else: `'no'` and 0 may be meant either way.

    name: what it is called in messages
    """
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be True or False, not {value!r}")
    return value
