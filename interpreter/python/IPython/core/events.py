"""Callbacks around cells, by the names by which programs import them."""

from rhumba.shell import EVENTS, Events

__all__ = ["EventManager", "available_events"]

EventManager = Events
available_events = {name: name for name in EVENTS}
