"""Questions on earlier notebooks: the data, what is said, and what is stored."""

import html
import importlib
import json
import re
from collections import Counter
from pathlib import Path

import ipywidgets as widgets
import numpy as np
import pytest

import snnlab as sl
from snnlab import course
from snnlab.analysis import deviation, quantization
from snnlab.course import progress
from snnlab.course.memory.notebooks import NOTEBOOKS
from snnlab.course.memory.question import Right, Wrong
from snnlab.course.predictions.answers import SKIP
from snnlab.dynamics import hard_count, if_step, soft_count
from tools import notebooks

FOLDER = Path(__file__).parent.parent.parent / "notebooks"
ASKING = [number for number in NOTEBOOKS if number != "00"]
ALL = {
    number: importlib.import_module(f"snnlab.course.memory.questions.notebook_{number}").ALL
    for number in ASKING
}
EVERY = [(number, question) for number in ASKING for question in ALL[number]]
WIDGET = "application/vnd.jupyter.widget-view+json"

each_question = pytest.mark.parametrize(
    ("number", "question"), EVERY, ids=lambda one: getattr(one, "section", one)
)


def sections(number):
    """Return the numbers of the sections that everybody reads."""
    cells = json.loads((FOLDER / NOTEBOOKS[number].file).read_text(encoding="utf-8"))["cells"]
    text = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
    return re.findall(r"(?m)^## (\d+\.\d+) (?!.*\(further\))", text)


# --- the data --------------------------------------------------------------------------------


@pytest.mark.parametrize("number", ASKING)
def test_three_questions_come_back_at_growing_distances(number):
    distances = [int(number) - int(question.notebook) for question in ALL[number]]
    assert len(distances) == 3
    assert min(distances) >= 1
    assert distances[0] == 1
    if number not in ("01", "02"):
        assert distances[1] in (2, 3)
        assert distances[2] >= 4 or ALL[number][2].notebook == "00"


def test_each_notebook_is_asked_about_and_no_section_twice_before_the_same_one():
    assert {question.notebook for _, question in EVERY} == set(NOTEBOOKS) - {"11"}
    for number in ASKING:
        assert len({question.section for question in ALL[number]}) == 3
    assert len({question.asks for _, question in EVERY}) == len(EVERY) == 33


@pytest.mark.parametrize("number", NOTEBOOKS)
def test_questions_are_about_sections_that_everybody_reads(number):
    asked = {question.section for _, question in EVERY if question.notebook == number}
    assert asked <= set(sections(number))


@each_question
def test_one_option_is_right_and_each_has_its_own_words(number, question):
    assert question.asks.endswith("?")
    kinds = [type(option) for option in question.options]
    assert sorted(kinds, key=str) == [Right, Wrong, Wrong]
    assert isinstance(question.right, Right)
    assert len({option.answer for option in question.options} | {SKIP}) == 4
    for option in question.options:
        assert option.said[-1] in ".?"
        assert option.said[0].isupper()
        assert not re.search(r"[*_$`]", option.answer + option.said + question.asks)


def test_no_two_wrong_answers_are_told_the_same():
    said = [option.said for _, question in EVERY for option in question.options]
    assert len(set(said)) == len(said)


def test_neither_place_nor_length_gives_the_right_answer_away():
    places = Counter(
        [isinstance(option, Right) for option in question.options].index(True)
        for _, question in EVERY
    )
    assert min(places.values()) >= 8
    longest = sum(
        max(question.options, key=lambda option: len(option.answer)) is question.right
        for _, question in EVERY
    )
    assert longest <= 16
    for number in ASKING:
        where = [[isinstance(o, Right) for o in q.options].index(True) for q in ALL[number]]
        assert len(set(where)) > 1


# --- the right answers are those of the package ----------------------------------------------


def right(number, place):
    return ALL[number][place - 1].right.answer


def test_what_one_neuron_says():
    counts = {float(soft_count(z, 4)) for z in np.arange(257) / 256}
    assert right("01", 1) == str(len(counts))
    assert soft_count(8.0, 64) == 64  # one spike per step, and no more
    assert right("01", 2) == "Nothing: what is above the threshold stays cut off"
    assert hard_count(0.99, 10_000) / soft_count(0.99, 10_000) == pytest.approx(0.5, abs=0.01)
    assert right("03", 2) == "About half as often"
    assert soft_count(0.25, 64) == 2 * soft_count(0.125, 64)
    assert right("05", 3) == "It doubles"
    exact = np.arange(256) / 256
    largest = [np.max(exact - soft_count(exact, steps) / steps) for steps in (8, 16)]
    assert largest[0] / largest[1] == pytest.approx(2, rel=0.1)
    assert right("06", 3) == "Twice the steps"


def test_what_a_start_does():
    empty, half = (quantization.quantization_bias(8, v_init=start) for start in (0, 0.5))
    assert (empty < 0, half) == (True, 0)
    a = (np.arange(4096) + 0.5) / 4096
    spread = [np.std(soft_count(a, 8, v_init=start) / 8 - a) for start in (0, 0.5)]
    assert spread[0] == pytest.approx(spread[1], rel=0.01)
    assert right("03", 1) == "The mean goes, the spread stays"


def test_what_uneven_currents_do():
    v, fired = np.zeros(1), 0
    for current in (1, 1, -1, -1):
        v, spike = if_step(v, np.array([current]), 1.0)[:2]
        fired += int(spike[0])
    assert (fired, v[0]) == (2, -2)
    assert "and it fires twice" in ALL["06"][1].asks
    assert "here to −2" in ALL["06"][1].options[0].said
    # A mean count n = p / (1 - p) for a probability p: doubling the threshold squares p.
    once = [n / (1 + n) for n in (deviation.coin_walk_count(0.4, levels) for levels in (4, 8))]
    assert once[1] == pytest.approx(once[0] ** 2)
    assert right("05", 2) == f"About {0.1**2:.2f}"


def test_what_chance_does():
    off = 100 * np.sqrt(0.99 * 0.01 / 500)
    assert 0.4 < off < 0.5
    assert ALL["09"][0].right.said.endswith("is off by about half a point.")
    assert round((0.990 - 0.986) * 500) == 2
    assert right("09", 1) == "Nothing yet: two images are chance"
    dice = [np.sqrt(0.5 * 0.5 / steps) for steps in (100, 400)]
    assert dice[0] == 2 * dice[1]
    assert right("10", 2) == "Four times as many"
    assert 100 * 0.05 == 5
    assert "each connection has carried five spikes" in ALL["11"][0].options[0].said


# --- what is asked and said ------------------------------------------------------------------


def buttons(recall):
    return [panel.field for panel in recall._panels]


def shown(recall, place):
    return recall._panels[place - 1].message.value


def test_before_the_first_notebook_there_is_nothing():
    recall = course.recall("00")
    assert repr(recall) == "Notebook 00 is the first one: there is nothing to recall yet."
    assert recall._repr_mimebundle_() == {"text/plain": repr(recall)}
    assert recall.folded() == ""


@pytest.mark.parametrize("number", ["5", "12", 5, None])
def test_a_notebook_that_is_none_is_refused(number):
    for function in (course.recall, course.symbols, course.map):
        with pytest.raises(sl.OptionError, match=r"number = .*: expected '00' or"):
            function(number)


@each_question
def test_every_answer_is_told_what_it_is_worth(number, question):
    recall = course.recall(number)
    place = ALL[number].index(question) + 1
    for option in question.options:
        if isinstance(option, Wrong):
            words = recall.answer(place, option.answer)
            where = f"notebook {question.notebook}, section {question.section}"
            assert words == f"Not quite. {option.said} Look at {where}."
            link = f'<a href="{NOTEBOOKS[question.notebook].file}" target="_blank">{where}</a>'
            said = html.escape(option.said)
            assert shown(recall, place) == f"<p>Not quite. {said} Look at {link}.</p>"
    assert not buttons(recall)[place - 1].disabled
    best = question.right
    assert recall.answer(place, best.answer) == f"Right. {best.said}"
    assert shown(recall, place) == f"<p>Right. {html.escape(best.said)}</p>"
    assert buttons(recall)[place - 1].disabled


def test_by_hand_it_is_the_same_and_a_wrong_answer_may_be_mended():
    recall, question = course.recall("05"), ALL["05"][0]
    field = buttons(recall)[0]
    assert isinstance(field, widgets.RadioButtons)
    assert [label for label, _ in field.options] == [o.answer for o in question.options] + [SKIP]
    assert field.description == f"1. {question.asks}"
    assert (field.value, shown(recall, 1)) == (None, "")
    field.value = question.options[0].answer
    assert question.options[0].said in html.unescape(shown(recall, 1))
    assert not field.disabled
    field.value = question.right.answer
    assert question.right.said in html.unescape(shown(recall, 1))
    assert field.disabled
    told = shown(recall, 1)
    field.value = question.options[0].answer
    assert shown(recall, 1) == told
    assert [shown(recall, place) for place in (2, 3)] == ["", ""]


def test_who_would_rather_look_sees_the_answer_and_where_it_stands():
    recall, question = course.recall("05"), ALL["05"][1]
    buttons(recall)[1].value = SKIP
    told = re.sub("<.*?>", "", html.unescape(shown(recall, 2)))
    assert told == (
        f"{question.right.answer}. {question.right.said} It stands in notebook 03, section 3.4."
    )
    assert buttons(recall)[1].disabled
    assert buttons(recall)[1].value == SKIP


@pytest.mark.parametrize("place", [0, 4, "1", None])
def test_a_question_that_is_none_is_refused(place):
    with pytest.raises(sl.OptionError, match=r"question .*: notebook 05 begins with 3"):
        course.recall("05").answer(place, "yes")


def test_an_option_that_is_none_is_refused():
    with pytest.raises(sl.OptionError, match=r"question 1: found 'yes', expected one of \['This"):
        course.recall("05").answer(1, "yes")


def test_answers_are_noted(tmp_path, monkeypatch):
    monkeypatch.setenv("SNNLAB_PROGRESS", str(tmp_path / "mine.json"))
    recall = course.recall("05")
    wrong = ALL["05"][0].options[0].answer
    buttons(recall)[0].value = wrong
    buttons(recall)[0].value = right("05", 1)
    buttons(recall)[2].value = SKIP
    first, third = progress.answers()
    assert (first["kind"], first["number"], first["answer"]) == ("recall", "05.1", wrong)
    assert (first["right"], first["times"]) == (False, 2)
    assert first["right_at"]
    assert (third["number"], third["answer"], third["right"]) == ("05.3", None, None)


# --- without a kernel ------------------------------------------------------------------------


@pytest.mark.parametrize("number", ASKING)
def test_the_questions_are_stored_and_the_answers_folded(number):
    recall = course.recall(number)
    bundle = recall._repr_mimebundle_()
    assert set(bundle) == {WIDGET, "text/plain", "text/html"}
    asked = html.unescape(bundle["text/html"])
    folded = recall.folded()
    assert re.fullmatch(r"<details><summary>Answers. Recall first.</summary>.*</details>", folded)
    told = html.unescape(folded)
    for question in ALL[number]:
        assert question.asks in asked
        assert question.asks in bundle["text/plain"]
        assert f"{question.right.answer}. {question.right.said}" in told
        assert f'<a href="{NOTEBOOKS[question.notebook].file}">notebook' in told
        for option in question.options:
            assert f"<li>{option.answer}</li>" in asked
            assert option.said not in asked
            assert option.said in told


def test_the_tool_that_stores_outputs_knows_them():
    bundle = course.recall("05")._repr_mimebundle_()
    output = notebooks.nbformat.v4.new_output("display_data", data=dict(bundle))
    assert notebooks.is_question(output)
    book = notebooks.nbformat.v4.new_notebook(
        cells=[notebooks.nbformat.v4.new_code_cell(outputs=[output])]
    )
    notebooks.clean(book)
    (kept,) = book.cells[0].outputs
    assert set(kept.data) == {"text/plain", "text/html"}
