"""Figures: one function each, drawn from a record or a report into given axes.

All have one style. `use_style` lends it to figures of your own, `label_curves` writes names at
curves instead of a legend, and a part of the error looks everywhere as `part_look` says.
"""

from snnlab.exceptions import needs

with needs("snnlab.plots", "matplotlib", extra="course"):
    import matplotlib  # noqa: F401

from snnlab.plots import _style
from snnlab.plots._style import part_look, use_style
from snnlab.plots.accuracy_over_additions import accuracy_over_additions
from snnlab.plots.accuracy_over_time import accuracy_over_time
from snnlab.plots.activation_against_rate import activation_against_rate
from snnlab.plots.connections import connections
from snnlab.plots.diagnosis import diagnosis
from snnlab.plots.error_map import error_map
from snnlab.plots.error_parts import error_parts
from snnlab.plots.errors_over_time import errors_over_time
from snnlab.plots.fi_curve import fi_curve
from snnlab.plots.label_curves import label_curves
from snnlab.plots.operations import operations
from snnlab.plots.potential import potential
from snnlab.plots.raster import raster

BLUE = _style.BLUE  #: A first curve: mostly the spiking network.
ORANGE = _style.ORANGE  #: A second one.
GREEN = _style.GREEN  #: A third one.
BLACK = _style.BLACK  #: What is no competitor: the ANN, a threshold, a total.
GREY = _style.GREY  #: What helps to read the rest.

__all__ = [
    "BLACK",
    "BLUE",
    "GREEN",
    "GREY",
    "ORANGE",
    "accuracy_over_additions",
    "accuracy_over_time",
    "activation_against_rate",
    "connections",
    "diagnosis",
    "error_map",
    "error_parts",
    "errors_over_time",
    "fi_curve",
    "label_curves",
    "operations",
    "part_look",
    "potential",
    "raster",
    "use_style",
]
