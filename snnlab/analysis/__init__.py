"""The error of a spiking network: what theory predicts of it, and its parts as measured."""

from snnlab.analysis import deviation, quantization
from snnlab.analysis.decomposition import decompose, decompose_over_time
from snnlab.analysis.error_parts import PARTS, ErrorParts, ErrorsOverTime

__all__ = [
    "PARTS",
    "ErrorParts",
    "ErrorsOverTime",
    "decompose",
    "decompose_over_time",
    "deviation",
    "quantization",
]
