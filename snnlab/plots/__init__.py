"""Figures: one function each, drawn from a record or a report into given axes."""

from snnlab.exceptions import needs

with needs("snnlab.plots", "matplotlib", extra="course"):
    import matplotlib  # noqa: F401

from snnlab.plots.accuracy_over_additions import accuracy_over_additions
from snnlab.plots.accuracy_over_time import accuracy_over_time
from snnlab.plots.activation_against_rate import activation_against_rate
from snnlab.plots.connections import connections
from snnlab.plots.diagnosis import diagnosis
from snnlab.plots.error_map import error_map
from snnlab.plots.error_parts import error_parts
from snnlab.plots.errors_over_time import errors_over_time
from snnlab.plots.fi_curve import fi_curve
from snnlab.plots.operations import operations
from snnlab.plots.potential import potential
from snnlab.plots.raster import raster

__all__ = [
    "accuracy_over_additions",
    "accuracy_over_time",
    "activation_against_rate",
    "connections",
    "diagnosis",
    "error_map",
    "error_parts",
    "errors_over_time",
    "fi_curve",
    "operations",
    "potential",
    "raster",
]
