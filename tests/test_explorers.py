import base64
import io
import itertools

import ipywidgets as widgets
import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import snnlab as sl
from snnlab import explorers
from snnlab.explorers.panel import Panel


@pytest.fixture(scope="module")
def explorer():
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    x = rng.random((60, 6))
    model = nn.Sequential(nn.Linear(6, 12), nn.ReLU(), nn.Linear(12, 3))
    y = model(torch.tensor(x).float()).argmax(1)
    return explorers.StepsAndPercentile(
        model, x, x, y, timesteps=16, percentiles=(50.0, 99.0, 100.0)
    )


def settings():
    return itertools.product([1, 5, 16], [50.0, 99.0, 100.0])


def pixels(explorer):
    bundle = explorer._repr_mimebundle_()
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(bundle["image/png"]))).convert("RGB"))


def test_every_setting_changes_picture_and_words(explorer):
    seen, pictures = set(), set()
    for steps, percentile in settings():
        explorer.controls["steps"].value = steps
        explorer.controls["percentile"].value = percentile
        text = repr(explorer)
        assert f"Percentile {percentile:g}, {steps} steps" in text
        assert "nan" not in text.lower()
        seen.add(text)
        picture = pixels(explorer)
        assert picture.std() > 10
        pictures.add(picture.tobytes())
    assert len(seen) == len(pictures) == 9


def test_the_numbers_are_those_of_the_simulation(explorer):
    data = explorer.compute(5, 99.0)
    record = sl.simulate(explorer._networks[99.0], explorer._x, 16)
    accuracy = 100 * record.accuracy(explorer._y)
    assert len(set(accuracy)) > 1
    assert (data["accuracy"] == accuracy).all()
    assert [explorer.compute(t, 99.0)["now"] for t in range(1, 17)] == accuracy.tolist()
    assert data["raster"][0].max() <= 5
    assert f"{data['now']:.2f} % right" in explorer.describe(data, 5, 99.0)


def test_a_percentile_is_simulated_once(explorer, monkeypatch):
    for steps, percentile in settings():
        explorer.compute(steps, percentile)
    monkeypatch.setattr("snnlab.explorers.steps_and_percentile.simulate", None)
    assert explorer.compute(3, 50.0)["steps"] == 3


def test_every_slider_has_a_named_field_that_moves_with_it(explorer):
    for row in explorer._panel.box.children[: len(explorer.controls)]:
        slider, field = row.children
        assert field.description
        for value in (slider.min, slider.max) if hasattr(slider, "min") else slider.options:
            field.value = value
            assert slider.value == value


def test_image_has_an_alternative_text_and_the_words_stand_beside_it(explorer):
    explorer.controls["steps"].value = 4
    panel = explorer._panel
    assert f'alt="{panel.description}"' in panel.image.value
    assert panel.description in panel.text.value
    assert 'role="status"' in panel.text.value


def test_a_viewer_without_kernel_gets_picture_and_text(explorer):
    bundle = explorer._repr_mimebundle_()
    assert bundle["text/plain"] == repr(explorer)
    assert base64.b64decode(bundle["image/png"]).startswith(b"\x89PNG")
    assert "application/vnd.jupyter.widget-view+json" in bundle


def test_an_error_shows_in_the_panel_and_is_raised(explorer):
    slider = widgets.IntSlider(1, min=0, max=3, description="n")

    def update(n):
        if n == 2:
            raise ValueError("no <two>")
        return f"n is {n}"

    panel = Panel({"n": slider}, update, explorer._panel.picture)
    with pytest.raises(ValueError, match="no <two>"):
        slider.value = 2
    assert "no &lt;two&gt;" in panel.text.value
    slider.value = 3
    assert panel.description == "n is 3"
