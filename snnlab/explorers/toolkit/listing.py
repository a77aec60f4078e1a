"""The source of an explorer's computation, cut out so that it runs on its own."""

import ast
import inspect
from collections.abc import Sequence
from types import ModuleType


def listing(modules: Sequence[ModuleType], calls: str) -> str:
    """Return `calls` with all that they need of some modules before them, ready to paste.

    Functions and constants are copied as they stand there; of the imports only the names that are
    used.

    Parameters
    ----------
    modules : sequence of modules
        Where the names are looked up that `calls` use, in the first module first.
    calls : str
        Lines of Python.

    Returns
    -------
    str
    """
    statements = [
        (statement, source)
        for source in map(inspect.getsource, modules)
        for statement in ast.parse(source).body
    ]
    definitions = {name: part for part in reversed(statements) for name in _defined(part[0])}
    needed: set[str] = set()
    open_names = _used(ast.parse(calls))
    while open_names:
        name = open_names.pop()
        if name in definitions and name not in needed:
            needed.add(name)
            statement, _ = definitions[name]
            if not isinstance(statement, (ast.Import, ast.ImportFrom)):
                open_names |= _used(statement)
    imports: dict[tuple[type, str], ast.Import | ast.ImportFrom] = {}
    constants: list[str] = []
    functions: list[str] = []
    for statement, source in statements:
        names = {n for n in needed & {*_defined(statement)} if definitions[n][0] is statement}
        if not names:
            continue
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            chosen = [n for n in statement.names if (n.asname or n.name) in names]
            origin = getattr(statement, "module", None) or chosen[0].name
            first = imports.setdefault((type(statement), origin), statement)
            others = first.names if first is not statement else []
            first.names = sorted(others + chosen, key=lambda alias: alias.name)
        else:
            text = "\n".join(source.splitlines()[statement.lineno - 1 : statement.end_lineno])
            (functions if isinstance(statement, ast.FunctionDef) else constants).append(text)
    head = ["\n".join(map(ast.unparse, imports.values())), "\n".join(constants)]
    return "\n\n\n".join(["\n\n".join(filter(None, head)), *functions, calls])


def _defined(statement: ast.stmt) -> list[str]:
    """Return the names that a statement at the top of a module defines."""
    if isinstance(statement, (ast.Import, ast.ImportFrom)):
        return [alias.asname or alias.name for alias in statement.names]
    if isinstance(statement, ast.FunctionDef):
        return [statement.name]
    if isinstance(statement, (ast.Assign, ast.AnnAssign)):
        return [
            node.id
            for node in ast.walk(statement)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        ]
    return []


def _used(tree: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
