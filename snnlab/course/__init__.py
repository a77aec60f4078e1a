"""What the notebooks ask of the learner, and how they answer."""

from snnlab.course.answering import check, exercise
from snnlab.course.asking import Number
from snnlab.course.committing import Prediction
from snnlab.course.comparison import compare
from snnlab.course.feedback import Feedback
from snnlab.course.mystery_neuron import MysteryNeuron
from snnlab.course.patients import mystery_patient, patient

__all__ = [
    "Feedback",
    "MysteryNeuron",
    "Number",
    "Prediction",
    "check",
    "compare",
    "exercise",
    "mystery_patient",
    "patient",
]
