"""Has `%edit` open an editor that is told which line to go to: `editorhooks.kate()`.

What is installed is the shell's `editor` hook, asked before $VISUAL and $EDITOR. An editor that needs nothing
but a command is set by `%config TerminalInteractiveShell.editor` instead. Read next: `rhumba._magics.sources`.
"""

from IPython import get_ipython
from IPython.core.error import TryNext

__all__ = [
    "crimson_editor", "emacs", "gnuclient", "idle", "install_editor", "jed", "kate", "komodo", "mate",
    "notepadplusplus", "scite",
]


def install_editor(template, wait=False):
    """Has `%edit` run a command.

    template: the command; {filename} in it is the file, as a word of the shell, and {line} the line
    wait: Enter is waited for as well, for an editor whose command ends before the person is done
    """

    def open_in_editor(shell, filename, line=0, *rest):
        import shlex

        from rhumba._system import run_editor

        command = template.format(filename=shlex.quote(str(filename)), line=line or 0)
        print(">", command)
        if run_editor(command):
            raise TryNext(f"the editor has failed: {command}")
        if wait:
            input("Enter, once the file is saved: ")

    shell = get_ipython()
    shell.set_hook("editor", open_in_editor)
    shell.editor = template


def _installer(name, program, arguments, **options):
    def install(exe=program):
        install_editor(f"{exe} {arguments}", **options)

    install.__name__ = install.__qualname__ = name
    install.__doc__ = f"Has `%edit` open {program}, or the program that is named."
    return install


komodo = _installer("komodo", "komodo", "-l {line} {filename}", wait=True)
scite = _installer("scite", "scite", "{filename} -goto:{line}")
notepadplusplus = _installer("notepadplusplus", "notepad++", "-n{line} {filename}")
jed = _installer("jed", "jed", "+{line} {filename}")
idle = _installer("idle", "idle", "{filename}")
mate = _installer("mate", "mate", "-w -l {line} {filename}")
emacs = _installer("emacs", "emacs", "+{line} {filename}")
gnuclient = _installer("gnuclient", "gnuclient", "-nw +{line} {filename}")
crimson_editor = _installer("crimson_editor", "cedt.exe", "/L:{line} {filename}")
kate = _installer("kate", "kate", "-u -l {line} {filename}")
