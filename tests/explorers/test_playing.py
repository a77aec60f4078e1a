"""The button that plays: who has one, at which pace, and which frames the kernel gives it.

What it does with them is tested in a browser.
"""

import base64
import gzip
import html
import itertools
import json
import re

import pytest
from helpers.explorers import FOUND, made, shared

from snnlab import explorers
from snnlab.explorers.toolkit import explorer as toolkit
from snnlab.explorers.toolkit.controls import Slider, Steps, StepScale
from snnlab.explorers.toolkit.playing import play_parts

TIMES = re.compile("steps|timesteps|time")
TOKENS = itertools.count()


@pytest.mark.parametrize("kind", FOUND.values(), ids=FOUND)
def test_whatever_counts_steps_can_be_played_and_nothing_else(kind):
    explorer = shared(kind)
    rows = explorer.panel.box.children
    for (name, control), row in zip(explorer.declared.items(), rows, strict=False):
        buttons = [part for part in row.children if "snnlab-play" in part._dom_classes]
        assert len(buttons) == bool(TIMES.fullmatch(name)) == isinstance(control, Steps | StepScale)


def button(control):
    return play_parts(control, lambda first: "")[0].value


def begins_at(control):
    """Return the position from which a play begins anew."""
    return int(play_parts(control, lambda first: "")[1].placeholder)


def numbers(control):
    """Return pause in ms, pause for less motion, positions in a whole step, and the default."""
    text = button(control)
    assert text.count("<button") == 1
    pace = json.loads(html.unescape(re.search(r'data-pace="(.*?)"', text)[1]))
    return pace["pause"], pace["still"], pace["whole"], begins_at(control)


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


def test_a_play_begins_anew_where_the_control_was_put_for_the_learner():
    bucket = made(explorers.BucketFilling)
    question, _ = parts(bucket, "time")
    assert question.placeholder == "44"  # 2.75 in sixteenths
    bucket.controls["time"].value = 3.0  # by hand
    assert question.placeholder == "44"
    bucket.move(time=11.75, current=0.5)
    assert question.placeholder == "188"
    bucket.reset()
    assert question.placeholder == "44"
    network = made(explorers.NetworkError)
    steps = network.declared["steps"].positions
    network.move(steps=steps[1])
    assert parts(network, "steps")[0].placeholder == "1"


def test_its_name_is_safe_in_html():
    assert "a &lt;b&gt; &quot;c&quot; moves" in button(Steps('a <b> "c"', "", 1, 2, 1, 1))


def test_a_slider_of_something_else_has_none():
    assert not isinstance(Slider("a", "b", 0, 1, 1, 0), Steps)


# --- the frames ------------------------------------------------------------------------------


def parts(explorer, name):
    """Return the widgets by which a browser asks for frames of a control, and gets them."""
    row = explorer.panel.box.children[list(explorer.declared).index(name)].children
    classes = ("snnlab-question", "snnlab-answer")
    return [next(part for part in row if wanted in part._dom_classes) for wanted in classes]


def asked(explorer, name, first):
    """Return pictures and words of the frames that are answered."""
    question, answer = parts(explorer, name)
    answers = []
    answer.observe(lambda change: answers.append(change["new"]), "value")
    token = f"0.{next(TOKENS)}"
    question.value = f"{token} {first}"
    answer.unobserve_all()
    text, nothing = answers
    assert nothing == answer.value == ""
    assert text.split()[0] == token
    packed = text.split()[1]
    data = json.loads(gzip.decompress(base64.b64decode(packed)))
    pictures = ["\n".join(data["lines"][line] for line in lines) for lines in data["pictures"]]
    return pictures, [data["lines"][line] for line in data["words"]]


@pytest.fixture
def patient(monkeypatch):
    """All frames come in one answer."""
    monkeypatch.setattr(toolkit, "_DRAWN", float("inf"))


@pytest.mark.parametrize("kind", FOUND.values(), ids=FOUND)
def test_frames_are_what_the_explorer_shows_at_each_position(kind, patient):
    explorer = shared(kind)
    explorer.reset()
    played = [n for n, c in explorer.declared.items() if isinstance(c, Steps | StepScale)]
    for name in played:
        begin, shown, png = explorer.values, explorer.words, explorer.picture.svg()
        first = max(0, len(explorer.declared[name].positions) - 5)
        pictures, words = asked(explorer, name, first)
        assert (explorer.values, explorer.words, explorer.picture.svg()) == (begin, shown, png)
        moves = explorer.declared[name].positions[first:]
        assert words == [explorer.move(**{name: position}) for position in moves]
        for svg, position in zip(pictures, moves, strict=True):
            explorer.move(**{name: position})
            assert f">{svg}</svg>" in explorer.panel.moving.value
        explorer.reset()


def test_frames_come_a_few_at_a_time_and_at_least_one(monkeypatch):
    monkeypatch.setattr(toolkit, "_DRAWN", 0.0)
    explorer = made(explorers.QuantizationError)
    seen = [asked(explorer, "timesteps", first)[1] for first in (0, 1)]
    assert seen == [[explorer.move(timesteps=1)], [explorer.move(timesteps=2)]]


def test_frames_end_before_a_position_that_does_not_work(monkeypatch, patient):
    explorer = made(explorers.QuantizationError)
    compute = explorer.compute

    def fails(**values):
        if values["timesteps"] >= 4:
            raise ValueError("too many")
        return compute(**values)

    monkeypatch.setattr(explorer, "compute", fails)
    expected = [explorer.move(timesteps=T) for T in (2, 3)]
    assert asked(explorer, "timesteps", 1)[1] == expected
    assert asked(explorer, "timesteps", 3)[1] == []
    with pytest.raises(ValueError, match="too many"):
        explorer.move(timesteps=4)
    assert asked(explorer, "timesteps", 1)[1] == expected
    assert "ValueError: too many" in explorer.panel.words.value
