"""Scripts of widgets: how they get to the browser."""

import re

import ipywidgets as widgets
import pytest
from helpers.explorers import FOUND, made

from snnlab import course
from snnlab.explorers.toolkit.controls import Steps, StepScale
from snnlab.explorers.toolkit.scripting import script

JAVASCRIPT = "application/javascript"


def inside(widget):
    """Yield a widget and all within it."""
    yield widget
    for child in getattr(widget, "children", ()):
        yield from inside(child)


def scripts(box):
    outputs = [o for w in inside(box) if isinstance(w, widgets.Output) for o in w.outputs]
    return [output["data"][JAVASCRIPT] for output in outputs]


def test_names_are_replaced_and_files_run_as_one():
    shown = script("playing", "panel", PANEL="mine", ROW=".row", SLIDERS=3)
    (code,) = scripts(shown)
    assert shown.layout.display == "none"
    assert code.startswith("(() => {")
    assert "snnlabUnpacked" in code
    assert "querySelectorAll('.mine')" in code
    assert not re.search("PANEL|ROW|SLIDERS", code)


@pytest.mark.parametrize("name", FOUND)
def test_a_panel_has_one_script_and_none_in_its_html(name):
    explorer = made(FOUND[name])
    (code,) = scripts(explorer.box)
    assert not re.search("PANEL|ROW|WORDS|SLIDERS|HANDLE", code)
    (own,) = [c for c in explorer.box._dom_classes if explorer.box.model_id in c]
    assert f"'.{own}'" in code
    texts = [w.value for w in inside(explorer.box) if isinstance(w, widgets.HTML)]
    assert [t for t in texts if re.search(r"<script|\son\w+=|javascript:", t, re.I)] == []
    played = [c for c in explorer.declared.values() if isinstance(c, Steps | StepScale)]
    assert sum("data-pace" in text for text in texts) == len(played)


def test_a_prediction_has_its_own():
    panel = course.Prediction("2.1", [1, 2], lambda _: None)._panel
    (code,) = scripts(panel.box)
    assert panel.box.model_id in code
    assert ".snnlab-answers" in code
