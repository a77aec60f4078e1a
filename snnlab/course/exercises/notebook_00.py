"""The exercise of notebook 00: a first conversion of one's own."""

from dataclasses import dataclass
from typing import Any

from torch import nn

from snnlab import data
from snnlab.conversion import ThresholdRule
from snnlab.course.exercises.base import Exercise
from snnlab.course.feedback import Feedback
from snnlab.course.wording import kind
from snnlab.network import Network
from snnlab.simulation import ann, simulate

STEPS, PATIENT = 2, 64
# Points below the ANN that are allowed.
MARGIN = 2.0
# Below this the ANN is not the one that the notebook has trained.
READS = 90.0
_WRITE = "Write mine = sl.convert(model, digits.x_train, threshold=sl.Percentile(...))."
_SOLUTION = "mine = sl.convert(model, digits.x_train, threshold=sl.Percentile(97))"


@dataclass(frozen=True)
class Hurried(Exercise):
    """The digits network, to be converted so that two steps are enough."""

    def source(self) -> str:
        """Return one good choice."""
        return _SOLUTION

    def check(self, answer: Any) -> Feedback:
        """Return feedback on a converted network."""
        if fault := _no_network(answer):
            return Feedback(False, fault)
        images = data.load_digits()
        x, y = images.x_test, images.y_test
        goal = 100 * float(ann(answer, x, activations=False).accuracy(y))
        if goal < READS:
            return Feedback(
                False,
                f"With ReLUs in place of its neurons this network reads only {goal:.1f} % of the "
                f"images. Which model was converted?",
            )
        early, late = (
            100 * float(simulate(answer, x, steps, counts=False).accuracy(y)[-1])
            for steps in (STEPS, PATIENT)
        )
        seen = f"After {STEPS} steps it reads {early:.1f} % of the images, its ANN {goal:.1f} %."
        if early >= goal - MARGIN:
            return Feedback(True, f"{seen} After {PATIENT} steps it would be {late:.1f} %.")
        if late >= goal - MARGIN:
            question = (
                f"After {PATIENT} steps it reads {late:.1f} %: it says the right thing, and late. "
                f"How much has to flow into its neurons before the first spike?"
            )
        else:
            question = (
                f"After {PATIENT} steps it still reads {late:.1f} %: time does not help. What "
                f"becomes of the activations above its thresholds?"
            )
        return Feedback(False, f"{seen} {question}")


def _no_network(answer: Any) -> str:
    """Return what is wrong with an answer that cannot be measured, else ''."""
    if answer is None or answer is ...:
        return f"There is nothing here yet. {_WRITE}"
    if isinstance(answer, ThresholdRule):
        return f"This is a rule for thresholds. What takes it, and the model? {_WRITE}"
    if isinstance(answer, nn.Module):
        return f"This is the ANN. Has it gone through sl.convert? {_WRITE}"
    if not isinstance(answer, Network):
        return f"This is {kind(answer)}, and a converted network is asked for. {_WRITE}"
    if tuple(answer.graph.input_shape) != (1, 8, 8):
        shape = "×".join(map(str, answer.graph.input_shape))
        return f"It takes images of {shape} pixels, the digits are 1×8×8. Which model is it?"
    return ""


_hurried = Hurried(
    number="0.6",
    hints=(
        "In two steps a neuron fires only if its current is large beside its threshold. So should "
        "the thresholds be higher than those of the 99.9th percentile, or lower?",
        "A lower percentile makes lower thresholds. Move the slider of section 0.6 to two steps "
        "and look for percentiles at which the accuracy is higher there.",
        "Not too low: what is cut off does not come back. Write threshold=sl.Percentile(...) as a "
        "third argument of sl.convert, with a number between 93 and 99.",
    ),
)

ALL: tuple[Exercise, ...] = (_hurried,)
