"""Themes: which colours the shell has, by name.

A theme gives styles to parts of what is shown; a part without one looks as it does by itself
(`repl/src/shell/colour.rs`). A file `NAME.json` in the folder `themes` of the configuration adds
one, in the form that IPython reads:

    {"name": "mine", "base": "linux", "extra_style": {"Keyword": "#ff8800 bold", "Prompt": "ansigreen"}}

Parts have IPython's names, with those of Pygments for the kinds of words (`Keyword`,
`Literal.String`). Its `symbols` and the styles of Pygments as a `base` have no counterpart here:
such a base counts as `linux`.

`%colors` chooses (`_magics/appearance.py`); the shell asks for `codes` when that has changed.
"""

import os
import re

__all__ = ["codes", "names", "theme_folder"]

# What the shell shows in a style of its own, by the names that a theme may call it.
PARTS = {
    "Prompt": "in_prompt",
    "PromptNum": "in_prompt",
    "OutPrompt": "out_prompt",
    "OutPromptNum": "out_prompt",
    "Keyword": "keyword",
    "Name.Builtin": "builtin",
    "Name.Function": "definition",
    "Name.Class": "definition",
    "String": "text",
    "Literal.String": "text",
    "Number": "number",
    "Literal.Number": "number",
    "Comment": "comment",
    "Operator": "operator",
    "Magic": "magic",
    "Name.Decorator": "magic",
    "Bracket": "bracket",
    "ExcName": "failure",
    "Filename": "place",
    "FilenameEm": "place",
    "Suggestion": "quiet",
}

THEMES = {
    # The sixteen colours of the terminal, which follow its own theme.
    "neutral": {},
    "nocolor": {},
    "linux": {
        "Prompt": "ansibrightgreen bold",
        "OutPrompt": "ansibrightred bold",
        "Keyword": "ansibrightgreen",
        "Name.Builtin": "ansibrightcyan",
        "Name.Function": "ansibrightblue bold",
        "String": "ansibrightyellow",
        "Number": "ansibrightcyan",
        "Comment": "ansibrightblack italic",
        "Operator": "ansibrightmagenta",
        "Magic": "ansibrightblue",
        "ExcName": "ansibrightred bold",
        "Filename": "ansibrightgreen",
        "Suggestion": "ansibrightblack",
    },
    "lightbg": {
        "Prompt": "ansiblue bold",
        "OutPrompt": "ansired bold",
        "Keyword": "ansigreen bold",
        "Name.Builtin": "ansigreen",
        "Name.Function": "ansiblue bold",
        "String": "ansired",
        "Number": "ansicyan",
        "Comment": "ansibrightblack italic",
        "Operator": "ansimagenta",
        "Magic": "ansiblue",
        "ExcName": "ansired bold",
        "Filename": "ansiblue",
        "Suggestion": "ansibrightblack",
    },
    "gruvbox-dark": {
        "Prompt": "#8ec07c bold",
        "OutPrompt": "#d3869b bold",
        "Keyword": "#fb4934",
        "Name.Builtin": "#fabd2f",
        "Name.Function": "#b8bb26 bold",
        "String": "#b8bb26",
        "Number": "#d3869b",
        "Comment": "#928374 italic",
        "Operator": "#fe8019",
        "Magic": "#83a598",
        "Bracket": "#282828 bg:#fabd2f",
        "ExcName": "#fb4934 bold",
        "Filename": "#fbf1c7",
        "Suggestion": "#7c6f64",
    },
    "pride": {
        "Prompt": "#008026 bold",
        "OutPrompt": "#e40303 bold",
        "Keyword": "#ff8c00 bold",
        "Name.Builtin": "#004dff",
        "Name.Function": "#750787 bold",
        "String": "#ffed00",
        "Number": "#5bcefa",
        "Comment": "#f5a9b8 italic",
        "Operator": "#e40303",
        "Magic": "#004dff bold",
        "ExcName": "#e40303 bold",
        "Filename": "#008026",
        "Suggestion": "#784f17",
    },
}

_ANSI = {
    name: number
    for number, name in enumerate(("black", "red", "green", "yellow", "blue", "magenta", "cyan", "gray"))
}
_ATTRIBUTES = {"bold": "1", "dim": "2", "italic": "3", "underline": "4", "blink": "5", "reverse": "7"}
# What Pygments knows besides, and terminals don't need.
_IGNORED = {"roman", "sans", "mono", "noinherit", "nobold", "noitalic", "nounderline"}


def theme_folder():
    """Where a person's own themes are, or None without a configuration folder."""
    from rhumba import _configuration

    folder = _configuration.handed_over().get("config_folder")
    return folder and os.path.join(folder, "themes")


def names():
    """The names of all themes: those that come along, then a person's own."""
    own = set()
    try:
        for entry in os.listdir(theme_folder() or ""):
            name, ending = os.path.splitext(entry)
            if ending == ".json":
                own.add(name.lower())
    except OSError:
        pass
    return [*THEMES, *sorted(own - set(THEMES))]


def codes(name):
    """Returns the codes of a theme's styles, by the shell's names for its parts.

    Raises ValueError, a sentence that says what is wrong with it.
    """
    return {PARTS[part]: _code(style, name, part) for part, style in _styles(name.lower(), ()).items()}


def _styles(name, asked_for_by):
    """What a theme gives styles to, with what it takes from its base."""
    if name in asked_for_by:
        raise ValueError(f"the theme {name} is its own base, through {', '.join(asked_for_by)}")
    if name in THEMES:
        return THEMES[name]
    path = os.path.join(theme_folder() or "", f"{name}.json")
    theme = _read(path)
    base = theme.get("base")
    styles = {}
    if isinstance(base, str):
        known = base.lower()
        if known not in names():
            known = "linux"
        styles.update(_styles(known, (*asked_for_by, name)))
    for part, style in theme.get("extra_style", {}).items():
        if not isinstance(style, str):
            raise ValueError(f"{path}: the style of {part} is a text such as \"ansired bold\", not {style!r}")
        # `Keyword.Constant` is a keyword, unless it has a style of its own, which nothing here shows.
        if part in PARTS:
            styles[part] = style
    return styles


def _read(path):
    import json

    try:
        with open(path, encoding="utf-8") as file:
            theme = json.load(file)
    except OSError as failure:
        raise ValueError(f"{path} can't be read: {failure.strerror or failure}") from None
    except ValueError as failure:
        raise ValueError(f"{path} is no theme: {failure}") from None
    if not isinstance(theme, dict) or not isinstance(theme.get("extra_style", {}), dict):
        raise ValueError(f'{path} is no theme: it needs to be like {{"name": "mine", "extra_style": {{"Keyword": "bold"}}}}')
    return theme


def _code(style, theme, part):
    """The numbers of an escape code for a style: "#ff8800 bold bg:ansiblue"."""
    numbers = []
    for word in style.lower().split():
        place, _, colour = word.rpartition(":")
        number = _colour(colour, 10 if place == "bg" else 0) if place in ("", "bg") else None
        if word in _ATTRIBUTES:
            numbers.append(_ATTRIBUTES[word])
        elif number is not None:
            numbers.append(number)
        elif word not in _IGNORED and place != "border" and word != "bg:":
            raise ValueError(f"the theme {theme} gives {part} the style {style!r}, of which {word!r} is no colour")
    return ";".join(numbers) or "0"


def _colour(name, further):
    """The numbers of a colour, for letters or, `further` on, for what is behind them."""
    if name.startswith("ansi"):
        bright = name.startswith("ansibright")
        number = _ANSI.get(name[10 if bright else 4:])
        if name in ("ansidefault", "ansiwhite"):
            return str((39 if name == "ansidefault" else 97) + further)
        return None if number is None else str((90 if bright else 30) + number + further)
    digits = name.removeprefix("#")
    if not name.startswith("#") or not re.fullmatch("[0-9a-f]{3}|[0-9a-f]{6}", digits):
        return None
    if len(digits) == 3:
        digits = "".join(2 * digit for digit in digits)
    parts = [int(digits[at:at + 2], 16) for at in (0, 2, 4)]
    if os.environ.get("COLORTERM", "") in ("truecolor", "24bit"):
        return f"{38 + further};2;{';'.join(map(str, parts))}"
    return f"{38 + further};5;{_of_256(parts)}"


def _of_256(parts):
    """The nearest of the 256 colours that every terminal with colours has: of its cube or its grays."""
    steps = (0, 95, 135, 175, 215, 255)
    cube = [min(range(6), key=lambda step: abs(steps[step] - part)) for part in parts]
    gray = min(range(24), key=lambda step: abs(8 + 10 * step - sum(parts) / 3))

    def distance(colour):
        return sum((one - other) ** 2 for one, other in zip(parts, colour))

    if distance([8 + 10 * gray] * 3) < distance([steps[step] for step in cube]):
        return 232 + gray
    return 16 + 36 * cube[0] + 6 * cube[1] + cube[2]
