"""A question on an earlier notebook: plain data."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Option:
    """An answer to choose, and what is said about it.

    Parameters
    ----------
    answer : str
    said : str
        Why it is wrong; of the right one, why it is right.
    """

    answer: str
    said: str


class Right(Option):
    """The right answer."""


class Wrong(Option):
    """An answer that somebody might give."""


@dataclass(frozen=True)
class Question:
    """A question with one right answer.

    Parameters
    ----------
    section : str
        Where the answer is found, such as "2.3".
    asks : str
    options : tuple of Option
        In the order in which they are shown.
    """

    section: str
    asks: str
    options: tuple[Option, ...]

    @property
    def notebook(self) -> str:
        """The number of the notebook that it is about.

        >>> Question("2.3", "Why?", ()).notebook
        '02'
        """
        return f"{int(self.section.partition('.')[0]):02d}"

    @property
    def right(self) -> Option:
        """The right answer."""
        return next(option for option in self.options if isinstance(option, Right))
