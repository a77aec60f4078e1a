"""Thresholds that grow from 0 by what they cut off, batch after batch."""

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import fx

from snnlab._arguments import checks
from snnlab._arguments.images import Images
from snnlab.conversion.rules import ThresholdRule
from snnlab.conversion.statistics import by_channel
from snnlab.dynamics.neuron import per_neuron
from snnlab.exceptions import CalibrationError
from snnlab.graph.canonical import Graph
from snnlab.graph.evaluation import activation, evaluate, inference
from snnlab.graph.operations import Kind


@dataclass(frozen=True)
class LocalThresholdBalancing(ThresholdRule):
    r"""Threshold = what has grown from 0 in a number of batches, by what it cuts off.

    .. math:: \theta_c \leftarrow \theta_c + 2\,\mathbb E\left[(a_c - \theta_c)_+\right]

    for each channel c, over the images and positions of a batch; layers behind read activations
    that are cut off at θ. It can only grow: with enough batches nothing is cut off any more, and
    how far it comes before is how many batches there are. So their number is part of the rule. One
    update may go beyond the maximum, to twice an activation that is always the same.

    Parameters
    ----------
    updates : int
        Number of batches; after the last image the first comes again.
    batch : int
        Images per batch, in the order in which they are given.

    Source: Bu et al. 2025, read as code (putshua/Inference-scale-ANN-SNN), where there are 4,002
    batches of 100 images for ImageNet, and the factor is 1; we have not read the paper's text. That
    code fires where v > θ, here equality fires.

    >>> from torch import nn
    >>> from snnlab import convert
    >>> x = [[1.0], [0.5], [0.0], [0.0]]
    >>> convert(nn.ReLU(), x, threshold=LocalThresholdBalancing(updates=2)).thresholds["relu"]
    array([0.875])
    """

    updates: int
    batch: int = 100

    def __post_init__(self) -> None:
        checks.whole(self.updates, "updates")
        checks.whole(self.batch, "batch")

    def thresholds(self, graph: Graph, x_cal: Any) -> dict[str, float | np.ndarray]:
        """Return the threshold of each channel of each layer."""
        checks.instance(graph, Graph, "graph", "Write snnlab.trace(model, x) first.")
        x_cal = Images.of(x_cal, "x_cal", graph.input_shape, again=True)
        theta: dict[str, np.ndarray] = {}

        def cut(node: fx.Node, current: torch.Tensor) -> torch.Tensor | None:
            if node.meta["kind"] is not Kind.RELU:
                return None
            name, a = node.meta["layer"], activation(node, current)
            before = theta.get(name, np.zeros(len(by_channel(a))))
            above = (by_channel(a) - _like(a, before)[:, None]).relu().mean(1)
            theta[name] = before + 2 * above.double().cpu().numpy()
            return a.minimum(_like(a, per_neuron(theta[name], a.ndim)))

        rounds = (x_cal.split(self.batch, graph.dtype) for _ in itertools.count())
        for images in itertools.islice(itertools.chain.from_iterable(rounds), self.updates):
            with inference(graph, len(images)):
                evaluate(graph, images.to(graph.device), cut)
        for name, grown in theta.items():
            if not grown.any():
                raise CalibrationError(
                    f"layer {name!r}: its threshold is still 0 after {self.updates} updates, "
                    f"expected one above 0. A layer begins to grow when those before it pass "
                    f"something on: allow more updates, or use more or other calibration data."
                )
        # A channel that is always 0 takes the largest threshold of its layer.
        return {name: np.where(grown > 0, grown, grown.max()) for name, grown in theta.items()}


def _like(a: torch.Tensor, values: float | np.ndarray) -> torch.Tensor:
    return torch.as_tensor(values, dtype=a.dtype, device=a.device)
