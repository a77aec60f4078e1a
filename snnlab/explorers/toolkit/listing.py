"""The source of an explorer's computation, cut out so that it runs on its own."""

import ast
import inspect
from types import ModuleType


def listing(module: ModuleType, calls: str) -> str:
    """Return `calls` with all of a module that they need before them, ready to paste.

    Functions and constants are copied as they stand in the module; of its imports only the names
    that are used.

    Parameters
    ----------
    module : module
        Where the functions are that `calls` name.
    calls : str
        Lines of Python.

    Returns
    -------
    str
    """
    source = inspect.getsource(module)
    statements = ast.parse(source).body
    givers = {name: statement for statement in statements for name in _given(statement)}
    needed, open_names = set(), _used(ast.parse(calls))
    while open_names:
        name = open_names.pop()
        if name in givers and name not in needed:
            needed.add(name)
            if not isinstance(givers[name], (ast.Import, ast.ImportFrom)):
                open_names |= _used(givers[name])
    imports: list[str] = []
    constants: list[str] = []
    functions: list[str] = []
    for statement in statements:
        if not needed & set(_given(statement)):
            continue
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            statement.names = [n for n in statement.names if (n.asname or n.name) in needed]
            imports.append(ast.unparse(statement))
        else:
            text = "\n".join(source.splitlines()[statement.lineno - 1 : statement.end_lineno])
            (functions if isinstance(statement, ast.FunctionDef) else constants).append(text)
    head = ["\n".join(imports), "\n".join(constants)]
    return "\n\n\n".join(["\n\n".join(filter(None, head)), *functions, calls])


def _given(statement: ast.stmt) -> list[str]:
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
