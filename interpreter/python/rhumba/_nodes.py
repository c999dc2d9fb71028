"""A cell compiled statement by statement, when more than its last expression may be shown.

`interpreter/src/cell.rs` compiles a cell as a whole; it comes here when
`ast_node_interactivity` is another than "last_expr", or when programs have put
transformers of syntax trees into the shell.
"""

import ast
import sys

INTERACTIVITIES = ("all", "last", "last_expr", "last_expr_or_assign", "none")


class InputRejected(Exception):
    """Raised by a transformer of syntax trees that wants a cell not to run."""


def compiled(shell, source, name, interactivity, muted):
    """The code of a cell in pieces: a list of (code, whether its value is shown)."""
    awaits = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT if shell is None or shell.autoawait else 0
    tree = compile(source, name, "exec", ast.PyCF_ONLY_AST | awaits)
    if shell is not None and shell.ast_transformers:
        tree = _transformed(shell, tree)
    return parts(tree.body, name, interactivity, muted, awaits)


def parts(body, name, interactivity, muted, flags):
    """The code of statements in pieces, as `compiled` gives it.

    flags: those of `compile`, which say whether there may be `await` outside of functions
    """
    if interactivity == "last_expr_or_assign":
        shown_target = _assigned(body[-1]) if body else None
        if shown_target is not None:
            body = [*body, shown_target]
        interactivity = "last_expr"
    pieces = []
    quiet = []
    body = [_Signs().visit(node) for node in body]
    for index, node in enumerate(body):
        is_last = index + 1 == len(body)
        is_expression = isinstance(node, ast.Expr)
        wanted = interactivity == "all" or is_last and (
            interactivity == "last" or interactivity == "last_expr" and is_expression
        )
        if not wanted or muted:
            quiet.append(node)
            continue
        if quiet:
            pieces.append((compile(ast.Module(quiet, []), name, "exec", flags), False))
            quiet = []
        if is_expression:
            pieces.append((compile(ast.Expression(node.value), name, "eval", flags), True))
        else:
            # What stands alone inside of it is shown by sys.displayhook as it comes.
            pieces.append((compile(ast.Interactive([node]), name, "single", flags), False))
    if quiet or not pieces:
        pieces.append((compile(ast.Module(quiet, []), name, "exec", flags), False))
    return pieces


class _Signs(ast.NodeTransformer):
    """Writes a negative number of a tree that a program has made as source has it: this compiler takes no other."""

    def visit_Constant(self, node):
        return self._written(node.value, node) if _is_negative(node.value) else node

    def _written(self, value, node):
        def at(other):
            return ast.copy_location(other, node)

        if type(value) is tuple:
            return at(ast.Tuple([self._written(each, node) for each in value], at(ast.Load())))
        if _is_negative(value):
            return at(ast.UnaryOp(at(ast.USub()), at(ast.Constant(-value))))
        return at(ast.Constant(value))


def _is_negative(value):
    """Whether a constant is a negative int, or a tuple that has one."""
    if type(value) is tuple:
        return any(map(_is_negative, value))
    return type(value) is int and value < 0


def signed(tree):
    """A tree without negative constants that compiles to the same: a copy, if it has any."""
    if not isinstance(tree, ast.AST):
        return tree
    constants = (node for node in ast.walk(tree) if isinstance(node, ast.Constant))
    if not any(_is_negative(getattr(node, "value", None)) for node in constants):
        return tree
    from copy import deepcopy

    return _Signs().visit(deepcopy(tree))


def named(tree, stand_in):
    """A tree of source in which another name stood for `match`, which has its own now: the same tree."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id == stand_in:
            node.id = "match"
    return tree


def transformed(shell, tree):
    """The tree that the shell's transformers make of another one, if it has any."""
    if shell is None or not shell.ast_transformers:
        return tree
    return _Signs().visit(_transformed(shell, tree))


def _transformed(shell, tree):
    for transformer in list(shell.ast_transformers):
        try:
            tree = transformer.visit(tree)
        except InputRejected:
            raise
        except Exception as failure:
            shell.ast_transformers.remove(transformer)
            told = f"{type(failure).__name__}: {failure}"
            print(f"The AST transformer {transformer!r} failed and is removed. {told}", file=sys.stderr)
    return ast.fix_missing_locations(tree)


def _assigned(node):
    """The name that a statement binds, as an expression to show; None if it isn't one name."""
    if isinstance(node, ast.Assign):
        target = node.targets[-1]
    elif isinstance(node, (ast.AugAssign, ast.AnnAssign)) and node.value is not None:
        target = node.target
    else:
        return None
    if not isinstance(target, ast.Name):
        return None
    name = ast.Name(target.id, ast.Load())
    return ast.fix_missing_locations(ast.copy_location(ast.Expr(ast.copy_location(name, node)), node))
