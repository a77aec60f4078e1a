"""The answer to a learner's answer."""

import html
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

    def _repr_html_(self) -> str:
        # A paragraph is wrapped at its words, plain text is not.
        return f"<p>{html.escape(repr(self))}</p>"
