"""What the tests of SpikingJelly's ann2snn ask of a converter, asked of this one.

Each docstring names the tests in test/activation_based of fangwei123456/spikingjelly, version
afb1322, whose property is restated; the file is test_ann2snn.py where none is said. Left out is
what has no counterpart: names of its classes, downloads, transformers, generated code, gradients.
"""

import ast
import copy
import inspect
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from helpers.seeded import rand, randomized
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import snnlab as sl
from snnlab.conversion.rules import ThresholdRule
from snnlab.graph.evaluation import evaluate


class CNN(nn.Module):
    """Convolution, BatchNorm, ReLU, average pooling, and a linear layer; of given classes."""

    def __init__(self, conv=nn.Conv2d, norm=nn.BatchNorm2d):
        super().__init__()
        self.conv, self.bn = conv(1, 4, 3, padding=1), norm(4)
        self.relu, self.pool, self.fc = nn.ReLU(), nn.AvgPool2d(2), nn.Linear(4 * 9, 5)

    def forward(self, x):
        x = self.pool(self.relu(self.bn(self.conv(x))))
        return self.fc(x.view(x.size(0), -1))


class OwnConv(nn.Conv2d):
    pass


class OwnNorm(nn.BatchNorm2d):
    pass


def cnn(*classes):
    return randomized(CNN(*classes))


def pictures(number=4, seed=0):
    return rand(number, 1, 6, 6, seed=seed)


def thresholds(activations, rule):
    """Return the threshold that a rule gives to a ReLU with these activations."""
    return sl.convert(nn.ReLU(), activations, threshold=rule).thresholds["relu"]


def norms(graph):
    return [m for m in graph.module.modules() if isinstance(m, nn.BatchNorm2d)]


def outputs(graph, x):
    with torch.no_grad():
        return evaluate(graph, x).numpy()


# Thresholds from activations


def test_maximum():
    """TestVoltageHook.test_max_mode."""
    assert thresholds([[1.0], [2.0], [3.0]], sl.Maximum()) == 3.0


def test_percentile_is_a_quantile():
    """TestVoltageHook.test_percentile_mode_uses_torch_quantile."""
    x = torch.arange(101.0)[:, None]
    assert thresholds(x, sl.Percentile(50)) == torch.quantile(x, 0.5).item()


@pytest.mark.parametrize("percentile", [75, 99.9])
def test_percentile_is_the_quantile_of_many_values(percentile):
    """TestVoltageHook.test_safe_quantile_matches_torch_quantile."""
    x = rand(50, 7, 11)
    expected = np.quantile(x.double().numpy(), percentile / 100)
    assert thresholds(x, sl.Percentile(percentile)) == pytest.approx(expected, rel=1e-12)


def test_data_in_half_precision():
    """TestVoltageHook.test_percentile_mode_supports_half_precision."""
    x = torch.arange(101, dtype=torch.float16)[:, None]
    assert thresholds(x, sl.Percentile(50)) == 50.0


@pytest.mark.parametrize("percentile", [101, 0, -1, "101%"])
def test_percentile_outside_its_range(percentile):
    """TestVoltageHook.test_out_of_range_percentile_mode_raises, test_invalid_percentile_raises."""
    with pytest.raises(sl.OptionError, match="percentile"):
        sl.Percentile(percentile)


def test_a_part_of_the_maximum():
    """TestVoltageHook.test_scalar_mode."""
    net = sl.convert(nn.ReLU(), [[10.0]], threshold=sl.Maximum())
    assert net.replace(scale=0.5).thresholds["relu"] == 5.0


@pytest.mark.parametrize("rule", [sl.Maximum(), sl.Percentile(90)])
def test_threshold_is_that_of_all_batches_together(rule):
    """TestVoltageHook.test_ema_momentum: here no batch counts more than another."""
    x = rand(40, 6)
    assert thresholds(x, rule) == thresholds(x.flip(0), rule)


def test_one_batch_is_enough():
    """TestVoltageHook.test_first_batch_no_ema."""
    assert thresholds([[7.0]], sl.Maximum()) == 7.0


def test_what_comes_later_does_not_change_a_threshold():
    """TestVoltageHook.test_eval_mode_does_not_update_scale."""
    net = sl.convert(nn.ReLU(), [[7.0]], threshold=sl.Maximum())
    sl.simulate(net, [[100.0]], 4), sl.ann(net, [[100.0]])
    assert net.thresholds["relu"] == 7.0


def test_images_of_one_number():
    """TestVoltageHook.test_scalar_input_updates_batch_count."""
    assert thresholds([[3.0]], sl.Maximum()) == 3.0
    with pytest.raises(sl.ShapeError, match="For one image write"):
        thresholds([3.0], sl.Maximum())


def test_no_data():
    """TestVoltageHook.test_empty_quantile_input_raises_value_error."""
    with pytest.raises(sl.ShapeError, match="x_cal"):
        thresholds(np.zeros((0, 4)), sl.Percentile(50))


def test_looking_at_activations_does_not_change_them():
    """TestVoltageHook.test_passthrough."""
    x, seen = rand(3, 4) - 0.5, []
    graph = sl.trace(nn.ReLU(), x)
    evaluate(graph, x, lambda node, current: seen.append(current))
    assert np.array_equal(outputs(graph, x), x.clamp(min=0).numpy())
    assert len(seen) == 1


def test_maximum_of_each_channel():
    """TestChannelVoltageHook.test_max_mode_for_matrix_and_image."""
    rule = sl.Maximum(per_channel=True)
    assert thresholds([[1.0, 2.0, 3.0], [4.0, 1.0, 2.0]], rule).tolist() == [4.0, 2.0, 3.0]
    assert thresholds(torch.ones(2, 4, 3, 3), rule).tolist() == [1.0] * 4


def test_percentile_of_each_channel():
    """TestChannelVoltageHook.test_percentile_mode_matches_channel_quantile."""
    x = torch.arange(24.0).reshape(2, 3, 4)
    expected = torch.quantile(x.movedim(1, 0).reshape(3, -1), 0.5, dim=1)
    found = thresholds(x, sl.Percentile(50, per_channel=True))
    assert found.tolist() == expected.tolist()


def test_data_without_a_batch():
    """TestChannelVoltageHook.test_invalid_shape_raises."""
    with pytest.raises(sl.ShapeError, match="x_cal"):
        thresholds(1.0, sl.Maximum(per_channel=True))


# Thresholds as factors


def test_scale():
    """TestVoltageScaler.test_scaling: a neuron passes on its threshold at each spike."""
    net = sl.convert(nn.ReLU(), [[1.0, 2.0]], threshold=sl.Fixed(1.0)).replace(scale=2.5)
    record = sl.simulate(net, [[9.0, 9.0]], 1)
    assert record.output_sums.tolist() == [[[2.5, 2.5]]]


def test_scale_of_one():
    """TestVoltageScaler.test_identity."""
    net = sl.convert(cnn(), pictures())
    assert net.replace(scale=1.0).thresholds == net.thresholds


def test_threshold_is_shown():
    """TestVoltageScaler.test_extra_repr."""
    assert "3.14" in repr(sl.convert(nn.ReLU(), [[1.0]], threshold=sl.Fixed(3.14)))


@pytest.mark.parametrize("space", [(4, 5), ()])
def test_scale_of_each_channel(space):
    """TestChannelVoltageScaler.test_channel_scaling_4d and test_channel_scaling_2d."""
    net = sl.convert(nn.ReLU(), torch.ones(2, 3, *space), threshold=sl.Fixed([1.0, 2.0, 3.0]))
    passed = sl.simulate(net, torch.full((2, 3, *space), 9.0), 1).output_sums[0]
    for channel in range(3):
        assert (passed[:, channel] == channel + 1).all()


def test_scales_survive_a_copy():
    """TestChannelVoltageScaler.test_state_dict_round_trip."""
    net = sl.convert(nn.ReLU(), torch.ones(1, 2), threshold=sl.Fixed([1.5, 2.5]))
    for other in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert other.thresholds["relu"].tolist() == [1.5, 2.5]


@pytest.mark.parametrize("scale", [0.0, -1.0, float("nan"), float("inf"), []])
def test_bad_scale(scale):
    """TestChannelVoltageScaler.test_rejects_bad_scale."""
    net = sl.convert(nn.ReLU(), [[1.0]])
    with pytest.raises(sl.OptionError, match="scale"):
        net.replace(scale=scale)


def test_thresholds_for_other_channels():
    """TestChannelVoltageScaler.test_rejects_channel_mismatch."""
    with pytest.raises(sl.OptionError, match="array of 3 numbers"):
        sl.convert(nn.ReLU(), torch.ones(2, 4), threshold=sl.Fixed([1.0, 1.0, 1.0]))


def test_many_steps_are_single_steps_with_channels():
    """TestChannelVoltageScaler.test_multistep_matches_single_step_channel_scaling."""
    net = sl.convert(nn.ReLU(), rand(2, 3, 5), threshold=sl.Fixed([0.5, 0.7, 0.9]))
    many = sl.simulate(net, rand(2, 3, 5), 4).output_sums
    for steps in range(1, 5):
        assert np.array_equal(sl.simulate(net, rand(2, 3, 5), steps).output_sums, many[:steps])


# The interface


def test_public_names():
    """TestPublicExports.test_all_contains_new_public_api and test_recipe_api_is_importable."""
    assert all(hasattr(sl, name) for name in sl.__all__)
    assert {"convert", "trace", "Percentile", "Maximum", "Network", "simulate"} <= set(sl.__all__)


def test_options_of_rules_are_not_options_of_convert():
    """TestConverterRecipes.test_converter_signature_is_algorithm_agnostic."""
    rules = (sl.Percentile, sl.Maximum, sl.Fixed)
    of_rules = {name for rule in rules for name in inspect.signature(rule).parameters}
    assert not of_rules & set(inspect.signature(sl.convert).parameters)


@pytest.mark.parametrize("option", ["dataloader", "mode", "fuse_flag", "percentile"])
def test_unknown_options(option):
    """TestConverterRecipes.test_converter_rejects_algorithm_parameters."""
    with pytest.raises(TypeError, match=option):
        sl.convert(nn.ReLU(), [[1.0]], **{option: 1})


def test_a_rule_is_accepted():
    """TestConverterRecipes.test_rate_coding_recipe_object_is_accepted."""
    assert sl.convert(cnn(), pictures(), threshold=sl.Percentile(99)).layers == ["relu"]


@pytest.mark.parametrize("rule", ["missing", object(), sl.Maximum, 0.5, "", "invalid"])
def test_what_is_no_rule(rule):
    """TestConverterRecipes.test_unknown_recipe_raises, test_invalid_recipe_object_raises.

    Also TestConverterBackwardCompat.test_invalid_mode_raises and test_empty_mode_raises.
    """
    with pytest.raises(sl.OptionError, match="Percentile"):
        sl.convert(nn.ReLU(), [[1.0]], threshold=rule)


def test_a_rule_of_ones_own():
    """TestConverterRecipes.test_custom_recipe_runs_template_steps_in_order."""
    seen = []

    class Twice(ThresholdRule):
        def thresholds(self, graph, x_cal):
            seen.append(len(x_cal))
            assert not norms(graph)
            return {name: 2.0 for name in graph.layers}

    assert sl.convert(cnn(), pictures(), threshold=Twice()).thresholds == {"relu": 2.0}
    assert seen == [4]


def test_every_relu_becomes_neurons():
    """TestConverterRecipes.test_unified_convert_uses_rate_coding_recipe."""
    net = sl.convert(cnn(), pictures())
    assert net.layers == ["relu"]
    assert not any(isinstance(m, nn.ReLU) for m in net.graph.module.modules())


def test_a_run_is_its_steps_one_after_the_other():
    """TestConverterRecipes.test_rate_coding_step_mode_product_matches_single_loop."""
    net, x = sl.convert(cnn(), pictures()), pictures(2, seed=1)
    record = sl.simulate(net, x, 4, spikes=True, potentials=True)
    for steps in (1, 2, 3):
        shorter = sl.simulate(net, x, steps, spikes=True, potentials=True)
        assert np.array_equal(record.spikes("relu")[:steps], shorter.spikes("relu"))
        assert np.array_equal(record.potentials("relu")[:steps], shorter.potentials("relu"))


def test_subclasses_of_layers():
    """TestConverterRecipes.test_rate_coding_step_mode_wraps_module_subclasses."""
    model = cnn(nn.Conv2d, OwnNorm)
    net = sl.convert(model, pictures())
    found = sl.ann(net, pictures()).outputs
    assert np.allclose(found, model(pictures()).detach(), atol=1e-5)


def test_unknown_layer():
    """TestConverterRecipes.test_rate_coding_rejects_unknown_leaf_module."""

    class Square(nn.Module):
        def forward(self, x):
            return x.square()

    with pytest.raises(sl.UnsupportedLayerError, match="square"):
        sl.convert(nn.Sequential(Square(), nn.ReLU()), rand(2, 1, 4, 4))


def test_average_pooling_alone():
    """TestConverterRecipes.test_rate_coding_wraps_avgpool1d_without_divisor_override.

    There is no ReLU, so the output spikes or nothing does.
    """
    x = rand(2, 1, 4)
    net = sl.convert(nn.AvgPool1d(2), x, threshold=sl.Maximum(), readout="spikes")
    assert net.layers == ["readout"]
    expected = F.avg_pool1d(x, 2).numpy()
    assert np.abs(sl.simulate(net, x, 256).outputs[-1] - expected).max() <= 0.5 / 256 + 1e-6


def test_dropout_in_place():
    """TestConverterRecipes.test_rate_coding_rejects_inplace_dropout_adapter: here it converts."""
    model = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5, inplace=True), nn.ReLU()).eval()
    x = rand(2, 4)
    found = sl.ann(sl.convert(model, x, threshold=sl.Fixed(1.0)), x).outputs
    assert np.allclose(found, model(x).detach(), atol=1e-6)


@pytest.mark.parametrize("dropout", [nn.Dropout, nn.Dropout2d])
def test_dropout_does_nothing(dropout):
    """TestConverterRecipes.test_rate_coding_constructs_dropout_adapter_state.

    Also test_rate_coding_preserves_dropout2d_type.
    """
    x = rand(2, 3, 4, 4)
    net = sl.convert(nn.Sequential(dropout(0.5), nn.ReLU()).eval(), x)
    first, second = (sl.simulate(net, x, 3).output_sums for _ in range(2))
    assert first.shape == (3, 2, 3, 4, 4)
    assert np.array_equal(first, second)


def test_functional_dropout_of_a_model_in_training():
    """TestConverterRecipes.test_rate_coding_recipe_sets_eval_before_tracing."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(4, 4)

        def forward(self, x):
            return self.fc(F.relu(F.dropout(x, p=0.5, training=self.training)))

    model, x = Net().train(), rand(2, 4)
    found = sl.ann(sl.convert(model, x), x).outputs
    assert model.training
    assert np.allclose(found, model.eval()(x).detach(), atol=1e-6)


# The neuron


def test_default_neuron():
    """TestNeuronFactory.test_default_creates_ifnode: integrate and fire, soft reset."""
    neuron = sl.convert(nn.ReLU(), [[1.0]]).neurons["relu"]
    assert (neuron.v_threshold, neuron.reset) == (1.0, "subtract")


def test_threshold_given():
    """TestNeuronFactory.test_custom_threshold.

    Also TestRateCodingConversion.test_custom_neuron_factory.
    """
    assert sl.convert(cnn(), pictures(), threshold=sl.Fixed(2.0)).thresholds == {"relu": 2.0}


def test_other_neuron():
    """TestNeuronFactory.test_custom_neuron_type."""
    assert sl.convert(nn.ReLU(), [[1.0]], reset="zero").neurons["relu"].reset == "zero"


def test_unknown_neuron():
    """TestNeuronFactory.test_invalid_neuron_type_raises."""
    with pytest.raises(sl.OptionError, match="reset"):
        sl.convert(nn.ReLU(), [[1.0]], reset="leak")


@pytest.mark.parametrize("threshold", [0.0, -1.0, float("inf"), float("nan"), "1.0", None])
def test_bad_threshold(threshold):
    """TestNeuronFactory.test_invalid_threshold_raises and test_invalid_threshold_type_raises."""
    with pytest.raises(sl.OptionError, match="threshold"):
        sl.Neuron(threshold)


@pytest.mark.parametrize("v_init", [float("nan"), "0.0", 1.0, -0.1])
def test_bad_potential(v_init):
    """TestNeuronFactory.test_invalid_v_reset_raises."""
    with pytest.raises(sl.OptionError, match="v_init"):
        sl.Neuron(1.0, v_init=v_init)


# Conversion


def test_convert_is_a_function():
    """TestConverterBackwardCompat.test_converter_is_plain_conversion_driver."""
    assert inspect.isfunction(sl.convert)
    with pytest.raises(TypeError, match="x_cal"):
        sl.convert(cnn())


def test_shape_of_the_output():
    """TestConverterBackwardCompat.test_output_shape_preserved.

    Also TestEndToEnd.test_snn_inference and test_snn_no_bn_with_fusion_enabled.
    """
    net = sl.convert(cnn(), pictures())
    assert sl.simulate(net, pictures(1), 10).outputs.shape == (10, 1, 5)


RULES = {"max": sl.Maximum(), "99.9%": sl.Percentile(99.9), "0.5": sl.Fixed(0.5), "1": sl.Fixed(1)}


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_all_rules(rule):
    """TestConverterBackwardCompat.test_supported_modes_replace_relu."""
    assert sl.convert(cnn(), pictures(), threshold=rule).layers == ["relu"]


@pytest.mark.parametrize("scale", [0.0, -1.5])
def test_bad_factor(scale):
    """TestConverterBackwardCompat.test_invalid_scalar_raises, test_invalid_scalar_zero_raises."""
    with pytest.raises(sl.OptionError):
        sl.convert(cnn(), pictures(), threshold=sl.Fixed(scale))


def test_no_check_is_an_assert():
    """TestConverterBackwardCompat.test_invalid_scalar_rejected_when_asserts_are_optimized.

    Also TestFuse.test_fuse_module_replacement_does_not_depend_on_asserts.
    """
    for file in Path(sl.__file__).parent.rglob("*.py"):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        assert not any(isinstance(node, ast.Assert) for node in ast.walk(tree)), file


LABELS = torch.zeros(4, dtype=torch.long)
LOADERS = {
    "_make_loader": lambda: [(pictures(), LABELS)],
    "two batches": lambda: [(pictures()[:3], LABELS[:3]), (pictures()[3:], LABELS[3:])],
    "bare batches": lambda: (batch for batch in pictures().split(3)),
    "DataLoader": lambda: DataLoader(TensorDataset(pictures(), LABELS), batch_size=3),
}


@pytest.mark.parametrize("batches", LOADERS.values(), ids=LOADERS)
def test_batches(batches):
    """TestConverterBackwardCompat.test_tensor_dataloader_converts, and the helper _make_loader."""
    net = sl.convert(cnn(), batches())
    assert net.thresholds == sl.convert(cnn(), pictures()).thresholds


def test_list_of_bare_batches():
    """TestConverterBackwardCompat.test_tensor_dataloader_converts.

    A list of tensors is one array here, whose entries are images; the refusal says what to do.
    """
    with pytest.raises(sl.ShapeError, match=r"write torch\.cat"):
        sl.convert(cnn(), list(pictures().split(3)))


def test_numpy_data():
    """TestConverterBackwardCompat.test_numpy_dataloader_converts_full_batch."""
    net = sl.convert(cnn(), pictures().numpy())
    assert net.thresholds == sl.convert(cnn(), pictures()).thresholds


MIXED = {
    "test_ambiguous_multi_key_dict_dataloader_raises": {"labels": torch.zeros(2), "meta": ["a"]},
    "test_calibration_rejects_multi_input_batch": [((pictures(2), pictures(2)), torch.zeros(2))],
    "test_calibration_rejects_dict_input_batch": [{"input": {"x": pictures(2)}}],
    "test_extract_batch_input_rejects_empty_sequence": [],
    "test_extract_batch_input_rejects_empty_dict": {},
}


@pytest.mark.parametrize("data", MIXED.values(), ids=MIXED)
def test_what_is_no_data(data):
    """TestConverterBackwardCompat, the tests that the cases are named by."""
    with pytest.raises(sl.ShapeError, match="x_cal"):
        sl.convert(cnn(), data)


NAMED = {
    "test_dict_dataloader_converts": lambda x: {"input": x},
    "test_dict_dataloader_prefers_input_key": lambda x: {"label": LABELS, "input": x},
    "test_nested_dict_dataloader_extracts_tensor": lambda x: {"labels": LABELS, "input": (x,)},
}


@pytest.mark.parametrize("batch", NAMED.values(), ids=NAMED)
def test_batches_with_names(batch):
    """TestConverterBackwardCompat, the tests that the cases are named by.

    Here nothing is guessed: the refusal says how to take the images out, and that works.
    """
    x_cal = [batch(pictures())]
    with pytest.raises(sl.ShapeError, match=r"batch\['image'\].* for batch in x_cal"):
        sl.convert(cnn(), DataLoader(x_cal, batch_size=None))
    inputs = [one["input"] for one in x_cal]
    net = sl.convert(cnn(), (one[0] if isinstance(one, tuple) else one for one in inputs))
    assert net.thresholds == sl.convert(cnn(), pictures()).thresholds


def test_two_inputs():
    """TestConverterBackwardCompat.test_custom_recipe_can_extend_multi_input_calibration.

    Here two inputs are refused, with advice.
    """

    class Two(nn.Module):
        def forward(self, x, y):
            return torch.relu(x + y)

    with pytest.raises(sl.UnsupportedLayerError, match="expected exactly one input"):
        sl.convert(Two(), rand(2, 4))


def test_double_precision():
    """TestConverterBackwardCompat.test_calibration_preserves_tensor_dtype."""
    net = sl.convert(cnn().double(), pictures().double())
    assert net.graph.dtype == torch.float64
    assert sl.simulate(net, pictures().double(), 2).outputs.dtype == np.float64


# BatchNorm


def test_fold():
    """TestFuse.test_conv_bn_fusion_matches_eval_output."""
    traced = sl.trace(cnn(), pictures())
    folded = sl.fold_batchnorm(traced)
    assert np.allclose(outputs(folded, pictures()), outputs(traced, pictures()), atol=1e-5)
    assert not norms(folded)


def test_fold_subclasses():
    """TestFuse.test_conv_bn_fusion_supports_module_subclasses."""
    assert not norms(sl.fold_batchnorm(sl.trace(cnn(OwnConv, OwnNorm), pictures())))


def test_fold_several():
    """TestFuse.test_conv_bn_fusion_handles_multiple_pairs."""
    model = nn.Sequential(
        *(nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4)),
        *(nn.Conv2d(4, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU()),
    )
    traced = sl.trace(randomized(model), pictures())
    folded = sl.fold_batchnorm(traced)
    assert (len(norms(traced)), len(norms(folded))) == (2, 0)
    assert np.allclose(outputs(folded, pictures()), outputs(traced, pictures()), atol=1e-5)


def test_a_trace_is_not_folded():
    """TestFuse.test_fuse_flag_false_preserves_batch_norm."""
    model = cnn()
    traced = sl.trace(model, pictures())
    assert len(norms(traced)) == 1
    assert np.allclose(outputs(traced, pictures()), model(pictures()).detach(), atol=1e-6)


# Whole conversions


def test_one_threshold_for_a_layer_by_default():
    """TestRateCodingConversion.test_default_conversion_uses_scalar_ifnode."""
    assert isinstance(sl.convert(cnn(), pictures()).thresholds["relu"], float)


def test_names_with_underscores():
    """TestRateCodingConversion.test_module_names_with_underscores_convert."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv_block = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU())
            self.last_relu_ = nn.ReLU()

        def forward(self, x):
            return self.last_relu_(self.conv_block(x) + 0.1)

    assert sl.convert(randomized(Net()), pictures()).layers == ["conv_block.1", "last_relu_"]


def test_thresholds_by_channel_for_vectors_and_images():
    """TestLocalThresholdBalancingRecipe.test_hook_channelwise_threshold_for_matrix_and_image.

    Also test_recipe_converts_relu_to_channel_scalers_and_ifnode.
    """
    net = sl.convert(cnn(), pictures(), threshold=sl.Maximum(per_channel=True))
    theta = net.thresholds["relu"]
    assert theta.shape == (4,)
    assert np.isfinite(theta).all()
    assert (theta > 0).all()


def test_activations_above_the_threshold_are_clipped():
    """TestLocalThresholdBalancingRecipe.test_hook_updates_threshold_and_clips_forward_activation."""
    net = sl.convert(nn.ReLU(), [[1.0, 1.0]], threshold=sl.Fixed([4.0, 7.0]))
    found = sl.quantized(net, [[9.0, 9.0], [2.0, 3.5]], timesteps=4).outputs
    assert found.tolist() == [[4.0, 7.0], [2.0, 3.5]]


def test_neurons_begin_half_full():
    """TestLocalThresholdBalancingRecipe.test_half_threshold_if_node_initializes_membrane."""
    net = sl.convert(nn.ReLU(), [[1.0]], threshold=sl.Fixed(1.0))
    assert sl.simulate(net, [[0.6], [0.4]], 1).counts("relu").tolist() == [[1], [0]]


@pytest.mark.parametrize("threshold", [1, np.float32(1), torch.tensor(1.0)])
def test_kinds_of_thresholds(threshold):
    """TestLocalThresholdBalancingRecipe.test_half_threshold_if_node_accepts_integer_threshold.

    Also test_half_threshold_if_node_accepts_scalar_tensor_threshold.
    """
    assert sl.Neuron(threshold).v_threshold == 1.0


def test_threshold_of_another_shape():
    """TestLocalThresholdBalancingRecipe.test_half_threshold_if_node_rejects_non_scalar...."""
    with pytest.raises(sl.OptionError, match="threshold"):
        sl.Neuron(torch.ones(2, 2))


def test_each_run_begins_anew():
    """TestLocalThresholdBalancingRecipe.test_half_threshold_if_node_reinitializes_new_shape...."""
    net = sl.convert(nn.ReLU(), [[1.0, 1.0, 1.0]], threshold=sl.Fixed(1.0))
    sl.simulate(net, [[0.1, 0.1, 0.1]], 1)
    record = sl.simulate(net, torch.zeros(2, 3), 1, potentials=True)
    assert (record.potentials("relu") == 0.5).all()


def test_steps_with_thresholds_by_channel():
    """TestLocalThresholdBalancingRecipe.test_recipe_step_mode_product_matches_single_loop."""
    net = sl.convert(cnn(), pictures(), threshold=sl.Maximum(per_channel=True))
    many = sl.simulate(net, pictures(2), 4).output_sums
    assert np.array_equal(sl.simulate(net, pictures(2), 3).output_sums, many[:3])


def test_max_pooling_behind_neurons():
    """TestLocalThresholdBalancingRecipe.test_recipe_uses_pre_spike_maxpooling."""
    model = nn.Sequential(
        nn.Conv2d(1, 2, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(18, 3)
    )
    net = sl.convert(model, pictures(), threshold=sl.Maximum())
    assert list(net.graph.pools) == ["2"]
    ann, spikes = sl.ann(net, pictures()).outputs, sl.simulate(net, pictures(), 512).outputs[-1]
    assert np.abs(spikes - ann).max() < 0.01


@pytest.mark.parametrize("training", [False, True])
def test_the_model_is_left_as_it_was(training):
    """TestLocalThresholdBalancingRecipe.test_recipe_does_not_mutate_ann_state_dict."""
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.AvgPool2d(2)).train(training)
    model[1].eval(), model[2].train()
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    modes = [m.training for m in model.modules()]
    sl.convert(model, pictures())
    assert modes == [m.training for m in model.modules()]
    assert all(torch.equal(tensor, state[name]) for name, tensor in model.state_dict().items())


BAD_OPTIONS = [{"v_init": 1.5}, {"reset": 0}, {"readout": "mean"}, {"max_pool": "average"}]


@pytest.mark.parametrize("option", BAD_OPTIONS, ids=str)
def test_bad_options(option):
    """TestLocalThresholdBalancingRecipe.test_recipe_rejects_invalid_parameters."""
    with pytest.raises(sl.OptionError, match=next(iter(option))):
        sl.convert(cnn(), pictures(), **option)


def test_data_of_another_shape():
    """TestLocalThresholdBalancingRecipe.test_recipe_rejects_unsupported_activation_shape."""
    with pytest.raises(sl.ShapeError, match="x_cal"):
        sl.convert(cnn(), rand(4))


# Sums over time pass through what is affine


AFFINE = {
    "TestTDLinear": nn.Linear(36, 3),
    "TestTDLinear, no bias": nn.Linear(36, 3, bias=False),
    "TestTDConv2d": nn.Sequential(nn.Unflatten(1, (1, 6, 6)), nn.Conv2d(1, 2, 3)),
    "padding_same": nn.Sequential(nn.Unflatten(1, (1, 6, 6)), nn.Conv2d(1, 2, 3, padding="same")),
    "padding_valid": nn.Sequential(nn.Unflatten(1, (1, 6, 6)), nn.Conv2d(1, 2, 3, padding="valid")),
    "nonzero_padding_mode": nn.Sequential(
        nn.Unflatten(1, (1, 6, 6)), nn.Conv2d(1, 2, 3, padding=1, padding_mode="reflect")
    ),
}


@pytest.mark.parametrize("layer", AFFINE.values(), ids=AFFINE)
@pytest.mark.parametrize("timesteps", [1, 7])
@torch.no_grad()
def test_mean_output_is_that_of_the_mean_spikes(layer, timesteps):
    """test_ann2snn_operators.py: TestTDLinear and TestTDConv2d, the tests of cumulative output.

    Also test_single_timestep_returns_linear_of_input, and test_bias_is_not_repeatedly_accumulated:
    each step adds the bias, the mean has it once.
    """
    net = sl.convert(nn.Sequential(nn.Flatten(), nn.ReLU(), layer), pictures())
    record = sl.simulate(net, pictures(), timesteps)
    theta = net.thresholds["1"]
    expected = layer(torch.as_tensor(record.rates("1") * theta, dtype=torch.float32))
    assert np.allclose(record.outputs[-1], expected, atol=1e-5)


def test_no_steps():
    """test_ann2snn_operators.py: TestTDLinear.test_rejects_empty_time_dimension."""
    net = sl.convert(cnn(), pictures())
    for call in (
        lambda: sl.simulate(net, pictures(), 0),
        lambda: sl.simulate(net, pictures()[None][:0], 1, input="frames"),
    ):
        with pytest.raises(sl.SNNLabError, match=r"timesteps = 0|x: shape"):
            call()


def test_count_of_a_constant_current():
    """test_ann2snn_qcfs.py: test_count_domain_reconstruction_equals_multistep_temporal_sum."""
    net = sl.convert(nn.ReLU(), [[1.0]], threshold=sl.Fixed(1.0))
    x = torch.linspace(-1, 2, 50)[:, None]
    assert np.array_equal(sl.quantized(net, x, 8).outputs, sl.simulate(net, x, 8).outputs[-1])
