"""From a trained model to a spiking network: thresholds, conversion, verification."""

from snnlab.conversion.activation_based import Maximum, Percentile
from snnlab.conversion.gaussian import Gaussian
from snnlab.conversion.local_balancing import LocalThresholdBalancing
from snnlab.conversion.mmse import MMSE
from snnlab.conversion.pipeline import convert
from snnlab.conversion.rules import Fixed, ThresholdRule
from snnlab.conversion.statistics import (
    LayerStatistics,
    activation_statistics,
    activations_of,
    cut_off,
)
from snnlab.conversion.trained import Trained, trainable_clipping
from snnlab.conversion.verification import verify
from snnlab.conversion.weight_based import DataBased, ModelBased
from snnlab.conversion.weight_normalization import normalize_weights

__all__ = [
    "MMSE",
    "DataBased",
    "Fixed",
    "Gaussian",
    "LayerStatistics",
    "LocalThresholdBalancing",
    "Maximum",
    "ModelBased",
    "Percentile",
    "ThresholdRule",
    "Trained",
    "activation_statistics",
    "activations_of",
    "convert",
    "cut_off",
    "normalize_weights",
    "trainable_clipping",
    "verify",
]
