"""Corrections that look at the spikes a layer really receives, for a given number of steps."""

from snnlab.conversion.correction.layer_by_layer import Received, layer_by_layer
from snnlab.conversion.correction.means import correct_bias, correct_potential
from snnlab.conversion.correction.thresholds import FACTORS, candidates, tune_thresholds

__all__ = [
    "FACTORS",
    "Received",
    "candidates",
    "correct_bias",
    "correct_potential",
    "layer_by_layer",
    "tune_thresholds",
]
