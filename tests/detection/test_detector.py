"""The detector of the package: its places, how good it is, and what its spiking twin says."""

import functools

import numpy as np
import pytest
import torch
from torch import nn

import snnlab as sl
from snnlab import data, detection
from snnlab.data.detector import Detector
from snnlab.detection import mean_average_precision

SCENES = 60


@functools.cache
def model():
    return data.load_network("mnist_detector")


@functools.cache
def scenes(count=SCENES):
    return data.load_scenes(count)


@functools.cache
def said():
    with torch.no_grad():
        return model()(torch.from_numpy(scenes().x)).numpy()


@functools.cache
def spiking(timesteps):
    return sl.recipes.deep(
        model(), data.load_scenes(64, "train", seed=99).x, timesteps, shortcut="spikes"
    )


def test_a_place_says_what_the_heads_say_at_its_cell():
    torch.manual_seed(0)
    untrained, levels, heads = Detector().eval(), [], {}
    for name in ("classes", "box"):
        heads[name] = []
        head = getattr(untrained, name)
        head.register_forward_hook(lambda m, given, out, name=name: heads[name].append(out))
        head.register_forward_pre_hook(lambda m, given: levels.append(given[0]))
    with torch.no_grad():
        outputs = untrained(torch.rand(2, 1, 64, 64))
    assert outputs.shape == (2, 14, 336)
    assert [level.shape[2:] for level in levels[::2]] == [(16, 16), (8, 8), (4, 4)]
    middles, strides = detection.places()
    for place, ((x, y), stride) in enumerate(zip(middles.T, strides, strict=True)):
        level, row, column = [4, 8, 16].index(stride), int(y // stride), int(x // stride)
        for name, part in (("classes", slice(10)), ("box", slice(10, None))):
            cell = heads[name][level][:, :, row, column]
            assert torch.equal(outputs[:, part, place], cell)


def test_a_level_of_the_pyramid_knows_the_coarser_ones():
    """Written out: a projection of its own stage, and the coarser level, each cell four times."""
    untrained, seen = Detector().eval(), {}
    for number, stage in enumerate(untrained.stages):
        stage.register_forward_hook(lambda m, given, out, n=number: seen.update({n: out}))
    finer = []
    untrained.box.register_forward_pre_hook(lambda m, given: finer.append(given[0]))
    with torch.no_grad():
        untrained(torch.rand(2, 1, 64, 64))
        own = [lateral(seen[n]) for n, lateral in enumerate(untrained.lateral)]
    torch.testing.assert_close(finer[2], own[2])
    for level in (1, 0):
        coarser = finer[level + 1].repeat_interleave(2, 2).repeat_interleave(2, 3)
        torch.testing.assert_close(finer[level], own[level] + coarser)


def test_before_training_hardly_any_place_claims_a_digit():
    with torch.no_grad():
        outputs = Detector().eval()(torch.rand(4, 1, 64, 64))
    assert torch.sigmoid(outputs[:, :10]).mean() == pytest.approx(0.01, rel=0.1)


def test_the_network_is_as_good_as_its_card_says():
    card = data.card("mnist_detector")
    assert card["mean_average_precision"] >= 0.85
    held = card["held_out"]
    assert held["mean_average_precision"] == pytest.approx(
        held["mean_average_precision_before_rounding"], abs=0.003
    )
    found = mean_average_precision(said(), scenes().y)
    assert found == pytest.approx(card["mean_average_precision"], abs=0.04)  # of 500, here 60


def test_it_is_small_and_takes_few_multiplications():
    from snnlab.graph.threads import multiplications

    assert (data.bundled.FOLDER / "mnist_detector.safetensors").stat().st_size < 1e6
    assert multiplications(model(), torch.zeros(1, 1, 64, 64)) < 10e6


def test_it_converts_and_its_outputs_are_not_spikes():
    net = sl.convert(model(), scenes().x[:8])
    sl.verify(model(), net, scenes().x[:4])
    assert not any(isinstance(m, nn.ReLU) for m in (model().classes[-1], model().box[-1]))
    np.testing.assert_allclose(sl.ann(net, scenes().x).outputs, said(), atol=1e-3)
    boxes = sl.simulate(net, scenes().x[:8], 8).output_sums[-1, :, 10:]
    assert 0.2 < (boxes < 0).mean() < 0.8


@pytest.mark.slow
@pytest.mark.parametrize(("timesteps", "loss"), [(8, 0.05), (32, 0.02)])
def test_its_spiking_twin_finds_nearly_as_much(timesteps, loss):
    x, y = scenes()
    record = sl.simulate(spiking(timesteps), x, timesteps)
    found = mean_average_precision(record.outputs[-1], y)
    assert found >= mean_average_precision(said(), y) - loss - 0.01  # a scene is a sixtieth
    boxes = mean_average_precision(
        np.concatenate([record.outputs[-1][:, :10], record.outputs[-1][:, 10:].clip(0)], 1), y
    )
    assert boxes < found - 0.1


@pytest.mark.slow
def test_the_error_is_split_and_diagnosed_by_precision():
    x, y = scenes(24)
    net = sl.convert(model(), data.load_scenes(64, "train", seed=99).x)
    record = sl.simulate(net, x, 4)
    over_time = record.accuracy(y, metric=mean_average_precision)
    assert over_time.shape == (4,)
    assert over_time[-1] == mean_average_precision(record.outputs[-1], y)
    parts = sl.decompose(net, x, record)
    error = record.outputs[-1] - sl.ann(net, x).outputs
    np.testing.assert_allclose(parts.total("output"), error, atol=1e-3)
    for layer in net.layers:
        own = record.counts(layer) * np.reshape(net.thresholds[layer], (-1, 1, 1)) / 4
        right = parts.activations[layer]
        np.testing.assert_allclose(parts.total(layer), own - right, atol=1e-3)
    diagnosis = sl.diagnose(net, x, y, 4, metric=mean_average_precision)
    assert diagnosis.snn == over_time[-1]
    assert diagnosis.ann == mean_average_precision(sl.ann(net, x).outputs, y)
    assert diagnosis.ann - diagnosis.snn > 0.1
    assert diagnosis.remedies
    assert "mean_average_precision" in diagnosis.sentences[0]
