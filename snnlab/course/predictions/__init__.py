"""Predictions, which a learner commits before anything is computed."""

from snnlab.course.predictions.answers import Number
from snnlab.course.predictions.prediction import Prediction

__all__ = ["Number", "Prediction"]
