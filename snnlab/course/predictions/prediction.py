"""Predict first, then look."""

import html
import re
from collections.abc import Callable, Sequence
from typing import Any

from snnlab.course import progress
from snnlab.course.predictions.answers import SKIP, Choices, Number, answers_of
from snnlab.course.predictions.folded import folded
from snnlab.course.predictions.panel import PredictionPanel
from snnlab.exceptions import OptionError
from snnlab.explorers.toolkit.front_end import live


class Prediction:
    """A question that is answered before the answer can be seen.

    The learner commits an answer, or says that they would rather look; then what belongs to it
    opens below, with what was predicted beside what was simulated. Nothing is computed before
    that. Right or wrong is not judged, and a prediction stays what it was. It is noted in the
    learner's own file (`snnlab.course.progress`).

    Parameters
    ----------
    number : str
        As in the notebook, such as "2.1".
    answers : list of numbers or strings, or Number
        A few choices, or a number between two ends.
    opens : callable
        Takes the prediction, None for those who would rather look. Returns what is shown then: an
        explorer, a figure, anything that a cell can show, or None.
    result : callable, optional
        Without arguments; returns the number or the text that was simulated.

    Raises
    ------
    OptionError
        If one of these is something else.

    >>> from snnlab.dynamics import soft_count
    >>> prediction = Prediction("2.1", [0.3, 0.25], print, lambda: soft_count(0.3, 4) / 4)
    >>> prediction
    Predict 2.1: 0.3 or 0.25? Run the notebook to commit.
    >>> prediction.commit(0.3)
    0.3
    'Prediction 2.1: you said 0.3; simulated: 0.25.'
    """

    def __init__(
        self,
        number: str,
        answers: Sequence[Any] | Number,
        opens: Callable[[Any], Any],
        result: Callable[[], Any] | None = None,
    ):
        if not isinstance(number, str) or not re.fullmatch(r"\d+\.\d+", number):
            raise OptionError(
                f"number = {number!r}: expected the number of the prediction as text, as '2.1'."
            )
        for name, value in {"opens": opens, "result": result}.items():
            if not callable(value) and not (name == "result" and value is None):
                raise OptionError(
                    f"{name}: found {type(value).__name__}, expected a function, which is called "
                    f"after the commitment. Write lambda in front of it."
                )
        self.number, self.value = number, None
        self._answers = answers_of(answers)
        self._opens, self._result = opens, result
        self._settled = False
        self._prompt = f"Predict {number}: {self._answers}? Run the notebook to commit."
        self.words = self._prompt
        self._panel = PredictionPanel(f"Predict {number}", self._answers, self._answered)

    def commit(self, value: Any) -> str:
        """Predict, open what belongs to it, and return the words.

        Parameters
        ----------
        value : number or str
            One of the answers.

        Raises
        ------
        OptionError
            If it is none of the answers, or if something was predicted before.
        """
        self._refuse_a_second()
        checked = self._answers.checked(value, f"prediction {self.number}")
        return self._settle(checked, self._answers.shown(checked))

    def skip(self) -> str:
        """Open without a prediction, and return the words.

        Raises
        ------
        OptionError
            If something was predicted before.
        """
        self._refuse_a_second()
        return self._settle(None, None)

    def _refuse_a_second(self) -> None:
        if self._settled:
            raise OptionError(
                f"prediction {self.number}: it was made before, and stays as it was. Run its cell "
                f"again for a new one."
            )

    def _settle(self, value: Any, shown: str | None) -> str:
        """Store the prediction and open; an error shows in the panel, and is raised."""
        self.value, self._settled = value, True
        self._panel.close(value)
        answer = "you wanted to look first" if shown is None else f"you said {shown}"
        self.words = f"Prediction {self.number}: {answer}."
        simulated = None
        try:
            if self._result is not None:
                simulated = self._simulated(self._result)
                self.words = f"Prediction {self.number}: {answer}; simulated: {simulated}."
            self._panel.say(self.words)
            self._panel.open(self._opens(value))
        except Exception as error:
            self.words = f"{self.words} This did not work. {type(error).__name__}: {error}"
            self._panel.say(self.words)
            raise
        progress.note("prediction", self.number, shown, self._right(shown, simulated))
        return self.words

    def _right(self, shown: str | None, simulated: str | None) -> bool | None:
        """Return whether what was simulated was chosen, None if it is no choice."""
        if shown is None or not isinstance(self._answers, Choices):
            return None
        choices = [self._answers.shown(value) for value in self._answers.values]
        return shown == simulated if simulated in choices else None

    def folded(self) -> str:
        """Return as HTML, closed, what opens for those who would rather look.

        The prediction stays open. `tools/notebooks.py` stores it below the question.
        """
        words = f"Predict {self.number}."
        if self._result is not None:
            words = f"Predict {self.number}: simulated: {self._simulated(self._result)}."
        return folded(words, self._opens(None))

    def _simulated(self, result: Callable[[], Any]) -> str:
        """Return what was simulated; it may be a text even if the answers are numbers."""
        simulated = result()
        return simulated if isinstance(simulated, str) else self._answers.shown(simulated)

    def _answered(self, value: Any) -> None:
        # A second click may arrive while the first one is still handled.
        if not self._settled:
            if value == SKIP:
                self.skip()
            else:
                self.commit(value)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        """Return the live panel, and the question alone for viewers without a kernel."""
        still = {
            "text/plain": self._prompt,
            "text/html": f"<p>{html.escape(self._prompt, quote=False)}</p>",
        }
        return live(self._panel.box) | still

    def __repr__(self) -> str:
        return self.words
