"""The map of the course, with what the learner has done."""

import html
from dataclasses import dataclass

from snnlab._text import counted
from snnlab.course import progress
from snnlab.course.memory.notebooks import NOTEBOOKS, Notebook, link, notebook

_KINDS = ("prediction", "exercise")


@dataclass(frozen=True, repr=False)
class CourseMap:
    """The notebooks in their order, the present one marked, and what is done.

    Parameters
    ----------
    here : str
        The number of the present notebook.
    done : dict from str to tuple of int
        For each notebook, how many predictions are made, and how many exercises are solved.
    """

    here: str
    done: dict[str, tuple[int, int]]

    def state(self, number: str) -> str:
        """Return 'done', 'begun', or '' if nothing is.

        A notebook is done when all its predictions are made and all its exercises are solved,
        except for those that are marked as going further.
        """
        made, there = self.done[number], _all(NOTEBOOKS[number])
        if not any(made):
            return ""
        return "done" if made == there else "begun"

    def __repr__(self) -> str:
        return "\n".join(
            f"{'>' if number == self.here else ' '} {number} {book.title}: {book.asks}"
            f"{self._told(number, ' ({})')}"
            for number, book in NOTEBOOKS.items()
        )

    def _told(self, number: str, frame: str) -> str:
        """Return in a frame of words what is done, '' if nothing is."""
        state = self.state(number)
        if not state:
            return ""
        parts = [
            f"{made} of {counted(there, kind)}"
            for made, there, kind in zip(
                self.done[number], _all(NOTEBOOKS[number]), _KINDS, strict=True
            )
            if there
        ]
        sign = {"done": "✓ done", "begun": "begun"}[state]
        return frame.format(f"{sign}: {', '.join(parts)}")

    def _repr_html_(self) -> str:
        items = []
        for number, book in NOTEBOOKS.items():
            title = f"{number} {html.escape(book.title)}"
            asks = html.escape(book.asks, quote=False)
            if number == self.here:
                name = f'<strong aria-current="page">{title}</strong> (you are here)'
            else:
                name = link(number, title)
            items.append(f"<li>{name}: {asks}{self._told(number, ' <em>{}</em>')}</li>")
        inside = f'<ul style="list-style: none; padding-left: 0">{"".join(items)}</ul>'
        return f'<nav aria-label="The map of the course">{inside}</nav>'


def map(number: str) -> CourseMap:
    """Show all notebooks in their order, and what you have done.

    Parameters
    ----------
    number : str
        Of the notebook at hand, such as "05".

    Returns
    -------
    CourseMap
        A cell shows it. What is done comes from the learner's own file
        (`snnlab.course.progress`).

    Raises
    ------
    OptionError
        If there is no such notebook.

    >>> print(repr(map("01")).splitlines()[1])
    > 01 Spiking neurons: Why is the rate of a neuron a ReLU, nearly?
    """
    noted = {(entry["kind"], entry["number"]) for entry in progress.answers()}
    done = {
        name: (
            sum(("prediction", number) in noted for number in book.predictions.split()),
            sum(("exercise", number) in noted for number in book.exercises.split()),
        )
        for name, book in NOTEBOOKS.items()
    }
    return CourseMap(notebook(number).number, done)


def _all(book: Notebook) -> tuple[int, int]:
    """Return how many predictions and exercises a notebook has."""
    return len(book.predictions.split()), len(book.exercises.split())
