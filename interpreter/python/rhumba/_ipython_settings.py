"""Which settings of IPython's change nothing here, by class and name.

The files that people have for IPython set them, and notebooks begin with some. That is no mistake, so it is told in
one sentence for all of them. What the shell can be set to isn't here but in `_configuration`, which is to be read next.
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

_OF_THE_SHELL = frozenset(
    """
    autoformatter banner1 banner2 cache_size debug debugger_history_file display_completions display_page
    enable_history_search enable_html_pager extra_open_editor_shortcuts handle_return
    highlight_matching_brackets highlighting_style highlighting_style_overrides history_length history_load_length
    inspector_class ipython_dir llm_constructor_kwargs llm_prefix_from_history llm_provider_class min_elide
    modal_cursor mouse_support object_info_string_level prompt_line_number_format quiet
    separate_in separate_out separate_out2 show_rewritten_input simple_prompt space_for_menu sphinxify_docstring
    timeoutlen true_color ttimeoutlen warn_venv
    """.split()
)
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
