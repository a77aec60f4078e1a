"""The base class of all exercises."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from snnlab.course.feedback import Feedback


@dataclass(frozen=True)
class Exercise(ABC):
    """A task for the learner, with hints.

    Parameters
    ----------
    number : str
        As in the notebook.
    hints : tuple of str
        Each gives away more than the one before.
    """

    number: str
    hints: tuple[str, ...]

    @abstractmethod
    def check(self, answer: Any) -> Feedback:
        """Return feedback on an answer of any type. Never raises."""

    @abstractmethod
    def source(self) -> str:
        """Return the code of a right answer, as a learner would write it."""
