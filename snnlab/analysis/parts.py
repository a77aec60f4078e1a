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
    color, hatch : str
        Fill of a bar.
    dark : str
        Color of lines, of marks and of the edge of a bar, dark enough for white paper.
    line, marker : str
        Form of a line and of a mark.

    Source: Okabe and Ito 2008 (colors), darkened where the contrast with white was below 4.5.
    """

    name: str
    meaning: str
    color: str
    hatch: str
    dark: str
    line: str
    marker: str


# Each is the only part of its row; the row is no spiking layer.
ROW_PARTS = (
    Part("input", "spikes stand for the pixels", "#999999", "..", "#595959", "-", "v"),
    Part("pooling", "a gate does not pass on the maximum", "#CC79A7", "--", "#9B3E78", "--", "D"),
)
LAYER_PARTS = (
    Part(
        "propagated", "the layers before send something else", "#56B4E9", "", "#0072B2", "--", "s"
    ),
    Part("clipping", "the threshold is too low", "#E69F00", "//", "#6B4600", "-.", "^"),
    Part("quantization", "only $T + 1$ values exist", "#009E73", "xx", "#007A59", ":", "x"),
    Part(
        "deviation", "the current comes in an uneven order", "#D55E00", r"\\", "#B84F00", "-", "o"
    ),
)
# Only of neurons that have an offset.
OFFSET = Part("offset", "a constant current is added", "#7A3E9D", "++", "#5E2B80", "-", "P")
PARTS = (*ROW_PARTS, *LAYER_PARTS[:2], OFFSET, *LAYER_PARTS[2:])
TOTAL = Part("total", "the sum of the parts", "#222222", "", "#222222", "-", ".")
BY_NAME = {part.name: part for part in (*PARTS, TOTAL)}
