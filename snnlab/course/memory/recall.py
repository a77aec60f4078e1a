"""Questions on earlier notebooks, with which a notebook begins."""

import html
from functools import partial
from importlib import import_module
from typing import Any

import ipywidgets as widgets

from snnlab.course import progress
from snnlab.course.memory.notebooks import link, notebook
from snnlab.course.memory.question import Option, Question, Right
from snnlab.course.predictions.answers import SKIP, Choices
from snnlab.course.predictions.panel import PredictionPanel
from snnlab.exceptions import OptionError
from snnlab.explorers.toolkit.front_end import live


class Recall:
    """Three questions on earlier notebooks.

    A wrong answer is told why, and where to look; then one may choose again. `snnlab.course.recall`
    makes it.

    Parameters
    ----------
    number : str
        Of the notebook that begins with them.
    questions : tuple of Question
    """

    def __init__(self, number: str, questions: tuple[Question, ...]):
        self.number, self.questions = number, questions
        self._panels = [
            PredictionPanel(
                f"{place}. {question.asks}",
                Choices(tuple(option.answer for option in question.options)),
                partial(self._answered, place),
                kind="recall",
            )
            for place, question in enumerate(questions, 1)
        ]
        self._closed: set[int] = set()
        self.box = widgets.VBox([panel.box for panel in self._panels])

    def answer(self, place: int, choice: str) -> str:
        """Answer one of the questions, and return what is said about it.

        Parameters
        ----------
        place : int
            Of the question, from 1.
        choice : str
            One of its options.

        Raises
        ------
        OptionError
            If there is no such question or option.
        """
        if place not in range(1, len(self.questions) + 1):
            raise OptionError(
                f"question {place!r}: notebook {self.number} begins with {len(self.questions)}."
            )
        options = {option.answer: option for option in self.questions[place - 1].options}
        if choice not in options:
            raise OptionError(f"question {place}: found {choice!r}, expected one of {[*options]}.")
        return self._told(place, options[choice])

    def folded(self) -> str:
        """Return all answers as HTML, closed, which `tools/notebooks.py` stores below."""
        answers = "".join(f"<li>{_explained(question)}</li>" for question in self.questions)
        if not answers:
            return ""
        return f"<details><summary>Answers. Recall first.</summary><ol>{answers}</ol></details>"

    def _told(self, place: int, option: Option) -> str:
        """Show and return what is said about an answer, and note it."""
        question, panel = self.questions[place - 1], self._panels[place - 1]
        right = isinstance(option, Right)
        words = f"{'Right.' if right else 'Not quite.'} {option.said}"
        if right:
            self._close(place, option.answer)
        panel.say(words, "" if right else f" Look at {_where(question, aside=True)}.")
        progress.note("recall", f"{self.number}.{place}", option.answer, right)
        return words if right else f"{words} Look at notebook {_section(question)}."

    def _answered(self, place: int, chosen: str) -> None:
        """Say something about what was chosen in the panel."""
        if place in self._closed:
            return
        if chosen != SKIP:
            self.answer(place, chosen)
            return
        question = self.questions[place - 1]
        self._close(place, None)
        words = f"{question.right.answer}. {question.right.said}"
        self._panels[place - 1].say(words, f" It stands in {_where(question, aside=True)}.")
        progress.note("recall", f"{self.number}.{place}", None, None)

    def _close(self, place: int, chosen: str | None) -> None:
        self._closed.add(place)
        self._panels[place - 1].close(chosen)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        """Return the live panel, and the questions for viewers without a kernel."""
        if not self.questions:
            return {"text/plain": repr(self)}
        asked = "".join(
            f"<li>{html.escape(question.asks, quote=False)}<ul>"
            + "".join(f"<li>{html.escape(o.answer, quote=False)}</li>" for o in question.options)
            + "</ul></li>"
            for question in self.questions
        )
        return live(self.box) | {"text/plain": repr(self), "text/html": f"<ol>{asked}</ol>"}

    def __repr__(self) -> str:
        if not self.questions:
            return f"Notebook {self.number} is the first one: there is nothing to recall yet."
        asked = "\n".join(f"{n}. {question.asks}" for n, question in enumerate(self.questions, 1))
        return f"Before notebook {self.number}, from earlier ones:\n{asked}"


def recall(number: str) -> Recall:
    """Ask three questions on earlier notebooks: the one before, and others further back.

    Parameters
    ----------
    number : str
        Of the notebook at hand, such as "05". Before "00" there is nothing to ask.

    Returns
    -------
    Recall
        A cell shows it.

    Raises
    ------
    OptionError
        If there is no such notebook.

    >>> recall("02").answer(1, "Nothing, if one waits long enough")
    'Not quite. Each spike throws something away, so waiting longer loses more. Look at notebook
    01, section 1.2.'
    """
    if notebook(number).number == "00":
        return Recall(number, ())
    found = import_module(f"snnlab.course.memory.questions.notebook_{number}")
    return Recall(number, found.ALL)


def _section(question: Question) -> str:
    return f"{question.notebook}, section {question.section}"


def _where(question: Question, aside: bool = False) -> str:
    """Return as HTML where the answer is found."""
    return link(question.notebook, f"notebook {_section(question)}", aside)


def _explained(question: Question) -> str:
    """Return as HTML the right answer, why the others are wrong, and where to look."""
    right = question.right
    wrong = "".join(
        f"<li><em>{html.escape(option.answer, quote=False)}</em>: "
        f"{html.escape(option.said, quote=False)}</li>"
        for option in question.options
        if option is not right
    )
    told = html.escape(f"{right.answer}. {right.said}", quote=False)
    return f"{told}<ul>{wrong}</ul>See {_where(question)}."
