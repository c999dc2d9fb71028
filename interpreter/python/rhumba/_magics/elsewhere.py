"""Magics of other shells that can't do here what they do there: they say so, and what there is instead."""

from rhumba._options import magic
from rhumba.shell import UsageError

_NO_PACKAGES = (
    "this Python is part of rhumba and has no environment to install into. Packages written in Python work from any"
    " folder of sys.path: put them beside your script, or fetch them with another Python"
    " (`!python3 -m pip install --target packages NAME`) and `sys.path.insert(0, 'packages')`."
    " Those with parts in C don't load."
)


def _packages(name):
    @magic(rest="[ARGUMENT ...]", name=name, lenient=True)
    def manager(given):
        raise UsageError(f"%{name} isn't possible: {_NO_PACKAGES}")

    manager.__doc__ = f"%{name}\n\nAnswers why nothing is installed with {name} here, and what to do instead."
    return manager


pip, conda, mamba, micromamba, uv = map(_packages, ("pip", "conda", "mamba", "micromamba", "uv"))


@magic(rest="[NAME]", lenient=True)
def gui(given):
    """Answers why no event loop of a graphical interface runs here."""
    raise UsageError(
        "%gui isn't possible: no graphical toolkit loads into this Python, so there is no event loop to run."
        " What awaits runs in the loop of the shell: `await` works in every cell."
    )


@magic(rest="[NAME]", lenient=True)
def matplotlib(given):
    """Answers why there are no plots here."""
    raise UsageError(
        "%matplotlib isn't possible: matplotlib has parts in C, which don't load into this Python."
        " display() shows pictures that are made in other ways: SVG as text, PNG as bytes."
    )


@magic(rest="[NAME]", lenient=True)
def pylab(given):
    """Answers why there are no plots here."""
    raise UsageError(
        "%pylab isn't possible: numpy and matplotlib have parts in C, which don't load into this Python."
    )
