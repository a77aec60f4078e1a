"""Feedback on an answer of a learner."""

import html
from dataclasses import dataclass


@dataclass(frozen=True, repr=False)
class Feedback:
    """Whether an answer is right, and words about it, which a cell shows.

    >>> Feedback(False, "Two spikes. Look at the second step.")
    Not yet. Two spikes. Look at the second step.
    """

    right: bool
    words: str

    def __repr__(self) -> str:
        return f"{'Right.' if self.right else 'Not yet.'} {self.words}"

    def _repr_html_(self) -> str:
        # JupyterLab wraps a paragraph, but not plain text.
        return f"<p>{html.escape(repr(self))}</p>"
