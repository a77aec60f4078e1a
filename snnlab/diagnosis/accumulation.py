"""Whether the errors of many layers add on their way to the output, or compound."""

import numpy as np
import torch
from torch import fx

from snnlab.analysis import ErrorParts
from snnlab.diagnosis.report import Accumulation
from snnlab.graph.canonical import Graph
from snnlab.graph.evaluation import evaluate, inference
from snnlab.network import Network

# With fewer layers there is not much that could come together.
DEEP = 10
# Root mean squares over so many images are precise enough.
_IMAGES = 32


def accumulation(network: Network, x: torch.Tensor, report: ErrorParts) -> Accumulation | None:
    r"""Pass every layer's own error alone through the ANN, and compare with all of them together.

    .. math:: c_l = F(a_l + \varepsilon_l) - F(a_l), \qquad
              \varepsilon_l = \varphi_l - R(\bar z_l)

    F is the ANN from layer l to the output, a what the ANN passes on there, ε the layer's own
    error, and c what arrives of it. If the errors add, the error of the output is the sum of all c.
    Nothing but the interplay of the errors can make a difference.

    Returns None if the ANN's output is zero.

    Derived here.
    """
    some = slice(None, None, -(-len(x) // _IMAGES))
    graph, images = network.graph, x[some]
    exact = _output(graph, images)
    size = _rms(exact)
    if not size:
        return None
    own: dict[str, float] = {}
    arriving: dict[str, float] = {}
    added = np.zeros_like(exact)
    for name, parts in report.parts.items():
        if name == "output":
            continue
        a = report.activations[name][some]
        made = [values[some] for part, values in parts.items() if part != "propagated"]
        error = np.sum(made, axis=0)
        reached = _output(graph, images, name, a + error) - exact
        added += reached
        own[name] = _rms(error) / (_rms(a) or np.nan)
        arriving[name] = _rms(reached) / size
    measured = _rms(report.total("output")[some]) / size
    return Accumulation(own, arriving, _rms(added) / size, measured)


def _output(
    graph: Graph, x: torch.Tensor, layer: str | None = None, passed_on: np.ndarray | None = None
) -> np.ndarray:
    """Return the ANN's output, shape (B, ...), where one layer passes on something else."""

    def emit(node: fx.Node, current: torch.Tensor) -> torch.Tensor | None:
        if passed_on is None or node.meta["layer"] != layer:
            return None
        return torch.from_numpy(passed_on).to(current)

    with inference(graph, len(x)):
        return evaluate(graph, x.to(graph.device), emit).double().cpu().numpy()


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(values), dtype=np.float64)))
