"""Callbacks around cells, by the names by which programs import them."""

from rhumba.shell import EVENTS, Events

__all__ = ["EventManager", "available_events"]

EventManager = Events
available_events = {name: name for name in EVENTS}


def _define_event(callback_function):
    """Adds an event to those that a new manager knows; the function tells what its callbacks are given."""
    available_events[callback_function.__name__] = callback_function
    return callback_function
