"""Brian2: neurons as equations with units, and a second engine for converted networks."""

from snnlab.brian.catalogue import models
from snnlab.brian.model import Model
from snnlab.brian.neuron import NeuronRecord, simulate_neuron

__all__ = ["Model", "NeuronRecord", "models", "simulate_neuron"]
