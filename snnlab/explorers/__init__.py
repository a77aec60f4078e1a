"""Interactive pictures for notebooks: move a slider and see what changes."""

from snnlab.explorers.deviation_error import DeviationError
from snnlab.explorers.explorer import Explorer
from snnlab.explorers.neuron import Neuron
from snnlab.explorers.quantization_error import QuantizationError
from snnlab.explorers.steps_and_percentile import StepsAndPercentile

__all__ = ["DeviationError", "Explorer", "Neuron", "QuantizationError", "StepsAndPercentile"]
