"""Cell magics that show the cell as something else than Python, and `%%capture`."""

from rhumba._options import magic, option
from rhumba.shell import UsageError, get_ipython as _shell


def _publish(kind, text, **metadata):
    from rhumba._display import display

    display({kind: text, "text/plain": text.rstrip("\n")}, raw=True)


@magic(option("--isolated", help="keeps its styles from the rest of the page, where it is shown on one"))
def html(given, cell):
    """Shows the cell as HTML."""
    if given.isolated:
        import html as escaping

        cell = f'<iframe srcdoc="{escaping.escape(cell)}" frameborder="0" width="100%"></iframe>'
    _publish("text/html", cell)


@magic()
def svg(given, cell):
    """Shows the cell as an SVG picture."""
    _publish("image/svg+xml", cell)


@magic()
def latex(given, cell):
    """Shows the cell as LaTeX."""
    _publish("text/latex", cell)


@magic()
def markdown(given, cell):
    """Shows the cell as Markdown."""
    _publish("text/markdown", cell)


@magic()
def javascript(given, cell):
    """Shows the cell as JavaScript, which runs where a page shows it."""
    _publish("application/javascript", cell)


@magic(
    option("--no-stdout", help="lets stdout through"),
    option("--no-stderr", help="lets stderr through"),
    option("--no-display", help="lets what is displayed through"),
    words="[NAME]",
)
def capture(given, cell):
    """Runs the cell and keeps its output from the screen.

    With a NAME, that is bound to the output: NAME.stdout, NAME.stderr,
    NAME.outputs; NAME.show() or NAME() shows it.
    """
    from IPython.utils.io import capture_output

    name = given.words[0].rstrip(";") if given.words else None
    if name is not None and not all(part.isidentifier() for part in name.split(".")):
        raise UsageError(f"%%capture needs a name to bind, not {name!r}")
    shell = _shell()
    with capture_output(not given.no_stdout, not given.no_stderr, not given.no_display) as output:
        result = shell._run_body(cell)
    if name is not None:
        owner, _, attribute = name.rpartition(".")
        if owner:
            setattr(shell.ev(owner), attribute, output)
        else:
            shell.user_ns[name] = output
    result.raise_error()
