"""Interactive pictures for notebooks: move a slider and see what changes."""

from snnlab.explorers.neuron import Neuron
from snnlab.explorers.steps_and_percentile import StepsAndPercentile

__all__ = ["Neuron", "StepsAndPercentile"]
