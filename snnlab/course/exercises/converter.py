"""The converter of one's own: which function is which exercise."""

from snnlab.course.exercises import converter_networks, converter_neurons
from snnlab.course.exercises.base import Exercise

ALL: tuple[Exercise, ...] = (*converter_neurons.ALL, *converter_networks.ALL)

# In the order in which the file of the solution has them.
PIECES = {
    "neuron_step": "1.6",
    "run_layer": "2.7",
    "threshold_of": "6.3",
    "convert": "6.7",
    "fold": "7.5",
    "simulate": "7.6",
}
