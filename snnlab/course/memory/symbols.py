"""The symbols of a notebook as a table, closed until it is wanted."""

import re
from dataclasses import dataclass

from snnlab._text import counted
from snnlab.course.memory.glossary import GLOSSARY, Symbol
from snnlab.course.memory.notebooks import notebook


@dataclass(frozen=True, repr=False)
class Symbols:
    """The symbols of a notebook, in the order in which the course introduces them.

    Parameters
    ----------
    number : str
        Of the notebook.
    rows : tuple of Symbol
    """

    number: str
    rows: tuple[Symbol, ...]

    def __repr__(self) -> str:
        lines = [f"{counted(len(self.rows), 'symbol', 'no')} in notebook {self.number}"]
        lines += [
            f"{re.sub('<.*?>', '', row.shown)}: {row.words}{_in_unit(row)} (section {row.section})"
            for row in self.rows
        ]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        names = ("symbol", "meaning", "unit", "introduced in")
        head = "".join(f'<th scope="col">{name}</th>' for name in names)
        body = "".join(
            f'<tr><th scope="row"><i>{row.shown}</i></th><td style="text-align: left">{row.words}'
            f"</td><td>{row.unit}</td><td>{row.section}</td></tr>"
            for row in self.rows
        )
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        return f"<details><summary>Symbols of this notebook</summary>{table}</details>"


def symbols(number: str) -> Symbols:
    """Show the symbols of a notebook: what each means, its unit, and where it is introduced.

    Parameters
    ----------
    number : str
        Of the notebook, such as "05".

    Returns
    -------
    Symbols
        A cell shows a table that is closed until it is clicked.

    Raises
    ------
    OptionError
        If there is no such notebook.

    >>> symbols("09")
    1 symbol in notebook 09
    L: number of layers, in layers (section 9.3)
    """
    number = notebook(number).number
    return Symbols(number, tuple(row for row in GLOSSARY if number in row.notebooks.split()))


def _in_unit(row: Symbol) -> str:
    return f", in {row.unit}" if row.unit else ""
