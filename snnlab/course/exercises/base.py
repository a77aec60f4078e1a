"""What every exercise has, whatever it asks for."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from snnlab.course.feedback import Feedback


@dataclass(frozen=True)
class Exercise(ABC):
    """Something to be found by the learner, with help on the way.

    Parameters
    ----------
    number : str
        As in the notebook.
    hints : tuple of str
        In steps: each says more than the one before.
    """

    number: str
    hints: tuple[str, ...]

    @abstractmethod
    def check(self, answer: Any) -> Feedback:
        """Say whether an answer is right, and if not, what to look at. Never raises."""

    @abstractmethod
    def source(self) -> str:
        """Return a right answer as the learner would write it."""
