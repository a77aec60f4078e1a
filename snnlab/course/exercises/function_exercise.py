"""Exercises that ask for a function."""

import inspect
import math
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np

from snnlab._text import counted
from snnlab.course.exercises.base import Exercise
from snnlab.course.feedback import Feedback
from snnlab.course.wording import kind

# The arguments of one call. A tuple among them reaches the function as an array.
Case = tuple[Any, ...]
_TOLERANCE = 1e-6
_NOTHING = "your function returns nothing"


@dataclass(frozen=True)
class Mistake:
    """A typical mistake.

    Parameters
    ----------
    wrong : tuple of functions
        Wrong answers; several where the same misconception can be written in several ways.
    words : str or callable
        A question to the learner. A callable takes the smallest case in which the mistake shows.
    """

    wrong: tuple[Callable[..., Any], ...]
    words: str | Callable[..., str]


@dataclass(frozen=True)
class FunctionExercise(Exercise):
    """A function to be written by the learner; it is compared with the solution.

    Parameters
    ----------
    solution : function
        Its source is shown.
    groups : sequence of sequences of cases
        The simplest group first, and the simplest case first in each. Feedback is on the first
        group with a wrong result, whatever the later ones give: so a mistake is recognized even if
        they are wrong for another reason.
    subject : str
        What the function stands for, such as "neuron".
    place : callable
        Takes a case; returns the beginning of a sentence about it.
    says : callable
        Takes the result of a function; returns a verb phrase for it.
    question : str
        Asked when no mistake is recognized.
    mistakes : sequence of Mistake
    done : str
        The end of the sentence about a right answer.
    exact : bool
        Whether an answer has to be equal, as counts have; else it may be off by a millionth.
    """

    solution: Callable[..., Any]
    groups: Sequence[Sequence[Case]]
    subject: str
    place: Callable[..., str]
    says: Callable[[float], str]
    question: str
    mistakes: Sequence[Mistake]
    done: str
    exact: bool = True

    def source(self) -> str:
        """Return the source of the solution."""
        return inspect.getsource(self.solution)

    def check(self, answer: Any) -> Feedback:
        """Compare a function with the solution in all cases, and return feedback."""
        if answer is None or answer is ...:
            return Feedback(False, f"There is nothing here yet. {self._call()}")
        if not callable(answer):
            return Feedback(
                False,
                f"This is {kind(answer)}, and a function is asked for. {self._call()}",
            )
        if not _accepts(answer, self.groups[0][0]):
            return Feedback(
                False,
                f"Your function cannot be called with "
                f"{counted(len(self._names()), 'value')}. Give it just these, in this order: "
                f"{', '.join(self._names())}.",
            )
        outcomes: dict[Case, float | str] = {}
        for group in self.groups:
            outcomes |= {case: _outcome(answer, case) for case in group}
            if set(outcomes.values()) == {_NOTHING}:
                return Feedback(
                    False,
                    "Your function returns nothing yet. What it has worked out stands behind "
                    "the word return.",
                )
            for case in group:
                if not self._agree(outcomes[case], _outcome(self.solution, case)):
                    return Feedback(False, self._wrong(case, outcomes))
        return Feedback(True, f"All {len(outcomes)} cases hold, {self.done}.")

    def _wrong(self, case: Case, outcomes: Mapping[Case, float | str]) -> str:
        """Return the feedback on the first wrong case, given the outcomes so far."""
        place, outcome = self.place(*case), outcomes[case]
        if isinstance(outcome, str):
            return f"{place} {outcome}. What does the {self.subject} do there?"
        yours, right = self.says(outcome), self.says(self.solution(*_arguments(case)))
        for mistake in self.mistakes:
            if any(self._agree_all(wrong, outcomes) for wrong in mistake.wrong):
                words = mistake.words if isinstance(mistake.words, str) else mistake.words(*case)
                return f"{place} your {self.subject} {yours}. {words}"
        if yours == right:
            return f"{place} your {self.subject} almost does what it should. {self.question}"
        return f"{place} the {self.subject} {right}; yours {yours}. {self.question}"

    def _agree_all(self, wrong: Callable[..., Any], outcomes: Mapping[Case, float | str]) -> bool:
        return all(
            self._agree(outcome, _outcome(wrong, case)) for case, outcome in outcomes.items()
        )

    def _agree(self, one: float | str, other: float | str) -> bool:
        """Return whether two outcomes are equal numbers."""
        if isinstance(one, str) or isinstance(other, str):
            return False
        if self.exact:
            return one == other
        return math.isclose(one, other, rel_tol=_TOLERANCE, abs_tol=_TOLERANCE / 1000)

    def _call(self) -> str:
        return f'Write check("{self.number}", {self.solution.__name__}), without its arguments.'

    def _names(self) -> list[str]:
        return list(inspect.signature(self.solution).parameters)


def _arguments(case: Case) -> Iterator[Any]:
    """Yield the arguments of a call; arrays are new ones, since the function may change them."""
    for value in case:
        yield np.array(value) if isinstance(value, tuple) else value


def _accepts(answer: Callable[..., Any], case: Case) -> bool:
    """Return whether a function can be called with these arguments."""
    try:
        inspect.signature(answer).bind(*case)
    except TypeError:
        return False
    except ValueError:  # some built-in functions have no signature
        return True
    return True


def _outcome(function: Callable[..., Any], case: Case) -> float | str:
    """Return the number that a function returns, or a verb phrase if it returns none."""
    try:
        with np.errstate(all="ignore"):
            value = function(*_arguments(case))
    except (Exception, SystemExit) as error:
        message = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        return f"your function stopped: {textwrap.shorten(message, 200).rstrip('.')}"
    if value is None or value is ...:
        return _NOTHING
    value = _python_number(value)
    if isinstance(value, bool) or not isinstance(value, Real):
        return f"your function returns {kind(value)}, and one number is asked for"
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        return f"your function returns {number}, and with that nobody can count"
    return number


def _python_number(value: Any) -> Any:
    """Return a scalar of numpy or torch as a number of Python."""
    return value.item() if getattr(value, "ndim", None) == 0 else value
