"""A button that lets a control of time move by itself."""

import html
import json
from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets as widgets

from snnlab.explorers.toolkit.controls import Slider, Steps, StepScale

# A whole play takes so long, but no position longer than that. Whoever asked the system for less
# motion sees whole steps, a second each.
SECONDS, LONGEST, STILL = 8.0, 0.6, 1.0


def pace(control: Steps | StepScale) -> tuple[float, int]:
    """Return how many ms a position lasts when a control is played, and how many make one step."""
    moves = max(1, len(control.positions) - 1)
    whole = max(1, round(1 / control.step)) if isinstance(control, Slider) else 1
    return 1000 * min(LONGEST, SECONDS / moves), whole


def play_parts(control: Steps | StepScale, frames: Callable[[int], str]) -> list[Any]:
    """Return the widgets that play a control; they have to stand in its row, behind its field.

    What they do in the browser stands in play_button.js.

    Parameters
    ----------
    control : Steps or StepScale
    frames : callable
        From a position to packed frames of some positions from there on; none if it does not work.
    """
    pause, whole = pace(control)
    given = {"pause": pause, "still": 1000 * STILL, "whole": whole}
    label = html.escape(f"{control.label} moves by itself", quote=True)
    data = html.escape(json.dumps(given), quote=True)
    button = widgets.HTML(
        f'<button type="button" class="jupyter-button widget-button" title="{label}" '
        f'data-pace="{data}">Play</button>'
    )
    unseen = widgets.Layout(display="none")
    question, answer = widgets.Text(layout=unseen), widgets.HTML(layout=unseen)
    question.placeholder = str(control.place(control.default))
    for part, name in ((button, "play"), (question, "question"), (answer, "answer")):
        part.add_class(f"snnlab-{name}")

    def reply(change: Mapping[str, Any]) -> None:
        token, first = change["new"].split()
        answer.value = f"{token} {frames(int(first))}"
        answer.value = ""  # else it would be saved with the notebook

    question.observe(reply, "value")
    return [button, question, answer]
