"""From a trained neural network to a spiking one: conversion, simulation, and its errors."""

from snnlab.analysis.decomposition import decompose, decompose_over_time
from snnlab.analysis.error_parts import ErrorParts, ErrorsOverTime
from snnlab.conversion.activation_based import Maximum, Percentile
from snnlab.conversion.pipeline import convert
from snnlab.conversion.rules import Fixed
from snnlab.conversion.statistics import record_activations
from snnlab.conversion.verification import verify
from snnlab.conversion.weight_based import DataBased, ModelBased
from snnlab.conversion.weight_normalization import normalize_weights
from snnlab.diagnosis import Diagnosis, diagnose
from snnlab.dynamics.neuron import Neuron
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
from snnlab.graph.canonical import Graph
from snnlab.graph.folding import fold_batchnorm
from snnlab.graph.tracing import trace
from snnlab.network import Network
from snnlab.simulation.record import Activations, Record
from snnlab.simulation.running import analog, simulate, steady
from snnlab.simulation.spiking_softmax import softmax_spikes
from snnlab.sweeping import sweep

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
