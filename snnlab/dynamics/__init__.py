"""All that has a state at a step: neurons, max pooling of spikes, spiking input."""

from snnlab.dynamics.closed_forms import (
    constant_count,
    constant_output,
    hard_count,
    passed_on,
    soft_count,
    soft_count_from_any_start,
)
from snnlab.dynamics.exact import AnalogReLU, ExactMaxPool
from snnlab.dynamics.input_coding import PoissonInput, RegularInput
from snnlab.dynamics.neuron import Neuron, if_step
from snnlab.dynamics.pooling import DECAY, GatedMaxPool
from snnlab.dynamics.start import Start

__all__ = [
    "DECAY",
    "AnalogReLU",
    "ExactMaxPool",
    "GatedMaxPool",
    "Neuron",
    "PoissonInput",
    "RegularInput",
    "Start",
    "constant_count",
    "constant_output",
    "hard_count",
    "if_step",
    "passed_on",
    "soft_count",
    "soft_count_from_any_start",
]
