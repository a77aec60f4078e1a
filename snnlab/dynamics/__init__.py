"""All that has a state at a step: neurons, max pooling of spikes, spiking input."""

from typing import TYPE_CHECKING

from snnlab._first_use import at_first_use
from snnlab.dynamics.closed_forms import (
    constant_count,
    constant_output,
    hard_count,
    passed_on,
    soft_count,
    soft_count_from_any_start,
)
from snnlab.dynamics.neuron import Neuron, if_step
from snnlab.dynamics.start import Start

if TYPE_CHECKING:
    from snnlab.dynamics.exact import AnalogReLU, ExactMaxPool
    from snnlab.dynamics.input_coding import PoissonInput, RegularInput
    from snnlab.dynamics.pooling import DECAY, GatedMaxPool

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

# These need torch, and explorers of a single neuron do not.
_WITH_TORCH = {
    "DECAY": "pooling",
    "AnalogReLU": "exact",
    "ExactMaxPool": "exact",
    "GatedMaxPool": "pooling",
    "PoissonInput": "input_coding",
    "RegularInput": "input_coding",
}
__getattr__, __dir__ = at_first_use(__name__, _WITH_TORCH)
