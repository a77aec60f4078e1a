"""Images and weights that a seed decides."""

import torch


def rand(*shape, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


@torch.no_grad()
def randomized(model, seed=0, spread=0.5):
    """Return a model in eval mode with weights and statistics that a seed decides."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        parameter.copy_(spread * torch.randn(parameter.shape, generator=generator))
    for name, buffer in model.named_buffers():
        if "running" in name:
            buffer.copy_(0.5 + torch.rand(buffer.shape, generator=generator))
    return model.eval()
