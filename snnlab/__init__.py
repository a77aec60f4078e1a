"""From a trained neural network to a spiking one: conversion, simulation, and its errors."""

import importlib

from snnlab.analysis import (
    Energy,
    ErrorParts,
    ErrorsOverTime,
    Operations,
    decompose,
    decompose_over_time,
    energy,
    operations,
)
from snnlab.comparison import compare
from snnlab.conversion import (
    MMSE,
    DataBased,
    Fixed,
    Gaussian,
    LocalThresholdBalancing,
    Maximum,
    ModelBased,
    Percentile,
    Trained,
    activation_statistics,
    convert,
    normalize_weights,
    trainable_clipping,
    verify,
)
from snnlab.conversion.correction import correct_bias, correct_potential, tune_thresholds
from snnlab.diagnosis import Diagnosis, diagnose
from snnlab.dynamics import Neuron, Start
from snnlab.exceptions import (
    CalibrationError,
    DataError,
    MemoryBudgetError,
    OptionError,
    ShapeError,
    SNNLabError,
    UnsupportedLayerError,
    VerificationError,
)
from snnlab.graph import QCFS, TCL, Graph, fold_batchnorm, trace
from snnlab.network import Network, load
from snnlab.nir import from_nir, to_nir
from snnlab.simulation import Activations, Record, ann, quantized, simulate, softmax_spikes, sweep

__version__ = "0.1.0"

__all__ = [
    "MMSE",
    "QCFS",
    "TCL",
    "Activations",
    "CalibrationError",
    "DataBased",
    "DataError",
    "Diagnosis",
    "Energy",
    "ErrorParts",
    "ErrorsOverTime",
    "Fixed",
    "Gaussian",
    "Graph",
    "LocalThresholdBalancing",
    "Maximum",
    "MemoryBudgetError",
    "ModelBased",
    "Network",
    "Neuron",
    "Operations",
    "OptionError",
    "Percentile",
    "Record",
    "SNNLabError",
    "ShapeError",
    "Start",
    "Trained",
    "UnsupportedLayerError",
    "VerificationError",
    "activation_statistics",
    "ann",
    "compare",
    "convert",
    "correct_bias",
    "correct_potential",
    "decompose",
    "decompose_over_time",
    "diagnose",
    "energy",
    "fold_batchnorm",
    "from_nir",
    "load",
    "normalize_weights",
    "operations",
    "quantized",
    "simulate",
    "softmax_spikes",
    "sweep",
    "to_nir",
    "trace",
    "trainable_clipping",
    "tune_thresholds",
    "verify",
]

# Loaded at their first use, since they need libraries that take long to load.
_LAZY = ("brian", "course", "data", "explorers", "plots", "recipes")


def __getattr__(name: str) -> object:
    if name in _LAZY:
        return importlib.import_module(f"snnlab.{name}")
    raise AttributeError(f"module 'snnlab' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})
