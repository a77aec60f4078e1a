"""What ipywidgets 7, which Colab has, and ipywidgets 8 do differently, each in one place."""

import html
from typing import Any

import ipywidgets as widgets

# The handle of a slider, as a CSS selector that finds it in either version.
HANDLE = ":is([role=slider], .ui-slider-handle)"
_VIEW = "application/vnd.jupyter.widget-view+json"
_DOT = "data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAACAkQBADs="


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


def running(code: str) -> Any:
    """Return a widget that is not seen and runs JavaScript each time that it is shown.

    In version 8 it is the output of a cell within a widget, which notebooks run as they run other
    outputs. A script in HTML, or an attribute like `onload`, would be refused by a page that has a
    policy on what it may run, and so would be what comes from elsewhere.

    >>> running("go()").outputs[0]["data"]
    {'application/javascript': 'go()'}
    """
    unseen = widgets.Layout(display="none")
    if hasattr(widgets.Widget, "_repr_mimebundle_"):  # version 8
        data = {"application/javascript": code}
        shown = {"output_type": "display_data", "data": data, "metadata": {}}
        return widgets.Output(outputs=(shown,), layout=unseen)
    # There the front end of the classic notebook shows no output widget in its 3.6.10. The page
    # itself has inline scripts, so that no policy forbids them.
    image = f'<img alt="" src="{_DOT}" onload="{html.escape(code)}">'
    return widgets.HTML(image, layout=unseen)
