"""From a trained neural network to a spiking one: conversion, simulation, and its errors."""

from snnlab.activations import record_activations
from snnlab.balancing import DataBased, ModelBased
from snnlab.calibration import Fixed, Maximum, Percentile
from snnlab.conversion import convert, verify
from snnlab.decomposition import decompose, decompose_over_time
from snnlab.diagnosis import Diagnosis, diagnose
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
from snnlab.folding import fold_batchnorm
from snnlab.graph import Graph
from snnlab.network import Network
from snnlab.neuron import Neuron
from snnlab.normalization import normalize_weights
from snnlab.record import Activations, Record
from snnlab.report import ErrorParts, ErrorsOverTime
from snnlab.simulation import analog, simulate, steady
from snnlab.softmax import softmax_spikes
from snnlab.sweeping import sweep
from snnlab.tracing import trace

__version__ = "0.1.0"

__all__ = [
    "Activations",
    "CalibrationError",
    "DataBased",
    "DataError",
    "Diagnosis",
    "ErrorParts",
    "ErrorsOverTime",
    "Fixed",
    "Graph",
    "Maximum",
    "MemoryBudgetError",
    "ModelBased",
    "Network",
    "Neuron",
    "OptionError",
    "Percentile",
    "Record",
    "SNNLabError",
    "ShapeError",
    "UnsupportedLayerError",
    "VerificationError",
    "analog",
    "convert",
    "decompose",
    "decompose_over_time",
    "diagnose",
    "fold_batchnorm",
    "normalize_weights",
    "record_activations",
    "simulate",
    "softmax_spikes",
    "steady",
    "sweep",
    "trace",
    "verify",
]
