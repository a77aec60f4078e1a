"""The exercises of notebook 08.

The solutions are written as a learner would write them, without snnlab. Of 8.1 only the pixel with
an exact root, 0.5, takes whole steps without rounding up. So no rounding of floats decides.
"""

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

from snnlab._arguments import checks
from snnlab.course.exercises.base import Exercise
from snnlab.course.exercises.function_exercise import FunctionExercise
from snnlab.course.feedback import Feedback
from snnlab.course.patients import damage
from snnlab.course.wording import kind, steps

# Exercise 8.1


def random_steps(pixel, error):
    """Return after how many steps random spikes are off by `error` or less, root mean square."""
    return math.ceil(pixel * (1 - pixel) / error**2)


# With these the steps are never whole before they are rounded up, unless the pixel is 0.5.
_ERRORS = (0.375, 0.1875, 0.09375)

_random_steps = FunctionExercise(
    number="8.1",
    hints=(
        "How far are random spikes off after T steps? The root in that law holds x and T. You know "
        "x, and the error.",
        "Square both sides. Now T stands alone below the line: bring it to the other side.",
        "Steps are whole. If the result is not, is the whole number below enough, or the one "
        "above?",
    ),
    solution=random_steps,
    groups=[
        [
            *((0.5, error) for error in (0.25, 0.125, 0.0625)),
            *((pixel, error) for error in _ERRORS for pixel in (0.25, 0.75)),
        ],
        [(pixel, error) for error in _ERRORS for pixel in (0.125, 0.3125, 0.9375)],
    ],
    subject="function",
    place="For a pixel of {pixel:g} and an error of {error:g}",
    facts=lambda x, e: {"white": steps(math.ceil(1 / e**2))},
    says=lambda value: (
        f"gives {steps(value)}" if value >= 0 else f"gives {value:g}, fewer than none"
    ),
    question="How far off are random spikes after so many steps, and after one less?",
    mistakes={
        "So long takes a constant current. Random spikes come closer with the root of the steps "
        "only: what follows for half the error?": [
            lambda x, e: math.ceil(1 / (2 * e)),
            lambda x, e: 1 / (2 * e),
        ],
        "After so many steps, what does the law with the root say: is it {error:g} or less? What "
        "has to be squared?": [
            lambda x, e: math.ceil(x * (1 - x) / e),
            lambda x, e: math.ceil(math.sqrt(x * (1 - x)) / e),
            lambda x, e: math.ceil(math.sqrt(x * (1 - x) / e)),
        ],
        "Think of a white pixel, 1: it fires in every step. Is it off at all? Yours would give it "
        "{white}.": [lambda x, e: math.ceil(x / e**2), lambda x, e: x / e**2],
        "That is right for the pixel that chance treats worst. Which one is it, and does {pixel:g} "
        "need as long?": [
            lambda x, e: math.ceil(0.25 / e**2),
            lambda x, e: math.ceil(1 / (2 * e) ** 2),
        ],
        "Yours is upside down: a smaller error should take more steps. Which of the two stands "
        "below the line?": [
            lambda x, e: math.ceil(e**2 / (x * (1 - x))),
            lambda x, e: math.ceil(e / math.sqrt(x * (1 - x))),
        ],
        "Yours does not look at the pixel. Is one of {pixel:g} as uncertain as one that fires in "
        "every other step?": [lambda x, e: math.ceil(1 / e**2), lambda x, e: 1 / e**2],
        "With one step less it would be off by {error:g} exactly. Is that more than was allowed?": [
            lambda x, e: math.floor(x * (1 - x) / e**2) + 1
        ],
        "After so few steps it is still off by more than {error:g}. Which "
        "whole number comes next?": [
            lambda x, e: math.floor(x * (1 - x) / e**2),
            lambda x, e: round(x * (1 - x) / e**2),
            lambda x, e: math.ceil(x * (1 - x) / e**2) - 1,
        ],
        "Can a count of spikes be read in the middle of a step?": [lambda x, e: x * (1 - x) / e**2],
    },
    done="bright and dark pixels too",
)

# Exercise 8.3

# The letters of the damages in their order, and what to ask of one who says it of somebody else.
_LETTERS = "BCFADE"
_ASKS = {
    "A": "One threshold that is too low cuts off in its own layer, and nowhere else. Which part of "
    "the error is that, and does it stand in one layer only?",
    "B": "Where one threshold is too high, the neurons fire too rarely, and more steps help. Which "
    "part of the error is that, and does it stand there alone?",
    "C": "If all thresholds are too low, something is cut off everywhere. Does each layer with an "
    "error to show have that one?",
    "D": "If channels are mixed up, some have a threshold too low and others one too high, in the "
    "same layer. Which two parts of the error does that make?",
    "E": "A neuron that is reset to zero throws away what was above the threshold, in every layer. "
    "Is what comes out too coarse everywhere, or in one layer?",
    "F": "A wrong bias is computed with, whether neurons or ReLUs follow. What does the column of "
    "the ANN say?",
}


def solution(first: int = 1) -> str:
    """Return a line of Python with the letters of six patients, of whom this one is the first."""
    letters = {number: _LETTERS[damage(number)] for number in range(first, first + len(_LETTERS))}
    return f"letters = {letters}".replace("'", '"')


class LettersToFind(Exercise):
    """For each of six patients the letter of its damage."""

    def source(self) -> str:
        """Return who has what."""
        return solution()

    def check(self, answer: Any) -> Feedback:
        """Return feedback, with a question about the first patient whose letter is wrong."""
        if answer is None or answer is ...:
            return Feedback(False, "There are no letters yet. Write one for each patient.")
        if not isinstance(answer, Mapping):
            return Feedback(
                False,
                f"This is {kind(answer)}. Each patient has a number: write its letter behind it, "
                f"between curly brackets.",
            )
        answer = {int(n) if isinstance(n, str) and n.isdecimal() else n: answer[n] for n in answer}
        right = {number: _LETTERS[damage(number)] for number in _six(answer)}
        given = {number: str(answer.get(number, "")).strip().upper() for number in right}
        if fault := _not_six_letters(given):
            return Feedback(False, fault)
        wrong = [number for number, letter in given.items() if letter != right[number]]
        if not wrong:
            return Feedback(True, "All six have their damage, and you had nothing but symptoms.")
        first = wrong[0]
        found = len(right) - len(wrong)
        return Feedback(
            False,
            f"{found or 'None'} of the six letters {'is' if found < 2 else 'are'} right. Look at "
            f"patient {first}, with your {given[first]}. {_ASKS[given[first]]}",
        )


def _six(answer: Mapping[Any, Any]) -> range:
    """Return the numbers of the six patients who are together with the first of an answer."""
    first = min((int(n) for n in answer if checks.is_number(n) and n >= 1), default=1)
    first -= (first - 1) % len(_LETTERS)
    return range(first, first + len(_LETTERS))


def _not_six_letters(given: dict[int, str]) -> str:
    """Return what is wrong with letters of which some are missing, unknown or used twice."""
    if not any(given.values()):
        return "No patient has a letter yet. Begin with the row that differs most from the healthy."
    for number, letter in given.items():
        if not letter:
            return f"Patient {number} has no letter yet. What is left for this one?"
        if letter not in _ASKS:
            return f"Patient {number} has {letter!r}, and the damages are A to F. Which one is it?"
    letter, often = Counter(given.values()).most_common(1)[0]
    if often > 1:
        same = " and ".join(str(number) for number, found in given.items() if found == letter)
        return (
            f"Patients {same} have the letter {letter}, and each damage was done once. Which of "
            f"them does it fit best?"
        )
    return ""


_letters = LettersToFind(
    number="8.3",
    hints=(
        "Where something is cut off you see clipping, and time does not bring it back. Where "
        "neurons fire too rarely you see quantization, and time helps.",
        "What is thrown away at each reset is quantization, too. If clipping and quantization "
        "stand in one layer, are all its channels alike?",
        "A part that is large in the first layer makes trouble in all layers behind it. And look "
        "at the ANN: it has no thresholds, so they cannot harm it.",
    ),
)

ALL: tuple[Exercise, ...] = (_random_steps, _letters)
