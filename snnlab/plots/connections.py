"""The synapses between two layers as a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes

from snnlab._arguments import checks
from snnlab.plots import _style

if TYPE_CHECKING:  # drawing needs no Brian2
    from snnlab.brian import Connections

# A picture cannot show more rows or columns than about this.
_CELLS = 400


@_style.styled
def connections(wires: Connections, source: str | int = -1, *, ax: Axes | None = None) -> Axes:
    """Draw the matrix between a source and a layer: a cell for each pair, its colour the weight.

    A large matrix is drawn coarser; a cell then shows the strongest weight among its pairs.

    Parameters
    ----------
    wires : Connections
        From `brian.connections`.
    source : str or int
        One of its sources, by name or position; by default the last.
    ax : matplotlib axes, optional

    Returns
    -------
    matplotlib axes

    Raises
    ------
    OptionError
        If the layer does not read this source.
    """
    source = checks.layer(source, list(wires.matrices), "sources of this layer")
    matrix = wires.matrices[source]
    cells = strongest(matrix, _CELLS)
    ax = _style.axes(ax, height=4.0)
    limit = max(np.abs(cells).max(), np.finfo(float).tiny)
    rows, columns = matrix.shape
    extent = (-0.5, columns - 0.5, rows - 0.5, -0.5)
    look: dict[str, Any] = {"cmap": "PuOr", "aspect": "auto", "interpolation": "nearest"}
    image = ax.imshow(cells, vmin=-limit, vmax=limit, extent=extent, **look)
    ax.figure.colorbar(image, ax=ax, label="weight")
    ax.set(xlabel=f"neuron of {source}", ylabel=f"neuron of {wires.layer}")
    ax.set_title(f"{matrix.nnz:,} synapses from {source} to {wires.layer}")
    return ax


def strongest(matrix: Any, cells: int) -> np.ndarray:
    """Return a sparse matrix as an array of at most `cells` rows and columns.

    Where several entries fall into one cell, the one of largest size stands for them.

    >>> from scipy import sparse
    >>> strongest(sparse.csc_array([[0.0, 1.0, 0.0, 0.0], [0.0, -2.0, 3.0, 0.0]]), 2).tolist()
    [[1.0, 0.0], [-2.0, 3.0]]
    """
    entries = matrix.tocoo()
    shape = [min(size, cells) for size in matrix.shape]
    grid = np.zeros(shape)
    order = np.argsort(np.abs(entries.data), kind="stable")
    row = entries.row[order].astype(np.int64) * shape[0] // matrix.shape[0]
    column = entries.col[order].astype(np.int64) * shape[1] // matrix.shape[1]
    grid[row, column] = entries.data[order]
    return grid
