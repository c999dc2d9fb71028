"""Magics about the cells of before: `%history`."""

import _rhumba_shell

from rhumba._options import count, magic, option
from rhumba.shell import UsageError


@magic(
    option("-n", "--numbers", help="with their numbers"),
    option("-l", "--last", value="COUNT", kind=count, help="the last of them"),
    words="[FIRST-LAST]",
)
def history(given):
    """Shows the cells of this session."""
    rest = "".join(given.words)
    cells = list(enumerate(_rhumba_shell.inputs()))[1:]
    if rest:
        first, mark, last = rest.partition("-")
        try:
            low = int(first)
            high = int(last) if mark else low
        except ValueError:
            raise UsageError(f"%history takes a range such as 3-7, not {rest!r}") from None
        cells = [(number, text) for number, text in cells if low <= number <= high]
    if given.last:
        cells = cells[-given.last :]
    for number, text in cells:
        print(f"{number}: {text}" if given.numbers else text)
