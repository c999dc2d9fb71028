"""How far a result is, told while somebody waits for it.

On a terminal one line is redrawn, with a bar; into a file or a pipe go plain
lines, at most one a second. Both go to stderr, so that a script's own output
stays as it is.
"""

import sys

# How often progress is told where a line can't be redrawn.
_REPORT_INTERVAL_S = 1.0

# How wide the bar may be, in columns.
_BAR_WIDTH_MAX = 40

# Parts of a column, to show small steps of long work.
_EIGHTHS = " ▏▎▍▌▋▊▉"


def watch_progress(result, interval, timeout, enough=None):
    """Waits for a result and tells how far it is. Returns what waiting for it returned.

    result: has `_fname`, a length, `progress`, and `wait(seconds)`
    interval: how often to look, in seconds
    timeout: in seconds; None or a negative number waits for ever
    enough: called before each look; ends the waiting if it returns true

    Raises TimeoutError after `timeout` seconds.
    """
    import time

    begun = told_at = time.monotonic()
    redrawn = sys.stderr.isatty()
    told = None

    def tell(end):
        done, total = result.progress, len(result)
        elapsed_s = time.monotonic() - begun
        if redrawn:
            line = "\r" + _bar(result._fname, done, total, elapsed_s, _columns()) + "\x1b[K"
        else:
            percent = 100 * done // total if total else 100
            line = f"{result._fname}: {done}/{total} done ({percent} %) after {elapsed_s:.1f} s"
        sys.stderr.write(line + end)
        sys.stderr.flush()
        return done

    try:
        while not result.wait(interval) and not (enough is not None and enough()):
            now = time.monotonic()
            if timeout is not None and 0 <= timeout < now - begun:
                raise TimeoutError(
                    f"no result of {result._fname} after {timeout} seconds:"
                    f" {result.progress} of {len(result)} are there"
                )
            if redrawn:
                tell("")
            elif now - told_at >= _REPORT_INTERVAL_S and result.progress != told:
                told = tell("\n")
                told_at = now
    finally:
        tell("\n")


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
