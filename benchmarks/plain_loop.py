"""The simulation as one would write it by hand: every layer at every step."""

import torch
from torch import fx

from snnlab import Network
from snnlab.graph import Kind


@torch.inference_mode()
def plain_loop(network: Network, x: torch.Tensor, timesteps: int) -> torch.Tensor:
    """Return the accumulated output; soft reset, one threshold per layer, no max pooling."""
    potentials, total = {}, 0.0
    nodes, interpreter = network.graph.nodes, fx.Interpreter(network.graph.module)
    for _ in range(timesteps):
        values = interpreter.env = {}
        for node in nodes:
            if node.meta["kind"] is Kind.INPUT:
                values[node] = x
            elif node.meta["kind"] is Kind.RELU:
                theta = network.neurons[node.meta["layer"]].v_threshold
                current = values[node.args[0]]
                v = potentials.get(node, theta / 2) + current
                spikes = (v >= theta).to(current.dtype) * theta
                potentials[node] = v - spikes
                values[node] = spikes
            else:
                inputs = interpreter.fetch_args_kwargs_from_env(node)
                values[node] = getattr(interpreter, node.op)(node.target, *inputs)
        total = total + values[nodes[-1]]
    return total
