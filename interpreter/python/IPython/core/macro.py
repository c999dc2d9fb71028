"""Text that runs where its name stands alone: `%macro`."""

import re

__all__ = ["Macro"]

# A line that says how a file is encoded: text is no file any more.
_CODING = re.compile(r"^#[ \t]*(?:-\*-[ \t]*)?coding[ \t]*[:=].*\n?", re.MULTILINE)


class Macro:
    """Lines to run again; `value` is their text. Two of them, or one and text, can be added."""

    def __init__(self, code):
        text = code.value if isinstance(code, Macro) else code
        text = _CODING.sub("", text)
        self.value = text if text.endswith("\n") else text + "\n"

    def __str__(self):
        return self.value

    def __repr__(self):
        return f"IPython.core.macro.Macro({self.value!r})"

    def __add__(self, other):
        if isinstance(other, Macro):
            return Macro(self.value + other.value)
        if isinstance(other, str):
            return Macro(self.value + other)
        return NotImplemented
