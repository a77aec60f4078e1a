"""The error of a spiking network, as theory predicts it and in parts as measured; and its cost."""

from snnlab.analysis import deviation, quantization
from snnlab.analysis.decomposition import decompose, decompose_over_time
from snnlab.analysis.energy_estimate import ADDITIONS, Energy, energy
from snnlab.analysis.error_parts import ErrorParts, ErrorsOverTime
from snnlab.analysis.operation_counts import Operations, operations
from snnlab.analysis.parts import LAYER_PARTS, OFFSET, PARTS, TOTAL, Part

__all__ = [
    "ADDITIONS",
    "LAYER_PARTS",
    "OFFSET",
    "PARTS",
    "TOTAL",
    "Energy",
    "ErrorParts",
    "ErrorsOverTime",
    "Operations",
    "Part",
    "decompose",
    "decompose_over_time",
    "deviation",
    "energy",
    "operations",
    "quantization",
]
