"""A prediction is asked for before anything is computed, and stays what it was."""

import base64
import inspect
import json
import logging
import re

import ipywidgets as widgets
import nbformat
import numpy as np
import pytest
import torch
from matplotlib import pyplot as plt
from nbclient import NotebookClient

import snnlab as sl
from snnlab import course, explorers
from snnlab.course.predictions.answers import SKIP
from tools import notebooks

WIDGET = "application/vnd.jupyter.widget-view+json"
CHOICES = [0.3, 0.25, 0.5, 0]


class Seen:
    """Counts what is called, in order, and with what."""

    def __init__(self, result=0.25):
        self.calls, self._result = [], result

    def opens(self, value):
        self.calls.append(("opens", value))

    def result(self):
        self.calls.append(("result",))
        return self._result


@pytest.fixture
def seen():
    return Seen()


@pytest.fixture
def choice(seen):
    return course.Prediction("2.1", CHOICES, seen.opens, seen.result)


@pytest.fixture
def number(seen):
    return course.Prediction("3.5", course.Number(0, 2, 0.25, "mV"), seen.opens, seen.result)


def parts(prediction, kind):
    """Return the widgets of a kind in what is shown."""
    found, open_widgets = [], [prediction._panel.box]
    while open_widgets:
        widget = open_widgets.pop(0)
        found += [widget] * isinstance(widget, kind)
        open_widgets += getattr(widget, "children", ())
    return found


def button(prediction, description):
    (found,) = [b for b in parts(prediction, widgets.Button) if b.description == description]
    return found


def shown(prediction):
    """Return the words that stand below the answers."""
    return re.sub("<.*?>", "", prediction._panel.message.value)


# --- before ----------------------------------------------------------------------------------


def test_nothing_is_called_and_nothing_told_before_the_commitment(choice, number, seen):
    for prediction in (choice, number):
        repr(prediction)
        prediction._repr_mimebundle_()
        assert prediction.value is None
        assert shown(prediction) == ""
        assert prediction._panel._stage.children == ()
    assert seen.calls == []


def test_without_a_kernel_the_question_is_shown_and_nothing_else(choice, number):
    asked = {
        choice: "Predict 2.1: 0.3, 0.25, 0.5 or 0? Run the notebook to commit.",
        number: "Predict 3.5: a number from 0 to 2 mV? Run the notebook to commit.",
    }
    for prediction, words in asked.items():
        assert repr(prediction) == words
        for _ in range(2):
            bundle = prediction._repr_mimebundle_()
            assert set(bundle) == {WIDGET, "text/plain", "text/html"}
            assert bundle["text/plain"] == words
            assert bundle["text/html"] == f"<p>{words}</p>"
            if prediction.value is None:  # and the same afterwards
                prediction.commit(0.25)
    whole = course.Prediction("1.2", course.Number(1, 9, 1), print)
    assert repr(whole).startswith("Predict 1.2: a whole number from 1 to 9?")
    texts = course.Prediction("1.2", ["both", "one, not two", "none"], print)
    assert repr(texts).startswith("Predict 1.2: both; one, not two; or none?")
    marked = course.Prediction("1.2", ["a < b", "b & c"], print)._repr_mimebundle_()
    assert "a &lt; b or b &amp; c?" in marked["text/html"]


def test_a_choice_offers_all_and_has_none_chosen(choice):
    (buttons,) = parts(choice, widgets.RadioButtons)
    assert [label for label, _ in buttons.options] == ["0.3", "0.25", "0.5", "0", SKIP]
    assert SKIP == "I would rather look"
    assert (buttons.index, buttons.value) == (None, None)
    assert buttons.description == "Predict 2.1"
    assert parts(choice, widgets.Button) == []


def test_a_number_has_a_field_with_ends_and_a_way_round_it(number):
    (field,) = parts(number, widgets.BoundedFloatText)
    assert (field.min, field.max, field.step) == (0, 2, 0.25)
    assert field.description == "Predict 3.5"
    assert "mV" in [h.value for h in parts(number, widgets.HTML)]
    assert not button(number, "Commit").disabled
    assert not button(number, SKIP).disabled
    whole = course.Prediction("3.5", course.Number(1, 9, 1), print)
    (field,) = parts(whole, widgets.BoundedIntText)
    assert (field.min, field.max, field.value) == (1, 9, 1)


def test_names_are_given_to_who_cannot_see(choice):
    (naming,) = parts(choice, widgets.Output)[-1].outputs
    script = naming["data"]["application/javascript"]
    assert "querySelector('.snnlab-said .widget-html-content').setAttribute('role'" in script
    assert "group.setAttribute('role', 'radiogroup')" in script
    assert "closest('.snnlab-answers').querySelector('.widget-label')" in script
    assert parts(choice, widgets.RadioButtons)[0].description == "Predict 2.1"


def test_only_core_widgets_are_used(choice, number):
    for prediction in (choice, number):
        used = parts(prediction, widgets.Widget)
        assert len(used) > 5
        assert all(type(widget).__module__.startswith("ipywidgets.") for widget in used)


# --- the commitment --------------------------------------------------------------------------


@pytest.mark.parametrize("by_hand", [True, False])
def test_a_choice_is_committed(choice, seen, by_hand):
    (buttons,) = parts(choice, widgets.RadioButtons)
    if by_hand:
        buttons.value = 0.3
    else:
        assert choice.commit(0.3) == choice.words
    assert seen.calls == [("result",), ("opens", 0.3)]
    assert choice.value == 0.3
    assert choice.words == repr(choice) == shown(choice)
    assert choice.words == "Prediction 2.1: you said 0.3; simulated: 0.25."
    assert buttons.value == 0.3


@pytest.mark.parametrize("by_hand", [True, False])
def test_a_number_is_committed(number, seen, by_hand):
    (field,) = parts(number, widgets.BoundedFloatText)
    if by_hand:
        field.value = 1.5
        assert seen.calls == []
        button(number, "Commit").click()
    else:
        number.commit(1.5)
    assert seen.calls == [("result",), ("opens", 1.5)]
    assert (number.value, field.value) == (1.5, 1.5)
    assert shown(number) == "Prediction 3.5: you said 1.5 mV; simulated: 0.25 mV."


@pytest.mark.parametrize("by_hand", [True, False])
def test_who_would_rather_look_may(choice, number, seen, by_hand):
    if by_hand:
        parts(choice, widgets.RadioButtons)[0].value = SKIP
        button(number, SKIP).click()
    else:
        choice.skip()
        number.skip()
    assert seen.calls == [("result",), ("opens", None)] * 2
    assert choice.value is number.value is None
    assert shown(choice) == "Prediction 2.1: you wanted to look first; simulated: 0.25."
    assert shown(number) == "Prediction 3.5: you wanted to look first; simulated: 0.25 mV."
    assert parts(choice, widgets.RadioButtons)[0].value == SKIP


def test_the_number_zero_is_an_answer_like_any_other(choice, seen):
    parts(choice, widgets.RadioButtons)[0].value = 0
    assert seen.calls[-1] == ("opens", 0)
    assert choice.words == "Prediction 2.1: you said 0; simulated: 0.25."


def test_without_a_result_only_the_prediction_is_told(seen):
    prediction = course.Prediction("2.1", ["rises", "falls"], seen.opens)
    prediction.commit("falls")
    assert prediction.words == shown(prediction) == "Prediction 2.1: you said falls."
    assert seen.calls == [("opens", "falls")]


@pytest.mark.parametrize(
    ("result", "words"),
    [("both", "both"), (np.float64(0.5), "0.5"), (np.array(1), "1"), (1 / 3, "0.333333")],
)
def test_results_of_every_kind_are_told(result, words):
    seen = Seen(result)
    prediction = course.Prediction("2.1", [1, 2], seen.opens, seen.result)
    assert prediction.commit(1) == f"Prediction 2.1: you said 1; simulated: {words}."


def test_words_are_escaped():
    prediction = course.Prediction("2.1", ["a < b", "b < a"], lambda value: None)
    prediction.commit("a < b")
    assert prediction._panel.message.value == "<p>Prediction 2.1: you said a &lt; b.</p>"


def test_a_prediction_stays_what_it_was(choice, number, seen):
    choice.commit(0.3)
    number.skip()
    words, calls = (choice.words, number.words), list(seen.calls)
    for prediction in (choice, number):
        inputs = parts(prediction, (widgets.Button, widgets.RadioButtons, widgets.BoundedFloatText))
        assert len(inputs) == (1 if prediction is choice else 3)
        assert all(widget.disabled for widget in inputs)
        for again in (lambda p=prediction: p.commit(0.25), prediction.skip):
            with pytest.raises(sl.OptionError, match="it was made before, and stays as it was"):
                again()
        for widget in parts(prediction, widgets.Button):
            widget.click()
    parts(choice, widgets.RadioButtons)[0].value = 0.5
    assert (choice.words, number.words, seen.calls) == (*words, calls)
    assert choice.value == 0.3


@pytest.mark.parametrize("value", [0.31, "0.3", None, True, False, SKIP, [0.3], float("nan")])
def test_what_is_no_choice_is_refused_and_commits_nothing(choice, seen, value):
    with pytest.raises(sl.OptionError, match=r"prediction 2.1 = .*expected one of \[0.3, 0.25,"):
        choice.commit(value)
    assert seen.calls == []
    assert choice.commit(0.25)


@pytest.mark.parametrize("value", [-0.01, 2.1, "1", None, True, float("nan")])
def test_what_is_no_number_between_the_ends_is_refused(number, seen, value):
    with pytest.raises(sl.OptionError, match=r"prediction 3.5 = .*expected a number from 0 to 2"):
        number.commit(value)
    assert seen.calls == []
    assert number.commit(1.1)
    whole = course.Prediction("3.5", course.Number(1, 9, 1), print)
    with pytest.raises(sl.OptionError, match="expected a whole number from 1 to 9"):
        whole.commit(2.5)


# --- what is stored for a page without a kernel ----------------------------------------------


def test_what_opens_is_folded_and_nothing_is_predicted(choice, number, seen):
    assert choice.folded() == (
        "<details><summary>What it opens. Predict first.</summary>"
        "<p>Predict 2.1: simulated: 0.25.</p></details>"
    )
    assert "simulated: 0.25 mV." in number.folded()
    assert seen.calls == [("result",), ("opens", None)] * 2
    assert (choice.value, shown(choice)) == (None, "")
    assert choice.commit(0.3).endswith("you said 0.3; simulated: 0.25.")
    assert "<p>Predict 2.1.</p>" in course.Prediction("2.1", CHOICES, lambda value: None).folded()


def test_an_explorer_is_folded_with_picture_and_words():
    made = explorers.QuantizationError()
    folded = course.Prediction("2.1", CHOICES, lambda value: made).folded()
    (alt, png), words = re.findall(r'<img alt="([^"]*)" src="([^"]*)">', folded)[0], made.words
    assert alt == words
    assert base64.b64decode(png.removeprefix("data:image/png;base64,")).startswith(b"\x89PNG")
    assert f"<p>{words}</p>" in folded


def test_a_figure_is_folded_once_with_the_result_as_its_words():
    figure, ax = plt.subplots()
    ax.plot([0, 1])
    folded = course.Prediction("2.1", CHOICES, lambda value: figure, lambda: "a < b").folded()
    assert '<img alt="Predict 2.1: simulated: a &lt; b." src="data:image/png;base64,' in folded
    assert "<p>Predict 2.1: simulated: a &lt; b.</p>" in folded
    assert not plt.fignum_exists(figure.number)


def test_a_table_and_a_text_are_folded_as_they_are():
    table = sl.convert(torch.nn.ReLU(), [[1.0]], threshold=sl.Fixed(1.0))
    assert table._repr_html_() in course.Prediction("2.1", CHOICES, lambda value: table).folded()
    text = course.Prediction("2.1", CHOICES, lambda value: {"<": 1}).folded()
    assert "<pre>{&#x27;&lt;&#x27;: 1}</pre>" in text


@pytest.mark.slow
def test_a_run_asks_each_prediction_before_the_next_cell_changes_what_it_is_made_of():
    """And the cells count on as if nobody had asked."""
    ask = "course.Prediction('1.1', [1, 2], lambda value: None, lambda: answer)"
    sources = ["from snnlab import course\nanswer = _ = 1", ask, "answer = 2;", ask]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(s) for s in sources])
    notebooks.run(NotebookClient(book, store_widget_state=False), "99")
    notebooks.clean(book)
    assert [cell.execution_count for cell in book.cells] == [1, 2, 3, 4]
    first, second = (book.cells[n].outputs[0].data["text/html"] for n in (1, 3))
    assert "<p>Predict 1.1: simulated: 1.</p></details>" in first
    assert "<p>Predict 1.1: simulated: 2.</p></details>" in second


# --- what opens ------------------------------------------------------------------------------


def test_an_explorer_opens_below_the_words():
    made = []

    def opens(value):
        made.append(explorers.QuantizationError())
        return made[-1]

    prediction = course.Prediction("2.1", CHOICES, opens)
    assert made == []
    prediction.commit(0.5)
    (explorer,) = made
    assert prediction._panel._stage.children == (explorer.box,)
    assert explorer.box is explorer.panel.box
    order = prediction._panel.box.children
    assert order.index(prediction._panel.message) < order.index(prediction._panel._stage)
    explorer.move(timesteps=3)
    assert shown(prediction) == "Prediction 2.1: you said 0.5."


def test_a_widget_opens_as_it_is():
    slider = widgets.IntSlider()
    prediction = course.Prediction("2.1", CHOICES, lambda value: slider)
    prediction.skip()
    assert prediction._panel._stage.children == (slider,)


def test_a_figure_opens_once(monkeypatch):
    given = []
    monkeypatch.setattr(widgets.Output, "append_display_data", lambda _, thing: given.append(thing))
    figure = plt.figure()
    course.Prediction("2.1", CHOICES, lambda value: figure).skip()
    assert given == [figure]
    assert not plt.fignum_exists(figure.number)
    prediction = course.Prediction("2.1", CHOICES, lambda value: "any object")
    prediction.skip()
    assert given == [figure, "any object"]
    assert isinstance(prediction._panel._stage.children[0], widgets.Output)


@pytest.mark.parametrize("part", ["opens", "result"])
def test_an_error_shows_in_the_panel_and_is_raised(part):
    def fails(*_):
        raise ValueError("no <two>")

    functions = {"opens": lambda value: None, "result": lambda: 1} | {part: fails}
    prediction = course.Prediction("2.1", CHOICES, **functions)
    with pytest.raises(ValueError, match="no <two>"):
        prediction.commit(0.3)
    assert prediction.words.endswith(" This did not work. ValueError: no <two>")
    assert prediction.words.startswith("Prediction 2.1: you said 0.3")
    assert "no &lt;two&gt;" in prediction._panel.message.value
    assert parts(prediction, widgets.RadioButtons)[0].disabled


def test_an_error_after_a_choice_shows_in_the_panel_and_is_raised():
    prediction = course.Prediction("2.1", CHOICES, lambda value: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        parts(prediction, widgets.RadioButtons)[0].value = 0.5
    assert shown(prediction).endswith("ZeroDivisionError: division by zero")


def test_an_error_after_a_click_shows_in_the_panel(caplog):
    prediction = course.Prediction("2.1", course.Number(0, 1, 0.5), lambda value: 1 / 0)
    with caplog.at_level(logging.CRITICAL):
        button(prediction, "Commit").click()
    assert "ZeroDivisionError" in shown(prediction)


# --- what is refused -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"number": 2.1}, "number = 2.1: expected the number of the prediction as text"),
        ({"number": "Predict 2.1"}, "expected the number of the prediction as text"),
        ({"answers": 0.3}, "answers: found float, expected a list of choices"),
        ({"answers": "0.3"}, "answers: found str, expected a list of choices"),
        ({"answers": [0.3]}, "expected two choices or more"),
        ({"answers": []}, "expected two choices or more"),
        ({"answers": [True, False]}, "each a number or a text"),
        ({"answers": [1, None]}, "each a number or a text"),
        ({"answers": [1, 1.0]}, "two of them look the same"),
        ({"answers": ["1", 1]}, "two of them look the same"),
        ({"answers": [1, SKIP]}, "two of them look the same"),
        ({"opens": None}, "opens: found NoneType, expected a function"),
        ({"opens": 3}, "opens: found int, expected a function"),
        ({"result": 0.25}, "result: found float, expected a function"),
    ],
)
def test_what_makes_no_prediction_is_refused(changes, words):
    given = {"number": "2.1", "answers": CHOICES, "opens": print}
    with pytest.raises(sl.OptionError, match=re.escape(words)):
        course.Prediction(**given | changes)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ((0, 0, 1), "expected the lower end, the upper end, and a step above 0"),
        ((1, 0, 0.1), "expected the lower end"),
        ((0, 1, 0), "a step above 0"),
        ((0, float("inf"), 1), "high = inf: expected a finite number"),
        (("0", 1, 1), "low = '0': expected a finite number"),
        ((0, 1, True), "step = True: expected a finite number"),
        ((0.5, 3, 1), "whole ends are expected. Write 1.0"),
    ],
)
def test_what_makes_no_number_is_refused(given, words):
    with pytest.raises(sl.OptionError, match=re.escape(words)):
        course.Number(*given)


# --- the public names, and what is stored ----------------------------------------------------


def test_the_public_names_are_documented():
    assert course.__all__ == sorted(course.__all__)
    for name in course.__all__:
        thing = getattr(course, name)
        assert inspect.getdoc(thing)
        assert ">>>" in inspect.getdoc(thing)
        assert not inspect.ismodule(thing)


def stored(*bundles):
    outputs = [nbformat.v4.new_output("display_data", data=dict(b)) for b in bundles]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(outputs=outputs)])
    notebooks.clean(notebook)
    return [dict(output["data"]) for output in notebook.cells[0].outputs]


def test_of_a_prediction_the_question_is_stored(choice):
    bundle = choice._repr_mimebundle_()
    (data,) = stored(bundle)
    assert data == {"text/plain": bundle["text/plain"], "text/html": bundle["text/html"]}
    assert "widget" not in json.dumps(data)


def test_what_else_is_stored_stays_as_it_was():
    live = {WIDGET: {"model_id": "1"}, "text/plain": "words"}
    assert stored(live) == []  # a progress bar
    picture = {"image/png": "iVBO", "text/plain": "words"}
    assert stored(live | picture) == [picture, {"text/plain": "words"}]
    table = {"text/html": "<table>", "text/plain": "rows"}
    assert stored(table, {"text/plain": "1"}) == [table, {"text/plain": "1"}]
