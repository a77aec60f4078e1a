"""The notebooks of the course, in their order."""

from dataclasses import dataclass

from snnlab._arguments import checks


@dataclass(frozen=True)
class Notebook:
    """A notebook of the course.

    Parameters
    ----------
    number : str
        Two digits.
    title : str
        Its file's name follows from both.
    asks : str
        The question that it answers.
    predictions : int
        How many it asks for; those that share a number count once.
    """

    number: str
    title: str
    asks: str
    predictions: int

    @property
    def file(self) -> str:
        """The name of its file.

        >>> NOTEBOOKS["00"].file
        '00_start_here.ipynb'
        """
        return f"{self.number}_{self.title.lower().replace(' ', '_')}.ipynb"


NOTEBOOKS = {
    notebook.number: notebook
    for notebook in (
        Notebook("00", "Start here", "How does a trained network come to spike?", 0),
        Notebook("01", "Spiking neurons", "Why is the rate of a neuron a ReLU, nearly?", 0),
        Notebook("02", "Quantization error", "What can a neuron that counts not say?", 6),
        Notebook("03", "Deviation error", "What if the same currents come in another order?", 5),
        Notebook("04", "Errors in a network", "Which layer makes which part of the error?", 3),
        Notebook("05", "Threshold choice", "How much should a spike be worth?", 6),
        Notebook("06", "Percentile normalization", "What may be cut off, to gain time?", 6),
        Notebook("07", "Convert a CNN", "What becomes of all that stands between neurons?", 4),
        Notebook("08", "Chance and evidence", "Which difference is more than chance?", 3),
        Notebook("09", "Going deep", "Which error grows with the number of layers?", 6),
        Notebook("10", "What it costs", "When does an SNN take less energy than its ANN?", 6),
        Notebook("11", "Few time steps", "What makes a network right after a few steps?", 7),
    )
}


def notebook(number: str) -> Notebook:
    """Return a notebook by its number.

    Raises
    ------
    OptionError
        If there is none.
    """
    return NOTEBOOKS[checks.option(number, "number", NOTEBOOKS)]


def link(number: str, words: str, aside: bool = False) -> str:
    """Return words as HTML that leads to a notebook; with `aside` in a tab of its own.

    >>> link("00", "here")
    '<a href="00_start_here.ipynb">here</a>'
    """
    target = ' target="_blank"' if aside else ""
    return f'<a href="{notebook(number).file}"{target}>{words}</a>'
