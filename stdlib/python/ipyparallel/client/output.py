"""How the output of engines is shown here: labelled by engine, live or afterwards.

    [stdout:0] a line that engine 0 printed
    [stderr:1] a line that engine 1 wrote to stderr
    [output:2] what engine 2 displayed
    Out[3:7]: the value of the last expression of cell 7 of engine 3

Lines of different engines are never mixed. While it comes, every line has its label. What
`display_outputs` shows afterwards has one label for what an engine wrote or displayed, with a line
that is written behind it and all else below it; what it shows of a single engine stands as it was
written, but for the number of its cell.
Remote stdout goes to stdout and remote stderr to stderr. A picture stands below its label, shown
as the shell shows those that are displayed here; without a shell it is text.
"""

import sys
from itertools import groupby as runs_of
from operator import itemgetter

from rhumba._display import publish_display_data
from rhumba.shell import get_ipython

from .reply import told_apart

# How long live output waits for more before it shows a line that has no end
# yet, and before it looks again for parts that ended without a word.
_LOOK_INTERVAL_S = 0.2

# After Ctrl-C no more characters than these are shown at a time of what waits to
# be shown: who presses it wants the prompt.
_SHOWN_AFTER_INTERRUPT = 10_000


class LabelledOutput:
    """Prints what several sources write, a whole line at a time.

    The text after the last line end of a source is held back until its line is
    complete, or until `release`.
    """

    def __init__(self):
        self._held = {}
        # The source whose released line has no end yet.
        self._open = None

    def write(self, kind, engine, text):
        """Shows text that an engine wrote to 'stdout' or 'stderr'."""
        source = (kind, engine)
        lines, end, rest = (self._held.pop(source, "") + text).rpartition("\n")
        if end:
            self._print(source, lines)
        if rest:
            self._held[source] = rest

    def show(self, label, text):
        """Shows a whole object at once, below the label if it has several lines."""
        self.close()
        print(f"{label}\n{text}" if "\n" in text else f"{label} {text}")

    def release(self):
        """Shows what is held back, its line left open to be continued."""
        for source, text in self._held.items():
            stream = _stream(source[0])
            if self._open != source:
                self.close()
                stream.write(_label(source) + " ")
            stream.write(text)
            stream.flush()
            self._open = source
        self._held.clear()

    def holds(self):
        """Returns whether there is text that waits for the end of its line."""
        return bool(self._held)

    def is_open(self):
        """Returns whether the line shown last has no end yet."""
        return self._open is not None

    def close(self):
        """Ends the open line, if there is one."""
        if self._open is not None:
            _stream(self._open[0]).write("\n")
            self._open = None

    def finish(self):
        """Shows all there is and leaves no line open."""
        self.release()
        self.close()

    def _print(self, source, lines):
        label = _label(source) + " "
        if self._open == source:
            self._open = None
            prefix = ""
        else:
            self.close()
            prefix = label
        stream = _stream(source[0])
        stream.write(prefix + lines.replace("\n", "\n" + label) + "\n")
        stream.flush()


class LiveOutput:
    """Shows output, values and errors of a result as they arrive.

    Errors beyond the first few are shown as one line each.

    progress_after_s: seconds after which progress is shown, too; negative: never
    """

    def __init__(self, result, progress_after_s=-1):
        self._result = result
        self._progress_after_s = progress_after_s
        self._progress = None
        # A task's engine is known only when it is done.
        self._engines = [
            f"task {index}" if target is None else target
            for index, target in enumerate(result._group.targets)
        ]
        self._printer = LabelledOutput()
        self._cursor = 0
        # How much since the cursor was shown, or begun to be.
        self._begun = 0
        self._told = 0
        self._failures = 0
        self._was_interrupted = False

    def follow(self, timeout=None, over=None):
        """Shows what arrives until the result is there. Returns whether it is.

        timeout: in seconds; None waits for ever
        over: called before each look; ends it if it returns true

        After KeyboardInterrupt it can be called again and goes on; where much waits
        to be shown by then, only the end of that is.
        """
        import time

        begun = time.monotonic()
        deadline = None if timeout is None else begun + timeout
        group = self._result._group
        try:
            while True:
                # Counted first: all output of the parts counted here has arrived.
                done = group.done()
                self._show_new(done)
                if done >= len(group):
                    return True
                if deadline is not None and time.monotonic() >= deadline:
                    return False
                if over is not None and over():
                    return False
                if not group.wait_output(self._cursor, _LOOK_INTERVAL_S):
                    if not 0 <= self._progress_after_s <= time.monotonic() - begun:
                        self._printer.release()
                    elif group.done() < len(group):
                        self._tell_progress(group, begun)
        except KeyboardInterrupt:
            self._was_interrupted = True
            raise
        finally:
            self._hide_progress()
            self._printer.finish()

    def _tell_progress(self, group, begun):
        if self._progress is None:
            from .progress import Progress

            self._progress = Progress(self._result._fname, len(group), begun)
        if self._printer.holds():
            # A line without an end yet has the place where progress would be.
            self._hide_progress()
            self._printer.release()
        elif not self._printer.is_open():
            self._progress.tell(group.done())

    def _hide_progress(self):
        if self._progress is not None:
            self._progress.clear()

    def _show_new(self, done):
        group = self._result._group
        cursor, items = group.outputs_since(self._cursor)
        if items or done > self._told:
            self._hide_progress()
        items = items[self._begun :]
        begin = self._leave_out(items) if self._was_interrupted else 0
        begun_before = self._begun
        for place in range(begin, len(items)):
            # Before it is shown: what Ctrl-C ends isn't shown again.
            self._begun = begun_before + place + 1
            index, kind, data = items[place]
            _show(self._printer, self._engines[index], kind, data)
        self._cursor, self._begun = cursor, 0
        for position in range(self._told, done):
            index = group.order(position)
            if not group.outcome(index)[0]:
                self._failures += 1
                self._printer.finish()
                _show_error(self._result._exception(index), self._failures)
                self._result._errors_shown = True
        self._told = done

    def _leave_out(self, items):
        """Says how much isn't shown of these, if it is much. Returns where the rest begins.

        What the rest begins with may be cut in its place.
        """
        lengths = [len(data) if kind in ("stdout", "stderr") else 0 for _, kind, data in items]
        surplus = sum(lengths) - _SHOWN_AFTER_INTERRUPT
        if surplus <= 0:
            return 0
        place = 0
        while surplus >= lengths[place]:
            surplus -= lengths[place]
            place += 1
        index, kind, data = items[place]
        # From the next line on, if there is one.
        items[place] = index, kind, data[surplus:].partition("\n")[2] or data[surplus:]
        left_out = sum(lengths[:place]) + len(data) - len(items[place][2])
        self._printer.finish()
        print(f"… {left_out} characters of output are left out here, after Ctrl-C", file=sys.stderr)
        return place


class StreamedOutput:
    """Shows a result's output as it arrives, within a `with` block.

    A thread does it, so that the block can wait, or do something else.
    """

    def __init__(self, result):
        self._live = LiveOutput(result)
        self._result = result
        self._over = False
        self._thread = None

    def __enter__(self):
        from threading import Thread

        def follow():
            self._live.follow(over=lambda: self._over)

        # They will have been by the end of the block.
        self._result._errors_shown = True
        self._thread = Thread(target=follow, name="output", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *exc_info):
        self._over = True
        self._thread.join()
        # What arrived since the thread's last look.
        self._live.follow(0)


def display_outputs(group, groupby, result_only=False, labelled=True):
    """Shows the output of a finished group; see `AsyncResult.display_outputs`."""
    if groupby not in ("type", "engine", "order"):
        raise ValueError(f"groupby must be 'type', 'engine' or 'order', not {groupby!r}")
    if not labelled:
        _show_single(group, result_only)
        return
    parts = []
    for index in range(len(group)):
        engine = group.metadata(index)["engine_id"]
        items = group.output(index)
        if result_only:
            items = [item for item in items if item[0] == "result"]
        parts.append((engine, items))
    if groupby == "engine":
        # All of one engine, which may have run several parts.
        by_engine = {}
        for part in parts:
            by_engine.setdefault(part[0], []).append(part)
        for parts_of_one in by_engine.values():
            _show_parts(parts_of_one, "type")
    else:
        _show_parts(parts, groupby)


def _show_parts(parts, groupby):
    """Shows the output of parts, pairs of an engine and items: kind by kind."""
    for kind in ("stdout", "stderr"):
        _show_texts(parts, kind)
    _show_displays(parts, groupby)
    for engine, items in parts:
        _show_results(engine, items)


def _show_single(group, result_only):
    """Shows the output of a finished group of one part, without labels."""
    items = group.output(0)
    if not result_only:
        for shown in ("stdout", "stderr"):
            stream = _stream(shown)
            stream.write("".join([data for kind, data in items if kind == shown]))
            stream.flush()
        for kind, data in items:
            if kind == "display":
                _show_object("", data)
    _show_results(group.metadata(0)["engine_id"], items)


def _stream(kind):
    return sys.stderr if kind == "stderr" else sys.stdout


def _label(source):
    return f"[{source[0]}:{source[1]}]"


def _show(printer, engine, kind, data):
    if kind in ("stdout", "stderr"):
        printer.write(kind, engine, data)
        return
    printer.finish()
    label = f"[output:{engine}]"
    if kind == "result":
        count, data = data
        label = f"Out[{engine}:{count}]:"
    if not _show_object(label, data):
        printer.show(label, data.get("text/plain", ""))


def _show_object(label, data):
    """Shows a picture below its label, or any object without one. Returns whether it did."""
    if get_ipython() is not None and any(form.startswith("image/") for form in data):
        if label:
            print(label, flush=True)
        shown = told_apart(data)
        publish_display_data(shown["data"], shown["metadata"])
        return True
    if not label:
        print(data.get("text/plain", ""))
    return not label


def _show_texts(parts, kind):
    """Shows what engines wrote to 'stdout' or 'stderr': a line beside its label, several below it.

    Parts of one engine that follow each other have one label.
    """
    stream = _stream(kind)
    for engine, same in runs_of(parts, key=itemgetter(0)):
        texts = ("".join([data for shown, data in items if shown == kind]) for _, items in same)
        text = "".join([text if text.endswith("\n") else text + "\n" for text in texts if text])
        if text:
            stream.write(_label((kind, engine)) + ("\n" if text.count("\n") > 1 else " ") + text)
    stream.flush()


def _show_results(engine, items):
    printer = LabelledOutput()
    for kind, data in items:
        if kind == "result":
            _show(printer, engine, kind, data)


def _show_displays(parts, groupby):
    """Shows displayed objects engine by engine, or round by round for 'order', below labels."""
    displays = [
        (engine, [item for item in items if item[0] == "display"]) for engine, items in parts
    ]
    if groupby == "type":
        rounds = [(engine, item) for engine, items in displays for item in items]
    else:
        longest = max((len(items) for _, items in displays), default=0)
        rounds = [
            (engine, items[turn])
            for turn in range(longest)
            for engine, items in displays
            if turn < len(items)
        ]
    for engine, same in runs_of(rounds, key=itemgetter(0)):
        print(_label(("output", engine)), flush=True)
        for _, (_, data) in same:
            _show_object("", data)


def _show_error(exception, number):
    from ..error import CompositeError

    if number <= CompositeError.tb_limit and hasattr(exception, "render_traceback"):
        print("\n".join(exception.render_traceback()), file=sys.stderr)
    else:
        print(str(exception).split("\n", 1)[0], file=sys.stderr)
