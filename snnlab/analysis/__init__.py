"""The error of a spiking network, as theory predicts it and in parts as measured; and its cost."""

from typing import TYPE_CHECKING

from snnlab._first_use import at_first_use
from snnlab.analysis import deviation, quantization
from snnlab.analysis.energy_estimate import ADDITIONS, Energy, energy
from snnlab.analysis.error_parts import ErrorParts, ErrorsOverTime
from snnlab.analysis.parts import LAYER_PARTS, OFFSET, PARTS, TOTAL, Part

if TYPE_CHECKING:
    from snnlab.analysis.decomposition import decompose, decompose_over_time
    from snnlab.analysis.operation_counts import Operations, operations

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

# These need torch, and the theory does not.
_WITH_TORCH = {
    "Operations": "operation_counts",
    "decompose": "decomposition",
    "decompose_over_time": "decomposition",
    "operations": "operation_counts",
}
__getattr__, __dir__ = at_first_use(__name__, _WITH_TORCH)
