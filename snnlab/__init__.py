"""From a trained neural network to a spiking one: conversion, simulation, and its errors."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from snnlab._names import *

__version__ = "0.2.0"

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

# Loaded at their first use, as the names above are: what needs torch, matplotlib or Brian2 takes
# long to load, and most explorers work without torch.
_FOLDERS = (
    "analysis",
    "brian",
    "comparison",
    "conversion",
    "course",
    "data",
    "detection",
    "diagnosis",
    "dynamics",
    "exceptions",
    "explorers",
    "gallery",
    "graph",
    "network",
    "nir",
    "plots",
    "recipes",
    "saving",
    "simulation",
)


def __getattr__(name: str) -> object:
    if name in _FOLDERS:
        return import_module(f"snnlab.{name}")
    if name in __all__:
        names = import_module("snnlab._names")
        globals().update({each: getattr(names, each) for each in __all__})
        return globals()[name]
    raise AttributeError(f"module 'snnlab' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_FOLDERS})
