"""The processor time that calls take."""

import resource

__all__ = ["clock", "clock2", "clocks", "clocku", "timing", "timings", "timings_out"]


def clock2():
    """The seconds that this process has used: its own and the system's."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime, used.ru_stime


def clocku():
    """The seconds of its own that this process has used."""
    return clock2()[0]


def clocks():
    """The seconds that the system has used for this process."""
    return clock2()[1]


def clock():
    """Both together."""
    return sum(clock2())


def timings_out(reps, func, *args, **kw):
    """Calls a function some times; returns the seconds of all, those of each, and the last value."""
    if reps < 1:
        raise ValueError(f"a function is called once at least, and not {reps} times")
    begun = clock()
    for _ in range(reps):
        value = func(*args, **kw)
    took = clock() - begun
    return took, took / reps, value


def timings(reps, func, *args, **kw):
    """Calls a function some times; returns the seconds of all, and those of each."""
    return timings_out(reps, func, *args, **kw)[:2]


def timing(func, *args, **kw):
    """Calls a function once; returns the seconds."""
    return timings_out(1, func, *args, **kw)[0]
