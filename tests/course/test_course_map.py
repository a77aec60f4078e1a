"""The map of the course, and the marks of what is done."""

import json
import re
from pathlib import Path

import pytest

from snnlab import course
from snnlab.course import progress
from snnlab.course.memory.notebooks import NOTEBOOKS
from tools import notebook_rules as rules

FOLDER = Path(__file__).parent.parent.parent / "notebooks"


def numbers(found):
    return sorted(found, key=lambda number: [int(part) for part in number.split(".")])


@pytest.fixture
def noting(tmp_path, monkeypatch):
    monkeypatch.setenv("SNNLAB_PROGRESS", str(tmp_path / "mine.json"))


def do(number, predictions=99, exercises=99):
    """Do so many of what a notebook asks for."""
    for name in NOTEBOOKS[number].predictions.split()[:predictions]:
        progress.note("prediction", name, None, None)
    for name in NOTEBOOKS[number].exercises.split()[:exercises]:
        progress.note("exercise", name, None, True)


def test_the_table_is_that_of_the_folder():
    assert [book.file for book in NOTEBOOKS.values()] == sorted(
        file.name for file in FOLDER.glob("*.ipynb")
    )
    assert list(NOTEBOOKS) == [book.number for book in NOTEBOOKS.values()]
    for book in NOTEBOOKS.values():
        first = json.loads((FOLDER / book.file).read_text(encoding="utf-8"))["cells"][0]
        assert "".join(first["source"]).startswith(f"# {book.number} {book.title}")
        assert book.asks.endswith("?")


@pytest.mark.parametrize("number", NOTEBOOKS)
def test_what_is_to_be_done_is_what_the_notebook_asks_for(number):
    sections = [s for s in rules.load(FOLDER / NOTEBOOKS[number].file) if not s.further]
    asked = {
        found[1]
        for _, output in rules.outputs(sections)
        if (found := rules.ASKED.match(rules.plain(output)))
    }
    checked = {name for section in sections for name in section.checked}
    assert NOTEBOOKS[number].predictions.split() == numbers(asked)
    assert NOTEBOOKS[number].exercises.split() == numbers(checked)


def test_all_that_is_to_be_done_has_a_number_of_its_notebook():
    for number, book in NOTEBOOKS.items():
        names = [*book.predictions.split(), *book.exercises.split()]
        assert {int(name.partition(".")[0]) for name in names} == {int(number)}


def test_without_a_file_nothing_is_done():
    shown = course.map("05")
    assert set(shown.done.values()) == {(0, 0)}
    assert {shown.state(number) for number in NOTEBOOKS} == {""}
    assert "done" not in shown._repr_html_()
    assert "begun" not in repr(shown)


def test_what_is_done_is_marked_in_words(noting):
    do("02")
    do("03", 2, 1)
    progress.note("recall", "04.1", "a", True)
    shown = course.map("03")
    assert [shown.state(n) for n in ("01", "02", "03", "04")] == ["", "done", "begun", ""]
    one, other = (len(NOTEBOOKS["02"].predictions.split()), len(NOTEBOOKS["02"].exercises.split()))
    words = f"✓ done: {one} of {one} predictions, {other} of {other} exercises"
    assert f"<em>{words}</em>" in shown._repr_html_()
    assert f"({words})" in repr(shown)
    assert f"begun: 2 of {len(NOTEBOOKS['03'].predictions.split())} predictions, 1 of" in repr(
        shown
    )
    assert shown._repr_html_().count("<em>") == 2


def test_it_is_done_only_with_all_of_both(noting):
    do("02", -1, 99)
    assert course.map("02").state("02") == "begun"
    do("02")
    assert course.map("02").state("02") == "done"
    do("06", 99, 1)
    assert course.map("02").state("06") == "begun"


def test_what_goes_further_is_not_counted(noting):
    progress.note("prediction", "2.99", "a", None)
    progress.note("prediction", "2.1", "a", None)
    assert course.map("02").done["02"] == (1, 0)


def test_of_what_is_not_asked_for_nothing_is_said(noting):
    (number,) = [number for number, book in NOTEBOOKS.items() if not book.exercises]
    do(number)
    assert course.map("05").state(number) == "done"
    assert "exercise" not in course.map("05")._repr_html_()


def test_two_digits_are_two_digits(noting):
    do("11", 1, 0)
    assert course.map("01").done["11"] == (1, 0)
    assert course.map("01").done["01"] == (0, 0)


def test_the_present_one_is_marked_and_the_others_are_links():
    shown = course.map("07")._repr_html_()
    assert re.fullmatch(r'<nav aria-label="The map of the course"><ul.*</ul></nav>', shown)
    assert shown.count("<li>") == len(NOTEBOOKS)
    assert shown.count("aria-current") == 1
    assert '<strong aria-current="page">07 Convert a CNN</strong> (you are here): What' in shown
    assert re.findall(r'href="([^"]*)"', shown) == [
        book.file for number, book in NOTEBOOKS.items() if number != "07"
    ]
    places = [shown.index(f"{n} {book.title}") for n, book in NOTEBOOKS.items()]
    assert places == sorted(places)
    assert all(book.asks in shown for book in NOTEBOOKS.values())
    assert repr(course.map("07")).splitlines()[7].startswith("> 07 Convert a CNN: What becomes")
