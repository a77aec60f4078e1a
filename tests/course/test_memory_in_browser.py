"""Questions to recall, symbols and the map in a headless Chromium, by keyboard, light and dark."""

import json

import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe
from helpers.browser import MARKS, SHOTS, new_page

from snnlab.course import progress
from snnlab.course.memory.notebooks import NOTEBOOKS
from snnlab.course.memory.questions.notebook_05 import ALL
from snnlab.course.predictions.answers import SKIP
from tools import lab

pytestmark = MARKS

CELLS = (
    'from snnlab import course\ncourse.recall("05")',
    'course.symbols("05")',
    'course.map("05")',
)


@pytest.fixture(scope="module")
def noted(tmp_path_factory):
    """The learner's file; notebook 02 is done, and one exercise of 03."""
    file = tmp_path_factory.mktemp("mine") / "mine.json"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SNNLAB_PROGRESS", str(file))
        for number in [*NOTEBOOKS["02"].exercises.split(), "3.1"]:
            progress.note("exercise", number, None, True)
        for number in NOTEBOOKS["02"].predictions.split():
            progress.note("prediction", number, None, None)
        yield file


@pytest.fixture(scope="module")
def page(browser, noted, tmp_path_factory):
    first = next((lab.ROOT / "notebooks").glob("*.ipynb"))
    kernel = {"kernelspec": nbformat.read(first, 4).metadata.kernelspec}
    folder = tmp_path_factory.mktemp("notebooks")
    for name, sources in {"05_threshold_choice": CELLS, "03_deviation_error": ()}.items():
        cells = [nbformat.v4.new_code_cell(source) for source in sources]
        book = nbformat.v4.new_notebook(cells=cells, metadata=kernel)
        nbformat.write(book, folder / f"{name}.ipynb")
    with lab.served(folder, tmp_path_factory.mktemp("state"), whole_page=True) as address:
        page, errors = new_page(browser)
        lab.run_all(page, address, folder / "05_threshold_choice.ipynb")
        page.locator(".snnlab-recall .widget-radio").nth(2).wait_for()
        yield page
        assert errors == []
        page.close()


def status(panel, words):
    return panel.locator("[role=status]").filter(has_text=words)


def test_questions_are_answered_by_keyboard_and_read_out(page, noted):
    panels = page.locator(".snnlab-recall").all()
    assert len(panels) == 3
    for place, (panel, question) in enumerate(zip(panels, ALL, strict=True), 1):
        group = panel.get_by_role("radiogroup", name=f"{place}. {question.asks}")
        assert group.locator("input[type=radio]").count() == 4
    wrong = ALL[0].options[0]
    panels[0].get_by_label(wrong.answer).press("Space")
    status(panels[0], wrong.said).wait_for()
    link = panels[0].get_by_role("link", name="notebook 04, section 4.1")
    assert link.get_attribute("target") == "_blank"
    assert (
        link.evaluate("link => link.href")
        .split("?")[0]
        .endswith("/lab/tree/04_errors_in_a_network.ipynb")
    )
    panels[0].get_by_label(ALL[0].right.answer).press("Space")
    status(panels[0], ALL[0].right.said).wait_for()
    assert panels[0].locator("input[disabled]").count() == 4
    panels[2].get_by_label(SKIP).press("Space")
    status(panels[2], ALL[2].right.said).wait_for()
    page.screenshot(path=SHOTS / "recall.png")
    answers = json.loads(noted.read_text(encoding="utf-8"))["answers"][-2:]
    assert [(a["kind"], a["number"], a["right"]) for a in answers] == [
        ("recall", "05.1", False),
        ("recall", "05.3", None),
    ]


def test_the_symbols_open_by_keyboard(page):
    table = page.locator("details table")
    assert not table.is_visible()
    page.locator("summary", has_text="Symbols of this notebook").press("Enter")
    table.wait_for()
    assert table.get_by_role("rowheader", name="θ").is_visible()


def test_the_map_says_what_is_done_and_leads_to_notebooks(page):
    course = page.get_by_role("navigation", name="The map of the course")
    assert course.get_by_role("link").count() == 11
    assert course.locator("[aria-current=page]").inner_text() == "05 Threshold choice"
    assert course.get_by_text("✓ done").count() == 1
    assert course.get_by_text("begun: 0 of").count() == 1
    page.evaluate("jupyterapp.commands.execute('filebrowser:hide-main')")
    course.get_by_role("link", name="03 Deviation error").press("Enter")
    page.locator(".lm-TabBar-tabLabel", has_text="03_deviation_error.ipynb").wait_for()
    page.locator(".lm-TabBar-tabLabel", has_text="05_threshold_choice.ipynb").click()


@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_assistive_technology_finds_nothing_amiss(page, theme):
    page.evaluate(
        f"jupyterapp.commands.execute('apputils:change-theme', {{theme: 'JupyterLab {theme}'}})"
    )
    page.wait_for_selector(
        f"body[data-jp-theme-light={str(theme == 'Light').lower()}]", state="attached"
    )
    for context in (".snnlab-recall", ".jp-OutputArea-output details", "nav[aria-label]"):
        found = Axe().run(page, context=context)
        assert found.violations_count == 0, found.generate_report()
    page.screenshot(path=SHOTS / f"memory_{theme.lower()}.png", full_page=True)
