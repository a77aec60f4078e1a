"""What the notebooks ask of the learner, and how they answer."""

from snnlab.course.comparison import compare
from snnlab.course.feedback import Feedback
from snnlab.course.mystery_neuron import MysteryNeuron

__all__ = ["Feedback", "MysteryNeuron", "compare"]
