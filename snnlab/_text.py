"""Numbers in sentences, and tables in plain text and in HTML."""

import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

Rows = Sequence[Sequence[str]]


def to_text(title: str, header: Sequence[str], rows: Rows, *, words: bool = False) -> str:
    """Return a table in plain text.

    The first column is left-aligned, the others right-aligned, or left as well if they are `words`.

    >>> print(to_text("Two layers", ["layer", "neurons"], [["relu1", "12"], ["relu2", "7"]]))
    Two layers
    layer  neurons
    relu1       12
    relu2        7
    """
    columns = list(zip(header, *rows, strict=True))
    widths = [max(map(len, column)) for column in columns]
    lines = [
        "  ".join(
            c.ljust(w) if i == 0 or words else c.rjust(w) for i, (c, w) in enumerate(zipped)
        ).rstrip()
        for zipped in (list(zip(row, widths, strict=True)) for row in (header, *rows))
    ]
    return "\n".join([title, *lines])


def to_html(title: str, header: Sequence[str], rows: Rows, *, words: bool = False) -> str:
    """Return the same table in HTML, with a caption and row headers for screen readers."""
    left = ' style="text-align:left"' if words else ""
    head = "".join(f'<th scope="col"{left}>{html.escape(cell)}</th>' for cell in header)
    body = "".join(
        f'<tr><th scope="row"{left}>{html.escape(row[0])}</th>'
        + "".join(f"<td{left}>{html.escape(cell)}</td>" for cell in row[1:])
        + "</tr>"
        for row in rows
    )
    caption = f'<caption style="text-align:left">{html.escape(title)}</caption>'
    return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def shape(dimensions: Sequence[int]) -> str:
    """Return '16×28×28'."""
    return "×".join(map(str, dimensions)) or "1"


def span(values: Iterable[float]) -> str:
    """Return one number, or 'smallest … largest' of several.

    >>> span([0.5, 2.0, 1.25])
    '0.5 … 2'
    """
    values = list(values)
    low, high = f"{min(values):.4g}", f"{max(values):.4g}"
    return low if low == high else f"{low} … {high}"


def counted(number: float, thing: str, none: str = "0") -> str:
    """Return a number with its thing, in the plural where needed.

    >>> counted(1, "step"), counted(1024, "step"), counted(1.5, "level"), counted(0, "spike", "no")
    ('1 step', '1,024 steps', '1.5 levels', 'no spikes')
    """
    if number == 0:
        return f"{none} {thing}s"
    shown = f"{number:,.0f}" if number % 1 == 0 else f"{number:g}"
    return f"{shown} {thing}{'' if shown == '1' else 's'}"


@dataclass(frozen=True)
class Table:
    """A table that shows itself in a cell; the arguments are those of `to_text`."""

    title: str
    header: Sequence[str]
    rows: Rows
    words: bool = False

    def __repr__(self) -> str:
        return to_text(self.title, self.header, self.rows, words=self.words)

    def _repr_html_(self) -> str:
        return to_html(self.title, self.header, self.rows, words=self.words)
