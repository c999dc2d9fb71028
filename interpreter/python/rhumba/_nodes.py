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
    """Writes negative numbers of a tree in a way that this compiler takes.

    Of what a program has made that is as source has it. In patterns it takes no sign that a tree has.
    """

    def visit_Constant(self, node):
        return self._written(node.value, node) if _has_sign(node) else node

    def visit_MatchValue(self, node):
        if _has_sign(node):
            node.value = _matched(node.value)
        return self.generic_visit(node)

    def visit_MatchMapping(self, node):
        if _has_sign(node):
            node.keys = [_matched(key) for key in node.keys]
        return self.generic_visit(node)

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


def _matched(node):
    """What a pattern compares with, where that is a number with a sign in a way that is taken; else the same."""
    number = _signed_number(node)
    if number is None:
        return node

    def at(other):
        return ast.copy_location(other, node)

    if type(number) is int and number < 0:
        # Beside literals a pattern has attributes: this one is the number itself.
        negative = at(ast.UnaryOp(at(ast.USub()), at(ast.Constant(-number))))
        return at(ast.Attribute(negative, "real", at(ast.Load())))
    return at(ast.Constant(number))


def _signed_number(node):
    """The number that a literal of a pattern stands for, if it has a sign in it: -1, 1.5-2j; else None."""
    if isinstance(node, ast.Constant):
        value = _number(node, int)
        return value if value is not None and value < 0 else None
    if isinstance(node, ast.UnaryOp):
        return _number_or_negated(node, int, float, complex)
    operator = getattr(node, "op", None) if isinstance(node, ast.BinOp) else None
    real = _number_or_negated(getattr(node, "left", None), int, float)
    imaginary = _number(getattr(node, "right", None), complex)
    if real is None or imaginary is None or not isinstance(operator, (ast.Add, ast.Sub)):
        return None
    try:
        return real + imaginary if isinstance(operator, ast.Add) else real - imaginary
    except OverflowError:
        return None


def _number_or_negated(node, *kinds):
    """The value of a constant of such types, or of one with a minus before it; None of all else."""
    if not isinstance(node, ast.UnaryOp):
        return _number(node, *kinds)
    value = _number(getattr(node, "operand", None), *kinds)
    return -value if value is not None and isinstance(getattr(node, "op", None), ast.USub) else None


def _number(node, *kinds):
    """The value of a constant of such types; None of all else."""
    value = getattr(node, "value", None) if isinstance(node, ast.Constant) else None
    return value if type(value) in kinds else None


def _has_sign(node):
    """Whether a node of a tree is changed by `_Signs`, what is below it aside. It may lack what belongs to it."""
    value = getattr(node, "value", None)
    if isinstance(node, ast.Constant):
        return _is_negative(value)
    if isinstance(node, ast.MatchValue):
        return _signed_number(value) is not None
    keys = getattr(node, "keys", None) if isinstance(node, ast.MatchMapping) else None
    return isinstance(keys, list) and any(_signed_number(key) is not None for key in keys)


def signed(tree):
    """A tree without numbers that this compiler doesn't take, and compiles to the same: a copy, if it has any."""
    if not isinstance(tree, ast.AST):
        return tree
    if not any(map(_has_sign, ast.walk(tree))):
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
