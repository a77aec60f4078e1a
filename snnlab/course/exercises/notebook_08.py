"""The exercises of notebook 08.

The solution is written as a learner would write it, without snnlab. Only the pixel with an exact
root, 0.5, takes whole steps without rounding up. So no rounding of floats decides.
"""

import math

from snnlab.course.exercises.base import Exercise
from snnlab.course.exercises.function_exercise import FunctionExercise
from snnlab.course.wording import steps

# Exercise 8.1


def random_steps(pixel, error):
    """Return after how many steps random spikes are off by `error` or less, root mean square."""
    return math.ceil(pixel * (1 - pixel) / error**2)


# With these the steps are never whole before they are rounded up, unless the pixel is 0.5.
_ERRORS = (0.375, 0.1875, 0.09375)

_random_steps = FunctionExercise(
    number="8.1",
    hints=(
        "How far are random spikes off after T steps? The root in that law holds three letters; "
        "you know two of them, and the error.",
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
        "Yours does not look at the pixel. Is one of {pixel:g} as uncertain as one that fires in "
        "every other step?": [lambda x, e: math.ceil(1 / e**2), lambda x, e: 1 / e**2],
        "With one step less it would be off by {error:g} exactly. Is that more than was allowed?": [
            lambda x, e: math.floor(x * (1 - x) / e**2) + 1
        ],
        "After so few steps it is still off by more than {error:g}. Which "
        "whole number comes next?": [
            lambda x, e: math.floor(x * (1 - x) / e**2),
            lambda x, e: round(x * (1 - x) / e**2),
        ],
        "Can a count of spikes be read in the middle of a step?": [lambda x, e: x * (1 - x) / e**2],
    },
    done="bright and dark pixels too",
)

ALL: tuple[Exercise, ...] = (_random_steps,)
