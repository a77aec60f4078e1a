"""Explorers that run in the page, for all settings at once: what `_static/live.js` calls there.

The same file makes the explorers of a cell when the site is built. In the page there are no
widgets: it has controls of its own, and only asks what they show.
"""

import ast
import functools
import json
import sys
from typing import Any


class _Widget:
    """Stands for every widget: it keeps what it is given, and does nothing."""

    children = ()

    def __init__(self, value: Any = None, *_: Any, **traits: Any):
        self.value = value
        vars(self).update(traits)

    def __getattr__(self, name: str) -> Any:
        return lambda *args, **kwargs: None


class _Widgets:
    """Stands for ipywidgets."""

    def __getattr__(self, name: str) -> Any:
        return _Widget


try:
    import ipywidgets  # noqa: F401
except ModuleNotFoundError:
    sys.modules["ipywidgets"] = _Widgets()  # type: ignore[assignment]

from snnlab import explorers  # noqa: E402


def made(source: str) -> Any:
    """Return what the last line of Python gives; it may use `explorers`.

    >>> type(made("explorers.Counting()")).__name__
    'Counting'
    """
    *before, last = ast.parse(source).body
    assert isinstance(last, ast.Expr), source
    names: dict[str, Any] = {"explorers": explorers}
    exec(compile(ast.Module(before, []), "cell", "exec"), names)
    return eval(compile(ast.Expression(last.value), "cell", "eval"), names)


_kept = functools.cache(made)


def shown(source: str, positions: str) -> str:
    """Return picture and words of an explorer where its controls have these positions, as JSON.

    >>> svg, words = json.loads(shown("explorers.QuantizationError()", "[0, 0, 0]"))
    >>> "2 values" in words
    True
    """
    explorer = _kept(source)
    placed = zip(explorer.declared.items(), json.loads(positions), strict=True)
    setting = {name: control.positions[position] for (name, control), position in placed}
    data = explorer.compute(**setting)
    explorer.draw(data)
    return json.dumps([explorer.picture.svg(), explorer.told(data, setting)])
