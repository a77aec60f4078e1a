"""The one call: what costs a converted network its accuracy, and what helps."""

import functools
from typing import Any

from torch import nn

from snnlab._arguments import checks, labels
from snnlab._arguments.images import Images
from snnlab.diagnosis.examination import Examination
from snnlab.diagnosis.remedies import MOST_REMEDIES
from snnlab.diagnosis.report import Diagnosis
from snnlab.exceptions import OptionError
from snnlab.network import Network
from snnlab.simulation.metrics import Metric, measure
from snnlab.simulation.progress import progress_bar


def diagnose(
    network: Network,
    x: Any,
    y: Any,
    timesteps: int,
    model: nn.Module | None = None,
    *,
    metric: Metric = None,
) -> Diagnosis:
    """Find out what costs a converted network its accuracy, and what helps.

    What is unusual about the settings is repaired, all together and one by one: it is a cause only
    if accuracy comes back with it. Each spiking layer is freed of its own error alone, to see where
    the loss arises; in the layer to blame, part by part. With 10 layers or more it is told whether
    their errors add on the way to the output, or compound. Then the remedies are tried. All on the
    same images, with analog input.

    Thresholds, as remedies, are chosen on these images and judged by them. What is fitted neuron by
    neuron is not: it is fitted to every other image, and judged by those between, and the other way
    round.

    Parameters
    ----------
    network : Network
    x : array, shape (B, ...), or DataLoader, Dataset, iterable of batches
        Images; 100 to 500 are enough. They are kept as one array.
    y : array, shape (B,) or (B, ...)
        Labels or targets, as in `Record.accuracy`; None for those that come along with `x`.
    timesteps : int
        Number of steps at which accuracy is missed.
    model : torch.nn.Module, optional
        The trained model, to see whether the network still computes the same.
    metric : str or callable, optional
        In place of accuracy, as in `Record.accuracy`. One of your own says whether more of it is
        better, in an attribute `higher_is_better`; whether its ANN is any good is not judged.

    Returns
    -------
    Diagnosis

    Raises
    ------
    ShapeError, OptionError
        If an argument is not as described.

    Derived here.

    >>> from snnlab import Fixed, convert
    >>> model = nn.Sequential(nn.ReLU())
    >>> network = convert(model, [[1.0, 0.5]], threshold=Fixed(1.0))
    >>> diagnose(network, [[1.0, 0.5], [0.25, 1.0]], [0, 1], timesteps=8).sentences[-1]
    'Nothing is wrong that costs accuracy.'
    """
    checks.instance(network, Network, "network", "Write snnlab.convert(model, x_cal) first.")
    timesteps = checks.whole(timesteps, "timesteps")
    images = Images(x, "x", network.graph.input_shape)
    x = images.whole(network.graph.dtype)
    y = labels.given_or_own(y, images.labels)
    outputs = (len(x), *network.graph.nodes[-1].meta["shape"])
    bound = measure(y, outputs, metric, network.graph.head)
    if bound.scale.higher_is_better is None:
        raise OptionError(
            f"metric: {bound.scale.name} has no attribute higher_is_better, expected one: what is "
            f"lost depends on whether more of it is better. Set it to True or False."
        )
    if model is not None:
        checks.instance(model, nn.Module, "model", "Leave it away, or pass what was converted.")
    # Every layer once, the parts, each unusual setting twice, the images rescaled, the remedies.
    most = len(network.layers) + 5 + 2 * len(network.layers) + 1 + MOST_REMEDIES
    with progress_bar(most, "simulations") as progress:
        examination = Examination(network, x, bound, timesteps, progress)
        return examination.diagnosis(model, functools.partial(measure, y, metric=metric))
