"""What a learner can set: declared once, shown as a row of widgets."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import ipywidgets as widgets

from snnlab._arguments import checks
from snnlab.exceptions import OptionError
from snnlab.explorers.toolkit.front_end import explain

LABEL_WIDTH, FIELD_WIDTH = "11em", "17em"


@dataclass(frozen=True)
class Slider:
    """A number between two ends, moved by a slider or typed into a field.

    Parameters
    ----------
    label : str
        What it is, with its unit.
    meaning : str
        One line that explains it.
    low, high, step, default : int or float
        All whole, or all float. Steps that are binary fractions stay exact in the browser.
    """

    label: str
    meaning: str
    low: float
    high: float
    step: float
    default: float

    def checked(self, value: Any, name: str) -> Any:
        """Return the value, refused if it is not between the ends."""
        whole = isinstance(self.step, int)
        expected = f"a {'whole ' * whole}number from {self.low:g} to {self.high:g}."
        return checks.number(value, name, self.low, self.high, whole=whole, expected=expected)

    @property
    def positions(self) -> list[Any]:
        """All values that the slider can have, in order."""
        count = round((self.high - self.low) / self.step) + 1
        return [self.low + number * self.step for number in range(count)]

    def place(self, value: float) -> int:
        """Return which of its positions a value is at, or next to."""
        return round((value - self.low) / self.step)

    def meant(self, value: Any) -> Any:
        """Return the position at which a browser stands, which adds up steps, a hair off."""
        nearest = self.low + self.place(value) * self.step
        return nearest if math.isclose(value, nearest, abs_tol=1e-9) else value

    def shown(self, value: Any) -> str:
        """Return what is shown for a value."""
        return f"{value:g}"

    def row(self) -> list[Any]:
        """Return the widgets of its row; the last one holds the value."""
        limits = {"min": self.low, "max": self.high, "step": self.step}
        whole = isinstance(self.step, int)
        make = widgets.IntSlider if whole else widgets.FloatSlider
        make_field = widgets.BoundedIntText if whole else widgets.BoundedFloatText
        slider = make(self.default, readout=False, **limits)
        return [_labelled(make_field(self.default, **limits), self, FIELD_WIDTH), slider]


@dataclass(frozen=True)
class Choice:
    """One of a few things that have no order.

    Parameters
    ----------
    label, meaning : str
        As for `Slider`.
    options : mapping from str to value
        What is shown, and what it stands for.
    default : value
    """

    label: str
    meaning: str
    options: Mapping[str, Any]
    default: Any

    @property
    def positions(self) -> list[Any]:
        """All values, in their order."""
        return list(self.options.values())

    def place(self, value: Any) -> int:
        """Return which of its positions a value is at."""
        return self.positions.index(value)

    def checked(self, value: Any, name: str) -> Any:
        """Return the value, refused if it is none of the options."""
        values = self.positions
        if value not in values:
            raise OptionError(f"{name} = {value!r}: expected one of {values}.")
        return values[values.index(value)]

    def meant(self, value: Any) -> Any:
        """Return the value: it stands for itself."""
        return value

    def shown(self, value: Any) -> str:
        """Return what is shown for a value."""
        return next(name for name, option in self.options.items() if option == value)

    def row(self) -> list[Any]:
        """Return the widgets of its row; the last one holds the value."""
        given = {"options": list(self.options.items()), "value": self.default}
        return [_labelled(widgets.RadioButtons(**given), self, "auto")]


class Menu(Choice):
    """One of many things that have no order, or have long names: picked from a list."""

    def row(self) -> list[Any]:
        """Return the widgets of its row; the last one holds the value."""
        given = {"options": list(self.options.items()), "value": self.default}
        return [_labelled(widgets.Dropdown(**given), self, "36em")]


class Scale(Choice):
    """One of several values that have an order: moved by a slider or picked from a list."""

    def row(self) -> list[Any]:
        """Return the widgets of its row; the last one holds the value."""
        options = list(self.options.items())
        slider = widgets.SelectionSlider(options=options, value=self.default, readout=False)
        field = widgets.Dropdown(options=options, value=self.default)
        return [_labelled(field, self, FIELD_WIDTH), slider]


class Steps(Slider):
    """A time in steps: a slider that moves by itself when the learner presses Play.

    A fraction of a step is a moment within it.
    """


class StepScale(Scale):
    """A time in steps, one of several: a scale that moves by itself when played."""


Control = Slider | Choice

RESET = Choice(
    "reset",
    "what a spike does to the potential",
    {"by subtraction": "subtract", "to zero": "zero"},
    "subtract",
)
START = Slider("start v₀ / θ", "share of the threshold it holds at first", 0.0, 0.875, 0.125, 0.0)


def _labelled(widget: Any, control: Control, width: str) -> Any:
    """Return a widget with the control's name beside it; a slider's handle cannot have one."""
    widget.description = control.label
    explain(widget, control.meaning)
    widget.style.description_width, widget.layout.width = LABEL_WIDTH, width
    return widget
