"""The solutions of notebook 10 beside `operations` and `energy`, and what its prose claims."""

import inspect
import math
from functools import cache

import numpy as np
import pytest
import torch
from torch import nn

import snnlab as sl
from snnlab import data
from snnlab.course.exercises import notebook_10

PRICES = inspect.signature(sl.energy).parameters
MAC, AC = PRICES["mac"].default, PRICES["ac"].default


def counted(net, x, steps):
    return sl.operations(net, sl.simulate(net, x, steps))


def per_connection(count):
    return count.totals["synaptic"] / count.totals["true"]


def busy(count):
    return count.totals["spikes"] / count.totals["updates"]


def bearable(count):
    bill = sl.energy(count, update=0)
    return (bill.ann - bill.snn) / count.totals["updates"]


# --- the solutions ---------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "channels"), [(1, 3), (2, 1), (3, 5), (5, 2)])
def test_the_fan_out_is_that_of_operations(size, channels):
    model = nn.Sequential(nn.ReLU(), nn.Conv2d(2, channels, 3, padding=1), nn.ReLU())
    x = torch.rand(1, 2, size, size)
    fan_outs = counted(sl.convert(model, x, threshold=sl.Fixed(1.0)), x, 1).fan_out("0")
    for (_, row, column), ours in np.ndenumerate(fan_outs):
        assert notebook_10.fan_out(row, column, size, channels) == ours


def test_at_the_losing_price_both_take_the_same():
    model = nn.Sequential(nn.ReLU(), nn.Linear(2, 50), nn.ReLU(), nn.Linear(50, 9))
    x = torch.rand(5, 2)
    count = counted(sl.convert(model, x, threshold=sl.Fixed(1.0)), x, 3)
    free = sl.energy(count, update=0)
    price = notebook_10.losing_price(free.ann, free.snn, 52, 3)
    assert price > 0
    assert sl.energy(count, update=price).snn == pytest.approx(free.ann, rel=1e-12)


@pytest.mark.parametrize("rate", [0.05, 0.1366, 1.0, 7.5])
def test_the_true_ratio_takes_the_second_rate_out(rate):
    for mac, ac in ((MAC, AC), (0.23, 0.03)):
        twice = mac * 1e6 / (ac * (rate * 1e6) * rate)
        once = mac * 1e6 / (ac * (rate * 1e6))
        assert notebook_10.true_ratio(twice, mac, ac) == pytest.approx(once, rel=1e-12)


def test_the_published_table_has_the_rate_in_it_twice():
    """PMC10242054, Table 3; the printed numbers are rounded."""
    assert math.isclose(MAC / AC / 0.1366**2, 273.77, rel_tol=2e-3)
    assert round(notebook_10.true_ratio(273.77, MAC, AC)) == round(MAC / AC / 0.1366) == 37


# --- what the prose claims, on fewer images ----------------------------------------------------


@cache
def deep():
    """Return the digits, the 110 layers converted as usual, and their operations by steps."""
    digits = data.load_digits()
    net = sl.convert(data.load_network("digits_resnet110"), digits.x_train[:256])
    record = sl.simulate(net, digits.x_test[:20], 56, at=[32])
    return digits, net, {T: sl.operations(net, record, step=T) for T in (32, 56)}


@cache
def recipe():
    digits, *_ = deep()
    few = sl.recipes.deep(data.load_network("digits_resnet110"), digits.x_train[:256], 4)
    return counted(few, digits.x_test[:20], 4)


@pytest.mark.slow
def test_a_third_of_the_macs_is_padding():
    _, _, counts = deep()
    totals = counts[56].totals
    assert 1 - totals["true"] / totals["nominal"] == pytest.approx(1 / 3, abs=0.01)


@pytest.mark.slow
def test_it_takes_more_than_the_ann_and_every_layer_passes_the_break_even():
    _, _, counts = deep()
    assert sl.energy(counts[56]).snn > 1.4 * sl.energy(counts[56]).ann
    assert sl.energy(counts[32]).snn < sl.energy(counts[32]).ann
    by_layer = [row["synaptic"] / row["true"] for row in counts[56].rows if row["synaptic"]]
    assert min(by_layer) > MAC / AC
    assert per_connection(counts[56]) / 56 < 0.15


@pytest.mark.slow
def test_the_dots_that_climb_read_the_sum_behind_a_shortcut():
    """The first layer of a block does; the second reads the neurons inside of the block."""
    _, _, counts = deep()
    arrived = {row["layer"]: row["synaptic"] / row["true"] for row in counts[56].rows[1:]}
    for stage in (1, 2, 3):
        blocks = [name for name in arrived if name.startswith(f"stage{stage}.")]
        # The first block of a stage reads the sums of the stage before.
        sums = [arrived[name] for name in blocks if name.endswith("relu1")][1:]
        inside = [arrived[name] for name in blocks if not name.endswith("relu1")][1:]
        assert np.corrcoef(np.arange(len(sums)), sums)[0, 1] > 0.95
        assert sums[-1] - sums[0] > 1.5
        assert sums[-1] > max(inside) + 1


@pytest.mark.slow
def test_fewer_steps_are_busier():
    _, _, counts = deep()
    usual, few = counts[56], recipe()
    assert 1.7 < busy(few) / busy(usual) < 2.5
    assert 5 < sl.energy(usual).snn / sl.energy(few).snn < 9  # of 14 times fewer steps
    assert sl.energy(few).snn < 0.3 * sl.energy(few).ann
    assert usual.totals["updates"] == 14 * few.totals["updates"]


@pytest.mark.slow
def test_a_burst_of_four_costs_four_additions():
    digits, *_ = deep()
    net = sl.convert(data.load_network("digits_resnet20"), digits.x_train[:256])
    burst = net.replace(max_spikes=4, scale=1 / 4)
    one, four = counted(net, digits.x_test, 8), counted(burst, digits.x_test, 2)
    assert four.totals["synaptic"] == pytest.approx(one.totals["synaptic"], rel=0.1)
    right = [
        sl.simulate(n, digits.x_test, T).accuracy(digits.y_test)[-1]
        for n, T in ((net, 8), (burst, 2))
    ]
    assert right[1] > right[0] + 0.05


@pytest.mark.slow
def test_the_updates_of_the_recipe_may_cost_more_than_a_small_memory():
    """10 pJ: the 20 layers are at their limit, the 110 have lost, the recipe hardly feels it."""
    digits, _, counts = deep()
    net = sl.convert(data.load_network("digits_resnet20"), digits.x_train[:256])
    assert bearable(counted(net, digits.x_test[:100], 24)) == pytest.approx(10, abs=2)
    assert bearable(counts[32]) < 5
    assert bearable(recipe()) > 100


@pytest.mark.slow
def test_the_first_layer_of_a_small_network_is_most_of_its_bill():
    images, _ = data.load_mnist()
    net = sl.convert(data.load_network("mnist_mlp"), images[:1000])
    count = counted(net, images[1000:1050], 4)
    bill = sl.energy(count)
    once = MAC * count.totals["multiplications"]
    assert per_connection(count) < MAC / AC / 50
    assert once > 0.9 * bill.snn
    assert 0.35 < once / bill.ann < 0.45
    assert 4 * once > bill.ann
