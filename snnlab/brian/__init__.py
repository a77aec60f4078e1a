"""Brian2: neurons as equations with units, and a second engine for converted networks."""

try:
    import brian2  # noqa: F401
    import scipy  # noqa: F401
except ImportError as error:
    raise ImportError(
        f"snnlab.brian: {error.name} is not installed. It needs Brian2 and scipy; all else works "
        f"without. Write: pip install brian2 scipy"
    ) from error

from snnlab.brian.catalogue import models
from snnlab.brian.model import Model
from snnlab.brian.network import simulate
from snnlab.brian.neuron import NeuronRecord, simulate_neuron
from snnlab.brian.synapses import Connections, connections

__all__ = [
    "Connections",
    "Model",
    "NeuronRecord",
    "connections",
    "models",
    "simulate",
    "simulate_neuron",
]
