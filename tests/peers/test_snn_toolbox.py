"""What the tests of snn_toolbox ask of a converter, asked of this one.

Each docstring names the tests of NeuromorphicProcessorProject/snn_toolbox, version 0255f75, whose
property is restated, with its own bounds. There the networks are trained on MNIST for an epoch;
here on the digits of scikit-learn. Left out is what tests its configuration and its other back
ends.
"""

import functools

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import snnlab as sl
from snnlab.data import load_digits, train

DATA = load_digits()
X, Y = torch.as_tensor(DATA.x_test[:60]), torch.as_tensor(DATA.y_test[:60])
IMAGES = torch.as_tensor(DATA.x_train[:200])


def chain():
    """Return conftest.get_model_1, smaller: convolutions without biases, average pooling."""
    return nn.Sequential(
        *(nn.Conv2d(1, 8, 3, padding=1, bias=False), nn.ReLU()),
        *(nn.Conv2d(8, 16, 3, padding=1, bias=False), nn.ReLU(), nn.AvgPool2d(2)),
        *(nn.Flatten(), nn.Dropout(0.01), nn.Linear(256, 10, bias=False)),
    )


class Branches(nn.Module):
    """conftest._model_2, smaller: BatchNorm, two branches that are joined, biases."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8)
        self.pool = nn.AvgPool2d(2)
        self.left, self.right = nn.Conv2d(8, 16, 3, padding=1), nn.Conv2d(8, 8, 1)
        self.join, self.last = nn.Conv2d(24, 10, 3), nn.Linear(40, 10)

    def forward(self, x):
        x = self.pool(torch.relu(self.norm(self.conv(x))))
        x = torch.cat([torch.relu(self.left(x)), torch.relu(self.right(x))], 1)
        return self.last(torch.relu(self.join(x)).flatten(1))


def conv1d():
    """Return test_conv.get_model_conv1D_1, smaller: three 1-D convolutions with BatchNorm."""

    def block(*sizes, **options):
        return nn.Conv1d(*sizes, **options), nn.BatchNorm1d(sizes[1]), nn.ReLU()

    return nn.Sequential(
        nn.Flatten(1, 2),
        *block(8, 8, 1),
        *block(8, 16, 3, padding=1),
        *block(16, 32, 2, dilation=2),
        *(nn.Flatten(), nn.Linear(192, 10, bias=False)),
    )


def max_pool():
    """Return test_pooling.get_model_maxpool2D_1: max pooling and a layer, and no ReLU at all."""
    return nn.Sequential(nn.MaxPool2d(2, 1), nn.Flatten(), nn.Linear(49, 10, bias=False))


MODELS = {"chain": chain, "branches": Branches, "conv1d": conv1d, "max_pool": max_pool}


@functools.cache
def trained(name):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = MODELS[name]()
    return train(model, DATA.x_train, DATA.y_train, epochs=4, learning_rate=5e-3)


@functools.cache
def converted(name, **options):
    return sl.convert(trained(name), IMAGES, **options)


def accuracy(name):
    return (trained(name)(X).argmax(1) == Y).double().mean().item()


def correlations(network, record, x):
    """Return the Pearson correlation of rates with activations, for each layer and the output."""
    ann = sl.ann(network, x)
    pairs = [(record.rates(name), ann.activations[name]) for name in network.layers]
    pairs.append((record.outputs[-1], ann.outputs))
    return [np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in pairs]


@pytest.mark.parametrize("name", ["chain", "branches"])
def test_parsed_model_is_as_good(name):
    """core/test_models.py: TestInputModel.test_parsing; parsing/test_pytorch.py: test_parsing."""
    assert sl.ann(converted(name), X).accuracy(Y) == accuracy(name)


@pytest.mark.parametrize("name", ["chain", "branches"])
def test_normalized_model_is_as_good(name):
    """core/test_models.py: TestInputModel.test_normalizing; parsing/test_pytorch.py: the same."""
    normalized = sl.normalize_weights(converted(name))
    assert set(normalized.thresholds.values()) == {1.0}
    assert sl.ann(normalized, X).accuracy(Y) == accuracy(name)


def test_trained_network_is_good():
    """parsing/test_pytorch.py: test_loading: what is converted is worth it."""
    assert min(map(accuracy, ["chain", "branches", "conv1d"])) >= 0.8


def test_spiking_network():
    """core/test_models.py: TestOutputModel.test_inisim; parsing/test_pytorch.py: test_pipeline."""
    net = converted("branches")
    record = sl.simulate(net, X, 100)
    assert record.accuracy(Y)[-1] >= 0.95 * accuracy("branches")
    *layers, output = correlations(net, record, X)
    assert min(layers) > 0.99
    assert output > 0.90


@pytest.mark.brian
def test_spiking_network_in_brian2():
    """core/test_models.py: TestOutputModel.test_brian2, with Poisson input."""
    net, few = converted("chain"), X[:4]
    record = sl.brian.simulate(net, few, 100, input="poisson", seed=0)
    *layers, output = correlations(net, record, few)
    assert min(layers) > 0.95
    assert output > 0.5


def test_1d_convolutions():
    """simulation/test_conv.py: TestConv1dINI.test_conv1d."""
    net = converted("conv1d")
    record = sl.simulate(net, X, 200)
    assert record.accuracy(Y)[-1] >= 0.98 * accuracy("conv1d")
    *layers, output = correlations(net, record, X)
    assert min(layers) > 0.97
    assert output > 0.90


def test_average_pooling_in_place_of_max_pooling():
    """simulation/test_pooling.py: TestMaxPoolingINI.test_maxpool_fallback: neurons that average."""
    net = converted("chain", average_pool="spikes")
    record = sl.simulate(net, X, 100)
    assert record.accuracy(Y)[-1] >= 0.8
    *layers, output = correlations(net, record, X)
    assert min(layers) > 0.99
    assert output > 0.90


def test_max_pooling_without_relus():
    """simulation/test_pooling.py: TestMaxPoolingINI.test_maxpool_first and test_maxpool.

    The only ReLU of the model is its output.
    """
    net = converted("max_pool", readout="spikes")
    record = sl.simulate(net, X, 100, input="regular")
    assert net.layers == ["readout"]
    assert record.accuracy(Y)[-1] >= 0.9 * accuracy("max_pool")
    *_, output = correlations(net, record, X)
    assert output > 0.90


def test_data_from_a_file(tmp_path):
    """core/test_io.py: TestGetDataset.test_get_dataset_from_npz."""
    np.savez_compressed(tmp_path / "x_norm.npz", IMAGES.numpy())
    with np.load(tmp_path / "x_norm.npz") as file:
        net = sl.convert(trained("chain"), file["arr_0"])
    assert net.thresholds == converted("chain").thresholds


class Pictures:
    """A data set of files, as `ImageFolder` of torchvision."""

    def __init__(self, folder):
        self.files = sorted(folder.glob("*/*.png"))

    def __len__(self):
        return len(self.files)

    def __getitem__(self, i):
        pixels = np.asarray(Image.open(self.files[i]), np.float32) / 255
        return pixels[None], int(self.files[i].parent.name)


def test_data_from_pictures(tmp_path):
    """core/test_io.py: TestGetDataset.test_get_dataset_from_png: folders are the classes."""
    pixels = np.rint(255 * X[:6, 0].numpy()).astype(np.uint8)
    for i, (image, label) in enumerate(zip(pixels, Y, strict=False)):
        (tmp_path / str(int(label))).mkdir(exist_ok=True)
        Image.fromarray(image).save(tmp_path / str(int(label)) / f"{i}.png")
    net, pictures = converted("chain"), Pictures(tmp_path)
    record = sl.simulate(net, pictures, 16)
    order = np.argsort(Y[:6].numpy(), kind="stable")
    assert np.array_equal(record.labels, Y[:6][order])
    expected = sl.simulate(net, np.float32(pixels[order, None]) / 255, 16)
    assert np.array_equal(record.outputs, expected.outputs)


def test_saved_network(tmp_path):
    """core/test_io.py: TestModelIO.test_loading_parsed_model."""
    net = converted("branches")
    net.save(tmp_path / "net")
    loaded = sl.load(tmp_path / "net")
    assert np.array_equal(sl.ann(loaded, X).outputs, sl.ann(net, X).outputs)


SETTINGS = {
    "a float": ({"v_init": 0.25}, True),
    "a word": ({"reset": "zero"}, True),
    "several": ({"reset": "zero", "v_init": 0.0}, True),
    "a word for a number": ({"v_init": "half"}, False),
    "another word": ({"reset": "modulo"}, False),
}


@pytest.mark.parametrize(("settings", "right"), SETTINGS.values(), ids=SETTINGS)
def test_settings(settings, right):
    """core/test_config.py: test_updating_settings."""
    if right:
        neuron = next(iter(converted("chain").replace(**settings).neurons.values()))
        assert {key: getattr(neuron, key) for key in settings} == settings
    else:
        with pytest.raises(sl.OptionError, match=next(iter(settings))):
            converted("chain").replace(**settings)
