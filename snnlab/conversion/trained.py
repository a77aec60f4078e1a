"""Thresholds that are trained: layers put in the place of ReLUs, and the rule that reads them.

First the layers are put in, then the network is trained further, then it is converted:

    model = snnlab.trainable_clipping(model, x_cal, levels=4)
    model = snnlab.data.train(model, x, y)
    network = snnlab.convert(model, x_cal, threshold=snnlab.Trained())
"""

import copy
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx, nn

from snnlab._arguments import checks
from snnlab._arguments.images import Images
from snnlab.conversion.activation_based import Percentile
from snnlab.conversion.rules import ThresholdRule
from snnlab.exceptions import OptionError, UnsupportedLayerError
from snnlab.graph.canonical import Graph
from snnlab.graph.clipping import TCL
from snnlab.graph.evaluation import cap
from snnlab.graph.models import unwrapped
from snnlab.graph.staircase import QCFS, Shift
from snnlab.graph.tracing import trace

# Where training starts, as a percentile of the activations: steps are finer for a lower one.
_OF_STEPS, _OF_CLIPPING = 99.0, 99.9


@dataclass(frozen=True)
class Trained(ThresholdRule):
    """Threshold = the upper bound of the activation, where training has put it.

    That of `QCFS` and `TCL` layers, however they are written, and of `nn.ReLU6` and
    `nn.Hardtanh(0, c)`. A layer without one is refused by name.

    Source: Ho and Chang 2021 (TCL); Bu et al. 2022 (QCFS).

    >>> from snnlab import convert
    >>> convert(TCL(1.5), [[1.0]], threshold=Trained()).thresholds
    {'relu': 1.5}
    """

    def thresholds(self, graph: Graph, x_cal: Any) -> dict[str, Any]:
        """Return the threshold of each layer; the data are not looked at."""
        without = [name for name, node in graph.layers.items() if cap(node) is None]
        if without:
            raise OptionError(
                f"threshold: Trained() finds none for the layers {without}, whose activations have "
                f"no upper bound. Expected QCFS, TCL, ReLU6 or Hardtanh(0, c) in place of ReLU. "
                f"Write snnlab.trainable_clipping(model, x_cal, levels), and train the result."
            )
        return {name: cap(node) for name, node in graph.layers.items()}


def trainable_clipping(
    model: nn.Module, x_cal: Any, levels: int | None, *, shift: Shift = 0.5
) -> nn.Module:
    """Return a copy of a trained model with layers in place of its ReLUs whose θ can be trained.

    θ starts at a percentile of the activations: 99 for steps, 99.9 for clipping alone. A module
    that is called at several places has one θ for all of them.

    Parameters
    ----------
    model : torch.nn.Module
        Its ReLUs are modules, `nn.ReLU` or `nn.ReLU6`. It is not changed; the copy is in training
        or in eval mode as it is.
    x_cal : array, shape (B, ...), or DataLoader, Dataset, iterable of batches
        Training images.
    levels : int or None
        L of the staircases, see `QCFS`; None for clipping alone, see `TCL`.
    shift : float or "random"
        φ of the staircases, see `QCFS`. With `levels` = 1 and "random" the network is trained as if
        it ran for one step, where noise stands for the potential that earlier steps would have
        left. Converted it is run for many.

    Returns
    -------
    torch.nn.Module

    Raises
    ------
    UnsupportedLayerError
        If a ReLU is no module (`F.relu`, `torch.relu`, `x.clamp(min=0)`) or another one, if there
        is none, or if the model holds something that cannot be converted.
    CalibrationError
        If a layer is silent on all of `x_cal`.
    ShapeError, OptionError
        If `x_cal`, `levels` or `shift` are not as described.

    Source: Ho and Chang 2021 (TCL); Bu et al. 2022 (QCFS), where θ starts at a constant. Of single
    steps with noise we have read the abstract, Jiang and Zhang 2023: it names Gaussian noise; that
    what is left of a potential lies evenly between 0 and θ is our reading.

    >>> model = nn.Sequential(nn.Linear(1, 1, bias=False), nn.ReLU())
    >>> model[0].weight.data[:] = 3.0
    >>> trainable_clipping(model, [[1.0]], levels=4)[1]
    QCFS(levels=4, threshold=3, shift=0.5)
    """
    checks.instance(model, nn.Module, "model", "Wrap a function in a module as its forward.")
    if levels == 1 and shift != "random":
        raise OptionError(
            f"levels = 1 with shift = {shift!r}: a single step is a decision, which no neuron that "
            f"runs for many steps makes. Expected 2 levels or more, or shift='random'."
        )
    images = Images.of(x_cal, "x_cal", again=True)
    own = copy.deepcopy(unwrapped(model))
    graph = trace(copy.deepcopy(own).eval(), images.first(1))
    relus = {name: _relu(own, name, node) for name, node in graph.layers.items()}
    if not relus:
        raise UnsupportedLayerError(
            "model: found no ReLU that depends on the input, expected at least one to be replaced. "
            "Train the model with nn.ReLU."
        )
    rule = Percentile(_OF_CLIPPING if levels is None else _OF_STEPS)
    thetas: dict[nn.Module, float] = {}
    for name, theta in rule.thresholds(graph, images).items():
        thetas[relus[name]] = max(float(theta), thetas.get(relus[name], 0.0))
    like = torch.zeros((), dtype=graph.dtype, device=graph.device)
    for relu, theta in thetas.items():
        layer = TCL(theta) if levels is None else QCFS(levels, theta, shift)
        own = _replaced(own, relu, layer.to(like).train(relu.training))
    return own


def _relu(model: nn.Module, name: str, node: fx.Node) -> nn.Module:
    """Return the module that a layer of the graph is in the model."""
    found = node.meta["own"] or "a function"
    module = model.get_submodule(node.meta["scope"])
    if node.meta["own"] and isinstance(module, (nn.ReLU, nn.ReLU6)):
        return module
    raise UnsupportedLayerError(
        f"layer {name!r}: is {found}, expected a module nn.ReLU or nn.ReLU6: nothing else can be "
        f"replaced by a layer to train. For F.relu, torch.relu or clamp write "
        f"self.relu = nn.ReLU() in __init__, and self.relu(x) in forward."
    )


def _replaced(model: nn.Module, old: nn.Module, new: nn.Module) -> nn.Module:
    """Put a module in the place of another, wherever that is held, and return the model."""
    for holder in list(model.modules()):
        for name, module in list(holder._modules.items()):
            if module is old:
                holder._modules[name] = new
    return new if model is old else model
