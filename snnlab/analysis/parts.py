"""The parts of the error: what each one means, and how it is drawn wherever it is drawn."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    """One part of the error.

    Two parts that can stand in one picture differ by form, not by color alone.

    Parameters
    ----------
    name : str
        As in reports, tables and legends.
    meaning : str
        Half a sentence, with mathematics between dollar signs.
    color : str
        Of its bars, lines, marks and labels alike; dark enough for words on white paper.
    hatch, line, marker : str
        Form of a bar, of a line and of a mark.

    Source: Okabe and Ito 2008 (colors), darkened where the contrast with white was below 4.5.
    """

    name: str
    meaning: str
    color: str
    hatch: str
    line: str
    marker: str


# Each is the only part of its row; the row is no spiking layer.
ROW_PARTS = (
    Part("input", "spikes stand for the pixels", "#595959", "..", "-", "v"),
    Part("pooling", "a gate does not pass on the maximum", "#9B3E78", "--", "--", "D"),
)
LAYER_PARTS = (
    Part("propagated", "the layers before send something else", "#0072B2", "", "--", "s"),
    Part("clipping", "the threshold is too low", "#6B4600", "//", "-.", "^"),
    Part("quantization", "only $T + 1$ values exist", "#007A59", "xx", ":", "x"),
    Part("deviation", "the current comes in an uneven order", "#B84F00", r"\\", "-", "o"),
)
# Only of neurons that have an offset.
OFFSET = Part("offset", "a constant current is added", "#5E2B80", "++", "-", "P")
PARTS = (*ROW_PARTS, *LAYER_PARTS[:2], OFFSET, *LAYER_PARTS[2:])
TOTAL = Part("total", "the sum of the parts", "#222222", "", "-", ".")
BY_NAME = {part.name: part for part in (*PARTS, TOTAL)}
