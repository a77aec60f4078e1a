"""What ipywidgets 7, which Colab has, and ipywidgets 8 do differently, each in one place."""

from typing import Any

# The handle of a slider, as a CSS selector that finds it in either version.
HANDLE = ":is([role=slider], .ui-slider-handle)"
_VIEW = "application/vnd.jupyter.widget-view+json"


def live(widget: Any) -> dict[str, Any]:
    """Return the part of a MIME bundle that shows a widget where a kernel runs.

    Widgets of version 8 know it themselves, those of version 7 only display it.

    >>> import ipywidgets
    >>> live(ipywidgets.HTML())
    {'application/vnd.jupyter.widget-view+json': {'version_major': 2, ...'model_id': '...'}}
    """
    return {_VIEW: {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}}


def explain(widget: Any, words: str) -> None:
    """Let a widget show words where the pointer rests.

    >>> import ipywidgets
    >>> button = ipywidgets.Button()
    >>> explain(button, "back to the beginning")
    >>> button.tooltip
    'back to the beginning'
    """
    # In version 7 only buttons have a tooltip; all others have one of their name.
    name = "tooltip" if widget.has_trait("tooltip") else "description_tooltip"
    setattr(widget, name, words)
