"""Measure explorers in a real JupyterLab: from key press to changed picture and words.

    python -m benchmarks browser

Needs a Chromium. "Changed" is the time until the new picture and the new words are in the page,
"painted" until the frame after that has been drawn. The echo, a slider whose number is only written
beside it, tells how quick the machine is. All stand in one notebook. Whatever can be played is
played at 30 positions a second, faster than by itself: after which time does the first picture
come, how many come, and how late is the last by the clock that began with the first?
"""

import functools
import inspect
import statistics
import tempfile
import time
from pathlib import Path

import nbformat
import numpy as np

from benchmarks.networks import load
from snnlab import compare, convert, explorers
from tools import lab

STEPS, PAUSE_MS, HELD_MS, REPEAT_MS = 100, 120, 3000, 33
PLAYED_MS = 1000 / 30
PLAY_SECONDS = 8.0  # of a whole play, as snnlab/explorers/toolkit/playing.py has it
NAMES = [name for name in explorers.__all__ if name != "Explorer"]
SETUP = f"""
from benchmarks.browser import arguments
from snnlab import explorers
from snnlab.explorers.toolkit import playing
playing.LONGEST = {PLAYED_MS / 1000}
given = arguments()
"""
ECHO = """
import ipywidgets
def echo(number):
    return f'<svg role="img"><circle r="{number}"/></svg><p role="status">{number}</p>'
slider, place = ipywidgets.IntSlider(0, 0, 100), ipywidgets.HTML(echo(0))
slider.observe(lambda change: setattr(place, "value", echo(change["new"])), "value")
ipywidgets.VBox([slider, place], _dom_classes=["snnlab-explorer"])
"""
PROBE = """panel => {
    const seen = () => [panel.querySelector('svg[role=img]').innerHTML,
                        panel.querySelector('[role=status]').textContent];
    window.probe = {changed: [], painted: [], pictures: [], last: 0};
    let begin, before, picture;
    panel.addEventListener('keydown', () => { begin = performance.now(); before = seen(); }, true);
    new MutationObserver(changes => {
        if (changes.some(c => c.target.closest('.snnlab-moving'))) {
            probe.last = performance.now();
            // At the end of a play the kernel draws once more what stands there.
            if (picture != (picture = seen()[0])) probe.pictures.push(probe.last);
        }
        if (!before || seen().some((part, i) => part == before[i])) return;
        const since = begin;
        begin = null;
        if (!since) return;
        probe.changed.push(performance.now() - since);
        requestAnimationFrame(
            () => setTimeout(() => probe.painted.push(performance.now() - since)));
    }).observe(panel, {subtree: true, childList: true, characterData: true});
}"""


def measure() -> None:
    load("conv8")
    kernel_side()
    for no_delay in (False, True):
        print("\nserver of `make lab`" if no_delay else "\nstock server")
        print(f"{'in ms':40} changed: median, p95   painted: median, p95   last after a held key")
        with tempfile.TemporaryDirectory() as folder:
            in_browser(Path(folder), no_delay)


def kernel_side() -> None:
    print("in the kernel, median in ms       compute   draw and encode")
    for name in NAMES:
        explorer = made(name)
        values = explorer.values
        data = explorer.compute(**values)
        computing = median_ms(lambda e=explorer, v=values: e.compute(**v))
        drawing = median_ms(lambda e=explorer, d=data: (e.draw(d), e.picture.svg()))
        print(f"{name:30} {computing:10.2f} {drawing:17.2f}")
    begin = time.perf_counter()
    explorer = made("StepsAndPercentile")
    opening, prepared = time.perf_counter() - begin, len(explorer.simulations)
    explorer.simulations.clear()
    begin = time.perf_counter()
    explorer.move(percentile=50.0)
    visit = 1000 * (time.perf_counter() - begin)
    print(
        f"StepsAndPercentile opens in {opening:.2f} s with {prepared} settings prepared; ", end=""
    )
    print(f"a setting that is not prepared takes {visit:.0f} ms at its first visit")


def made(name: str) -> explorers.Explorer:
    kind = getattr(explorers, name)
    given = arguments()
    wanted = inspect.signature(kind).parameters.values()
    return kind(**{p.name: given[p.name] for p in wanted if p.default is p.empty})


@functools.cache
def arguments() -> dict:
    """Return by name what explorers may be given."""
    model, data = load("conv8")
    network = convert(model, data.x_train)
    images, methods = (data.x_train, data.x_test, data.y_test), ["99.9 %", "burst of 4"]
    table = compare(model, *images, methods=methods, timesteps=(4, 8, 16))
    return {
        "model": model,
        "x_cal": data.x_train,
        "x": data.x_test,
        "y": data.y_test,
        "activations": np.random.default_rng(0).exponential(size=10_000),
        "network": network,
        "networks": {"conv8": network},
        "image": data.x_test[0],
        "table": table,
    }


def median_ms(run) -> float:
    times = []
    for _ in range(STEPS):
        begin = time.perf_counter()
        run()
        times.append(1000 * (time.perf_counter() - begin))
    return statistics.median(times)


def in_browser(folder: Path, no_delay: bool) -> None:
    sources = [SETUP, ECHO, *(call(name) for name in NAMES)]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(s) for s in sources])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
    file = folder / "explorers.ipynb"
    nbformat.write(notebook, file)
    with (
        lab.served(folder, folder / "state", no_delay=no_delay) as address,
        lab.browser() as browser,
    ):
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        lab.run_all(page, address, file)
        page.wait_for_timeout(2000)
        for number, name in enumerate(["echo", *NAMES]):
            panel = page.locator(".snnlab-explorer").nth(number)
            panel.evaluate(PROBE)
            for handle in panel.locator("[role=slider]").all():
                label = f"{name}, {handle.get_attribute('aria-label') or 'slider'}"
                changed, painted = stepped(page, handle)
                last = held(page, handle)
                print(f"{label:40} {shown(changed)} {shown(painted)} {last:20.0f}")
            for button in panel.locator(".snnlab-play button").all():
                print(f"{f'{name}, played':40} {played(page, panel, button)}")
            if name in NAMES:
                panel.get_by_role("button", name="Reset").press("Enter")
        for name in NAMES:
            print(f"{name:40} first display {first_display(page, name):.2f} s")


def call(name: str) -> str:
    wanted = inspect.signature(getattr(explorers, name)).parameters.values()
    given = ", ".join(f"{p.name}=given['{p.name}']" for p in wanted if p.default is p.empty)
    return f"explorers.{name}({given})"


def shown(times: list[float]) -> str:
    p95 = sorted(times)[int(0.95 * len(times))]
    return f"{statistics.median(times):15.1f} {p95:7.1f}"


def stepped(page, handle) -> tuple[list[float], list[float]]:
    """Press an arrow key again and again, from end to end, and return the times in ms."""
    handle.press("Home")
    page.wait_for_timeout(500)
    page.evaluate("probe.changed = []; probe.painted = []")
    key = "ArrowRight"
    for step in range(1, STEPS + 1):
        now, low, high = (
            handle.get_attribute(f"aria-value{which}") for which in ("now", "min", "max")
        )
        key = {high: "ArrowLeft", low: "ArrowRight"}.get(now, key)
        page.keyboard.press(key)
        page.wait_for_timeout(PAUSE_MS)
        page.wait_for_function("n => probe.painted.length == n", arg=step)
    return page.evaluate("[probe.changed, probe.painted]")


def held(page, handle) -> float:
    """Hold an arrow key for three seconds; return after how many ms the last picture came."""
    handle.press("Home")
    page.wait_for_timeout(500)
    for count in range(HELD_MS // REPEAT_MS):
        # To and fro, so that every press changes something, however short the slider is.
        key = "ArrowRight" if count // 4 % 2 == 0 else "ArrowLeft"
        page.keyboard.down(key)
        released = page.evaluate("performance.now()")
        page.wait_for_timeout(REPEAT_MS)
    for key in ("ArrowLeft", "ArrowRight"):
        page.keyboard.up(key)
    page.wait_for_timeout(1000)
    return max(0.0, page.evaluate("probe.last") - released)


def played(page, panel, button) -> str:
    """Play from end to end, again and again, and return what was seen."""
    row = button.locator("xpath=ancestor::*[contains(@class, 'snnlab-row')]")
    seconds, pictures, positions, waited, late = 0.0, 0, 0, [], []
    while pictures < STEPS:
        row.locator("[role=slider]").press("End")
        page.wait_for_timeout(500)
        page.evaluate("probe.pictures = []")
        button.evaluate("b => b.addEventListener('click', () => probe.clicked = performance.now())")
        button.press("Enter")
        button.and_(panel.get_by_role("button", name="Pause")).wait_for()
        button.and_(panel.get_by_role("button", name="Play")).wait_for()
        page.wait_for_timeout(500)
        seen, begin = page.evaluate("[probe.pictures, probe.clicked]")
        asked = button.evaluate("""button => {
            const field = button.closest('.snnlab-row').querySelector('input, select');
            return field.length || Math.round((field.max - field.min) / field.step) + 1;
        }""")
        pause = min(PLAYED_MS, 1000 * PLAY_SECONDS / (asked - 1))
        waited.append(seen[0] - begin)
        late.append(seen[-1] - seen[0] - (asked - 1) * pause)
        seconds += (seen[-1] - seen[0]) / 1000
        pictures, positions = pictures + len(seen) - 1, positions + asked - 1
    return (
        f"{pictures / seconds:.1f} pictures a second, {positions - pictures} of {positions} "
        f"dropped, the first after {statistics.median(waited):.0f} ms, "
        f"the last {statistics.median(late):.0f} ms late"
    )


def first_display(page, name: str) -> float:
    """Run the explorer's cell again; return the seconds until its picture is there."""
    index = 2 + NAMES.index(name)
    cell = page.locator(".jp-CodeCell").nth(index)
    cell.locator(".jp-InputArea-editor").click()
    page.evaluate(
        "cell => cell.querySelector('.snnlab-explorer').classList.remove('snnlab-explorer')",
        cell.element_handle(),
    )
    begin = time.perf_counter()
    page.keyboard.press("Control+Enter")
    cell.locator(".snnlab-explorer svg[role=img]").wait_for(timeout=30_000)
    cell.locator(".snnlab-explorer [role=status] p").wait_for()
    return time.perf_counter() - begin
