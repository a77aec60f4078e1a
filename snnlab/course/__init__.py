"""Exercises and predictions of the notebooks, and the feedback that they give."""

import warnings
from importlib import import_module
from typing import TYPE_CHECKING, Any

from snnlab.exceptions import needs
from snnlab_course import distributions

if found := distributions.namesake():
    warnings.warn(distributions.NAMESAKE_WORDS.format(version=found), stacklevel=2)

with needs("snnlab.course", "matplotlib", "ipywidgets", extra="course"):
    import ipywidgets  # noqa: F401
    import matplotlib  # noqa: F401

from snnlab.course.converter.comparing import spike_for_spike
from snnlab.course.converter.keeping import keep
from snnlab.course.converter.loading import Converter, my_converter
from snnlab.course.exercises.registry import check, exercise
from snnlab.course.feedback import Feedback
from snnlab.course.memory import map, recall, symbols
from snnlab.course.patients import mystery_patient, patient
from snnlab.course.predictions.answers import Number
from snnlab.course.predictions.prediction import Prediction

if TYPE_CHECKING:
    from snnlab.course.comparison import compare
    from snnlab.course.mystery_neuron import MysteryNeuron

__all__ = [
    "Converter",
    "Feedback",
    "MysteryNeuron",
    "Number",
    "Prediction",
    "check",
    "compare",
    "exercise",
    "keep",
    "map",
    "my_converter",
    "mystery_patient",
    "patient",
    "recall",
    "spike_for_spike",
    "symbols",
]

# Loaded at their first use, since only notebook 01 needs Brian2.
_LAZY = {"MysteryNeuron": "mystery_neuron", "compare": "comparison"}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'snnlab.course' has no attribute {name!r}")
    with needs(f"snnlab.course.{name}", "brian2", "scipy", extra="brian"):
        return getattr(import_module(f"snnlab.course.{_LAZY[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})
