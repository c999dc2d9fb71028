"""What Ctrl-C means while a call waits for engines.

The wait ends with KeyboardInterrupt, as Python people expect. What runs on the
engines is another matter, and a person may want either:

- on a terminal, the person is told what still runs, and asked whether to stop it;
- elsewhere (a script in a batch job, a test), nobody can be asked, and work
  whose result nobody waits for should not go on: it is stopped.

To stop means to abort what hasn't started, and to raise KeyboardInterrupt in
what runs; an engine whose code doesn't end for that is killed some seconds
later, and another one is started in its place. Other clients' work is never
touched. A second Ctrl-C during any of this leaves everything as it is. `%px`
has its own way: see `magics.py`.
"""

import sys

from .parts import cancel_parts


def offer_interrupt(connection, groups, name=None):
    """Stops the unfinished work of these groups, or asks first on a terminal.

    name: what was called; None if it is several things

    Says on stderr what it does. The caller raises KeyboardInterrupt again.
    """
    unfinished = [group for group in groups if group.done() < len(group)]
    if not unfinished:
        return
    engines, waiting = _places(connection, unfinished)
    if sys.stdin is not None and sys.stdin.isatty():
        sys.stderr.write(f"\n{_state(name, engines, waiting)}: stop it too? [y/N] ")
        sys.stderr.flush()
        try:
            answer = sys.stdin.readline()
        except KeyboardInterrupt:
            # That is an answer, too; the caller raises the first one.
            sys.stderr.write("\n")
            return
        if answer.strip().lower() not in ("y", "yes"):
            return
    else:
        where = _engines(engines) if engines else "the engines"
        print(f"Interrupted: interrupting what runs on {where}, too.", file=sys.stderr)
    for group in unfinished:
        cancel_parts(connection, group)


def interrupt(connection, groups):
    """Aborts what of these groups has not started, and interrupts what runs."""
    connection.abort(groups, [])
    connection.interrupt(groups)


def _places(connection, groups):
    """Returns the engines that run, or are about to run, some of these groups; and how many parts
    of them wait for an engine."""
    wanted = {
        msg_id
        for group in groups
        for index, msg_id in enumerate(group.msg_ids)
        if group.metadata(index)["status"] is None
    }
    present = [engine for engine, _ in connection.engines()]
    try:
        status = connection.queue_status(present, True)
    except ConnectionError:
        return [], len(wanted)
    engines, placed = set(), set()
    for engine in present:
        at = status.get(engine, {})
        here = wanted.intersection([*at.get("queue", ()), *at.get("tasks", ())])
        if here:
            engines.add(engine)
            placed |= here
    return sorted(engines), len(wanted - placed)


def _state(name, engines, waiting):
    name = name or "what this waits for"
    if not engines:
        return f"{name} has not started, and waits for an engine"
    more = f", and {waiting} more {'part waits' if waiting == 1 else 'parts wait'}" if waiting else ""
    return f"{name} is still running on {_engines(engines)}{more}"


def _engines(engines):
    if len(engines) == 1:
        return f"engine {engines[0]}"
    return f"engines {engines}" if len(engines) <= 16 else f"{len(engines)} engines"
