"""What the tests of sinabs ask of a converter, asked of this one.

Each docstring names the tests of synsense/sinabs, version 904eb89, whose property is restated.
Left out is what has no counterpart: leaks, recurrence, gradients, hardware. One property is
decided otherwise: there a neuron may spike several times in a step, here once at most.
"""

import copy
import functools
import itertools

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from helpers import seeded
from helpers.seeded import rand
from matplotlib.axes import Axes
from torch import nn

import snnlab as sl

randomized = functools.partial(seeded.randomized, seed=3, spread=0.4)


def cnn():
    """Return test_from_model.CNN, smaller."""
    return randomized(
        nn.Sequential(
            nn.Conv2d(1, 6, 3, bias=False),
            nn.BatchNorm2d(6),
            nn.ReLU(),
            nn.AvgPool2d(2),
            nn.Conv2d(6, 4, 3),
            nn.BatchNorm2d(4, affine=False),
        )
    )


def nested():
    """Return the nested model of test_from_model, smaller."""
    return randomized(
        nn.Sequential(
            nn.Conv2d(1, 2, 1),
            nn.Sequential(nn.AvgPool2d(2), nn.ReLU(), nn.Conv2d(2, 2, 1)),
            nn.ReLU(),
            nn.AvgPool2d(2),
            nn.Sequential(nn.Conv2d(2, 2, 2), nn.Sequential(nn.Flatten(), nn.Linear(8, 4))),
        )
    )


def pictures(number=3, side=12, seed=0):
    return rand(number, 1, side, side, seed=seed)


def neurons(threshold=1.0, **options):
    """Return a network of three neurons that get the images themselves."""
    return sl.convert(nn.ReLU(), torch.ones(1, 3), threshold=sl.Fixed(threshold), **options)


# From a model to a spiking network


def test_linear_and_relu():
    """test_from_model.py: test_network_conversion_basic."""
    model = randomized(nn.Sequential(nn.Linear(5, 10), nn.ReLU()))
    net = sl.convert(model, rand(8, 5))
    assert net.layers == ["1"]
    assert isinstance(net.neurons["1"], sl.Neuron)


@torch.no_grad()
@pytest.mark.parametrize("spikes", ["regular", "poisson"])
def test_mean_output_for_spiking_images(spikes):
    """test_from_model.py: test_network_conversion_advanced, within the same 0.025."""
    model, x = cnn(), pictures(1)
    net = sl.convert(model, x, threshold=sl.Maximum())
    record = sl.simulate(net, x, 4000, input="regular", seed=0)
    found = record.outputs[-1] if spikes == "regular" else poisson_mean(net, x)
    assert np.allclose(found, model(x), atol=0.025 if spikes == "regular" else 0.1)


def poisson_mean(net, x):
    """Return the mean output over many images with the same pixels, each with its own train."""
    record = sl.simulate(net, x.repeat(16, 1, 1, 1), 1000, input="poisson", seed=0)
    return record.outputs[-1].mean(0)


def test_spiking_output():
    """test_from_model.py: test_network_conversion_add_spk_out."""
    model = cnn()
    names = [name for name, _ in model.named_modules()]
    net = sl.convert(model, pictures(), readout="spikes")
    assert net.layers == ["2", "readout"]
    assert names == [name for name, _ in model.named_modules()]
    assert sl.simulate(net, pictures(), 10).counts("readout").max() > 0


def test_nested_model():
    """test_from_model.py: test_network_conversion_complicated_model."""
    model, x = nested(), pictures()
    net = sl.convert(model, x)
    assert net.layers == ["1.1", "2"]
    assert np.allclose(sl.ann(net, x).outputs, model(x).detach(), atol=1e-5)


@pytest.mark.parametrize("number", [1, 32])
def test_any_number_of_images(number):
    """test_from_model.py: test_network_conversion_with_batch_size."""
    net = sl.convert(nested(), pictures())
    assert sl.simulate(net, pictures(number), 2).counts("2").shape == (number, 2, 6, 6)


@pytest.mark.parametrize("timesteps", [1, 32])
def test_any_number_of_steps(timesteps):
    """test_from_model.py: test_network_conversion_with_num_timesteps."""
    net = sl.convert(nested(), pictures())
    assert len(sl.simulate(net, pictures(), timesteps).outputs) == timesteps


@pytest.mark.parametrize("device", ["cpu", torch.device("cpu")])
def test_device(device):
    """test_from_model.py: test_parameter_devices."""
    net = sl.convert(cnn(), pictures()).to(device)
    assert net.graph.device.type == "cpu"
    assert sl.simulate(net, pictures(), 2).outputs.shape == (2, 3, 4, 3, 3)


def test_threshold_of_three():
    """test_from_model.py: test_activation_change, ten steps of 1 against a threshold of 3."""
    net = neurons(3.0, reset="zero", v_init=0.0)
    assert sl.simulate(net, [[1.0, 0.0, 0.0]], 10).counts("relu").tolist() == [[10 // 3, 0, 0]]


def test_one_spike_for_a_large_current():
    """test_from_model.py: test_activation_change, a current of 7 against a threshold of 3."""
    net = neurons(3.0, reset="zero", v_init=0.0)
    assert sl.simulate(net, [[7.0, 0.0, 0.0]], 1).counts("relu").tolist() == [[1, 0, 0]]


def test_options_reach_every_layer():
    """test_from_model.py: test_activation_change, its second layer."""
    net = sl.convert(nested(), pictures(), threshold=sl.Fixed(3.0), reset="zero", v_init=0.0)
    assert {n.v_threshold for n in net.neurons.values()} == {3.0}
    assert {(n.reset, n.v_init) for n in net.neurons.values()} == {("zero", 0.0)}


def test_sum_pooling():
    """test_from_model.py: test_activation_change, its SumPool2d."""
    model, x = nn.Sequential(nn.ReLU(), nn.LPPool2d(1, 2)), pictures()
    net = sl.convert(model, x, threshold=sl.Maximum())
    assert np.allclose(sl.ann(net, x).outputs, 4 * F.avg_pool2d(x, 2), atol=1e-5)


# Other settings for a network


def test_new_thresholds_for_all_layers():
    """test_conversion.py: test_layer_replacement_sequential."""
    net = sl.convert(nested(), pictures(), threshold=sl.Fixed({"1.1": 2.0, "2": 1.0}))
    other = net.replace(reset="zero")
    assert other.thresholds == {"1.1": 2.0, "2": 1.0}
    assert {n.reset for n in other.neurons.values()} == {"zero"}
    assert other is not net


def test_new_thresholds_by_name():
    """test_conversion.py: test_layer_replacement_arbitrary."""
    net = sl.convert(nested(), pictures(), threshold=sl.Fixed(1.0))
    assert net.replace(threshold={"2": 5.0}).thresholds == {"1.1": 1.0, "2": 5.0}


@pytest.mark.parametrize("layer", ["1.1", 0])
def test_one_layer_alone(layer):
    """test_conversion.py: test_layer_replacement_individual."""
    net = sl.convert(nested(), pictures(), threshold=sl.Fixed(1.0)).replace(layer, v_init=0.25)
    assert [n.v_init for n in net.neurons.values()] == [0.25, 0.5]


def test_a_network_never_changes():
    """test_conversion.py: test_layer_replacement_individual_in_place."""
    net = neurons()
    assert net.replace(threshold=2.0) is not net
    assert net.thresholds == {"relu": 1.0}
    with pytest.raises(AttributeError):
        net.max_pool = "gate"


def test_normalized_weights():
    """test_normalize_weights.py: test_normalize_weights_cpu, which does not look at the result."""
    net = sl.convert(cnn(), pictures(), threshold=sl.Percentile(100))
    normalized = sl.normalize_weights(net)
    assert normalized.thresholds == {"2": 1.0}
    found, expected = (sl.ann(n, pictures()).outputs for n in (normalized, net))
    assert np.allclose(found, expected, atol=1e-5)


# A network as a whole


def test_activations_beside_rates():
    """test_network_class.py: test_compare_activations."""
    net, x = sl.convert(nested(), pictures(), threshold=sl.Maximum()), pictures()
    activations, record = sl.ann(net, x).activations, sl.simulate(net, x, 200)
    assert list(activations) == record.layers == ["1.1", "2"]
    for name, theta in net.thresholds.items():
        assert activations[name].shape == record.rates(name).shape
        assert np.abs(theta * record.rates(name) - activations[name]).max() < 0.03 * theta


@pytest.mark.parametrize("layer", ["1.1", "2"])
def test_plot_of_activations_and_rates(layer):
    """test_network_class.py: test_plot_comparison."""
    net, x = sl.convert(nested(), pictures()), pictures()
    ax = sl.plots.activation_against_rate(sl.decompose(net, x, sl.simulate(net, x, 16)), layer)
    assert isinstance(ax, Axes)


def test_copy():
    """test_network_class.py: test_deepcopy."""
    net = sl.convert(cnn(), pictures())
    other = copy.deepcopy(net)
    parts, copies = (n.graph.module.state_dict() for n in (net, other))
    assert list(parts) == list(copies)
    assert all(torch.equal(parts[k], copies[k]) and parts[k] is not copies[k] for k in parts)
    assert other.thresholds == net.thresholds
    assert other.fingerprint == net.fingerprint


def test_each_run_begins_anew():
    """test_network_class.py: test_reset_states; test_stateful_layer.py: test_lif_reset."""
    net = sl.convert(nested(), pictures())
    first, second = (sl.simulate(net, pictures(), 5).output_sums for _ in range(2))
    assert np.array_equal(first, second)


@pytest.mark.parametrize("used", [False, True])
def test_copy_of_neurons(used):
    """test_copy.py: test_deepcopy_iaf and test_deepcopy_iaf_uninitialized."""
    net = neurons(0.75, v_init=0.25)
    if used:
        sl.simulate(net, rand(4, 3), 5)
    other = copy.deepcopy(net)
    runs = [sl.simulate(n, rand(4, 3), 5, potentials=True) for n in (net, other)]
    assert np.array_equal(*(run.potentials("relu") for run in runs))
    assert repr(other.neurons["relu"]) == repr(net.neurons["relu"])


@pytest.mark.parametrize("numbers", [(2, 4), (4, 2), (2, 2), (2, 5), (5, 7), (2, 11)])
def test_images_of_other_numbers_one_after_the_other(numbers):
    """test_batch_mismatch.py and test_batch_size_update.py: test_batch_size_mismatch.

    Also test_layers/test_stateful_layer.py: test_changing_batch_size.
    """
    net = neurons(50.0)
    for number in numbers:
        record = sl.simulate(net, torch.ones(number, 3), 10, potentials=True)
        assert record.potentials("relu").shape == (10, number, 3)
        assert (record.potentials("relu")[-1] == 35.0).all()


def test_images_of_another_shape():
    """test_batch_mismatch.py: test_trailing_dim_change; here a network is bound to its images."""
    net = sl.convert(nested(), pictures())
    with pytest.raises(sl.ShapeError, match="convert again with images of the new shape"):
        sl.simulate(net, pictures(side=10), 10)


# Neurons


def test_spikes():
    """test_layers/test_iaf.py: test_iaf_basic."""
    net = sl.convert(nn.ReLU(), torch.ones(1, 2, 7, 7))
    record = sl.simulate(net, rand(10, 2, 7, 7), 100, spikes=True)
    trains = record.spikes("relu")
    assert trains.shape == (100, 10, 2, 7, 7)
    assert np.isfinite(trains).all()
    assert trains.sum() > 0


def test_recorded_potentials():
    """test_layers/test_iaf.py: test_iaf_v_mem_recordings."""
    record = sl.simulate(neurons(), rand(4, 3), 9, spikes=True, potentials=True)
    assert record.potentials("relu").shape == record.spikes("relu").shape == (9, 4, 3)


def test_one_spike_a_step():
    """test_layers/test_iaf.py: test_iaf_single_spike and, decided otherwise, test_iaf_max_spike."""
    x = torch.cat([100 * rand(4, 3), torch.full((1, 3), 0.1)])
    trains = sl.simulate(neurons(), x, 50, spikes=True).spikes("relu")
    assert set(np.unique(trains)) == {0, 1}


@pytest.mark.parametrize("memory", [2**30, 2**14])
def test_time_within_the_batch(memory):
    """test_layers/test_iaf.py: test_iaf_squeezed; test_layers/test_reshaping.py, all three.

    Time is folded into the batch in blocks, of which nothing is seen.
    """
    net, x = sl.convert(cnn(), pictures(1)), pictures(8)
    record = sl.simulate(net, x, 20, memory=2**30)
    blocks = sl.simulate(net, x, 20, memory=memory * 8)
    assert np.array_equal(blocks.counts("2"), record.counts("2"))
    assert np.allclose(blocks.output_sums, record.output_sums, atol=1e-4)


def test_rate_is_spikes_by_steps():
    """test_layers/test_iaf.py: test_iaf_firing_rate."""
    record = sl.simulate(neurons(), rand(5, 3), 10, spikes=True)
    spikes = int(record.spikes("relu").sum())
    assert record.rates("relu").mean() == pytest.approx(spikes / (5 * 10 * 3))


RESET = {
    "SingleSpike, MembraneSubtract": ("subtract", 1.0, 2.5, [1], 1.5),
    "SingleSpike, below the threshold": ("subtract", 1.0, 0.3, [0], 0.3),
    "SingleSpike, MembraneReset": ("zero", 1.0, 2.5, [1], 0.0),
    "SingleSpike, MembraneReset, below": ("zero", 1.0, 0.3, [0], 0.3),
}


@pytest.mark.parametrize(("reset", "theta", "z", "spikes", "v"), RESET.values(), ids=RESET)
def test_reset(reset, theta, z, spikes, v):
    """test_activations.py: test_activation_functions."""
    net = sl.convert(nn.ReLU(), [[1.0]], threshold=sl.Fixed(theta), reset=reset, v_init=0.0)
    record = sl.simulate(net, [[z]], 1, potentials=True)
    assert record.counts("relu")[0].tolist() == spikes
    assert record.potentials("relu")[0, 0, 0] == pytest.approx(v)


def test_what_one_step_cannot_pass_on_waits():
    """test_activations.py: test_maxspike_activation, with one spike at most."""
    net = sl.convert(nn.ReLU(), [[1.0]], threshold=sl.Fixed(1.0), v_init=0.0)
    record = sl.simulate(net, [[6.5], [1.3]], 1, potentials=True)
    assert record.counts("relu").tolist() == [[1], [1]]
    assert np.allclose(record.potentials("relu")[0, :, 0], [5.5, 0.3])


# Pooling, branches


def test_shape_of_max_pooling():
    """test_layers/test_maxpooling.py: test_maxpool2d."""
    net = sl.convert(nn.Sequential(nn.ReLU(), nn.MaxPool2d(2)), rand(2, 2, 10, 10))
    assert sl.simulate(net, rand(2, 2, 10, 10), 3).outputs.shape == (3, 2, 2, 5, 5)


@pytest.mark.parametrize("how", ["exact", "gate"])
def test_max_pooling_passes_the_busiest_neuron_on(how):
    """test_layers/test_maxpooling.py: test_maxpool_function."""
    x = 0.1 * rand(1, 1, 2, 3)
    x[..., 0, 2] = 1.0
    model = nn.Sequential(nn.ReLU(), nn.MaxPool2d((2, 3)))
    net = sl.convert(model, x, threshold=sl.Fixed(1.0), max_pool=how)
    assert sl.simulate(net, x, 10).output_sums[-1].item() == 10.0


class Merge(nn.Module):
    def forward(self, x):
        return torch.relu(x[:, :1]) + torch.relu(x[:, 1:])


@pytest.mark.parametrize("channels", [2, 5])
def test_sum_of_branches(channels):
    """test_layers/test_merge.py: test_morph_same_size and test_morph_different_size."""
    x = rand(2, channels, 4, 4)
    net = sl.convert(Merge(), x, threshold=sl.Fixed(1.0))
    record = sl.simulate(net, x, 6)
    expected = sum(record.counts(name) for name in net.layers)
    assert record.output_sums[-1].shape == (2, channels - 1, 4, 4)
    assert np.array_equal(record.output_sums[-1], expected)


def test_cropping_and_shifting_of_channels():
    """test_layers/test_crop2d.py: test_crop2d; test_channelshift.py: test_channel_shift."""

    class Cropped(nn.Module):
        def forward(self, x):
            return F.pad(torch.relu(x)[:, :, 2:-3, 3:-1], (0, 0, 0, 0, 14, 0))

    x = rand(2, 10, 10, 10)
    net = sl.convert(Cropped(), x, threshold=sl.Fixed(1.0), v_init=0.0)
    record = sl.simulate(net, x, 8)
    assert record.outputs.shape == (8, 2, 24, 5, 6)
    assert (record.outputs[-1][:, :14] == 0).all()
    rates = record.rates("relu")[:, :, 2:-3, 3:-1]
    assert np.allclose(record.outputs[-1][:, 14:], rates)


LAYERS = {
    "test_conv2d": ((nn.Conv2d(1, 3, 2),), (1, 8, 8), "Conv2d"),
    "test_conv1d": ((nn.Conv1d(4, 4, 3),), (4, 8), "Conv1d"),
    "test_from_linear_to_nir": ((nn.Linear(2, 3),), (2,), "Affine"),
    "test_2dcnn_network": (
        (nn.Conv2d(2, 4, 3, padding=1), nn.ReLU(), nn.LPPool2d(1, 2), nn.Flatten(),
         nn.Linear(100, 5)),
        (2, 10, 10),
        "SumPool2d",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("layers", "shape", "kind"), LAYERS.values(), ids=LAYERS)
def test_nir_there_and_back(layers, shape, kind):
    """test_nir.py: the tests that the cases are named by, test_iaf, test_from_nir_to_sequential."""
    pytest.importorskip("nir")
    x = rand(2, *shape)
    net = sl.convert(nn.Sequential(*layers, nn.ReLU()), x, reset="zero", v_init=0.0)
    net = sl.normalize_weights(net)
    graph = sl.to_nir(net)
    kinds = [type(node).__name__ for node in graph.nodes.values()]
    assert {kind, "IF"} <= set(kinds)
    back = sl.from_nir(graph)
    assert np.allclose(sl.ann(back, x).outputs, sl.ann(net, x).outputs, atol=1e-6)
    assert np.allclose(sl.simulate(back, x, 8).outputs, sl.simulate(net, x, 8).outputs)


# Images as spikes


@pytest.mark.parametrize("coding", ["poisson", "regular"])
def test_images_as_trains(coding):
    """test_layers/test_img2spk.py: test_img2spk."""
    record = sl.simulate(neurons(), rand(2, 3), 10, input=coding, seed=0, spikes=["input"])
    assert record.spikes("input").shape == (10, 2, 3)


def test_image_from_its_rates():
    """test_layers/test_img2spk.py: test_reconstruct_image, within the same 0.025."""
    x = rand(1, 3, 20, 20)
    net = sl.convert(nn.ReLU(), x)
    record = sl.simulate(net, x, 10_000, input="poisson", seed=0)
    assert np.allclose(record.rates("input"), x, atol=0.025)


def test_negative_pixels():
    """test_layers/test_img2spk.py: test_reconstruct_real_numbers; here they enter as currents."""
    x = 2 * rand(2, 3) - 1
    with pytest.raises(sl.OptionError, match="input"):
        sl.simulate(neurons(), x, 10, input="poisson", seed=0)
    net = sl.convert(nn.Sequential(nn.Linear(3, 3), nn.ReLU()), x)
    assert np.isfinite(sl.simulate(net, x, 10).outputs).all()


# Quantization


def test_relu_in_whole_thresholds():
    """test_layers/test_neuromorphic_relu.py: test_forward."""
    net = sl.convert(nn.ReLU(), [[1.0]], threshold=sl.Fixed(4.0), v_init=0.0)
    x = [[-5.5], [-3.23], [2.3], [0.0]]
    assert sl.quantized(net, x, 4).outputs.ravel().tolist() == [0.0, 0.0, 2.0, 0.0]


@pytest.mark.parametrize(("v_init", "expected"), [(0.0, 0.0), (0.5, 1.0)])
def test_rounding(v_init, expected):
    """test_quantize.py: test_quantize, test_stochastic_rounding; half a threshold rounds here."""
    net = sl.convert(nn.ReLU(), [[1.0]], threshold=sl.Fixed(1.0), v_init=v_init)
    assert sl.quantized(net, [[0.6]], 1).outputs.item() == expected


# Rates and operations


def spikes_of(pattern):
    """Return the record of neurons that fire a given pattern, shape (B, ...), at each step."""
    net = sl.convert(nn.ReLU(), pattern, threshold=sl.Fixed(1.0), v_init=0.0)
    return sl.simulate(net, pattern, 4)


def test_firing_rate():
    """test_synops_counter.py: test_spiking_layer_firing_rate; test_hooks.py: test_firing_...."""
    record = spikes_of(torch.eye(4)[None])
    assert record.rates("relu").mean() == 0.25


def test_firing_rate_of_each_neuron():
    """test_hooks.py: test_firing_rate_per_neuron_hook."""
    assert np.array_equal(spikes_of(torch.eye(4)[None]).rates("relu")[0], np.eye(4))


def test_firing_rate_over_batches():
    """test_synops_counter.py: test_spiking_layer_firing_rate_across_batches, at most one a step."""
    both = spikes_of(torch.stack([torch.eye(4), torch.ones(4, 4)]))
    assert both.rates("relu").mean((1, 2)).tolist() == [0.25, 1.0]
    assert both.rates("relu").mean() == 0.625


def test_only_neurons_have_rates():
    """test_synops_counter.py: test_nonspiking_stateful_layer."""
    model = nn.Sequential(nn.ReLU(), nn.AvgPool1d(2))
    record = sl.simulate(sl.convert(model, rand(1, 2, 4)), rand(1, 2, 4), 3)
    assert record.layers == ["0"]
    with pytest.raises(sl.OptionError, match="1"):
        record.rates("1")


def test_counts_begin_anew():
    """test_synops_counter.py: test_analyzer_reset."""
    pattern = 2 * torch.eye(4)[None]
    assert np.array_equal(spikes_of(pattern).counts("relu"), spikes_of(pattern).counts("relu"))


def test_mean_rate_of_all_layers():
    """test_synops_counter.py: test_snn_analyzer_statistics."""
    net, x = sl.convert(nested(), pictures()), pictures()
    record = sl.simulate(net, x, 10, spikes=True)
    for name in net.layers:
        assert record.rates(name).mean() == pytest.approx(record.spikes(name).mean(), rel=1e-6)
    rates = np.concatenate([record.rates(name).ravel() for name in net.layers])
    counts = sum(int(record.counts(name).sum()) for name in net.layers)
    assert rates.mean() == pytest.approx(counts / (10 * rates.size))


def test_rates_do_not_depend_on_the_batch():
    """test_synops_counter.py: test_snn_analyzer_does_not_depend_on_batch_size."""
    net = sl.convert(nested(), pictures(1))
    one, many = (sl.simulate(net, pictures(1).repeat(n, 1, 1, 1), 10) for n in (1, 5))
    assert np.array_equal(many.counts("2"), one.counts("2").repeat(5, 0))


@pytest.mark.parametrize(
    ("kernel", "stride", "padding"), list(itertools.product([2, 3], [1, 2], [0, 1]))
)
def test_operations_of_a_convolution(kernel, stride, padding):
    """test_hooks.py: test_conv_layer_synops_hook; test_synops_counter.py: test_conv_synops_counter.

    Spikes times the non-zero weights that read them, from the connection matrix.
    """
    conv = nn.Conv2d(1, 5, kernel, stride, padding)
    model = nn.Sequential(nn.ReLU(), conv, nn.ReLU())
    net = sl.convert(model, torch.eye(6)[None, None], threshold=sl.Fixed(1.0))
    counts = sl.simulate(net, torch.eye(6)[None, None], 3).counts("0")
    matrix = sl.brian.connections(net, "2").matrices["0"]
    found = counts.ravel().astype(int) @ np.diff(matrix.indptr)
    readers = F.conv2d(
        torch.eye(36).view(36, 1, 6, 6), torch.ones(5, 1, kernel, kernel), None, stride, padding
    )
    expected = counts.ravel().astype(int) @ readers.flatten(1).sum(1).numpy()
    assert found == expected


def test_operations_of_a_linear_layer():
    """test_hooks.py: test_linear_layer_synops_hook; test_synops_counter.py: test_linear_...."""
    model = nn.Sequential(nn.ReLU(), nn.Linear(3, 5), nn.ReLU())
    net = sl.convert(model, torch.ones(1, 3), threshold=sl.Fixed(1.0), v_init=0.0)
    counts = sl.simulate(net, [[1.0, 0.0, 0.5]], 4).counts("0")
    matrix = sl.brian.connections(net, "2").matrices["0"]
    assert counts.tolist() == [[4, 0, 2]]
    assert counts.astype(int) @ np.diff(matrix.indptr) == (4 + 2) * 5
