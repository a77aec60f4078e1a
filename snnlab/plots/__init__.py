"""Figures: one function each, drawn from a record or a report into given axes."""

from snnlab.plots.accuracy_over_time import accuracy_over_time
from snnlab.plots.error_parts import error_parts
from snnlab.plots.raster import raster

__all__ = ["accuracy_over_time", "error_parts", "raster"]
