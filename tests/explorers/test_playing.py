"""The button that plays: who has one, and at which pace. What it does is tested in a browser."""

import re

import pytest
from helpers.explorers import FOUND, shared

from snnlab.explorers.toolkit.controls import Slider, Steps, StepScale
from snnlab.explorers.toolkit.playing import play_button

TIMES = re.compile("steps|timesteps|time")


@pytest.mark.parametrize("kind", FOUND.values(), ids=FOUND)
def test_whatever_counts_steps_can_be_played_and_nothing_else(kind):
    explorer = shared(kind)
    rows = explorer.panel.box.children
    for (name, control), row in zip(explorer.declared.items(), rows, strict=False):
        buttons = [part for part in row.children if "snnlab-play" in part._dom_classes]
        assert len(buttons) == bool(TIMES.fullmatch(name)) == isinstance(control, Steps | StepScale)


def numbers(control):
    """Return pause in ms, pause for less motion, positions in a whole step, and the default."""
    script = play_button(control).value
    assert script.count("<button") == 1
    still, whole, pause = re.search(r"\[(\d+.\d*), (\d+)\] : \[(\S+), 1\]", script).groups()
    (default,) = re.search(r"at\(\) == (\d+)\) go\(0\)", script).groups()
    assert not re.search("PAUSE|STILL|WHOLE|DEFAULT", script)
    return float(pause), float(still), int(whole), int(default)


@pytest.mark.parametrize(
    ("control", "expected"),
    [
        (Steps("a", "b", 1, 33, 1, 4), (250, 1000, 1, 3)),
        (Steps("a", "b", 1, 5, 1, 1), (600, 1000, 1, 0)),
        (Steps("a", "b", 0.0, 12.5, 0.0625, 2.75), (40, 1000, 16, 44)),
        (StepScale("a", "b", {"4": 4, "16": 16, "64": 64}, 16), (600, 1000, 1, 1)),
        (Steps("a", "b", 1, 1, 1, 1), (600, 1000, 1, 0)),
    ],
)
def test_a_play_takes_eight_seconds_and_less_motion_whole_steps(control, expected):
    assert numbers(control) == expected


def test_its_name_is_safe_in_html():
    assert (
        "a &lt;b&gt; &quot;c&quot; moves" in play_button(Steps('a <b> "c"', "", 1, 2, 1, 1)).value
    )


def test_a_slider_of_something_else_has_none():
    assert not isinstance(Slider("a", "b", 0, 1, 1, 0), Steps)
