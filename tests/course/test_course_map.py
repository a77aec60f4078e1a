"""The map of the course, and the marks of what is done."""

import json
import re
from pathlib import Path

import pytest

from snnlab import course
from snnlab.course import progress
from snnlab.course.exercises.registry import EXERCISES
from snnlab.course.memory.notebooks import NOTEBOOKS

FOLDER = Path(__file__).parent.parent.parent / "notebooks"


def asked(number):
    """Return the predictions that a notebook stores."""
    cells = json.loads((FOLDER / NOTEBOOKS[number].file).read_text(encoding="utf-8"))["cells"]
    texts = [
        "".join(output.get("data", {}).get("text/plain", ""))
        for cell in cells
        for output in cell.get("outputs", [])
    ]
    return {
        found[1] for found in (re.match(r"Predict (\d+\.\d+): ", text) for text in texts) if found
    }


@pytest.fixture
def noting(tmp_path, monkeypatch):
    monkeypatch.setenv("SNNLAB_PROGRESS", str(tmp_path / "mine.json"))


def do(number, predictions, exercises):
    for place in range(predictions):
        progress.note("prediction", f"{int(number)}.{place + 1}", None, None)
    for name in [n for n in EXERCISES if n.partition(".")[0] == str(int(number))][:exercises]:
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
def test_the_number_of_predictions_is_that_of_the_notebook(number):
    assert NOTEBOOKS[number].predictions == len(asked(number))


def test_without_a_file_nothing_is_done():
    shown = course.map("05")
    assert set(shown.done.values()) == {(0, 0)}
    assert {shown.state(number) for number in NOTEBOOKS} == {""}
    assert "done" not in shown._repr_html_()
    assert "begun" not in repr(shown)


def test_what_is_done_is_marked_in_words(noting):
    do("02", NOTEBOOKS["02"].predictions, 99)
    do("03", 2, 1)
    progress.note("recall", "04.1", "a", True)
    shown = course.map("03")
    assert [shown.state(n) for n in ("01", "02", "03", "04")] == ["", "done", "begun", ""]
    there = sum(number.startswith("2.") for number in EXERCISES)
    made = NOTEBOOKS["02"].predictions
    words = f"✓ done: {made} of {made} predictions, {there} of {there} exercises"
    assert f"<em>{words}</em>" in shown._repr_html_()
    assert f"({words})" in repr(shown)
    assert f"begun: 2 of {NOTEBOOKS['03'].predictions} predictions, 1 of" in repr(shown)
    assert shown._repr_html_().count("<em>") == 2


def test_it_is_done_only_with_all_of_both(noting):
    made = NOTEBOOKS["02"].predictions
    do("02", made - 1, 99)
    assert course.map("02").state("02") == "begun"
    do("02", made, 99)
    assert course.map("02").state("02") == "done"
    do("06", NOTEBOOKS["06"].predictions, 1)
    assert course.map("02").state("06") == "begun"


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
