"""An explorer that shows what a learner predicted, beside what happens."""

from typing import Any, Literal

from matplotlib.axes import Axes

from snnlab._arguments import checks
from snnlab.explorers.toolkit.explorer import Explorer
from snnlab.plots._style import GREEN

# A straight line with a star near each end, unlike anything else.
_LINE: dict[str, Any] = {"color": GREEN, "linestyle": ":", "marker": "*", "markersize": 10}


class PredictionExplorer(Explorer):
    """An explorer that draws a learner's prediction, and repeats it after its words.

    `layout` says with `mark_prediction` where it belongs.
    """

    def __init__(self, prediction: float | None = None) -> None:
        """Show the explorer with a prediction.

        Parameters
        ----------
        prediction : float, optional
            The number that a learner expects. It may be as wrong as it likes.

        Raises
        ------
        OptionError
            If the prediction is not a finite number.
        """
        if prediction is not None:
            expected = "a finite number, or None for no prediction."
            prediction = checks.number(prediction, "prediction", expected=expected)
        self._prediction = prediction
        super().__init__()

    def mark_prediction(self, ax: Axes, axis: Literal["x", "y"] = "y") -> None:
        """Draw the prediction, if there is one, as a value of an axis that has its limits."""
        if self._prediction is None:
            return
        draw, limits = {"x": (ax.axvline, ax.get_xlim()), "y": (ax.axhline, ax.get_ylim())}[axis]
        draw(self._prediction, 0.03, 0.97, label="your prediction", **_LINE)
        self._outside = not limits[0] <= self._prediction <= limits[1]

    def told(self, data: dict[str, Any], values: dict[str, Any]) -> str:
        """Return the words, and what was predicted."""
        words = super().told(data, values)
        if self._prediction is None:
            return words
        outside = ", which is outside the picture" if self._outside else ""
        return f"{words} You predicted {self._prediction:g}{outside}."
