"""What Ctrl-C means while a call waits for engines.

The wait ends with KeyboardInterrupt, as Python people expect. What runs on the
engines is another matter, and a person may want either:

- on a terminal, the person is asked whether to interrupt it too;
- elsewhere (a script in a batch job, a test), nobody can be asked, and work
  whose result nobody waits for should not go on: it is interrupted.

To interrupt means to abort what hasn't started, and to raise KeyboardInterrupt
in what runs; other clients' work is never touched. A second Ctrl-C during any
of this leaves everything as it is. `%px` has its own way: see `magics.py`.
"""

import sys


def offer_interrupt(connection, groups):
    """Interrupts the unfinished work of these groups, or asks first on a terminal.

    Says on stderr what it does. The caller raises KeyboardInterrupt again.
    """
    unfinished = [group for group in groups if group.done() < len(group)]
    if not unfinished:
        return
    where, it = _places(unfinished)
    if sys.stdin is not None and sys.stdin.isatty():
        sys.stderr.write(f"\nstill running on {where}: interrupt {it} too? [y/N] ")
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
        print(f"Interrupted: interrupting what runs on {where}, too.", file=sys.stderr)
    interrupt(connection, unfinished)


def interrupt(connection, groups):
    """Aborts what of these groups has not started, and interrupts what runs."""
    connection.abort(groups, [])
    connection.interrupt(groups)


def _places(groups):
    """Names the engines with unfinished work, as far as they are known, and their pronoun."""
    engines = set()
    for group in groups:
        for index, target in enumerate(group.targets):
            if target is None:
                return "the engines", "them"
            if group.metadata(index)["status"] is None:
                engines.add(target)
    if len(engines) == 1:
        return f"engine {min(engines)}", "it"
    return f"engines {sorted(engines)}", "them"
