"""Exercises that ask for a function."""

import inspect
import math
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Real
from typing import Any

import numpy as np

from snnlab._text import counted
from snnlab.course.exercises.base import Exercise
from snnlab.course.feedback import Feedback
from snnlab.course.wording import kind

# The arguments of one call. A tuple among them reaches the function as an array.
Case = tuple[Any, ...]
# A number that a function gave, or several; else a verb phrase for what it did.
Outcome = float | tuple | str
_TOLERANCE = 1e-6
_NOTHING = "your function returns nothing"
_SEVERAL = "Which of these is it, or what of all of them: their sum, their mean?"
# What helps on with a function that gave no number, by a part of what it did instead.
_HELP = {
    "stopped": "Run it with these values in a cell of its own: there Python shows the line.",
    _NOTHING: "Which way through it ends without a return?",
    "returns an array": _SEVERAL,
    "returns a list": _SEVERAL,
    "returns a tuple": _SEVERAL,
    "returns a str": "Does it stand between quotation marks?",
}


@dataclass(frozen=True, kw_only=True)
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
        What the function stands for.
    place : str
        The beginning of a sentence about a case. It is formatted with the arguments of the call,
        by their names, and with the facts.
    facts : callable
        Takes a case; returns what else a text may name.
    says : callable
        Takes the result of a function; returns a verb phrase for it.
    question : str
        Asked when no mistake is recognized.
    mistakes : dict from str to a sequence of functions
        What is said about a typical mistake, formatted as `place` is, and the wrong answers that
        it is said to; several where the same misconception can be written in several ways.
    done : str
        The end of the sentence about a right answer.
    exact : bool
        Whether an answer has to be equal, as counts have; else it may be off by a millionth.
    stops : dict from str to str
        What is said about an error whose text has the key in it.
    """

    solution: Callable[..., Any]
    groups: Sequence[Sequence[Case]]
    subject: str = "neuron"
    place: str
    facts: Callable[..., dict[str, Any]] = lambda *case: {}
    says: Callable[[Any], str]
    question: str
    mistakes: Mapping[str, Sequence[Callable[..., Any]]]
    done: str
    exact: bool = True
    stops: Mapping[str, str] = field(default_factory=dict)

    def source(self) -> str:
        """Return the source of the solution."""
        return inspect.getsource(self.solution)

    def check(self, answer: Any) -> Feedback:
        """Compare a function with the solution in all cases, and return feedback."""
        if fault := self._fault(answer):
            return Feedback(False, fault)
        return Feedback(True, f"All {sum(map(len, self.groups))} cases hold, {self.done}.")

    def _fault(self, answer: Any) -> str:
        """Return what is wrong with an answer, '' if nothing is."""
        call = f"Write {self.call()}, without its arguments."
        if answer is None or answer is ...:
            return f"There is nothing here yet. {call}"
        if not callable(answer):
            return f"This is {kind(answer)}, and a function is asked for. {call}"
        if not _accepts(answer, list(self.arguments(self.groups[0][0]))):
            names = list(inspect.signature(self.solution).parameters)
            return (
                f"Your function cannot be called with {counted(len(names), 'value')}. Give it just "
                f"these, in this order: {', '.join(names)}."
            )
        outcomes: dict[Case, Outcome] = {}
        for group in self.groups:
            outcomes |= {case: self._outcome(answer, case) for case in group}
            if set(outcomes.values()) == {_NOTHING}:
                return (
                    "Your function returns nothing yet. What it has worked out stands behind the "
                    "word return."
                )
            for case in group:
                if not self._agree(outcomes[case], self._outcome(self.solution, case)):
                    return self._wrong(case, outcomes)
        return ""

    def call(self) -> str:
        """Return what checks an answer."""
        return f'check("{self.number}", {self.solution.__name__})'

    def arguments(self, case: Case) -> Iterable[Any]:
        """Return what the function is called with, new in each call, since it may change it."""
        return (np.array(value) if isinstance(value, tuple) else value for value in case)

    def read(self, value: Any, arguments: Sequence[Any]) -> Outcome:
        """Return the number in what the function returned, or a verb phrase if there is none."""
        return number_in(value)

    def filled(self, words: str, case: Case) -> str:
        """Return a text with the values of a case in it."""
        arguments = inspect.signature(self.solution).bind(*case).arguments
        return words.format(**arguments | self.facts(*case))

    def _wrong(self, case: Case, outcomes: Mapping[Case, Outcome]) -> str:
        """Return the feedback on the first wrong case, given the outcomes so far."""
        place, outcome = self.filled(self.place, case), outcomes[case]
        if isinstance(outcome, str):
            help_on = [
                words for part, words in ({**self.stops, **_HELP}).items() if part in outcome
            ]
            return f"{place} {outcome}. {[*help_on, f'What does the {self.subject} do there?'][0]}"
        yours, right = self.says(outcome), self.says(self._outcome(self.solution, case))
        for words, wrong in self.mistakes.items():
            if any(self._agree_all(function, outcomes) for function in wrong):
                return f"{place} your {self.subject} {yours}. {self.filled(words, case)}"
        if yours == right:
            return f"{place} your {self.subject} almost does what it should. {self.question}"
        return f"{place} the {self.subject} {right}; yours {yours}. {self.question}"

    def _agree_all(self, wrong: Callable[..., Any], outcomes: Mapping[Case, Outcome]) -> bool:
        return all(
            self._agree(found, self._outcome(wrong, case)) for case, found in outcomes.items()
        )

    def _agree(self, one: Any, other: Any) -> bool:
        """Return whether two outcomes are equal numbers."""
        if isinstance(one, str) or isinstance(other, str):
            return False
        if self.exact:
            return one == other
        return math.isclose(one, other, rel_tol=_TOLERANCE, abs_tol=_TOLERANCE / 1000)

    def _outcome(self, function: Callable[..., Any], case: Case) -> Outcome:
        """Return what a function gives, or a verb phrase if that is nothing to compare."""
        arguments = list(self.arguments(case))
        try:
            with np.errstate(all="ignore"):
                value = function(*arguments)
        except (Exception, SystemExit) as error:
            message = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            return f"your function stopped: {textwrap.shorten(message, 200).rstrip('.')}"
        if value is None or value is ...:
            return _NOTHING
        return self.read(value, arguments)


def _accepts(answer: Callable[..., Any], arguments: Sequence[Any]) -> bool:
    """Return whether a function can be called with these arguments."""
    try:
        inspect.signature(answer).bind(*arguments)
    except TypeError:
        return False
    except ValueError:
        pass  # some built-in functions have no signature
    return True


def number_in(value: Any) -> float | str:
    """Return a number of any type as a float, or a verb phrase for what is none."""
    if getattr(value, "ndim", None) == 0:  # a scalar of numpy or torch
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, Real):
        return f"your function returns {kind(value)}, and one number is asked for"
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        return f"your function returns {number}, and with that nobody can count"
    return number
