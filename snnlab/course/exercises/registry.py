"""The exercises of the course by number: hints, solutions, and the check of an answer."""

from typing import Any

from snnlab._arguments import checks
from snnlab.course import progress
from snnlab.course.exercises import (
    notebook_00,
    notebook_02,
    notebook_03,
    notebook_04,
    notebook_05,
    notebook_06,
    notebook_07,
    notebook_08,
    notebook_09,
    notebook_10,
    notebook_11,
)
from snnlab.course.exercises.base import Exercise
from snnlab.course.exercises.converter import ALL as CONVERTER
from snnlab.course.exercises.help import Help
from snnlab.course.feedback import Feedback

EXERCISES: dict[str, Exercise] = {
    exercise.number: exercise
    for notebook in (
        notebook_00,
        notebook_02,
        notebook_03,
        notebook_04,
        notebook_05,
        notebook_06,
        notebook_07,
        notebook_08,
        notebook_09,
        notebook_10,
        notebook_11,
    )
    for exercise in notebook.ALL
}
EXERCISES |= {piece.number: piece for piece in CONVERTER}


def check(number: str, answer: Any) -> Feedback:
    """Say whether an answer to an exercise is right, and if not, what to look at.

    A function is called in many cases, the simplest first. Counts have to be exact; other numbers
    may be off by a millionth. A right answer is noted in the learner's own file
    (`snnlab.course.progress`).

    Parameters
    ----------
    number : str
        Of the exercise, as in the notebook.
    answer : function or list
        What the exercise asks for. Whatever it is, there is an answer and not an error.

    Returns
    -------
    Feedback

    Raises
    ------
    OptionError
        If there is no such exercise.

    >>> check("2.1", lambda current, steps: round(current * steps))
    Not yet. At current 0.75 and 1 step your neuron fires once. It has collected 0.75 by then. Is
    that enough for threshold 1?
    """
    feedback = EXERCISES[checks.option(number, "number", EXERCISES)].check(answer)
    if feedback.right:
        progress.note("exercise", number, None, True)
    return feedback


def exercise(number: str) -> Help:
    """Return the hints of an exercise, in steps, and last its solution, all of it folded.

    Parameters
    ----------
    number : str
        Of the exercise, as in the notebook.

    Returns
    -------
    Help
        A cell shows it; without a browser it has `hints` and `solution`.

    Raises
    ------
    OptionError
        If there is no such exercise.

    >>> exercise("2.1").hints[0]
    'How much has the neuron collected when the last step is over?'
    """
    found = EXERCISES[checks.option(number, "number", EXERCISES)]
    return Help(found.number, found.hints, found.source())
