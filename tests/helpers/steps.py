"""A model of one step."""

import torch
from torch import nn


class Step(nn.Module):
    """A model whose forward is `step(model, x)`; `parts` become its modules and buffers."""

    def __init__(self, step, **parts):
        super().__init__()
        self.step = step
        for name, part in parts.items():
            tensor = isinstance(part, torch.Tensor) and not isinstance(part, nn.Parameter)
            self.register_buffer(name, part) if tensor else setattr(self, name, part)

    def forward(self, x):
        return self.step(self, x)
