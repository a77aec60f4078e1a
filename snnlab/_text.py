"""Numbers and sizes in sentences, and tables in plain text and in HTML."""

import html
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

GIB = 2**30  # the usual ceiling of memory


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


def size(number: float) -> str:
    """Return a number of bytes in the largest unit that is not below 1 of it.

    >>> size(3 * GIB / 2), size(5 * 2**20), size(12)
    ('1.5 GiB', '5 MiB', '12 bytes')
    """
    for unit, name in ((GIB, "GiB"), (2**20, "MiB"), (2**10, "KiB")):
        if number >= unit:
            return f"{number / unit:.3g} {name}"
    return f"{number:g} bytes"


@dataclass(frozen=True)
class Table:
    """A table that shows itself in a cell.

    The first column is left-aligned, the others right-aligned, or left as well if they are `words`.

    >>> Table("Two layers", ["layer", "neurons"], [["relu1", "12"], ["relu2", "7"]])
    Two layers
    layer  neurons
    relu1       12
    relu2        7
    """

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    words: bool = False

    def __repr__(self) -> str:
        columns = list(zip(self.header, *self.rows, strict=True))
        widths = [max(map(len, column)) for column in columns]
        lines = [
            "  ".join(
                cell.ljust(width) if i == 0 or self.words else cell.rjust(width)
                for i, (cell, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in (self.header, *self.rows)
        ]
        return "\n".join([self.title, *lines])

    def _repr_html_(self) -> str:
        """Return it in HTML, with a caption and row headers for screen readers."""
        left = ' style="text-align:left"'
        styles = [left, *[left if self.words else ""] * (len(self.header) - 1)]
        head = "".join(
            f'<th scope="col"{style}>{html.escape(cell)}</th>'
            for cell, style in zip(self.header, styles, strict=True)
        )
        body = "".join(
            f'<tr><th scope="row"{left}>{html.escape(first)}</th>'
            + "".join(f"<td{styles[-1]}>{html.escape(cell)}</td>" for cell in others)
            + "</tr>"
            for first, *others in self.rows
        )
        caption = f'<caption style="text-align:left">{html.escape(self.title)}</caption>'
        return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


class ShownAsTable(ABC):
    """What shows itself in a cell as a table."""

    @abstractmethod
    def _table(self) -> Table: ...

    def __repr__(self) -> str:
        return repr(self._table())

    def _repr_html_(self) -> str:
        return self._table()._repr_html_()
