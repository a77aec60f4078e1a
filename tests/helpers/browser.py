"""What tests in a browser share: a page with a notebook that has been run, and its explorers."""

import os

import pytest

from tools import lab

SHOTS = lab.ROOT / "build" / "screenshots"
# Zooming in to 200 % leaves half as many, twice as large pixels.
VIEWS = {"usual": (1280, 800, 1), "zoomed": (640, 1200, 2)}
CHANGED = """([panel, before]) => {
    const picture = panel.querySelector('svg[role=img]');
    const words = panel.querySelector('[role=status]').textContent;
    return picture.innerHTML != before[0] && words.trim() != before[1]
        && words == picture.getAttribute('aria-label');
}"""

MARKS = [
    pytest.mark.browser,
    pytest.mark.skipif(
        lab.chromium() is None and os.environ.get("SNNLAB_BROWSER") != "required",
        reason="needs a Chromium",
    ),
    # Left behind by threads of playwright and of the server.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


def new_page(browser):
    """Return a page, and the errors of its console so far."""
    page, errors = browser.new_page(), []
    page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    return page, errors


def run(page, address, file):
    """Run a notebook and wait until all its explorers show their words."""
    lab.run_all(page, address, file)
    page.wait_for_function(
        """() => {
            const panels = [...document.querySelectorAll('.snnlab-explorer')];
            return panels.length && panels.every(p => p.querySelector('[role=status] p'));
        }"""
    )


def panels(page):
    return page.locator(".snnlab-explorer").all()


def state(panel):
    picture = panel.locator("svg[role=img]")
    return [picture.inner_html(), panel.locator("[role=status]").inner_text()]


def assert_answers(panel, act):
    """Do something and wait until picture, alternative text and words have changed."""
    before = state(panel)
    act()
    panel.page.wait_for_function(CHANGED, arg=[panel.element_handle(), before])
    return state(panel)[1]


def assert_sliders_answer(panel):
    handles = panel.locator("[role=slider]").all()
    for handle in handles:
        at_the_end = handle.get_attribute("aria-valuenow") == handle.get_attribute("aria-valuemax")
        keys = ("ArrowLeft", "ArrowRight") if at_the_end else ("ArrowRight", "ArrowLeft")
        first = state(panel)
        for key in keys:
            assert_answers(panel, lambda key=key, handle=handle: handle.press(key))
        assert state(panel) == first  # there and back again
    return len(handles)
