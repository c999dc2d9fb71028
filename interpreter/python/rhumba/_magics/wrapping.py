"""`%%code_wrap`: code that later cells are put into."""

from rhumba._options import magic, option
from rhumba.shell import UsageError, get_ipython as _shell

# By name, in the order in which they were made: each wraps those before it.
_wraps = {}


def _names(typed):
    return [name for name in _wraps if name.startswith(typed)]


@magic(
    option("--remove", help="removes the one that is named"),
    option("--list", help="lists their names"),
    option("--list-all", help="lists them with their code"),
    words="[NAME]",
    complete=_names,
)
def code_wrap(given, cell=None):
    """Puts every cell from now on into the code of this one.

    In it, `__code__` stands for the cell, and `__ret__` for the value of the
    expression at its end:

        %%code_wrap around
        print("begins")
        __code__
        print("ends")
        __ret__
    """
    if given.list or given.list_all:
        for name, wrap in _wraps.items():
            print(f"{name}:\n{wrap.source}" if given.list_all else name)
        return
    if not given.words:
        raise UsageError(f"%code_wrap needs NAME.\nUsage: {code_wrap.usage}")
    name = given.words[0]
    transformers = _shell().ast_transformers
    if given.remove or cell is not None and name in _wraps:
        if name not in _wraps:
            raise UsageError(f"%code_wrap knows no {name!r}; %code_wrap --list lists them")
        removed = _wraps.pop(name)
        if removed in transformers:
            transformers.remove(removed)
        if given.remove:
            return
    if cell is None:
        raise UsageError(f"%%code_wrap {name} needs code below it")
    wrap = _Wrap(_shell().transform_cell(cell))
    _wraps[name] = wrap
    transformers.append(wrap)


class _Wrap:
    """A transformer of syntax trees that puts cells into code."""

    def __init__(self, source):
        import ast

        self.source = source
        self.tree = ast.parse(source)
        if not any(_is_code(node) for node in ast.walk(self.tree)):
            raise UsageError("%%code_wrap needs a line with `__code__`, which the cell takes the place of")

    def visit(self, tree):
        import ast
        import copy

        return ast.fix_missing_locations(_Insertion(_body_of(tree)).visit(copy.deepcopy(self.tree)))


def _is_code(node):
    import ast

    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Name) and node.value.id == "__code__"


def _body_of(tree):
    """The statements of a cell, with the value of its last expression bound to `__ret__`."""
    import ast

    *body, last = tree.body or [ast.Pass()]
    value = ast.Constant(None)
    if isinstance(last, ast.Expr):
        value = last.value
    else:
        body.append(last)
    bound = ast.Assign([ast.Name("__ret__", ast.Store())], value)
    return [*body, ast.copy_location(bound, last)]


def _Insertion(body):
    import ast

    class Insertion(ast.NodeTransformer):
        def visit_Expr(self, node):
            return body if _is_code(node) else self.generic_visit(node)

    return Insertion()
