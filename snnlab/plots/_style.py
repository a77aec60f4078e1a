"""The style sheet of all figures: colors that everybody can tell apart, and what figures share."""

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import matplotlib as mpl
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.rcsetup import cycler
from matplotlib.transforms import Affine2D, Bbox

from snnlab._arguments import checks
from snnlab.analysis.parts import BY_NAME

# Okabe and Ito 2008, darkened where the contrast with white was below 4.5.
BLUE, ORANGE, GREEN, BLACK = "#0072B2", "#B84F00", "#007A59", "#222222"
# Of what helps to read the rest: other curves, guides, leaders.
GREY = "#6B6B6B"

# Colours are set all of them, so that figures are readable under a dark style of the user too.
STYLE: Any = {
    "figure.facecolor": "white",
    "figure.constrained_layout.use": True,
    "savefig.facecolor": "white",
    "axes.facecolor": "white",
    "axes.edgecolor": GREY,
    "axes.labelcolor": BLACK,
    "axes.titlecolor": BLACK,
    "axes.titlesize": 11,
    "axes.labelsize": 10,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.prop_cycle": cycler(color=[BLUE, ORANGE, GREEN, BLACK]),
    "text.color": BLACK,
    "xtick.color": BLACK,
    "ytick.color": BLACK,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "grid.color": "#B0B0B0",
    "lines.linewidth": 1.6,
    "hatch.linewidth": 0.7,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "legend.labelcolor": BLACK,
    "font.size": 10,
}

P = ParamSpec("P")
R = TypeVar("R")


def use_style() -> None:
    """Let matplotlib draw in the style of the course from now on, for figures of your own.

    The plots and explorers of snnlab have this style anyway, and importing them changes nothing for
    other figures.

    >>> import matplotlib
    >>> from snnlab import plots
    >>> with matplotlib.rc_context():  # a notebook writes only the line that follows
    ...     plots.use_style()
    ...     matplotlib.rcParams["axes.spines.top"]
    False
    """
    mpl.rcParams.update(STYLE)


def styled(plot: Callable[P, R]) -> Callable[P, R]:
    """Return the function that draws with the style sheet, and leaves the user's settings alone."""

    @functools.wraps(plot)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> R:
        with mpl.rc_context(STYLE):
            drawing = plot(*args, **kwargs)
            # A notebook's first figure turns this on, and without it no later figure is shown.
            interactive = mpl.is_interactive()
        mpl.interactive(interactive)
        return drawing

    return drawn


def part_look(part: str) -> dict[str, Any]:
    """Return color, line and marker of a part of the error, for matplotlib's `plot`.

    The same everywhere in the course.

    Parameters
    ----------
    part : str
        "propagated", "clipping", "quantization", "deviation", "offset", "input", "pooling" or
        "total".

    Raises
    ------
    OptionError
        If there is no such part.

    >>> from snnlab import plots
    >>> plots.part_look("clipping")
    {'color': '#6B4600', 'linestyle': '-.', 'marker': '^'}
    """
    look = BY_NAME[checks.option(part, "part", list(BY_NAME))]
    return {"color": look.color, "linestyle": look.line, "marker": look.marker}


def mark_size(neurons: int) -> float:
    """Return the height of a spike's mark, so that neighbouring rows stay apart."""
    return min(max(500 / neurons, 1), 8)


def axes(ax: Axes | None, width: float = 6.0, height: float = 3.2) -> Axes:
    """Return the given axes, or new ones."""
    if ax is not None:
        return ax
    return plt.subplots(figsize=(width, height), layout="constrained")[1]


def points(ax: Axes) -> Bbox:
    """Return the extent of axes in points, before they give way to their labels."""
    figure: Any = ax.get_figure(root=True)
    return ax.bbox.transformed(figure.dpi_scale_trans.inverted() + Affine2D().scale(72))


def log2_axis(ax: Axes) -> None:
    """Make the horizontal axis logarithmic, with 1, 2, 4, 8 and so on at its ticks."""
    ax.set_xscale("log", base=2)
    ax.xaxis.set_major_formatter("{x:g}")


def ann_line(ax: Axes, reached: float) -> Line2D:
    """Draw what the ANN reaches as a dashed line, and return it."""
    return ax.axhline(reached, color=BLACK, linestyle="--", linewidth=1.2, label="ANN")
