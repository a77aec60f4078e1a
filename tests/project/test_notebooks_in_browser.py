"""Every notebook in a headless Chromium: all is run, predicted and moved.

Skipped where there is no Chromium, unless SNNLAB_BROWSER=required. The screenshots lie in
build/screenshots afterwards.
"""

import re

import nbformat
import pytest
from helpers.browser import MARKS, SHOTS, assert_sliders_answer, new_page, panels, run

from tools import lab

NOTEBOOKS = sorted((lab.ROOT / "notebooks").glob("*.ipynb"))

pytestmark = MARKS


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("notebooks")
    for file in NOTEBOOKS:
        lab.copy(file, folder)
    with lab.served(folder, tmp_path_factory.mktemp("state"), whole_page=True) as address:
        yield address


@pytest.fixture(scope="module")
def one_page(browser):
    """The page of all notebooks, one after the other: loading it takes long."""
    page, errors = new_page(browser)
    yield page, errors
    page.close()


@pytest.fixture
def page(one_page):
    """A page without a notebook, on which nothing may go wrong."""
    page, errors = one_page
    errors.clear()
    yield page
    lab.close(page)
    assert errors == []


def commit_predictions(page):
    """Answer every prediction, the first choice or the number that stands there."""
    predictions = page.locator(".snnlab-prediction").all()
    for prediction in predictions:
        said = prediction.locator(".snnlab-said [role=status]").first
        assert said.inner_text().strip() == ""
        choices = prediction.locator(".snnlab-answers input[type=radio]")
        if choices.count():
            group = prediction.get_by_role("radiogroup", name=re.compile(r"^Predict \d+\.\d"))
            assert group.locator("input[type=radio]").count() == choices.count()
            choices.first.press("Space")
        else:
            prediction.get_by_role("button", name="Commit").press("Enter")
        # A simulation may lie between the question and the answer.
        prediction.get_by_text(re.compile(r"Prediction \d+\.\d+: you said")).wait_for()
        assert "did not work" not in prediction.inner_text()
    for explorer in page.locator(".snnlab-prediction .snnlab-explorer").all():
        explorer.locator("[role=status] p").wait_for()
    return len(predictions)


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_a_notebook_runs_and_its_sliders_answer(page, address, file):
    run(page, address, file)
    stored = [o for cell in nbformat.read(file, 4).cells for o in cell.get("outputs", [])]
    texts = [str(output.get("data", {}).get("text/plain")) for output in stored]
    asked = sum(bool(re.match(r"Predict \d+\.\d: ", text)) for text in texts)
    assert commit_predictions(page) == asked
    outputs = page.locator(".jp-OutputArea-output")
    assert outputs.count() > 5
    for kind in ("error", "stderr"):
        assert page.locator(f"[data-mime-type='application/vnd.jupyter.{kind}']").count() == 0
    found = panels(page)
    assert found
    for number, panel in enumerate(found):
        assert assert_sliders_answer(panel) > 0
        panel.screenshot(path=SHOTS / f"{file.stem}_{number}.png")
