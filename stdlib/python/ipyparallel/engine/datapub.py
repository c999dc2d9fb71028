"""Telling the client something while a task still runs."""

import _rhumba


def publish_data(data):
    """Publishes objects by their names to the client whose work runs here.

        publish_data({"step": 12, "loss": 0.3})

    There they are the items of `AsyncResult.data` as soon as they arrive, also
    while this still runs. What is published again under a name takes the place
    of what was there.

    Raises TypeError unless `data` is a dict whose keys are str, SnapshotError
    for what can't be carried, RuntimeError where nobody waits for it: outside
    of engines, and after the task has ended.
    """
    if not isinstance(data, dict):
        raise TypeError(f"publish_data takes a dict of names and objects, not {data!r}")
    for name in data:
        if not isinstance(name, str):
            raise TypeError(f"data is published under names that are str, not {name!r}")
    _rhumba.publish(dict(data))


__all__ = ["publish_data"]
