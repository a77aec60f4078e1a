"""What the notebooks ask of the learner, and how they answer."""

from snnlab.course.comparison import compare
from snnlab.course.exercises.registry import check, exercise
from snnlab.course.feedback import Feedback
from snnlab.course.mystery_neuron import MysteryNeuron
from snnlab.course.patients import mystery_patient, patient
from snnlab.course.predictions.answers import Number
from snnlab.course.predictions.prediction import Prediction

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
