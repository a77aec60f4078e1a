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
    predictions, exercises : str
        Their numbers; not of those that are marked as going further.
    """

    number: str
    title: str
    asks: str
    predictions: str
    exercises: str

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
        Notebook(
            "00",
            "Start here",
            "How does a trained network come to spike?",
            "0.3 0.4 0.5 0.6 0.7",
            "0.6",
        ),
        Notebook(
            "01",
            "Spiking neurons",
            "Why is the rate of a neuron a ReLU, nearly?",
            "1.1 1.2 1.3 1.4",
            "",
        ),
        Notebook(
            "02",
            "Quantization error",
            "What can a neuron that counts not say?",
            "2.1 2.2 2.3 2.5",
            "2.1 2.2 2.3",
        ),
        Notebook(
            "03",
            "Deviation error",
            "What if the same currents come in another order?",
            "3.1 3.2 3.3 3.4 3.5",
            "3.1 3.2 3.4",
        ),
        Notebook(
            "04",
            "Errors in a network",
            "Which layer makes which part of the error?",
            "4.1 4.2 4.3 4.4",
            "4.1 4.4",
        ),
        Notebook(
            "05",
            "Threshold choice",
            "How much should a spike be worth?",
            "5.1 5.2 5.3 5.4 5.5",
            "5.1 5.2 5.5",
        ),
        Notebook(
            "06",
            "Percentile normalization",
            "What may be cut off, to gain time?",
            "6.1 6.2 6.3 6.4 6.5",
            "6.3 6.5",
        ),
        Notebook(
            "07",
            "Convert a CNN",
            "What becomes of all that stands between neurons?",
            "7.1 7.2 7.3",
            "7.1",
        ),
        Notebook(
            "08",
            "Chance and evidence",
            "Which difference is more than chance?",
            "8.1 8.2",
            "8.1 8.3",
        ),
        Notebook(
            "09",
            "Going deep",
            "Which error grows with the number of layers?",
            "9.1 9.2 9.3 9.4 9.5 9.6",
            "9.3 9.4 9.7",
        ),
        Notebook(
            "10",
            "What it costs",
            "When does an SNN take less energy than its ANN?",
            "10.1 10.2 10.3 10.4 10.5 10.7",
            "10.2 10.6 10.7",
        ),
        Notebook(
            "11",
            "Few time steps",
            "What makes a network right after a few steps?",
            "11.1 11.2 11.3 11.4 11.5",
            "11.4 11.8",
        ),
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
