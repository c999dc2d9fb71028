"""How far a result is, told while somebody waits for it.

On a terminal one line is redrawn, with a bar; into a file or a pipe go plain
lines, at most one a second. Both go to stderr, so that a script's own output
stays as it is.
"""

import sys

from .timeout import seconds

# How often progress is told where a line can't be redrawn.
_REPORT_INTERVAL_S = 1.0

# How wide the bar may be, in columns.
_BAR_WIDTH_MAX = 40

# Parts of a column, to show small steps of long work.
_EIGHTHS = " ▏▎▍▌▋▊▉"


class Progress:
    """Tells how far something is: how many of `total` are there.

    name: what it is called in the line
    begun: when it began, by `time.monotonic`; by default now
    """

    def __init__(self, name, total, begun=None):
        import time

        self._clock = time.monotonic
        self._told_at = time.monotonic()
        self._begun = self._told_at if begun is None else begun
        self._name = name
        self._total = total
        self._told = None
        self._redrawn = sys.stderr.isatty()

    def tell(self, done, last=False):
        """Tells that so many are there, where it is news or a line that can be redrawn.

        last: it is the last time: the line stays
        """
        now = self._clock()
        elapsed_s = now - self._begun
        if self._redrawn:
            line = _bar(self._name, done, self._total, elapsed_s, _columns())
            sys.stderr.write(f"\r{line}\x1b[K" + ("\n" if last else ""))
            self._told = done
        elif last or (now - self._told_at >= _REPORT_INTERVAL_S and done != self._told):
            percent = 100 * done // self._total if self._total else 100
            sys.stderr.write(
                f"{self._name}: {done}/{self._total} done ({percent} %) after {elapsed_s:.1f} s\n"
            )
            self._told_at = now
            self._told = done
        sys.stderr.flush()

    def clear(self):
        """Takes the line away, so that something else can be shown."""
        if self._redrawn and self._told is not None:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
            self._told = None


def watch_progress(result, interval, timeout, enough=None):
    """Waits for a result and tells how far it is.

    result: has `_fname`, a length, `progress`, `wait(seconds)`, and
        `_waited_s()`, the seconds since it was asked for
    interval: how often to look, in seconds, above 0
    timeout: in seconds; None or a negative number waits for ever
    enough: called before each look; ends the waiting if it returns true

    Raises TimeoutError after `timeout` seconds, TypeError or ValueError for
    another interval.
    """
    import time

    timeout = seconds(timeout)
    looks = seconds(interval)
    if not looks:
        raise ValueError(f"interval is a number of seconds above 0, not {interval!r}")
    begun = time.monotonic()
    progress = Progress(result._fname, len(result), begun - result._waited_s())
    try:
        while not result.wait(looks) and not (enough is not None and enough()):
            if timeout is not None and timeout < time.monotonic() - begun:
                raise TimeoutError(
                    f"no result of {result._fname} after {timeout} seconds:"
                    f" {result.progress} of {len(result)} are there"
                )
            progress.tell(result.progress)
    finally:
        progress.tell(result.progress, last=True)


def _bar(name, done, total, elapsed_s, columns):
    """Returns one line that is at most as wide as the terminal."""
    share = done / total if total else 1.0
    head = f"{name} {int(100 * share):3d}% "
    tail = f" {done}/{total} {_clock(elapsed_s)}"
    if 0 < done < total and elapsed_s > 0:
        tail += f", {_clock(elapsed_s * (total - done) / done)} to go, {_rate(done / elapsed_s)}"
    width = min(_BAR_WIDTH_MAX, columns - len(head) - len(tail) - 3)
    if width < 4:
        return (head + tail.strip())[: max(1, columns - 1)]
    eighths = int(share * width * 8)
    filled = "█" * (eighths // 8)
    if len(filled) < width:
        filled += _EIGHTHS[eighths % 8]
    return f"{head}|{filled:{width}}|{tail}"


def _clock(seconds):
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def _rate(per_second):
    if per_second >= 1:
        return f"{per_second:,.0f}/s"
    return f"{1 / per_second:.1f} s each"


def _columns():
    import shutil

    return shutil.get_terminal_size().columns
