"""Hints and solution, collapsed until the learner opens them."""

import html
from dataclasses import dataclass


@dataclass(frozen=True, repr=False)
class Help:
    """The hints of an exercise, one inside the other, and the solution inside the last.

    Parameters
    ----------
    number : str
        Of the exercise.
    hints : tuple of str
    solution : str
        Its source.
    """

    number: str
    hints: tuple[str, ...]
    solution: str

    def __repr__(self) -> str:
        return (
            f"Exercise {self.number}: {len(self.hints)} hints and the solution, folded. "
            f"Without a browser, look at .hints[0] and so on, and at .solution last."
        )

    def _repr_html_(self) -> str:
        solution = f"<pre><code>{html.escape(self.solution)}</code></pre>"
        inside = f"<details><summary>Solution</summary>{solution}</details>"
        for step, hint in reversed(list(enumerate(self.hints, 1))):
            words = f"<p>{html.escape(hint)}</p>"
            inside = f"<details><summary>Hint {step}</summary>{words}{inside}</details>"
        return inside
