"""The answer to a learner's answer."""

from dataclasses import dataclass


@dataclass(frozen=True, repr=False)
class Feedback:
    """Whether an answer is right, and what there is to say about it. A cell shows the words.

    >>> Feedback(False, "Two spikes. Look at the second step.")
    Not yet. Two spikes. Look at the second step.
    """

    right: bool
    words: str

    def __repr__(self) -> str:
        return f"{'Right.' if self.right else 'Not yet.'} {self.words}"
