"""What a simulation leaves behind: numpy arrays whose means follow from their sums."""

import copy
import dataclasses
from collections.abc import Mapping
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from torch import nn

import snnlab as sl
from snnlab.conversion import statistics

X = torch.randint(0, 17, (6, 1, 6, 6), generator=torch.Generator().manual_seed(0)) / 16
T = 12


def model():
    generator = torch.Generator().manual_seed(1)
    built = nn.Sequential(
        nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(48, 5), nn.ReLU(), nn.Linear(5, 4)
    )
    for parameter in built.parameters():
        parameter.data = torch.randint(-32, 33, parameter.shape, generator=generator) / 64
    return built.eval()


NET = sl.convert(model(), X, threshold=sl.Fixed({"1": 1.0, "4": [1.0, 2.0, 0.5, 1.0, 4.0]}))


@pytest.fixture(scope="module")
def record():
    return sl.simulate(NET, X, T, spikes=True, potentials=True, at=(3, 1, 8, 12))


@pytest.fixture(scope="module")
def poisson():
    return sl.simulate(NET, X, T, input="poisson", seed=0, spikes=True, at=(5,))


def identity(values, timesteps, theta=1.0, **options):
    """Simulate neurons that get `values` as constant current, without a start potential."""
    net = sl.convert(nn.ReLU(), values, threshold=sl.Fixed(theta), v_init=0.0)
    return sl.simulate(net, values, timesteps, **options)


# --- counts, rates, trains, potentials -------------------------------------------------------


def test_shapes_have_time_first_then_the_batch(record):
    assert record.layers == ["1", "4"]
    assert record.timesteps == T
    assert record.outputs.shape == (T, 6, 4)
    for layer, shape in {"1": (3, 4, 4), "4": (5,)}.items():
        assert record.counts(layer).shape == (6, *shape)
        assert record.rates(layer).shape == (6, *shape)
        assert record.spikes(layer).shape == (T, 6, *shape)
        assert record.potentials(layer).shape == (T, 6, *shape)


def test_trains_are_zeros_and_ones_and_both_occur(record):
    for layer in record.layers:
        assert set(np.unique(record.spikes(layer))) == {0, 1}
        assert record.spikes(layer).dtype == np.int32


def test_counts_are_the_sums_of_the_trains(record, poisson):
    for layer in record.layers:
        running = record.spikes(layer).cumsum(0, dtype=int)
        assert np.array_equal(record.counts(layer), running[-1])
        for step in (1, 3, 8, T):
            assert np.array_equal(record.counts(layer, step), running[step - 1])
            assert np.array_equal(record.rates(layer, step), running[step - 1] / step)
    for layer in ["input", *poisson.layers]:
        running = poisson.spikes(layer).cumsum(0, dtype=int)
        assert np.array_equal(poisson.counts(layer), running[-1])
        assert np.array_equal(poisson.counts(layer, 5), running[4])


def test_rates_are_counts_over_all_steps(record):
    for layer in record.layers:
        assert np.array_equal(record.rates(layer), record.counts(layer) / T)
        assert record.rates(layer).max() <= 1


@pytest.mark.parametrize(
    ("timesteps", "dtype"), [(1, np.uint8), (255, np.uint8), (256, np.uint16), (70000, np.uint32)]
)
def test_counts_are_kept_in_the_smallest_type_that_holds_them(timesteps, dtype):
    record = identity([[1.0, 0.25]], timesteps)
    assert record.totals.kept["relu"].dtype == dtype
    assert record.counts(0).dtype == np.int64
    assert record.counts(0).tolist() == [[timesteps, timesteps // 4]]


def test_counts_at_a_step_are_kept_in_the_smallest_type_for_that_step():
    record = identity([[1.0]], 300, at=(255, 256))
    kept = [record.at[255], record.at[256], record.totals]
    assert [counts.kept["relu"].dtype for counts in kept] == ["u1", "u2", "u2"]
    assert [record.counts(0, step).item() for step in (255, 256, 300)] == [255, 256, 300]


def test_potentials_are_taken_after_the_reset():
    values = [[0.375, 1.5, -0.25]]
    soft = identity(values, 4, potentials=True).potentials(0)[:, 0]
    assert soft.tolist() == [
        [0.375, 0.5, -0.25],
        [0.75, 1.0, -0.5],
        [0.125, 1.5, -0.75],
        [0.5, 2.0, -1.0],
    ]
    hard = identity(values, 4, potentials=True, reset="zero").potentials(0)[:, 0]
    assert hard[:, :2].tolist() == [[0.375, 0.0], [0.75, 0.0], [0.0, 0.0], [0.375, 0.0]]


def test_potentials_are_in_units_of_the_activation():
    record = identity([[0.75]], 2, theta=2.0, potentials=True)
    assert record.potentials(0).ravel().tolist() == [0.75, 1.5]


def test_positions_stand_for_names(record, poisson):
    for run in (record, poisson):
        for positions in ((0, "1"), (1, "4"), (-1, "4"), (-2, "1"), (np.int64(1), "4")):
            position, name = positions
            assert np.array_equal(run.counts(position), run.counts(name))
            assert np.array_equal(run.spikes(position), run.spikes(name))
    assert record.potentials(-1) is record.potentials("4")


def test_only_what_was_asked_for_is_kept():
    record = sl.simulate(NET, X, 4, spikes=[-1], potentials="1")
    assert list(record.recorded_spikes) == ["4"]
    assert list(record.recorded_potentials) == ["1"]
    assert dict(record.at) == {}
    with pytest.raises(sl.OptionError, match=r"'1'.*spikes were not recorded.*spikes=\['1'\]"):
        record.spikes("1")
    with pytest.raises(sl.OptionError, match=r"'4'.*potentials were not.*potentials=\['4'\]"):
        record.potentials(-1)


def test_recording_changes_no_spike(record):
    plain = sl.simulate(NET, X, T)
    for layer in record.layers:
        assert np.array_equal(plain.counts(layer), record.counts(layer))
    assert np.array_equal(plain.outputs, record.outputs)


# --- outputs and accuracy --------------------------------------------------------------------


def test_outputs_are_the_accumulated_current_over_the_steps_so_far(record):
    last = [p.detach().double().numpy() for p in model()[5].parameters()]
    theta = np.array([1.0, 2.0, 0.5, 1.0, 4.0])
    current = (record.spikes("4") * theta) @ last[0].T + last[1]
    accumulated = current.cumsum(0)
    assert np.array_equal(record.output_sums, accumulated)
    for step in range(T):
        expected = accumulated[step] / np.float32(step + 1)
        np.testing.assert_allclose(record.outputs[step], expected, rtol=1e-6)


def test_outputs_are_exact_quotients():
    built = nn.Sequential(nn.ReLU(), nn.Linear(1, 1, bias=False))
    built[1].weight.data[:] = 0.5
    net = sl.convert(built, [[1.0]], threshold=sl.Fixed(1.0), v_init=0.0)
    record = sl.simulate(net, [[0.5]], 4)
    assert record.outputs.ravel().tolist() == [0.0, 0.25, np.float32(0.5) / np.float32(3), 0.25]


def hand_made(outputs):
    """Return a record whose accumulated outputs are given, shape (T, B, classes)."""
    outputs = np.array(outputs, dtype=float)
    return sl.Record(len(outputs), {"relu": sl.Neuron(1.0)}, "", "analog", {}, outputs)


def test_accuracy_by_hand():
    # Three images, two steps; the sums are divided by the steps, which changes no order.
    record = hand_made([[[1, 0, 0], [0, 0, 1], [5, 2, 4]], [[1, 2, 0], [0, 1, 2], [5, 2, 4]]])
    assert record.accuracy([0, 2, 1]).tolist() == [2 / 3, 1 / 3]
    assert record.accuracy([1, 2, 0]).tolist() == [2 / 3, 1.0]
    assert record.accuracy([2, 0, 2]).tolist() == [0.0, 0.0]


def test_accuracy_takes_every_kind_of_whole_numbers(record):
    y = record.outputs[-1].argmax(-1)
    y[:2] = (y[:2] + 1) % 4
    expected = (record.outputs.argmax(-1) == y).mean(-1)
    assert expected[-1] == 4 / 6
    for labels in (y, y.tolist(), y.astype(np.uint8), torch.from_numpy(y), tuple(y)):
        found = record.accuracy(labels)
        assert found.shape == (T,)
        assert np.array_equal(found, expected)


def test_accuracy_of_the_ann_is_one_number():
    ann = sl.ann(NET, X)
    y = ann.outputs.argmax(-1)
    assert ann.accuracy(y) == 1.0
    y[:2] += 1
    assert ann.accuracy(y) == pytest.approx(4 / 6)
    assert isinstance(ann.accuracy(y), float)


def test_the_ann_on_many_batches_is_the_ann_on_one(monkeypatch):
    whole = sl.ann(NET, X)
    monkeypatch.setattr(statistics, "_BATCH_BYTES", 1)
    parts = sl.ann(NET, X)
    assert np.array_equal(parts.outputs, whole.outputs)
    for layer in NET.layers:
        assert np.array_equal(parts.currents[layer], whole.currents[layer])
        assert np.array_equal(parts.activations[layer], whole.activations[layer])
        assert np.array_equal(whole.activations[layer], whole.currents[layer].clip(0))


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([0, 1, 2], r"y: shape \(3,\), expected \(6,\).*one label for each"),
        (np.zeros((6, 1), int), r"y: shape \(6, 1\), expected \(6,\)"),
        (np.eye(4)[[0, 1, 2, 3, 0, 1]], r"y: shape \(6, 4\), expected \(6,\)"),
        (3, r"y: shape \(\), expected \(6,\)"),
        (None, r"y: .*expected"),
        ([0.0, 1, 2, 3, 0, 1], r"y: type float64, expected whole numbers"),
        (["a"] * 6, r"y: type .*, expected whole numbers"),
        ([True] * 6, r"y: type bool, expected whole numbers"),
        ([[0], [1, 2], [3], [0], [1], [2]], r"y: .*expected"),
    ],
    ids=str,
)
def test_labels_refused(record, y, message):
    for of_accuracy in (record, sl.ann(NET, X)):
        with pytest.raises(sl.ShapeError, match=message):
            of_accuracy.accuracy(y)


def test_one_hot_labels_are_told_what_to_write(record):
    with pytest.raises(sl.ShapeError, match=r"argmax"):
        record.accuracy(np.eye(4)[[0, 1, 2, 3, 0, 1]])


def test_labels_of_images_are_no_labels_of_places():
    built = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Conv2d(2, 2, 1))
    net = sl.convert(built, X, threshold=sl.Fixed(1.0))
    for of_accuracy in (sl.simulate(net, X, 2), sl.ann(net, X)):
        with pytest.raises(sl.ShapeError, match=r"y: shape \(6,\), expected \(6, 4, 4\)"):
            of_accuracy.accuracy([0] * 6)


# --- what is not there -----------------------------------------------------------------------


@pytest.mark.parametrize("read", ["counts", "rates", "spikes", "potentials"])
def test_unknown_layers_are_refused_with_those_that_are_close(read):
    built = nn.Sequential()
    for name in ("relu1", "relu2", "activation"):
        built.add_module(name, nn.ReLU())
    net = sl.convert(built, [[1.0]], threshold=sl.Fixed(1.0))
    run = sl.simulate(net, [[0.5]], 2, spikes=True, potentials=True)
    with pytest.raises(sl.OptionError, match=r"'rel1'.*Did you mean 'relu1' or 'relu2'\?"):
        getattr(run, read)("rel1")
    with pytest.raises(sl.OptionError, match=r"'relu1', 'relu2', 'activation'"):
        getattr(run, read)("zzz")
    with pytest.raises(sl.OptionError, match=r"layer 3.*from -3 to 2"):
        getattr(run, read)(3)


def test_a_step_that_was_not_recorded_is_refused(record):
    message = r"step = 2:.*\[1, 3, 8, 12(, 12)?\].*at="
    for read in (record.counts, record.rates):
        with pytest.raises(sl.OptionError, match=message):
            read("1", 2)


@pytest.mark.parametrize("step", [0, -1, 13, "3", [3]])
def test_a_step_that_cannot_be_is_refused(record, step):
    with pytest.raises(sl.OptionError, match="step = "):
        record.counts("1", step)


def test_the_input_is_a_layer_with_poisson_input_only(record, poisson):
    assert poisson.counts("input").shape == (6, 1, 6, 6)
    assert poisson.spikes("input").shape == (T, 6, 1, 6, 6)
    assert "input" not in poisson.layers
    with pytest.raises(sl.OptionError, match="'input'"):
        record.counts("input")


def test_poisson_trains_fire_as_often_as_the_pixel_says():
    x = np.repeat([[0.0, 0.125, 0.5, 0.875, 1.0]], 200, axis=0)
    rates = identity(x, 200, input="poisson", seed=0).rates("input")
    assert rates[:, 0].max() == 0
    assert rates[:, 4].min() == 1
    # 40,000 draws for each pixel: the standard error is at most 0.0025.
    np.testing.assert_allclose(rates.mean(0), x[0], atol=0.01)


def test_poisson_trains_of_the_input_are_recorded_on_request_only():
    run = sl.simulate(NET, X, 3, input="poisson", seed=0, spikes=["input"])
    assert list(run.recorded_spikes) == ["input"]
    bare = sl.simulate(NET, X, 3, input="poisson", seed=0)
    assert not bare.recorded_spikes
    assert np.array_equal(bare.counts("input"), run.spikes("input").sum(0))


# --- numpy only ------------------------------------------------------------------------------


def values_in(thing):
    """Yield everything that a dataclass, mapping or sequence holds, all the way down."""
    yield thing
    if dataclasses.is_dataclass(thing):
        parts = [getattr(thing, field.name) for field in dataclasses.fields(thing)]
    elif isinstance(thing, Mapping):
        parts = [*thing, *thing.values()]
    else:
        parts = thing if isinstance(thing, (list, tuple, set)) else []
    for part in parts:
        yield from values_in(part)


def test_a_record_holds_numpy_arrays_and_plain_values_only(record, poisson):
    report = sl.decompose(NET, X, record)
    for result in (record, poisson, sl.ann(NET, X), report):
        found = list(values_in(result))
        assert any(isinstance(value, np.ndarray) for value in found)
        plain = (np.ndarray, str, int, float, Mapping, sl.Neuron, type(result), type(None))
        assert [type(value) for value in found if not isinstance(value, plain)] == []


def test_a_record_shares_no_memory_with_the_images():
    x = np.array([[0.5, 1.0]], np.float32)
    net = sl.convert(nn.ReLU(), x, threshold=sl.Fixed(1.0))
    for result in (sl.simulate(net, x, 1, potentials=True), sl.ann(net, x)):
        found = [value for value in values_in(result) if isinstance(value, np.ndarray)]
        assert found
        assert not any(np.shares_memory(value, x) for value in found)


# --- tables ----------------------------------------------------------------------------------


def test_text_table_shows_layers_and_activity(record, poisson):
    title, header, *rows = repr(record).splitlines()
    assert "6 images over 12 steps, analog input" in title
    assert header.startswith("layer")
    for row, layer, shape in zip(rows, ["1", "4"], ["3×4×4", "5"], strict=True):
        counts = record.counts(layer)
        assert row.split() == [
            layer,
            shape,
            f"{counts.sum() / 6:.1f}",
            f"{counts.mean() / T:.4f}",
            f"{100 * (counts == 0).mean():.1f}%",
        ]
    assert [line.split()[0] for line in repr(poisson).splitlines()[2:]] == ["input", "1", "4"]
    assert "poisson input" in repr(poisson)


def test_html_table_holds_the_same(record):
    table = ElementTree.fromstring(record._repr_html_())
    title, _, *lines = repr(record).splitlines()
    assert table.find("caption").text == title
    rows = [["".join(cell.itertext()) for cell in row] for row in table.findall("tbody/tr")]
    assert rows == [line.split() for line in lines]


def test_table_of_the_error_names_its_parts(record, poisson):
    report = repr(sl.decompose(NET, X, record))
    for word in ("propagated", "clipping", "quantization", "deviation", "total", "output"):
        assert word in report
    html = sl.decompose(NET, X, poisson)._repr_html_()
    rows = ElementTree.fromstring(html).findall("tbody/tr")
    assert [row[0].text for row in rows] == ["input", "1", "4", "output"]


def test_a_record_is_frozen(record):
    with pytest.raises(dataclasses.FrozenInstanceError):
        record.timesteps = 3


def test_a_record_can_be_copied(record):
    copied = copy.deepcopy(record)
    assert np.array_equal(copied.counts(0), record.counts(0))
    assert copied.fingerprint == record.fingerprint


def test_a_step_is_one_number(record):
    with pytest.raises(sl.OptionError, match="step = "):
        record.counts(0, np.array([1, 2]))
