"""Explorers that move on the site without a kernel: every picture is drawn when it is built.

Where all combinations of the controls are few and small, all are recorded. Otherwise one control
moves at a time, and the others stand where the notebook has them. Pictures and words come from the
explorer itself; `_static/recorded.js` shows them.
"""

import ast
import html
import io
import itertools
import json
import math
import shutil
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from docs import live
from snnlab import explorers
from snnlab.explorers import Explorer
from snnlab.explorers.toolkit.controls import Control, Scale, Slider, Steps, StepScale
from snnlab.explorers.toolkit.picture import WIDTH
from snnlab.explorers.toolkit.playing import STILL, pace
from snnlab.explorers.toolkit.recording import Recording

# So many combinations at most, and so many letters when they are packed: where they are made when
# the site is built, and where they are kept.
MOST, LARGEST, LARGEST_KEPT = 3000, 1_000_000, 500_000
KEPT = Path(__file__).resolve().parent / "kept"
ONE_AT_A_TIME = (
    "Here one control moves at a time; the others go back to where they began. In a notebook all "
    "of them move."
)
ASKS_ELSEWHERE = (
    "Or press the button: then this page computes them itself, with Python from cdn.jsdelivr.net, "
    "some 20 MB."
)
# Those that a folder without torch has at once; the page has no torch.
WITHOUT_TORCH = frozenset(explorers.__all__) & frozenset(vars(explorers))


def sources_of(source: str) -> list[str]:
    r"""Return the Python of each explorer that a cell shows, if it needs nothing but numbers.

    Of a prediction it is what a committed answer opens, with no answer marked in it.

    >>> sources_of("course.Prediction('1.1', [2], opens=lambda value: explorers.Counting(value))")
    ['value = None\nexplorers.Counting(value)']
    >>> sources_of("explorers.SpikeMovie(network, image)")
    []
    """
    body = ast.parse(source).body
    last = body[-1].value if body and isinstance(body[-1], ast.Expr) else None
    if last is None:
        return []
    if _free(body) <= {"explorers"}:
        return [source]
    opened = [
        k.value.body
        for k in getattr(last, "keywords", ())
        if k.arg == "opens" and isinstance(k.value, ast.Lambda)
    ]
    return [
        f"value = None\n{ast.unparse(call)}"
        for call in opened
        if "explorers" in _free([call]) <= {"explorers", "value"}
    ]


def explorers_of(source: str) -> list[Explorer]:
    """Return the explorers that a cell shows, if they need nothing but numbers of their own.

    >>> [type(shown).__name__ for shown in explorers_of("explorers.Counting()")]
    ['Counting']
    """
    return [shown for _, shown in _made(source)]


def _made(source: str) -> list[tuple[str, Explorer]]:
    """Return the explorers that a cell shows, each behind its Python."""
    made = [(text, live.made(text)) for text in sources_of(source)]
    return [(text, shown) for text, shown in made if isinstance(shown, Explorer)]


def _free(parts: list[Any]) -> set[str]:
    """Return the names that are used and not given a value here."""
    names = [node for part in parts for node in ast.walk(part) if isinstance(node, ast.Name)]
    stored = {node.id for node in names if isinstance(node.ctx, ast.Store)}
    return {node.id for node in names} - stored


def settings(explorer: Explorer, *, all_of_them: bool) -> list[dict[str, Any]]:
    """Return all combinations of the controls, or what each can be while the others stay."""
    places = {name: control.positions for name, control in explorer.declared.items()}
    if all_of_them:
        return [
            dict(zip(places, each, strict=True)) for each in itertools.product(*places.values())
        ]
    now = explorer.values
    return [now | {name: value} for name, values in places.items() for value in values]


def write(explorer: Explorer, folder: Path, name: str, largest: int) -> bool:
    """Write what an explorer shows into a folder; return whether all combinations are there."""
    folder.mkdir(parents=True, exist_ok=True)
    still = Image.open(io.BytesIO(explorer.picture.background))
    still.quantize(128).save(folder / f"{name}.png", optimize=True)
    few = math.prod(len(control.positions) for control in explorer.declared.values()) <= MOST
    for all_of_them in (True, False) if few else (False,):
        recording = Recording()
        for setting in settings(explorer, all_of_them=all_of_them):
            recording.add(explorer, setting)
        packed = recording.packed()
        if len(packed) <= largest:
            break
    explorer.move(**explorer.values)  # draws what it stands at
    (folder / f"{name}.js").write_text(f"snnlabRecorded({name!r}, {packed!r})\n", encoding="utf-8")
    return all_of_them


def keep(shown: Any, place: str) -> None:
    """Write what an explorer of a network shows to where the site finds it when it is built.

    The site is built without the network, so this is done when the notebook runs. `place` tells
    the notebook and the cell. What is no explorer is left alone.
    """
    if isinstance(shown, Explorer):
        grid = write(shown, KEPT, place, LARGEST_KEPT)
        (KEPT / f"{place}.html").write_text(panel(shown, place, place, grid), encoding="utf-8")


def panel(explorer: Explorer, name: str, place: str, grid: bool, source: str = "") -> str:
    """Return the HTML of an explorer that was written as `name`; its ids begin with `place`.

    `grid` tells whether all combinations of its controls were recorded. If they were not, a page
    can compute them on its own from the `source`, the explorer's Python.

    The page stands in a folder beside `_static`. Without JavaScript it shows the picture and words
    of the explorer as it is.
    """
    values = explorer.values
    rows = "".join(
        _row(f"{place}-{control}", declared, values[control])
        for control, declared in explorer.declared.items()
    )
    words, there = html.escape(explorer.words, quote=True), f"../_static/recorded/{name}"
    note = "" if grid else f"<p><em>{ONE_AT_A_TIME}</em></p>"
    if source and not grid:
        note = (
            f'<p><button type="button" class="snnlab-all" disabled>All settings</button> '
            f'<em class="snnlab-note" aria-live="polite">{ONE_AT_A_TIME} {ASKS_ELSEWHERE}</em></p>'
        )
    own = f'data-live="{html.escape(source, quote=True)}" ' if source and not grid else ""
    return (
        f'<div class="snnlab-recorded" {own}data-name="{name}" data-source="{there}.js" '
        f'data-all="{str(grid).lower()}" data-still="{1000 * STILL:g}">{rows}'
        f'<div><button type="button" class="snnlab-reset" disabled>Reset</button></div>'
        f'<div class="snnlab-picture" style="max-width: {WIDTH}px">'
        f'<img alt="" src="{there}.png"><svg role="img" aria-label="{words}" '
        f'viewBox="{explorer.picture.view_box}">{explorer.picture.svg()}</svg></div>'
        f'<p role="status">{words}</p>{note}</div>'
    )


def _row(name: str, control: Control, value: Any) -> str:
    """Return a control with its label, its value, and what it means."""
    shown = [control.shown(position) for position in control.positions]
    at, texts = control.place(value), html.escape(json.dumps(shown), quote=True)
    given = f'id="{name}" aria-describedby="{name}-meaning" disabled'
    if isinstance(control, Slider | Scale):
        field = (
            f'<input type="range" {given} min="0" max="{len(shown) - 1}" step="1" value="{at}" '
            f'aria-valuetext="{html.escape(shown[at], quote=True)}" data-texts="{texts}">'
            f'<span class="snnlab-value" aria-hidden="true">{html.escape(shown[at])}</span>'
        )
    else:
        options = "".join(
            f"<option{' selected' * (n == at)}>{html.escape(text)}</option>"
            for n, text in enumerate(shown)
        )
        field = f"<select {given}>{options}</select>"
    if isinstance(control, Steps | StepScale):
        pause, whole = pace(control)
        label = html.escape(f"{control.label} moves by itself", quote=True)
        field += (
            f'<button type="button" class="snnlab-play" data-pause="{pause:g}" '
            f'data-whole="{whole}" title="{label}" disabled>Play</button>'
        )
    return (
        f'<div class="snnlab-row"><label for="{name}">{html.escape(control.label)}</label>{field}'
        f'<span id="{name}-meaning">{html.escape(control.meaning)}</span></div>'
    )


def shown_in(cell: Mapping[str, Any], folder: Path, place: str, written: dict[str, bool]) -> str:
    """Return the HTML of the explorers that a cell shows, an empty text if it shows none.

    What they show is written into a folder, unless it was `written` for another cell; by name it
    tells whether all combinations were.
    """
    source = "".join(cell["source"])
    if "explorers." not in source:
        return ""
    kept = KEPT / f"{place}.html"
    if kept.exists():
        for end in (".js", ".png"):
            shutil.copyfile(kept.with_suffix(end), folder / f"{place}{end}")
        return kept.read_text(encoding="utf-8")
    panels = []
    for number, (text, explorer) in enumerate(_made(source)):
        name = f"{type(explorer).__name__}-{zlib.crc32(repr(explorer.values).encode()):08x}"
        if name not in written:
            written[name] = write(explorer, folder, name, LARGEST)
        python = text if type(explorer).__name__ in WITHOUT_TORCH else ""
        panels.append(panel(explorer, name, f"{place}-{number}", written[name], python))
    return "".join(panels)
