"""Which settings of IPython's change nothing here, by class and name.

The files that people have for IPython set them, and notebooks begin with some. That is no mistake, so it is told in
one sentence for all of them; of a single one of the shell's, that says what there is instead. What the shell can be set to isn't here but in `_configuration`, which is to be read next.
"""

# Of these classes rhumba has no setting at all.
_CLASSES = frozenset(
    """
    Application BaseFormatter BaseIPythonApplication Completer DisplayFormatter HTMLFormatter HistoryAccessor
    IPCompleter InlineBackend JPEGFormatter JSONFormatter JavascriptFormatter LatexFormatter
    LoggingMagics MagicsManager OSMagics PDFFormatter PNGFormatter PrefilterManager ProfileDir SVGFormatter
    ScriptMagics
    """.split()
)

_THEMES = "colours are those of the theme that InteractiveShell.colors names, which may be one of your own"
_SEPARATORS = "cells and values follow each other without blank lines, and prompts of a prompts_class may begin with one"
_KEPT = "every cell is kept, and the editor goes back through 10,000; `rhumba history trim` lets go of older ones"
_SUGGESTIONS = "suggestions come from the history, and nothing asks the network"
_KEYS = "how long an Escape is waited for to be a part of another key is fixed"
_AS_TEXT = "help is shown as text"
_LIST = "what a word can be completed to is listed in columns below the cell, as far as there is room"

# What there is instead of settings of the shell.
_OF_THE_SHELL = {
    "autoformatter": "cells stay as they are typed",
    "debug": "the shell has nothing to add to the tracebacks that it shows",
    "debugger_history_file": "what is typed in the debugger is kept in no file",
    "display_completions": _LIST,
    "enable_html_pager": _AS_TEXT,
    "extra_open_editor_shortcuts": "F2, Ctrl-X Ctrl-E and, in vi mode, v open the editor always",
    "handle_return": "Enter runs a cell that is whole; TerminalInteractiveShell.shortcuts gives keys other commands",
    "highlighting_style": _THEMES,
    "highlighting_style_overrides": _THEMES,
    "history_length": _KEPT,
    "history_load_length": _KEPT,
    "inspector_class": "`obj?` is answered by the shell's own inspector",
    "ipython_dir": "the variable RHUMBA_HOME names the folder of the shell",
    "llm_constructor_kwargs": _SUGGESTIONS,
    "llm_prefix_from_history": _SUGGESTIONS,
    "llm_provider_class": _SUGGESTIONS,
    "min_elide": _LIST,
    "modal_cursor": "TerminalInteractiveShell.prompt_includes_vi_mode has the prompt say the mode of vi",
    "mouse_support": "the mouse selects text, as the terminal has it",
    "object_info_string_level": "`obj??` tells more than `obj?`",
    "quiet": "a semicolon behind a cell keeps its value from being shown",
    "separate_in": _SEPARATORS,
    "separate_out": _SEPARATORS,
    "separate_out2": _SEPARATORS,
    "simple_prompt": "`rhumba --simple-prompt` starts a shell that reads lines without an editor",
    "space_for_menu": _LIST,
    "sphinxify_docstring": _AS_TEXT,
    "timeoutlen": _KEYS,
    "true_color": _THEMES,
    "ttimeoutlen": _KEYS,
    "warn_venv": "rhumba is a Python of its own in every environment, and warns of none",
}
_OF_THE_START = frozenset(
    """
    add_ipython_dir_to_sys_path auto_create code_to_run copy_config_files exec_PYTHONSTARTUP extra_config_file
    extra_extensions file_to_run force_interact gui hide_initial_ns ignore_cwd interactive_shell_class ipython_dir
    log_datefmt log_format log_level logging_config matplotlib module_to_run overwrite profile pylab pylab_import_all
    quick reraise_ipython_extension_failures show_config show_config_json verbose_crash
    """.split()
)
_NAMES = {
    "InteractiveShell": _OF_THE_SHELL,
    "TerminalInteractiveShell": _OF_THE_SHELL,
    "InteractiveShellApp": _OF_THE_START,
    "IPythonApp": _OF_THE_START,
    "TerminalIPythonApp": _OF_THE_START,
    "HistoryManager": frozenset(("connection_options", "db_cache_size", "db_log_output", "hist_file")),
    "PlainTextFormatter": frozenset(
        ("deferred_printers", "newline", "singleton_printers", "type_printers", "verbose")
    ),
}


def changes_nothing(path):
    """Whether `Class.name` is a setting of IPython's that this shell takes and doesn't heed."""
    owner, _, name = path.rpartition(".")
    return owner in _CLASSES or name in _NAMES.get(owner, ())


def told(path):
    """A sentence about such a setting, without its full stop: what there is instead, where there is something."""
    instead = _instead(path)
    return f"{path} isn't supported: {instead}" if instead else f"{path} changes nothing here"


def refused(path):
    """The same for who asks what it is set to; None where nothing is known of it but its name."""
    return told(path) if _instead(path) else None


def tell_if_without_effect(shell, name):
    """Says of an attribute of the shell that is set what `%config` says of it, where it changes nothing."""
    path = f"TerminalInteractiveShell.{name}"
    if _instead(path):
        shell._without_effect = {*shell._without_effect, name}
        print(f"{told(path)}.")


def _instead(path):
    owner, _, name = path.rpartition(".")
    names = _NAMES.get(owner)
    return names.get(name) if isinstance(names, dict) else None
