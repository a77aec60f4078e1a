"""Networks trained on MNIST that come with the package."""

from collections.abc import Callable

from safetensors.torch import load
from torch import nn

from snnlab import _checks
from snnlab.data import bundled


def mnist_mlp() -> nn.Module:
    """Return 784-1200-1200-10 without biases, untrained.

    Source: Diehl et al. 2015 (fully connected network).
    """
    return nn.Sequential(
        nn.Flatten(),
        nn.Dropout(0.2),
        nn.Linear(784, 1200, bias=False),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(1200, 1200, bias=False),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(1200, 10, bias=False),
    )


def mnist_diehl_convnet() -> nn.Module:
    """Return 28x28-12c5-2s-64c5-2s-10o without biases, untrained.

    "2s" is average pooling by 2.

    Source: Diehl et al. 2015 (convolutional network).
    """
    return nn.Sequential(
        nn.Conv2d(1, 12, 5, bias=False),
        nn.ReLU(),
        nn.AvgPool2d(2),
        nn.Conv2d(12, 64, 5, bias=False),
        nn.ReLU(),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Dropout(0.5),
        nn.Linear(64 * 4 * 4, 10, bias=False),
    )


def mnist_convnet() -> nn.Module:
    """Return three convolutions with BatchNorm, biases and max pooling, and two layers, untrained.

    Its parts are those of Rueckauer et al. 2017: biases, BatchNorm, max pooling.
    """
    return nn.Sequential(
        *_block(1, 16),
        *_block(16, 32),
        *_block(32, 64),
        nn.Flatten(),
        nn.Dropout(0.5),
        nn.Linear(64 * 3 * 3, 128),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(128, 10),
    )


def _block(channels_in: int, channels_out: int) -> list[nn.Module]:
    return [
        nn.Conv2d(channels_in, channels_out, 3, padding=1),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(),
        nn.MaxPool2d(2),
    ]


ARCHITECTURES: dict[str, Callable[[], nn.Module]] = {
    "mnist_mlp": mnist_mlp,
    "mnist_diehl_convnet": mnist_diehl_convnet,
    "mnist_convnet": mnist_convnet,
}


def load_network(name: str) -> nn.Module:
    """Return a network trained on MNIST, in eval mode.

    Parameters
    ----------
    name : {"mnist_mlp", "mnist_diehl_convnet", "mnist_convnet"}
        784-1200-1200-10 without biases; 12c5-2s-64c5-2s-10o without biases; three convolutions with
        BatchNorm, biases and max pooling. `card(name)` describes their training.

    Raises
    ------
    OptionError
        If there is no such network.
    DataError
        If its file is missing or damaged.

    >>> load_network("mnist_diehl_convnet")[0]
    Conv2d(1, 12, kernel_size=(5, 5), stride=(1, 1), bias=False)
    """
    model = ARCHITECTURES[_checks.option(name, "name", ARCHITECTURES)]()
    # Stored in half precision, for half the size; copied into parameters of float32.
    model.load_state_dict(load(bundled.read(f"{name}.safetensors")))
    return model.eval()
