"""Following what others on the cluster do: `Client.watch` and `%watch`.

The controller tells a client what the work of the others does, as far as that
client keeps up; what it was too slow for is lost, and it is told how much.
"""

import sys
from weakref import ref

# How long the thread that follows keeps the connection of a client that is gone.
_LOOK_INTERVAL_S = 1.0

# Of code, so many characters are shown.
_CODE_CHARS_MAX = 70


class Watched:
    """Something that another client's work did.

    kind: 'started', 'output', 'ended', or 'lost'
    engine: the engine; None of what was lost
    client, who, pid: the number, name and process of the client whose work it
        is; the latter two None if its start wasn't seen
    msg_id: the id of the request or task, without its engine
    operation, what: of what started: such as 'execute' and the code, or 'apply'
        and the name of the function
    stream, data: of output: 'stdout', 'stderr', 'display' or 'result', and it
    error: of what ended: '<exception>: <message>', None if it went well
    duration: of what ended: how long it ran, in seconds
    count: of what was lost: how many of these
    """

    kind = engine = client = who = pid = msg_id = operation = what = None
    stream = data = error = duration = count = None

    def __init__(self, kind, **details):
        self.kind = kind
        vars(self).update(details)

    def __repr__(self):
        return f"<Watched: {self}>"

    def __str__(self):
        by = self.who or f"client {self.client}"
        if self.kind == "lost":
            return f"{self.count} things that others did were not seen: they came too fast"
        if self.kind == "started":
            lines = (self.what or "").strip().splitlines() or [""]
            code = lines[0][:_CODE_CHARS_MAX]
            more = " …" if len(lines) > 1 or len(lines[0]) > _CODE_CHARS_MAX else ""
            return f"engine {self.engine}: {by} (pid {self.pid}) runs {self.operation}: {code}{more}"
        if self.kind == "output":
            forms = self.data[1] if self.stream == "result" else self.data
            text = forms if isinstance(forms, str) else forms.get("text/plain", "")
            return f"engine {self.engine}: {by}: {text}"
        if self.error is not None:
            return f"engine {self.engine}: {by}: {self.error}"
        return f"engine {self.engine}: {by}: done after {self.duration:.3f} s"


class Watch:
    """Calls back for what others do, in a thread, until `stop()`.

    A client has one at most: a new one takes the place of the one before.
    """

    def __init__(self, client, callback, targets):
        from threading import Thread

        self._connection = client._connection
        self._client = ref(client)
        self._callback = callback
        self._over = False
        # Who runs what: the name and pid by message id.
        self._running = {}
        # Its number: what is told to another watch is not taken by this one.
        self._watch = self._connection.watch(targets)
        self._thread = Thread(target=self._follow, name="watch", daemon=True)
        self._thread.start()

    def stop(self):
        """Follows nobody any more. What has arrived may still be told."""
        if self._over:
            return
        self._over = True
        client = self._client()
        if client is not None and client._watches is self:
            client._watches = None
            if not self._connection.closed:
                self._connection.unwatch()

    def _is_replaced(self):
        """Another one has taken its place, which must not be ended with it."""
        self._over = True

    @property
    def running(self):
        """Whether it still follows."""
        return not self._over and not self._connection.closed

    def _follow(self):
        while self.running and self._client() is not None:
            if not self._connection.wait_watched(self._watch, _LOOK_INTERVAL_S):
                continue
            seen = self._connection.take_watched(self._watch)
            if seen is None:
                return
            for told in seen:
                if self._over:
                    return
                try:
                    self._callback(self._event(told))
                except Exception:
                    import traceback

                    print("a callback that watches failed:", file=sys.stderr)
                    traceback.print_exc()

    def _event(self, told):
        kind, *rest = told
        if kind == "lost":
            # The ends of what is known to run may be among it.
            self._running.clear()
            return Watched(kind, count=rest[0])
        engine, client, msg_id, *rest = rest
        details = {"engine": engine, "client": client, "msg_id": msg_id}
        key = (msg_id, engine)
        if kind == "started":
            who, pid, operation, what = rest
            self._running[key] = (who, pid)
            return Watched(kind, who=who, pid=pid, operation=operation, what=what, **details)
        who, pid = self._running.get(key, (None, None))
        details.update(who=who, pid=pid)
        if kind == "output":
            return Watched(kind, stream=rest[0], data=rest[1], **details)
        self._running.pop(key, None)
        exception, message, duration = rest
        failed = None if exception is None else f"{exception}: {message}"
        return Watched(kind, error=failed, duration=duration, **details)


class Shown:
    """Prints what others do as it comes, each line with its engine and who it is."""

    def __init__(self):
        from .output import LabelledOutput

        self._printer = LabelledOutput()

    def __call__(self, event):
        printer = self._printer
        if event.kind == "output" and event.stream in ("stdout", "stderr"):
            printer.write(event.stream, event.engine, event.data)
            return
        printer.finish()
        if event.kind == "output" and event.stream == "display":
            printer.show(f"[output:{event.engine}]", event.data.get("text/plain", ""))
        elif event.kind == "output":
            count, forms = event.data
            printer.show(f"Out[{event.engine}:{count}]:", forms.get("text/plain", ""))
        elif event.kind != "ended" or event.error is not None:
            print(f"[watch] {event}")


def watch_magic(client, line):
    """Begins or ends to show what others do; see `ParallelMagics.watch`.

    Raises the shell's usage error for a line that doesn't make sense.
    """
    from rhumba.shell import UsageError

    words = line.split()
    if words == ["--stop"]:
        if client._watches is None:
            print("nothing is watched")
        else:
            client._watches.stop()
        return
    targets = None
    if words[:1] in (["-t"], ["--targets"]) and len(words) > 1:
        try:
            targets = [int(word) for word in "".join(words[1:]).strip("[]").split(",")]
        except ValueError:
            words = None
    elif words:
        words = None
    if words is None:
        raise UsageError("%watch takes -t with engine ids (%watch -t 0,2), --stop, or nothing")
    try:
        client.watch(Shown(), targets)
    except (IndexError, TypeError) as failure:
        raise UsageError(f"%watch: {failure}") from None
    who = "all engines" if targets is None else f"engines {targets}"
    print(f"watching what others run on {who}; %watch --stop ends it")
