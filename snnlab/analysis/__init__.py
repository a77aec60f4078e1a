"""The error of a spiking network: what theory predicts of it, and its parts as measured."""

from snnlab.analysis import deviation, quantization
from snnlab.analysis.decomposition import decompose, decompose_over_time
from snnlab.analysis.error_parts import ErrorParts, ErrorsOverTime
from snnlab.analysis.parts import LAYER_PARTS, OFFSET, PARTS, TOTAL, Part

__all__ = [
    "LAYER_PARTS",
    "OFFSET",
    "PARTS",
    "TOTAL",
    "ErrorParts",
    "ErrorsOverTime",
    "Part",
    "decompose",
    "decompose_over_time",
    "deviation",
    "quantization",
]
