"""The parts of a network, written to a file and read from it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from snnlab.dynamics.neuron import Neuron, settings
from snnlab.exceptions import DataError
from snnlab.graph.canonical import Graph
from snnlab.saving.container import pack, read_bytes, unpack, write_bytes
from snnlab.saving.graphs import put_together, taken_apart

# Before the name of a layer: the tensor of its v_init, one number for each channel or neuron.
_START = "(v_init) "

Parts = tuple[Graph, dict[str, Neuron], Any, dict[str, int]]


def write(
    path: Any,
    graph: Graph,
    neurons: Mapping[str, Neuron],
    max_pool: str,
    corrections: Mapping[str, int],
) -> None:
    """Write the parts of a network to a file, see `Network.save`."""
    data, tensors = taken_apart(graph)
    starts = {
        _START + name: torch.tensor(neuron.v_init)
        for name, neuron in neurons.items()
        if np.ndim(neuron.v_init)
    }
    header = {
        "neurons": {name: _described(neuron) for name, neuron in neurons.items()},
        "max_pool": max_pool,
        "corrections": dict(corrections),
        "graph": data,
    }
    write_bytes(path, pack(header, tensors | starts))


def read(path: Any) -> Parts:
    """Return graph, neurons, max pooling and corrections from a file, or refuse it.

    See `snnlab.load`. Older files have no corrections.
    """
    header, tensors = unpack(read_bytes(path), str(path))
    try:
        neurons = {
            name: _neuron(setting, tensors.get(_START + name))
            for name, setting in header["neurons"].items()
        }
        graph, corrections = put_together(header["graph"], tensors), header.get("corrections", {})
        return graph, neurons, header["max_pool"], corrections
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
    except Exception as error:  # what a header of other content leads to cannot be foreseen
        raise DataError(
            f"{path}: its header is none that network.save writes ({error!r}). Expected a file "
            f"that nobody has edited. Save the network anew."
        ) from error


def _described(neuron: Neuron) -> dict[str, Any]:
    """Return a neuron as data for JSON, but for an array of potentials, which may be large."""
    data = settings(neuron)
    data["threshold"] = data.pop("v_threshold")
    return data | ({"v_init": None} if np.ndim(neuron.v_init) else {})


def _neuron(data: dict[str, Any], start: torch.Tensor | None) -> Neuron:
    """Return the neuron that `_described` has made data of; older files do not say all."""
    v_init = data["v_init"] if start is None else start.numpy()
    rest = {name: value for name, value in data.items() if name not in ("threshold", "v_init")}
    return Neuron(data["threshold"], v_init=v_init, **rest)
