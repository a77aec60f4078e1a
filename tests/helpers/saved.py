"""A network as a file holds it, and as it comes back."""

import json

import torch

import snnlab as sl
from snnlab.saving.graphs import put_together, taken_apart


def assert_comes_back(network, x):
    """Assert that a graph is the same after it was data for JSON: its words, what it computes."""
    data, tensors = taken_apart(network.graph)
    graph = put_together(json.loads(json.dumps(data, allow_nan=False)), tensors)
    back = sl.Network(graph, network.neurons, network.max_pool)
    assert back.fingerprint == network.fingerprint
    assert repr(graph) == repr(network.graph)
    a, b = (sl.ann(net, x) for net in (network, back))
    assert torch.equal(torch.from_numpy(a.outputs), torch.from_numpy(b.outputs))
