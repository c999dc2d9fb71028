"""Cells to Python, by the names by which programs import it."""

from rhumba._interface import InputTransformerManager
from rhumba.shell import get_ipython

__all__ = ["TransformerManager"]


class TransformerManager(InputTransformerManager):
    """Turns cells into Python and tells whether they are whole; needs no session."""

    def __init__(self):
        super().__init__(get_ipython())

    def transform_cell(self, cell):
        import _rhumba_shell

        return _rhumba_shell.transform_cell(cell)

    def check_complete(self, cell):
        import _rhumba_shell

        status, indent = _rhumba_shell.check_complete(cell)
        return status, indent if status == "incomplete" else None
