"""From a torch model to the canonical graph."""

from snnlab.graph.canonical import Graph
from snnlab.graph.clipping import TCL
from snnlab.graph.folding import fold_affine, fold_batchnorm
from snnlab.graph.operations import Kind
from snnlab.graph.staircase import QCFS
from snnlab.graph.tracing import trace

__all__ = ["QCFS", "TCL", "Graph", "Kind", "fold_affine", "fold_batchnorm", "trace"]
