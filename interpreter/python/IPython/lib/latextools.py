"""Formulas of LaTeX as pictures, by the programs of a TeX that is installed.

There is no drawing of them without TeX: matplotlib, which IPython asks first, runs nowhere here.
"""

import os
import re

from IPython.utils.process import FindCmdError, find_cmd

__all__ = ["genelatex", "kpsewhich", "latex_to_html", "latex_to_png", "latex_to_png_dvipng"]

_PACKAGES = ("amsmath", "amsthm", "amssymb", "bm")


def latex_to_png(s, encode=False, backend=None, wrap=False, color="Black", scale=1.0):
    """A formula as the bytes of a PNG; None where no TeX is installed or it refuses the formula.

    encode: the bytes in base64, as text
    backend: "dvipng", the only one
    wrap: the text is a formula without its $ marks
    color: a colour that dvips knows by name, or "#rrggbb"
    scale: how large it is drawn
    """
    if backend not in (None, "dvipng"):
        raise ValueError(f"formulas are drawn by 'dvipng' here, not by {backend!r}")
    if color.startswith("#"):
        if not re.fullmatch("#[0-9a-fA-F]{6}", color):
            raise ValueError(f"a colour is a name or six digits such as '#8b0000', not {color!r}")
        color = "RGB " + " ".join(str(int(color[at : at + 2], 16)) for at in (1, 3, 5))
    data = latex_to_png_dvipng(s, wrap, color, scale)
    if encode and data is not None:
        import base64

        return base64.encodebytes(data).decode()
    return data


def latex_to_png_dvipng(s, wrap, color="Black", scale=1.0):
    """The same with `latex` and `dvipng`; the colour is written as dvips wants it."""
    try:
        find_cmd("latex")
        find_cmd("dvipng")
    except FindCmdError:
        return None
    import subprocess
    import tempfile

    if scale < 1:
        raise ValueError(f"a scale is 1 or more, not {scale}")
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "formula.tex"), "w", encoding="utf-8") as file:
            file.write("\n".join(genelatex(s, wrap)))
        quiet = {"cwd": folder, "stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        commands = (
            ["latex", "-halt-on-error", "-interaction=batchmode", "formula.tex"],
            [
                "dvipng", "-T", "tight", "-D", str(round(150 * scale)), "-z", "9", "-bg", "Transparent",
                "-o", "formula.png", "formula.dvi", "-fg", color,
            ],
        )
        for command in commands:
            if subprocess.run(command, env={**os.environ, "openout_any": "p"}, **quiet).returncode:
                return None
        with open(os.path.join(folder, "formula.png"), "rb") as file:
            return file.read()


def kpsewhich(filename):
    """The path of a file of TeX; None if it isn't installed."""
    import subprocess

    try:
        find_cmd("kpsewhich")
    except FindCmdError:
        return None
    done = subprocess.run(["kpsewhich", filename], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    return done.stdout.strip() or None


def genelatex(body, wrap):
    """The lines of a document of LaTeX that is a formula; where it may be broken, it is."""
    is_broken = wrap and kpsewhich("breqn.sty")
    packages = (*_PACKAGES, "breqn") if is_broken else _PACKAGES
    yield r"\documentclass{article}"
    yield from (rf"\usepackage{{{package}}}" for package in packages)
    yield r"\pagestyle{empty}"
    yield r"\begin{document}"
    if is_broken:
        yield from (r"\begin{dmath*}", body, r"\end{dmath*}")
    else:
        yield f"$${body}$$" if wrap else body
    yield r"\end{document}"


def latex_to_html(s, alt="image"):
    """A formula as an <img> of a page; None where it can't be drawn."""
    from html import escape

    data = latex_to_png(s, encode=True)
    if data is None:
        return None
    return f'<img src="data:image/png;base64,{"".join(data.split())}" alt="{escape(alt)}"/>'
