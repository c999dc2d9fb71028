"""Compiles the code of cells so that tracebacks find its lines."""

import ast
import codeop
import linecache

__all__ = ["CachingCompiler", "code_name"]


def code_name(code, number=0):
    """A name for code that isn't in a file: of its number and what it is."""
    import hashlib

    return f"<ipython-input-{number}-{hashlib.sha1(code.encode('utf-8')).hexdigest()[:12]}>"


class CachingCompiler(codeop.Compile):
    """Called as `compile` is; what `from __future__` has turned on in code stays on for the next."""

    def __init__(self, shell=None):
        super().__init__()

    @property
    def compiler_flags(self):
        return self.flags

    def ast_parse(self, source, filename="<unknown>", symbol="exec"):
        """The syntax tree of source."""
        return compile(source, filename, symbol, self.flags & ~_MAY_BE_INCOMPLETE | ast.PyCF_ONLY_AST, 1)

    def get_code_name(self, raw_code, transformed_code, number):
        return code_name(transformed_code, number)

    def cache(self, transformed_code, number=0, raw_code=None):
        """Keeps the lines of code for tracebacks; returns the name under which they are kept."""
        name = self.get_code_name(raw_code or transformed_code, transformed_code, number)
        lines = [line + "\n" for line in transformed_code.splitlines()]
        linecache.cache[name] = len(transformed_code), None, lines, name
        return name


# A cell that is compiled is whole: what is missing from it is an error.
_MAY_BE_INCOMPLETE = codeop.PyCF_DONT_IMPLY_DEDENT | codeop.PyCF_ALLOW_INCOMPLETE_INPUT
