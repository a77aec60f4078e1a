"""What is stored in the notebooks. That they run is nbval's part of `make test`."""

import ast
import html
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def cells(file, kind):
    return [c for c in json.loads(file.read_text())["cells"] if c["cell_type"] == kind]


def test_there_is_a_first_notebook():
    assert NOTEBOOKS[0].name == "00_start_here.ipynb"


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_stored_outputs_are_of_one_clean_run(file):
    code = cells(file, "code")
    assert [c["execution_count"] for c in code] == list(range(1, len(code) + 1))
    outputs = [o for c in code for o in c["outputs"]]
    assert outputs
    assert not [o for o in outputs if o["output_type"] == "error" or o.get("name") == "stderr"]


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_no_widget_is_stored_without_its_kernel(file):
    """A viewer would show 'model not found' in its place."""
    assert "application/vnd.jupyter.widget" not in file.read_text()


def explorers_shown(file):
    """Yield the outputs of the cells that end with an explorer, or with a name it was given."""
    named = set()
    for cell in cells(file, "code"):
        body = ast.parse("".join(cell["source"])).body
        named |= {s.targets[0].id for s in body if isinstance(s, ast.Assign) and explores(s.value)}
        last = body[-1].value if isinstance(body[-1], ast.Expr) else None
        if explores(last) or (isinstance(last, ast.Name) and last.id in named):
            yield cell["outputs"]


def explores(node):
    return isinstance(node, ast.Call) and re.match(r"explorers\.[A-Z]", ast.unparse(node.func))


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_explorers_store_picture_and_words(file):
    shown = list(explorers_shown(file))
    assert shown
    for picture, words in shown:
        text = "".join(picture["data"]["text/plain"])
        assert len(text) > 40
        assert "image/png" in picture["data"]
        assert picture["metadata"]["image/png"]["alt"] == text
        assert "".join(words["data"]["text/plain"]) == text


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_predictions_store_their_question_and_the_answer_is_folded(file):
    asked = [c for c in cells(file, "code") if "course.Prediction(" in "".join(c["source"])]
    for cell in asked:
        (output,) = cell["outputs"]
        assert set(output["data"]) == {"text/html", "text/plain"}
        question = "".join(output["data"]["text/plain"])
        assert re.fullmatch(r"Predict \d+\.\d: .*\? Run the notebook to commit\.", question)
        shown = "".join(output["data"]["text/html"])
        folded = shown.removeprefix(f"<p>{html.escape(question, quote=False)}</p>")
        assert folded != shown
        assert re.fullmatch(r"<details><summary>.*</details>", folded, re.S)


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_nothing_is_downloaded_and_no_name_is_imported_by_star(file):
    source = "\n".join("".join(c["source"]) for c in cells(file, "code"))
    assert not re.search(r"https?://|import \*|!pip|%pip", source)


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_every_prediction_is_asked_and_explained(file):
    text = "\n".join("".join(c["source"]) for c in cells(file, "markdown"))
    predicted = re.findall(r"\*\*Predict (\d+\.\d+)\.\*\*", text)
    assert predicted
    for number in predicted:
        assert f"**Explain {number}.**" in text
    assert text.index(f"Predict {predicted[0]}") < text.index(f"Explain {predicted[0]}")


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_it_checks_some_of_its_outputs(file):
    marked = [c for c in cells(file, "code") if "NBVAL_CHECK_OUTPUT" in "".join(c["source"])]
    assert marked
    for cell in marked:
        assert cell["outputs"]
