"""Running a converted network, and what a run leaves behind."""

from snnlab.simulation.record import Activations, Record
from snnlab.simulation.running import analog, simulate, steady
from snnlab.simulation.spiking_softmax import softmax_spikes

__all__ = ["Activations", "Record", "analog", "simulate", "softmax_spikes", "steady"]
