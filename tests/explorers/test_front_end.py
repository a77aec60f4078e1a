"""What the widgets of version 7 do not have is not used."""

import html

import ipywidgets as widgets
import pytest
from helpers.explorers import FOUND, made
from traitlets import Unicode

from snnlab import course
from snnlab.explorers.toolkit.controls import Choice, Menu, Scale, Slider, Steps, StepScale
from snnlab.explorers.toolkit.front_end import explain, live, running

VIEW = "application/vnd.jupyter.widget-view+json"
# Read from the traits of ipywidgets 7.7.1 and 8.1.9: what only 8 has, by the class that has it.
ONLY_IN_8 = {
    widgets.RadioButtons: {"orientation"},
    widgets.ButtonStyle: {
        "font_family", "font_size", "font_style", "font_variant", "text_color", "text_decoration",
    },
    widgets.Layout: {"border_top", "border_right", "border_bottom", "border_left"},
    widgets.Accordion: {"titles"},
    widgets.Tab: {"titles"},
    widgets.DOMWidget: {"tabbable", "tooltip", "behavior", "description_allow_html"},
}  # fmt: skip
BUTTONS = (widgets.Button, widgets.ToggleButton)  # have a tooltip in both
# Of their rows, which have every kind of control.
KINDS = ["EqualOperations", "QuantizationError", "SingleNeuron", "StepsAndPercentile"]


def only_in_8(widget):
    """Return what a widget would not have in version 7."""
    names = set().union(*(n for kind, n in ONLY_IN_8.items() if isinstance(widget, kind)))
    return names - {"tooltip"} if isinstance(widget, BUTTONS) else names


@pytest.fixture
def seven(monkeypatch):
    """Take from the widgets what version 7 does not have; return the words of its tooltips."""
    has_trait, words = widgets.Widget.has_trait, []

    def set_(widget, name, value):
        assert name not in only_in_8(widget), f"{type(widget).__name__}.{name} is of version 8"
        if name == "description_tooltip":
            assert isinstance(value, str)
            words.append(value)
        else:
            object.__setattr__(widget, name, value)

    def has(widget, name):
        # While a widget is made, traitlets asks for the defaults of all it has.
        made_already = widget._trait_values.get("comm") is not None
        return has_trait(widget, name) and not (made_already and name in only_in_8(widget))

    monkeypatch.setattr(widgets.Widget, "__setattr__", set_, raising=False)
    monkeypatch.setattr(widgets.Widget, "has_trait", has)
    monkeypatch.delattr(widgets.Widget, "_repr_mimebundle_", raising=False)
    return words


def test_what_version_7_lacks_is_noticed(seven):
    with pytest.raises(AssertionError, match=r"Textarea\.tooltip"):
        widgets.Textarea().tooltip = "no"
    with pytest.raises((AssertionError, DeprecationWarning), match=r"RadioButtons.*orientation"):
        widgets.RadioButtons(options=[1], orientation="horizontal")
    assert widgets.Button(tooltip="yes").tooltip == "yes"
    assert seven == []


@pytest.mark.parametrize("name", KINDS)
def test_an_explorer_shows_itself(seven, name):
    explorer = made(FOUND[name])
    bundle, _ = explorer._repr_mimebundle_()
    model = explorer.box.model_id
    assert bundle[VIEW] == {"version_major": 2, "version_minor": 0, "model_id": model}
    assert {"image/png", "text/plain"} < set(bundle)
    assert {control.meaning for control in explorer.declared.values()} < set(seven)
    for view in ("formula", "code", "picture"):
        explorer.panel.view.value = view


def test_these_explorers_have_every_kind_of_control():
    declared = [type(c) for name in KINDS for c in made(FOUND[name]).declared.values()]
    assert set(declared) == {Choice, Menu, Scale, Slider, Steps, StepScale}


@pytest.mark.parametrize("answers", [[0.3, 0.25], course.Number(0, 2, 0.25, "mV")])
@pytest.mark.usefixtures("seven")
def test_a_prediction_shows_itself_and_opens(answers):
    prediction = course.Prediction("2.1", answers, lambda _: made(FOUND["QuantizationError"]))
    model = prediction._panel.box.model_id
    assert prediction._repr_mimebundle_()[VIEW]["model_id"] == model
    assert prediction.commit(0.25).startswith("Prediction 2.1: you said 0.25")


@pytest.mark.usefixtures("seven")
def test_questions_to_recall_show_themselves():
    recall = course.recall("02")
    assert recall._repr_mimebundle_()[VIEW]["model_id"] == recall.box.model_id
    assert recall.answer(1, recall.questions[0].right.answer).startswith("Right.")


def test_in_version_7_a_script_is_run_by_an_image(seven):
    image = running('go("<there>")')
    assert isinstance(image, widgets.HTML)
    assert image.layout.display == "none"
    assert html.unescape(image.value).endswith("""onload="go("<there>")">""")
    assert seven == []


def test_both_versions_are_shown_the_same_way():
    button = widgets.Button()
    assert live(button) == {
        VIEW: {"version_major": 2, "version_minor": 0, "model_id": button.model_id}
    }
    explain(button, "words")
    assert button.tooltip == "words"


def test_each_version_explains_in_its_own_way():
    class Seven(widgets.Widget):
        description_tooltip = Unicode()

    class Eight(widgets.Widget):
        tooltip = Unicode()

    for kind, name in ((Seven, "description_tooltip"), (Eight, "tooltip")):
        widget = kind()
        explain(widget, "words")
        assert getattr(widget, name) == "words"
