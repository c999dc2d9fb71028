"""Blocks that run on the engines in place of here: what `with mec:` is made of.

    with mec:
        remote()
        import os
        where = os.getcwd()

When the block begins, its source is found and sent; `remote()` then keeps it
from running here as well.
"""

from .error import StopLocalExecution


def remote():
    """Stands first in a `with` block of a MultiEngineClient, and keeps it from running here."""
    raise StopLocalExecution(
        "remote() stands first in a `with` block of a MultiEngineClient, and nowhere else"
    )


def block_source(frame):
    """Returns the source of the `with` block that a frame is about to enter, without `remote()`.

    Raises OSError if it can't be found, ValueError if it doesn't begin with `remote()`.
    """
    import ast
    from linecache import checkcache, getlines

    name = frame.f_code.co_filename
    checkcache(name)
    lines = getlines(name, frame.f_globals)
    try:
        tree = ast.parse("".join(lines))
    except SyntaxError:
        tree = ast.Module([], [])
    block = _block_at(tree, frame.f_lineno)
    if block is None:
        raise OSError(
            f"the source of this block can't be found in {name}, and only source can be sent to"
            " the engines"
        )
    first, *rest = block.body
    if not _is_remote(first):
        raise ValueError(
            "the block must begin with remote(), which keeps it from running here as well as on"
            " the engines"
        )
    return _source_of(rest, first, lines) if rest else ""


def _block_at(tree, line):
    """Returns the innermost `with` statement whose head is at a line, None if there is none."""
    import ast

    found = None
    for node in ast.walk(tree):
        if isinstance(node, (ast.With, ast.AsyncWith)):
            end = max(item.context_expr.end_lineno for item in node.items)
            if node.lineno <= line <= end and (found is None or node.lineno >= found.lineno):
                found = node
    return found


def _is_remote(statement):
    import ast

    call = statement.value if isinstance(statement, ast.Expr) else None
    if not isinstance(call, ast.Call) or call.args or call.keywords:
        return False
    name = call.func
    return getattr(name, "id", None) == "remote" or getattr(name, "attr", None) == "remote"


def _source_of(statements, first, lines):
    """Returns the source of what follows the first statement, moved to the margin."""
    begin = first.end_lineno
    end = statements[-1].end_lineno
    taken = []
    if statements[0].lineno == begin:
        # Columns count bytes.
        same = lines[begin - 1].encode()[statements[0].col_offset :].decode()
        taken.append(same)
    inside = _lines_inside_strings(statements)
    indent = len(lines[first.lineno - 1]) - len(lines[first.lineno - 1].lstrip())
    for number in range(begin + 1, end + 1):
        line = lines[number - 1]
        own = len(line) - len(line.lstrip(" \t"))
        taken.append(line if number in inside else line[min(indent, own) :])
    return "".join(taken)


def _lines_inside_strings(statements):
    """Returns the numbers of lines that begin within a string, and are part of it."""
    import ast

    kinds = (ast.Constant, ast.JoinedStr, getattr(ast, "TemplateStr", ast.JoinedStr))
    inside = set()
    for statement in statements:
        for node in ast.walk(statement):
            if isinstance(node, kinds):
                inside.update(range(node.lineno + 1, node.end_lineno + 1))
    return inside
