"""Running a converted network, and what a run leaves behind."""

from snnlab.simulation.record import Activations, Record
from snnlab.simulation.runs import ann, quantized, simulate
from snnlab.simulation.spiking_softmax import softmax_spikes
from snnlab.simulation.sweeping import sweep

__all__ = ["Activations", "Record", "ann", "quantized", "simulate", "softmax_spikes", "sweep"]
