"""Brian2: neurons as equations with units, and a second engine for converted networks."""

from snnlab.exceptions import needs

with needs("snnlab.brian", "brian2", "scipy", extra="brian"):
    import brian2  # noqa: F401
    import scipy  # noqa: F401

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
