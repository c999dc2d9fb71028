"""The output of a command as text: a list of lines, or one string, with what one does to them."""

import os
import re
import string

__all__ = [
    "DollarFormatter", "EvalFormatter", "FullEvalFormatter", "LSString", "SList", "dedent", "format_screen",
    "get_text_list", "indent", "list_strings", "long_substr", "marquee", "num_ini_spaces", "strip_email_quotes",
]


def _paths(lines):
    from pathlib import Path

    return [Path(line) for line in lines if os.path.exists(line)]


class LSString(str):
    """Output as one string. l: its lines; s: with spaces for line ends; p: the lines that are paths."""

    @property
    def list(self):
        return self.split("\n")

    @property
    def nlstr(self):
        return self

    @property
    def spstr(self):
        return self.replace("\n", " ")

    @property
    def paths(self):
        return _paths(self.list)

    l = get_list = list
    s = get_spstr = spstr
    n = get_nlstr = nlstr
    p = get_paths = paths


class SList(list):
    """Output as a list of lines.

    l: itself; n: joined by line ends; s: joined by spaces; p: the lines that are paths
    """

    @property
    def list(self):
        return self

    @property
    def nlstr(self):
        return "\n".join(self)

    @property
    def spstr(self):
        return " ".join(self)

    @property
    def paths(self):
        return _paths(self)

    l = get_list = list
    s = get_spstr = spstr
    n = get_nlstr = nlstr
    p = get_paths = paths

    def grep(self, pattern, prune=False, field=None):
        """The lines in which a pattern is found, or for which a function of the line is true.

        prune: the other lines
        field: the number of the word that is looked at
        """
        test = pattern if callable(pattern) else re.compile(pattern, re.IGNORECASE).search

        def looked_at(line):
            return line if field is None else _word(line, field)

        return SList([line for line in self if bool(test(looked_at(line))) != bool(prune)])

    def fields(self, *fields):
        """The words of each line, or those with these numbers, joined by spaces."""
        split = [line.split() for line in self]
        if not fields:
            return split
        chosen = SList()
        for words in split:
            found = [words[number] for number in fields if -len(words) <= number < len(words)]
            if found:
                chosen.append(" ".join(found))
        return chosen

    def sort(self, field=None, nums=False):
        """A sorted copy: by the line, or by the word with that number; nums: as numbers."""

        def key(line):
            word = line if field is None else _word(line, field)
            if not nums:
                return word
            digits = re.search(r"\d+", word)
            return int(digits[0]) if digits else 0

        return SList(sorted(self, key=key))


def _word(line, number):
    words = line.split()
    return words[number] if -len(words) <= number < len(words) else ""


def indent(instr, nspaces=4, ntabs=0, flatten=False):
    """The text with each line moved to the right; with `flatten`, all by the same."""
    margin = "\t" * ntabs + " " * nspaces
    moved = re.sub(r"^\s*" if flatten else r"^", margin, instr, flags=re.MULTILINE)
    # Behind the last line's end is no line.
    return moved.removesuffix(margin) if moved.endswith("\n" + margin) else moved


def dedent(text):
    """The text without the indentation that its lines share; the first line may have none."""
    import textwrap

    first, mark, rest = text.partition("\n")
    if text.startswith("\n") or not mark:
        return textwrap.dedent(text)
    return f"{textwrap.dedent(first)}\n{textwrap.dedent(rest)}"


def marquee(txt="", width=78, mark="*"):
    """The text in the middle of a line of marks."""
    if not txt:
        return (mark * width)[:width]
    marks = mark * max((width - len(txt) - 2) // len(mark) // 2, 0)
    return f"{marks} {txt} {marks}"


def num_ini_spaces(strng):
    """How many blanks a line begins with."""
    return len(strng) - len(strng.lstrip(" \t\n\r\v\f"))


def long_substr(data):
    """What all of the texts begin with."""
    return os.path.commonprefix(list(data)) if data else ""


def list_strings(arg):
    """A list of texts: what is given, in a list if it is one text."""
    return [arg] if isinstance(arg, str) else arg


def format_screen(strng):
    """The text without the backslashes of TeX at the ends of its lines."""
    return re.sub(r"\\$", "", strng, flags=re.MULTILINE)


def strip_email_quotes(text):
    """The text without the marks of answers, `> `, that all of its lines begin with."""
    lines = text.splitlines()
    marks = [re.match(r"[\s>]*", line)[0] for line in lines]
    shared = os.path.commonprefix(marks)
    return "\n".join(line[len(shared) :] for line in lines) if ">" in shared else text


def get_text_list(list_, last_sep=" and ", sep=", ", wrap_item_with=""):
    """Words as people list them: `a, b and c`."""
    words = [f"{wrap_item_with}{word}{wrap_item_with}" for word in list_]
    if len(words) < 2:
        return "".join(words)
    return sep.join(words[:-1]) + last_sep + words[-1]


class EvalFormatter(string.Formatter):
    """Puts the values of expressions into text: "{n // 4}"."""

    def get_field(self, field_name, args, kwargs):
        # In the globals, where what is inside of brackets finds them, too.
        return eval(field_name, {"__builtins__": __builtins__, **kwargs}), ()


class FullEvalFormatter(string.Formatter):
    """The same for any expression, also one with a colon or an exclamation mark in brackets."""

    def vformat(self, format_string, args, kwargs):
        parts = []
        at = 0
        while at < len(format_string):
            opening = re.compile(r"\{\{|\}\}|\{").search(format_string, at)
            if opening is None:
                parts.append(format_string[at:])
                break
            parts.append(format_string[at : opening.start()])
            if opening[0] != "{":
                parts.append(opening[0][0])
                at = opening.end()
                continue
            at = _end_of_field(format_string, opening.end())
            parts.append(self._filled(format_string[opening.end() : at - 1], kwargs))
        return "".join(parts)

    def _filled(self, field, names):
        return eval('f"""{' + field + '}"""', {"__builtins__": __builtins__, **names})


def _end_of_field(text, at):
    depth = 1
    while at < len(text):
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        at += 1
        if not depth:
            return at
    raise ValueError(f"expected '}}' at the end of {text!r}")


class DollarFormatter(FullEvalFormatter):
    """The same, and `$name` for the value of a name; `$$` is a dollar sign."""

    def vformat(self, format_string, args, kwargs):
        def field(found):
            if found[0] == "$$":
                return "$"
            first = found[1].partition(".")[0]
            return "{" + found[1] + "}" if first in kwargs else found[0]

        return super().vformat(re.sub(r"\$\$|\$([A-Za-z_][\w.]*)", field, format_string), args, kwargs)
