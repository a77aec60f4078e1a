"""An explorer on the screen: its controls, its picture, and its words."""

import base64
import html
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import ipywidgets as widgets

from snnlab.explorers.toolkit.controls import Choice, Control, Steps, StepScale
from snnlab.explorers.toolkit.front_end import HANDLE, explain
from snnlab.explorers.toolkit.picture import WIDTH, Picture
from snnlab.explorers.toolkit.playing import play_parts
from snnlab.explorers.toolkit.scripting import script

_VIEWS = Choice(
    "show", "what stands below", {v: v for v in ("picture", "formula", "code")}, "picture"
)
# In a dark theme: light paper becomes dark, and each colour a light one of the same hue.
DARK = "invert(0.93) hue-rotate(180deg)"
_STYLE = """
.snnlab-picture { position: relative; width: 100%; max-width: WIDTHpx; overflow: hidden; }
.snnlab-picture .widget-html { margin: 0; width: 100%; height: auto; }
.snnlab-picture .widget-html-content { width: 100%; line-height: 0; }
.snnlab-picture img, .snnlab-picture svg { width: 100%; height: auto; display: block; }
.snnlab-picture .snnlab-moving { position: absolute; inset: 0; }
body[data-jp-theme-light=false] .snnlab-picture { filter: DARK; }
.snnlab-picture svg { stroke-linejoin: round; stroke-linecap: butt; }

.snnlab-explorer p { max-width: 56em; line-height: 1.5; margin: 0.5em 0; }
.snnlab-words p { min-height: 4.5em; }
.snnlab-play button { width: 5em; }
.snnlab-explorer .widget-radio { display: flex; flex-wrap: wrap; align-items: center; }
.snnlab-explorer .widget-radio-box { margin: 0 8px !important; flex-wrap: wrap; height: auto; }
.snnlab-explorer .widget-radio-box { flex-direction: row; align-items: center; gap: 0 8px; }
.snnlab-explorer .widget-radio > .widget-label { text-align: right; }
.snnlab-explorer .widget-radio-box label { white-space: nowrap; width: auto; }
.snnlab-formula { max-width: 56em; line-height: 1.5; min-height: 12em; }
.snnlab-formula mjx-container { margin: 0.4em 0 !important; }
.snnlab-code textarea { font-family: monospace; white-space: pre; overflow-x: auto; }
""".replace("WIDTH", str(WIDTH)).replace("DARK", DARK)


class Panel:
    """The widgets of an explorer. Nothing is computed here.

    Parameters
    ----------
    declared : mapping from name to Control
    picture : Picture
    on_change : callable
        Called when the learner has moved a control or chosen another view.
    on_reset : callable
        Called when the learner has pressed Reset.
    frames : callable
        From a control's name and a position to packed frames of it, for `play_parts`.
    """

    def __init__(
        self,
        declared: Mapping[str, Control],
        picture: Picture,
        on_change: Callable[[], None],
        on_reset: Callable[[], None],
        frames: Callable[[str, int], str],
    ):
        parts = {name: control.row() for name, control in declared.items()}
        self.controls = {name: row[-1] for name, row in parts.items()}
        (self.view,) = _VIEWS.row()
        self.reset = widgets.Button(description="Reset", tooltip="back to the beginning")
        self._view_box = picture.view_box
        self.moving, self.words = widgets.HTML(), widgets.HTML()
        self.picture = _picture(picture.background, self.moving)
        self.formula = widgets.HTMLMath()
        wide = widgets.Layout(width="98%")
        self.code = widgets.Textarea(description="code", layout=wide)
        explain(self.code, "ready to paste")
        self.code.add_class("snnlab-code")
        self.words.add_class("snnlab-words")
        self.stage = widgets.VBox([self.picture])
        plays = {n: _play(control, partial(frames, n)) for n, control in declared.items()}
        self._questions = {name: play[1] for name, play in plays.items() if play}
        rows = [
            _row(
                [
                    *parts[name],
                    *plays[name],
                    widgets.HTML(html.escape(control.meaning)),
                ]
            )
            for name, control in declared.items()
        ]
        sliders = [row for row in parts.values() if len(row) > 1]
        self.box = widgets.VBox([*rows, _row([self.view, self.reset]), self.stage, self.words])
        self.box.add_class("snnlab-explorer")
        complete(self.box, _STYLE, ".snnlab-row", ".snnlab-words", len(sliders))
        self.view.observe(self._turn, "value")
        for widget in [*self.controls.values(), self.view]:
            widget.observe(lambda _: on_change(), "value")
        # Linked after that, so that the picture is on its way before the number beside the slider.
        for field, slider in sliders:
            widgets.link((slider, "value"), (field, "value"))
        self.reset.on_click(lambda _: on_reset())

    def begin_at(self, name: str, position: int) -> None:
        """Let a play from this position of a control begin anew, if it can be played."""
        if name in self._questions:
            self._questions[name].placeholder = str(position)

    def show(self, words: str, svg: str) -> None:
        """Show what has moved, and words that describe the picture."""
        name = html.escape(words, quote=True)
        self.moving.value = (
            f'<svg role="img" aria-label="{name}" viewBox="{self._view_box}">{svg}</svg>'
        )
        self.words.value = f"<p>{html.escape(words)}</p>"

    def show_formula(self, formula: str) -> None:
        """Show paragraphs with mathematics between dollar signs."""
        self.formula.value = f'<div class="snnlab-formula">{formula}</div>'

    def show_code(self, code: str) -> None:
        """Show source that can be copied."""
        self.code.rows, self.code.value = code.count("\n") + 2, code

    def show_error(self, words: str) -> None:
        """Say what went wrong, in place of the words."""
        self.words.value = f"<p>{html.escape(words)}</p>"

    def _turn(self, change: Mapping[str, Any]) -> None:
        self.stage.children = (getattr(self, change["new"]),)


def _play(control: Control, frames: Callable[[int], str]) -> list[Any]:
    return play_parts(control, frames) if isinstance(control, Steps | StepScale) else []


def _row(children: list[Any]) -> Any:
    row = widgets.HBox(children, layout=widgets.Layout(flex_flow="row wrap", align_items="center"))
    row.add_class("snnlab-row")
    return row


def _picture(background: bytes, moving: Any) -> Any:
    """Return the background with the moving artists over it."""
    data = base64.b64encode(background).decode()
    still = widgets.HTML(f'<img alt="" src="data:image/png;base64,{data}">')
    moving.add_class("snnlab-moving")
    picture = widgets.Box([still, moving])
    picture.add_class("snnlab-picture")
    return picture


def complete(box: Any, style: str, row: str, words: str, sliders: int = 0) -> None:
    """Add what is not seen to a panel: its style, and the script that names its parts.

    Parameters
    ----------
    box : ipywidgets Box
        The panel; of those on a page it is found by a class of its own.
    style : str
        CSS.
    row, words : str
        CSS classes of each of its rows of controls, and of the words to be read out.
    sliders : int
        How many it has.
    """
    own = f"snnlab-{box.model_id}"
    box.add_class(own)
    names = {"PANEL": own, "ROW": row, "WORDS": words, "SLIDERS": sliders, "HANDLE": HANDLE}
    naming = script("playing", "play_button", "panel", **names)
    styling = widgets.HTML(f"<style>{style}</style>", layout=widgets.Layout(display="none"))
    box.children = (*box.children, styling, naming)
