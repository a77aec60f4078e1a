"""The exercises in which a converter of one's own is written."""

from snnlab.course.exercises import converter_networks, converter_neurons
from snnlab.course.exercises.base import Exercise

ALL: tuple[Exercise, ...] = (*converter_neurons.ALL, *converter_networks.ALL)
