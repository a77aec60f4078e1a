"""A prediction opens the same whenever it is answered."""

import json
from pathlib import Path

import pytest

from tools.late_names import rebound

NOTEBOOKS = sorted((Path(__file__).parent.parent.parent / "notebooks").glob("*.ipynb"))
ASKS = "course.Prediction('2.1', [1, 2], opens=show, result=lambda: found(x)[0])"


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_no_later_cell_changes_what_a_prediction_reads(file):
    cells = json.loads(file.read_text(encoding="utf-8"))["cells"]
    code = ["".join(c["source"]) for c in cells if c["cell_type"] == "code"]
    assert code
    assert rebound(code) == []


@pytest.mark.parametrize(
    "later",
    [
        "x = 3",
        "for x in range(3):\n    pass",
        "if y:\n    x, z = 1, 2",
        "def show(value): ...",
        "with open('f') as inner: pass",
        "rates = 2",
    ],
)
def test_names_that_are_set_anew_are_found(later):
    before = "def show(value):\n    return inner(value)\n\n\ndef inner(value):\n    return rates"
    (fault,) = rebound([before, ASKS, "y = 1", later])
    assert fault.startswith("Predict 2.1 reads ")
    assert fault.endswith(later.splitlines()[0])


@pytest.mark.parametrize(
    "later",
    [
        "print(x)",
        "y = [x for x in range(3)]",
        "def other():\n    x = 3\n    return x",
        "f = lambda x: x",
        "x.y = 3",
        "x[0] = 3",
    ],
)
def test_names_of_their_own_are_not(later):
    assert rebound(["def show(value):\n    x = value\n    return x", ASKS, later]) == []


def test_what_is_set_before_the_question_is_no_fault():
    assert rebound(["x = 1", ASKS]) == []
