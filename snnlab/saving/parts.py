"""The parts of a network, written to a file and read from it."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from snnlab.dynamics.neuron import Neuron
from snnlab.exceptions import DataError
from snnlab.graph.canonical import Graph
from snnlab.saving.container import pack, read_bytes, unpack, write_bytes
from snnlab.saving.graphs import put_together, taken_apart

# Of the options of a neuron, those that have another name in a file.
_NAMES = {"v_threshold": "threshold"}
Parts = tuple[Graph, dict[str, Neuron], Any]


def write(path: Any, graph: Graph, neurons: Mapping[str, Neuron], max_pool: str) -> None:
    """Write the parts of a network to a file, see `Network.save`."""
    data, tensors = taken_apart(graph)
    settings = {
        name: {
            _NAMES.get(option, option): np.asarray(value).tolist()
            for option, value in vars(neuron).items()
        }
        for name, neuron in neurons.items()
    }
    header = {"neurons": settings, "max_pool": max_pool, "graph": data}
    write_bytes(path, pack(header, tensors))


def read(path: Any) -> Parts:
    """Return graph, neurons and max pooling from a file, or refuse it, see `snnlab.load`."""
    header, tensors = unpack(read_bytes(path), str(path))
    try:
        neurons = {
            name: Neuron(setting.pop("threshold"), **setting)
            for name, setting in header["neurons"].items()
        }
        return put_together(header["graph"], tensors), neurons, header["max_pool"]
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
    except Exception as error:  # what a header of other content leads to cannot be foreseen
        raise DataError(
            f"{path}: its header is none that network.save writes ({error!r}). Expected a file "
            f"that nobody has edited. Save the network anew."
        ) from error
