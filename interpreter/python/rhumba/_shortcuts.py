"""Keys of a person's own for the editor of cells.

`TerminalInteractiveShell.shortcuts` is a list of dicts, each with a command and the keys for it:

    {"command": "IPython:auto_suggest.accept", "new_keys": ["c-q"]}
    {"command": "kill-line", "new_keys": ["escape", "k"]}
    {"match_keys": ["c-t"], "new_keys": []}                which does nothing any more

Keys are written as prompt_toolkit writes them. `bindings` is what the editor takes
(`repl/src/shell/shortcuts.rs`); what a command does is the editor's.
"""

__all__ = ["COMMANDS", "bindings", "check"]

# The names that commands have in IPython and in readline, and what the editor calls them.
COMMANDS = {
    "IPython:auto_suggest.accept": "accept-suggestion",
    "IPython:auto_suggest.accept_or_jump_to_end": "accept-suggestion",
    "IPython:auto_suggest.accept_word": "accept-suggested-word",
    "IPython:shortcuts.open_input_in_editor": "edit-elsewhere",
    "IPython:shortcuts.newline_or_execute": "enter",
    "IPython:shortcuts.newline_autoindent": "newline",
    "IPython:shortcuts.reset_buffer": "kill-all",
    "IPython:shortcuts.indent_buffer": "indent",
    "IPython:shortcuts.previous_history_or_previous_completion": "previous-history",
    "IPython:shortcuts.next_history_or_next_completion": "next-history",
    **{
        name: name
        for name in (
            "accept-line", "backward-char", "backward-delete-char", "backward-kill-line", "backward-kill-word",
            "backward-word", "beginning-of-buffer", "beginning-of-history", "beginning-of-line", "capitalize-word",
            "clear-screen", "complete", "delete-char", "downcase-word", "end-of-buffer", "end-of-history",
            "end-of-line", "forward-char", "forward-word", "kill-line", "kill-word", "next-history",
            "previous-history", "quoted-insert", "reverse-search-history", "transpose-chars", "transpose-words",
            "undo", "uppercase-word", "yank", "yank-pop",
        )
    },
    # Names that readline has for the same.
    "unix-line-discard": "backward-kill-line",
    "unix-word-rubout": "backward-kill-word",
    "kill-whole-line": "kill-all",
}

_KEYS = {
    "backspace", "delete", "down", "end", "enter", "escape", "home", "insert", "left", "pagedown", "pageup",
    "right", "space", "tab", "up",
}
_FIELDS = {"command", "new_keys", "match_keys", "create", "filter", "match_filter", "new_filter"}


def check(entries):
    """Returns those that can be, of what a setting says, and what is wrong with each of the others."""
    good, wrong = [], []
    for entry in entries:
        try:
            _binding(entry)
            good.append(entry)
        except ValueError as refused:
            wrong.append(str(refused))
    return good, wrong


def bindings(entries):
    """The shortcuts as pairs: keys, with spaces between them, and what the editor is to do.

    A key is `C-x`, `M-x` or `S-tab` with Ctrl, Alt or Shift; nothing is to be done for an empty text.
    """
    return [_binding(entry) for entry in entries]


def _binding(entry):
    if not isinstance(entry, dict) or not entry.keys() <= _FIELDS:
        known = ", ".join(sorted(_FIELDS))
        raise ValueError(f"a shortcut is a dict with some of {known}, not {entry!r}")
    keys = entry.get("new_keys")
    if keys is None or not keys and not entry.get("match_keys"):
        raise ValueError(f"a shortcut needs new_keys, a list such as ['c-q'] or ['escape', 'f'], which isn't in {entry!r}")
    if not keys:
        return _keys(entry["match_keys"]), ""
    command = entry.get("command")
    if command not in COMMANDS:
        import difflib

        near = difflib.get_close_matches(str(command), COMMANDS, 1, 0.4)
        hint = f"; there is {near[0]!r}" if near else ""
        raise ValueError(f"no shortcut can be made for the command {command!r}{hint}")
    return _keys(keys), COMMANDS[command]


def _keys(keys):
    """`["escape", "f"]` as `M-f`."""
    if isinstance(keys, str):
        keys = [keys]
    if not isinstance(keys, (list, tuple)) or not all(isinstance(key, str) for key in keys):
        raise ValueError(f"keys are a list such as ['c-x', 'c-e'], not {keys!r}")
    written = []
    has_alt = False
    for at, key in enumerate(keys):
        if key == "escape" and at < len(keys) - 1:
            has_alt = True
            continue
        written.append(("M-" if has_alt else "") + _key(key))
        has_alt = False
    return " ".join(written)


def _key(key):
    marks = ""
    name = key
    while len(name) > 2 and name[1] == "-" and name[0] in "csa":
        marks += {"c": "C-", "s": "S-", "a": "M-"}[name[0]]
        name = name[2:]
    is_function_key = name[:1] == "f" and name[1:].isdecimal() and 1 <= int(name[1:]) <= 24
    if not (name in _KEYS or is_function_key or len(name) == 1 and name.isprintable()):
        raise ValueError(f"there is no key {key!r}; keys are such as 'c-q', 's-tab', 'f5', 'up', 'escape', 'x'")
    return marks + name
