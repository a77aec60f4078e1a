"""Find names that a prediction reads and that a later cell of its notebook gives another value.

Whoever runs all cells and answers afterwards would see something else, or an error.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence


def rebound(cells: Sequence[str]) -> list[str]:
    """Return what is wrong in the code cells of a notebook, a sentence each.

    >>> rebound(["course.Prediction('2.1', [1], opens=lambda value: draw(x))", "x = 2"])
    ["Predict 2.1 reads 'x', which a later cell sets anew: x = 2"]
    """
    trees = [ast.parse(cell) for cell in cells]
    functions: dict[str, set[str]] = {}
    faults = []
    for place, tree in enumerate(trees):
        functions |= {n.name: _read(n) for n in tree.body if isinstance(n, ast.FunctionDef)}
        for call in ast.walk(tree):
            if isinstance(call, ast.Call) and ast.unparse(call.func) == "course.Prediction":
                read = _with_what_they_call({n for k in call.keywords for n in _read(k)}, functions)
                number = ast.literal_eval(call.args[0])
                faults += [
                    f"Predict {number} reads {name!r}, which a later cell sets anew: "
                    f"{cells[place + 1 + n].splitlines()[0]}"
                    for n, later in enumerate(trees[place + 1 :])
                    for name in sorted(read & _set(later))
                ]
    return faults


def _with_what_they_call(names: set[str], functions: dict[str, set[str]]) -> set[str]:
    """Return names and all that the functions among them read."""
    found: set[str] = set()
    while new := names - found:
        found |= new
        names = {read for name in new for read in functions.get(name, ())}
    return found


def _read(node: ast.AST) -> set[str]:
    """Return the names that are read, without those that a function or a lambda has itself."""
    names = [n for n in ast.walk(node) if isinstance(n, ast.Name)]
    own = {n.id for n in names if isinstance(n.ctx, ast.Store)}
    own |= {n.arg for n in ast.walk(node) if isinstance(n, ast.arg)}
    return {n.id for n in names} - own


def _set(tree: ast.AST) -> set[str]:
    """Return the names of a cell that outlive it: set outside of functions and comprehensions."""
    found: set[str] = set()
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif not isinstance(
            node, (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
        ):
            found |= _set(node)
    return found
