"""Explorers on a page that has a policy on what it may run, in a headless Chromium."""

import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe
from helpers.browser import MARKS, assert_answers, assert_sliders_answer, new_page

from tools import lab

# Nothing inline and nothing from elsewhere. JupyterLab itself makes functions of texts, and has one
# inline script in its page, which may fail.
POLICY = "script-src 'self' 'unsafe-eval'"
CELLS = (
    "from snnlab import course, explorers\nexplorers.WaterMark()",
    "course.Prediction('1.1', [2, 3], opens=lambda value: explorers.Counting())",
)
INLINE = """() => new Promise(done => {
    const image = document.createElement('img');
    image.setAttribute('onload', 'window.ran = true');
    image.addEventListener('load', () => setTimeout(() => done(window.ran === true), 100));
    document.body.append(image);
    image.src = 'data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAACAkQBADs=';
})"""

pytestmark = MARKS


@pytest.fixture(scope="module")
def page(browser, tmp_path_factory):
    file = tmp_path_factory.mktemp("notebooks") / "strict.ipynb"
    first = next((lab.ROOT / "notebooks").glob("*.ipynb"))
    cells = [nbformat.v4.new_code_cell(source) for source in CELLS]
    kernel = {"kernelspec": nbformat.read(first, 4).metadata.kernelspec}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), file)
    state = tmp_path_factory.mktemp("state")
    with lab.served(file.parent, state, whole_page=True, policy=POLICY) as address:
        page, page.said = new_page(browser)
        lab.run_all(page, address, file)
        page.locator(".snnlab-explorer [role=status] p").wait_for()
        yield page
        page.close()


def test_handles_have_names_and_answer(page):
    panel = page.locator(".snnlab-explorer").first
    handles = panel.locator("[role=slider]")
    assert handles.count() == assert_sliders_answer(panel) > 0
    names = [handle.get_attribute("aria-label") for handle in handles.all()]
    assert all(names)
    assert len(set(names)) == len(names)


def test_answers_of_a_prediction_have_a_name(page):
    group = page.locator(".snnlab-prediction").get_by_role("radiogroup")
    assert group.get_attribute("aria-label").startswith("Predict 1.1")


@pytest.mark.parametrize("context", [".snnlab-explorer", ".snnlab-prediction"])
def test_they_are_accessible(page, context):
    found = Axe().run(page, context=context)
    assert found.violations_count == 0, found.generate_report()


def test_a_control_plays(page):
    panel = page.locator(".snnlab-explorer").first
    assert_answers(panel, panel.get_by_role("button", name="Play").click)


def test_nothing_was_refused_though_the_policy_holds(page):
    assert refused(page) == []
    assert page.evaluate(INLINE) is False
    assert len(refused(page)) == 1


def refused(page):
    """Return what the console says of inline handlers, and of scripts from elsewhere."""
    return [text for text in page.said if "event handler" in text or "blob:" in text]
