"""Every explorer in a headless Chromium: sliders are moved, pictures looked at.

Skipped where there is no Chromium, unless SNNLAB_BROWSER=required. The screenshots lie in
build/screenshots afterwards.
"""

import re

import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe
from helpers.browser import (
    MARKS,
    SHOTS,
    VIEWS,
    assert_answers,
    assert_sliders_answer,
    new_page,
    panels,
    run,
    state,
)

from snnlab import explorers
from tools import lab

# Every explorer of the package, given what it asks for.
GALLERY = """
import inspect
import numpy as np
import torch
from torch import nn
from snnlab import compare, convert, data, explorers

digits = data.load_digits()
torch.manual_seed(0)
model = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
given = {
    "model": data.train(model, digits.x_train, digits.y_train, epochs=2),
    "image": digits.x_test[0], "x_cal": digits.x_train, "x": digits.x_test, "y": digits.y_test,
    "activations": np.random.default_rng(0).exponential(size=10_000),
}
shallow = convert(given["model"], digits.x_train)
more = [nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 10)]
deeper = nn.Sequential(*given["model"][:3], *more)
given["network"] = convert(deeper, digits.x_train)
scenes = data.load_scenes(8, "train").x
given["detector"], given["scene"] = convert(data.load_network("mnist_detector"), scenes), scenes[0]
given["networks"] = {"shallow": shallow, "deeper": given["network"]}
given["table"] = compare(
    *(deeper, digits.x_train, digits.x_test, digits.y_test),
    methods=["99.9 %", "99.9 % per channel", "signed"], timesteps=[1, 2, 4, 8],
)
for name in explorers.__all__:
    wanted = inspect.signature(getattr(explorers, name)).parameters.values()
    if name != "Explorer":
        display(getattr(explorers, name)(**{
            p.name: given[p.name] for p in wanted if p.default is p.empty
        }))
"""
# Axe cannot tell what is behind a text in a notebook, so its contrast is computed here (WCAG 2).
CONTRASTS = """panel => {
    const numbers = color => color.match(/[\\d.]+/g).map(Number);
    const behind = part => {
        for (let p = part; p; p = p.parentElement) {
            const [r, g, b, a = 1] = numbers(getComputedStyle(p).backgroundColor);
            if (a == 1) return [r, g, b];
        }
    };
    const luminance = rgb => rgb.slice(0, 3)
        .map(c => c / 255).map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
        .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
    const parts = 'label, p, input, select, button, textarea, .snnlab-row .widget-html-content';
    return [...panel.querySelectorAll(parts)].filter(part => part.offsetParent).map(part => {
        const [one, other] = [numbers(getComputedStyle(part).color), behind(part)].map(luminance);
        return [part.textContent || part.tagName,
                (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05)];
    });
}"""

pytestmark = MARKS


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    gallery = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(GALLERY)])
    first = next((lab.ROOT / "notebooks").glob("*.ipynb"))
    gallery.metadata.kernelspec = nbformat.read(first, 4).metadata.kernelspec
    file = tmp_path_factory.mktemp("notebooks") / "gallery.ipynb"
    nbformat.write(gallery, file)
    return file


@pytest.fixture(scope="module")
def gallery(browser, file, tmp_path_factory):
    """One page with every explorer, for all tests that ask nothing else of the kernel.

    A test leaves all explorers at their first setting, showing their picture.
    """
    state = tmp_path_factory.mktemp("state")
    with lab.served(file.parent, state, whole_page=True) as address:
        page, errors = new_page(browser)
        run(page, address, file)
        yield page
        assert errors == []
        page.close()


@pytest.fixture(params=["Light", "Dark"])
def theme(request, gallery):
    """The theme that JupyterLab has."""
    choose_theme(gallery, request.param)
    yield request.param.lower()
    choose_theme(gallery, "Light")


def choose_theme(page, name):
    page.click(".lm-MenuBar-itemLabel:text-is('Settings')")
    page.hover(".lm-Menu-itemLabel:text-is('Theme')")
    page.click(f".lm-Menu-itemLabel:text-is('JupyterLab {name}')")
    light = str(name == "Light").lower()
    page.wait_for_selector(f"body[data-jp-theme-light={light}]", state="attached")


@pytest.fixture(params=VIEWS)
def view(request, gallery):
    """How large the page is."""
    resize(gallery, *VIEWS[request.param])
    yield request.param
    resize(gallery, *VIEWS["usual"])


def resize(page, width, height, pixels):
    metrics = {"width": width, "height": height, "deviceScaleFactor": pixels, "mobile": False}
    page.context.new_cdp_session(page).send("Emulation.setDeviceMetricsOverride", metrics)
    page.wait_for_function("width => window.innerWidth == width", arg=width)


def test_every_slider_of_every_explorer_answers(gallery):
    assert len(panels(gallery)) == len(explorers.__all__) - 1
    for panel in panels(gallery):
        assert assert_sliders_answer(panel) > 0


def test_every_field_takes_what_is_typed_and_every_choice_what_is_chosen(gallery):
    def reset(panel):
        assert_answers(panel, lambda: panel.get_by_role("button", name="Reset").press("Enter"))

    for panel in panels(gallery):
        begin = state(panel)
        for field in panel.locator("input[type=number]").all():
            low, high, step = (float(field.get_attribute(n)) for n in ("min", "max", "step"))
            places = round((high - low) / step) // 3, round((high - low) / step) // 2
            values = [f"{low + place * step:.6g}" for place in places]
            value = next(v for v in values if float(v) != float(field.input_value()))
            assert_answers(panel, lambda f=field, v=value: (f.fill(v), f.press("Enter")))
        for field in panel.locator("select").all():
            assert_answers(
                panel, lambda f=field: [f.press(k) for k in ("Enter", "ArrowDown", "Enter")]
            )
        if state(panel) != begin:
            reset(panel)  # at other values a choice may make no difference
        assert state(panel) == begin
        for row in panel.locator(".snnlab-row:not(:has(button)) .widget-radio").all():
            for choice in reversed(row.locator("input").all()):
                if not choice.is_checked():
                    assert_answers(panel, lambda c=choice: c.press("Space"))
        if state(panel) != begin:
            reset(panel)
        assert state(panel) == begin


def test_picture_formula_and_code_take_turns(gallery):
    for number, panel in enumerate(panels(gallery)):
        for view, content in (("formula", "mjx-container"), ("code", "textarea")):
            panel.get_by_label(view, exact=True).press("Space")
            panel.locator(content).first.wait_for()
            assert panel.locator("svg[role=img]").count() == 0
            panel.screenshot(path=SHOTS / f"explorer_{number}_{view}.png")
        assert "data = compute(" in panel.locator("textarea").input_value()
        panel.get_by_label("picture", exact=True).press("Space")
        panel.locator("svg[role=img]").wait_for()
        assert panel.locator("textarea").count() == 0


def test_the_place_that_is_read_out_stays_while_its_words_change(gallery):
    for panel in panels(gallery):
        place = panel.locator("[role=status]")
        place.evaluate("place => place.marked = true")
        slider = panel.locator("[role=slider]").first
        at, end = (slider.get_attribute(f"aria-value{which}") for which in ("now", "max"))
        key = "ArrowLeft" if at == end else "ArrowRight"
        assert_answers(panel, lambda s=slider, k=key: s.press(k))
        assert place.evaluate("place => place.marked")
        panel.get_by_role("button", name="Reset").press("Enter")


def test_a_held_key_ends_at_the_last_value(gallery):
    for panel in panels(gallery):
        row = panel.locator(".snnlab-row:has([role=slider]):has(input[type=number])").first
        if not row.count():  # only sliders over a few named values
            continue
        slider, field = row.locator("[role=slider]"), row.locator("input[type=number]")
        last = f"{float(field.get_attribute('max')):g}"  # aria-valuemax has one decimal only
        slider.press("Home")
        first, step = (float(field.get_attribute(name)) for name in ("min", "step"))
        for _ in range(max(100, round(1.2 * (float(last) - first) / step))):
            gallery.keyboard.down("ArrowRight")
        gallery.keyboard.up("ArrowRight")
        gallery.wait_for_function(
            "([field, last]) => Number(field.value) == last", arg=[field.element_handle(), last]
        )
        # A slow kernel is still at it when the last key was sent.
        panel.locator("[role=status]").filter(has_text=re.compile(rf"\b{last}\b")).wait_for()
        gallery.wait_for_timeout(500)
        picture, words = state(panel)
        assert re.search(rf"\b{last}\b", words)
        assert_answers(panel, lambda s=slider: s.press("ArrowLeft"))
        assert_answers(panel, lambda s=slider: s.press("ArrowRight"))
        assert state(panel) == [picture, words]
        panel.get_by_role("button", name="Reset").press("Enter")


def test_play_moves_every_picture_of_time_until_it_is_paused(gallery):
    played = 0
    for panel in panels(gallery):
        for button in panel.locator(".snnlab-play button").all():
            place, (_, words) = panel.locator("[role=status]"), state(panel)
            assert_answers(panel, lambda b=button: b.press("Enter"))
            assert place.get_attribute("aria-live") == "off"
            panel.get_by_role("button", name="Pause").press("Space")
            place.and_(gallery.locator("[aria-live=polite]")).wait_for()
            paused = state(panel)
            gallery.wait_for_timeout(700)
            assert state(panel) == paused
            panel.get_by_role("button", name="Reset").press("Enter")
            place.filter(has_text=words).wait_for()
            played += 1
    assert played > 10


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_a_play_glides_to_the_end_or_goes_in_whole_steps(gallery, motion):
    panel = panels(gallery)[sorted(explorers.__all__).index("BucketFilling")]
    slider = panel.locator("[role=slider]").last
    slider.press("End")
    for _ in range(19):
        slider.press("ArrowLeft")
    place = panel.locator("[role=status]").filter(has_text="At 10.8125 of 12")
    place.evaluate(
        """place => {
            window.moments = [];
            new MutationObserver(() => moments.push(place.textContent.match(/At (\\S+) of/)[1]))
                .observe(place, {childList: true});
        }"""
    )
    gallery.emulate_media(reduced_motion=motion)
    panel.get_by_role("button", name="Play").press("Enter")
    panel.locator("[role=status]").filter(has_text="At 12 of 12").wait_for()
    panel.get_by_role("button", name="Play").wait_for()
    moments = [float(moment) for moment in gallery.evaluate("moments")]
    assert moments == sorted(moments)
    if motion == "reduce":
        assert set(moments) == {10.8125, 11, 12}
    else:
        assert {moment % 1 for moment in moments} > {0}
    gallery.emulate_media(reduced_motion="no-preference")
    panel.get_by_role("button", name="Reset").press("Enter")
    panel.locator("[role=status]").filter(has_text="At 2.75 of 12").wait_for()


@pytest.mark.parametrize("taken", [0, -1])
def test_a_control_that_is_taken_ends_a_play_and_the_kernel_knows_where(gallery, taken):
    panel = panels(gallery)[sorted(explorers.__all__).index("BucketFilling")]
    sliders, place = panel.locator("[role=slider]"), panel.locator("[role=status]")
    handle = sliders.last.evaluate("handle => handle.getBoundingClientRect().x")
    begin = state(panel)
    assert_answers(panel, lambda: panel.get_by_role("button", name="Play").press("Enter"))
    place.filter(has_text=re.compile("At [3-9]")).wait_for()
    assert sliders.last.evaluate("handle => handle.getBoundingClientRect().x") > handle
    sliders.nth(taken).press("ArrowRight")  # where it plays itself, this is no more than a pause
    panel.get_by_role("button", name="Play").wait_for()
    place.and_(gallery.locator("[aria-live=polite]")).wait_for()
    if taken == 0:  # a slow kernel is still at it
        place.filter(has_text="Current 0.4375").wait_for()
    gallery.wait_for_timeout(500)
    shown = state(panel)
    panel.get_by_label("code", exact=True).press("Space")
    time = float(re.search(r"At ([\d.]+) of 12", shown[1])[1])
    gallery.wait_for_function(
        "([panel, text]) => panel.querySelector('textarea')?.value.includes(text)",
        arg=[panel.element_handle(), f"time={time!r})"],
    )
    assert float(panel.get_by_label("time").first.input_value()) == pytest.approx(time)
    panel.get_by_label("picture", exact=True).press("Space")
    panel.locator("svg[role=img]").wait_for()
    assert state(panel) == shown
    panel.get_by_role("button", name="Reset").press("Enter")
    place.filter(has_text=begin[1]).wait_for()


def test_the_tab_key_reaches_every_control(gallery):
    for panel in panels(gallery):
        wanted = panel.locator("input, select, button, [role=slider]").locator("visible=true")
        wanted = wanted.count()
        panel.locator("input, select").first.focus()
        reached = 0
        while panel.evaluate("panel => panel.contains(document.activeElement)"):
            reached += 1
            gallery.keyboard.press("Tab")
        assert reached == wanted


def show(page, view):
    """Let every explorer show a view, and wait until it stands there."""
    content = {"formula": "mjx-container", "code": "textarea", "picture": "svg[role=img]"}[view]
    for panel in panels(page):
        panel.get_by_label(view, exact=True).press("Space")
    for panel in panels(page):
        panel.locator(content).first.wait_for()
    page.wait_for_timeout(500)


def test_assistive_technology_finds_names_and_contrast(gallery, theme):
    for number, panel in enumerate(panels(gallery)):
        panel.screenshot(path=SHOTS / f"explorer_{number}_{theme}.png")
    for view in ("formula", "code", "picture"):
        show(gallery, view)
        found = Axe().run(gallery, context=".snnlab-explorer")
        assert found.violations_count == 0, found.generate_report()
        for panel in panels(gallery):
            contrasts = panel.evaluate(CONTRASTS)
            assert len(contrasts) > 10
            assert [name for name, contrast in contrasts if contrast < 4.5] == []


def test_nothing_is_clipped_and_nothing_overlaps(gallery, view):
    if view == "zoomed":
        gallery.keyboard.press("Control+b")  # no room for a list of files
    for shown in ("formula", "code", "picture"):
        show(gallery, shown)
        for panel in panels(gallery):
            assert_nothing_overlaps(panel)
    for number, panel in enumerate(panels(gallery)):
        panel.screenshot(path=SHOTS / f"explorer_{number}_{view}.png")
    if view == "zoomed":
        gallery.keyboard.press("Control+b")


def assert_nothing_overlaps(panel):
    room = panel.evaluate("panel => panel.closest('.jp-OutputArea-output').clientWidth")
    left = panel.bounding_box()["x"]
    boxes = panel.evaluate(
        """panel => [...panel.querySelectorAll(
               'label.widget-label, .snnlab-row .widget-html-content, input, select, button, '
               + '.noUi-target, .snnlab-picture, p, textarea, mjx-container[display]')]
           .filter(part => part.offsetParent && part.getBoundingClientRect().width > 1)
           .map(part => [part, part.getBoundingClientRect()])
           .map(([part, b]) => [part.textContent.slice(0, 20) || part.tagName,
                b.left, b.top, b.right, b.bottom])"""
    )
    assert len(boxes) > 10
    for name, x0, _, x1, _ in boxes:
        assert x0 >= left - 1, name
        assert x1 <= left + room + 1, name
    for i, (one, ax0, ay0, ax1, ay1) in enumerate(boxes):
        for other, bx0, by0, bx1, by1 in boxes[:i]:
            apart = ax0 >= bx1 - 1 or bx0 >= ax1 - 1 or ay0 >= by1 - 1 or by0 >= ay1 - 1
            inside = ax0 >= bx0 - 1 and ax1 <= bx1 + 1 and ay0 >= by0 - 1 and ay1 <= by1 + 1
            assert apart or inside, (one, other)
