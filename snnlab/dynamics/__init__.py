"""All that has a state at a step: neurons, max pooling of spikes, spiking input."""

from snnlab.dynamics.exact import AnalogReLU, ExactMaxPool
from snnlab.dynamics.input_coding import PoissonInput, RegularInput
from snnlab.dynamics.neuron import (
    Neuron,
    constant_count,
    constant_output,
    hard_count,
    if_step,
    passed_on,
    soft_count,
)
from snnlab.dynamics.pooling import DECAY, GatedMaxPool

__all__ = [
    "DECAY",
    "AnalogReLU",
    "ExactMaxPool",
    "GatedMaxPool",
    "Neuron",
    "PoissonInput",
    "RegularInput",
    "constant_count",
    "constant_output",
    "hard_count",
    "if_step",
    "passed_on",
    "soft_count",
]
