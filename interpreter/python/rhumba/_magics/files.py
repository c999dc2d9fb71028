"""Magics that read and write files: `%%writefile`."""

import os

from rhumba._options import magic, option


@magic(option("-a", "--append", help="adds the cell at its end"), words="FILE")
def writefile(given, cell):
    """Writes the cell to a file."""
    path = os.path.expanduser(given.words[0])
    existed = os.path.exists(path)
    with open(path, "a" if given.append else "w", encoding="utf-8") as file:
        file.write(cell)
    print(("Appending to" if given.append else "Overwriting" if existed else "Writing"), path)
