"""What a prediction opens, as HTML that stays closed until it is clicked."""

import base64
import html
import io
from typing import Any

from matplotlib import pyplot
from matplotlib.figure import Figure


def folded(words: str, thing: Any) -> str:
    """Return words and what belongs to them, closed, for a page on which nothing runs.

    >>> folded("Simulated: 2.", None)
    '<details><summary>What it opens. Predict first.</summary><p>Simulated: 2.</p></details>'
    """
    said = f"<p>{html.escape(words, quote=False)}</p>"
    inside = said + ("" if thing is None else _still(thing, words))
    return f"<details><summary>What it opens. Predict first.</summary>{inside}</details>"


def _still(thing: Any, words: str) -> str:
    """Return a thing as HTML: its picture if it has one, else its table, else its text."""
    if isinstance(thing, Figure):
        pyplot.close(thing)
        png = io.BytesIO()
        thing.savefig(png, format="png", dpi=72, bbox_inches="tight")
        return _image(base64.b64encode(png.getvalue()).decode(), words)
    if hasattr(thing, "_repr_mimebundle_"):
        shown, _ = thing._repr_mimebundle_()
        picture = _image(shown["image/png"], shown["text/plain"])
        return f"{picture}<p>{html.escape(shown['text/plain'], quote=False)}</p>"
    if hasattr(thing, "_repr_html_"):
        return str(thing._repr_html_())
    return f"<pre>{html.escape(repr(thing))}</pre>"


def _image(png: str, words: str) -> str:
    return f'<img alt="{html.escape(words)}" src="data:image/png;base64,{png}">'
