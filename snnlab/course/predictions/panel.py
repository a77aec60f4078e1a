"""The widgets of a prediction: the answers, a message, and what opens after the commitment."""

import html
from collections.abc import Callable
from typing import Any

import ipywidgets as widgets
from matplotlib import pyplot
from matplotlib.figure import Figure

from snnlab.course.predictions.answers import SKIP, Choices, Number
from snnlab.explorers import Explorer
from snnlab.explorers.toolkit.front_end import explain
from snnlab.explorers.toolkit.panel import complete

_STYLE = """
.snnlab-said p { max-width: 56em; line-height: 1.5; margin: 0.5em 0; }
.snnlab-said a { text-decoration: underline; }
.snnlab-answers .widget-radio { display: flex; flex-wrap: wrap; align-items: center; }
.snnlab-answers .widget-radio-box { margin: 0 8px !important; flex-wrap: wrap; height: auto; }
.snnlab-prediction .widget-radio-box { flex-direction: row; align-items: center; gap: 0 8px; }
.snnlab-answers .widget-radio-box label { white-space: nowrap; width: auto; }
.snnlab-recall .widget-radio { flex-flow: column; align-items: flex-start; }
.snnlab-recall .widget-radio > .widget-label { text-align: left; }
.snnlab-recall .widget-label, .snnlab-recall .widget-radio-box label {
  white-space: normal; width: auto; height: auto; max-width: 56em; line-height: 1.5;
}
"""


class PredictionPanel:
    """The widgets of a question: of a prediction, or of one to recall. Nothing is computed here.

    A choice is committed as soon as it is made; the tab key alone reaches each of them. A number
    is committed by a button, since the field always holds one.

    Parameters
    ----------
    name : str
        Shown before the answers.
    answers : Number or Choices
    on_answer : callable
        Takes what the learner has chosen, or SKIP.
    kind : {"prediction", "recall"}
        The answers of a prediction stand beside each other; those to recall are sentences, and
        stand in rows.
    """

    def __init__(
        self,
        name: str,
        answers: Number | Choices,
        on_answer: Callable[[Any], None],
        kind: str = "prediction",
    ):
        self.message = widgets.HTML()
        self.message.add_class("snnlab-said")
        self._stage = widgets.VBox([])
        if isinstance(answers, Number):
            self.field = _number(answers)
            commit = widgets.Button(description="Commit", tooltip="this is my prediction")
            commit.on_click(lambda _: on_answer(self.field.value))
            skip = widgets.Button(description=SKIP, tooltip="open without a prediction")
            skip.layout.width = "auto"
            skip.on_click(lambda _: on_answer(SKIP))
            unit = [widgets.HTML(html.escape(answers.unit))] if answers.unit else []
            self._inputs = [self.field, *unit, commit, skip]
        else:
            options = [(answers.shown(value), value) for value in (*answers.values, SKIP)]
            self.field = widgets.RadioButtons(options=options, index=None, layout={"width": "auto"})
            self.field.observe(lambda _: on_answer(self.field.value), "value")
            self._inputs = [self.field]
        self.field.description = name
        self.field.style.description_width = "initial"
        row = widgets.HBox(self._inputs, layout={"flex_flow": "row wrap", "align_items": "center"})
        row.add_class("snnlab-answers")
        self.box = widgets.VBox([row, self.message, self._stage])
        self.box.add_class(f"snnlab-{kind}")
        complete(self.box, _STYLE, ".snnlab-answers", ".snnlab-said")

    def close(self, value: Any) -> None:
        """Show the value that was chosen, None for none, and disable the inputs."""
        if isinstance(self.field, widgets.RadioButtons):
            self.field.value = SKIP if value is None else value
        elif value is not None:
            self.field.value = value
        for widget in self._inputs:
            if hasattr(widget, "disabled"):
                widget.disabled = True

    def say(self, words: str, more: str = "") -> None:
        """Show a message below the answers; `more` is HTML that goes on with it."""
        self.message.value = f"<p>{html.escape(words)}{more}</p>"

    def open(self, thing: Any) -> None:
        """Show something below the message."""
        if thing is not None:
            self._stage.children = (_widget(thing),)


def _number(answers: Number) -> Any:
    whole = isinstance(answers.step, int)
    make, number = (widgets.BoundedIntText, int) if whole else (widgets.BoundedFloatText, float)
    low, high = number(answers.low), number(answers.high)
    field = make(low, min=low, max=high, step=answers.step)
    field.layout.width = "14em"
    explain(field, str(answers))
    return field


def _widget(thing: Any) -> Any:
    """Return a widget that shows something."""
    if isinstance(thing, Explorer):
        return thing.box
    if isinstance(thing, widgets.Widget):
        return thing
    if isinstance(thing, Figure):
        # An open figure would be shown once more, below the next cell that runs.
        pyplot.close(thing)
    output = widgets.Output()
    output.append_display_data(thing)
    return output
