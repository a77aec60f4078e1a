"""Five blocks of a spiking ResNet, each against its formula written out."""

import pytest
import torch
from helpers.digits import assert_learns, unseen
from helpers.seeded import randomized
from torch.nn import functional as F

import snnlab as sl
from snnlab.gallery import spiking_resnet, training
from snnlab.gallery.neurons import Neurons, SpikingNetwork
from snnlab.gallery.spiking_resnet import SHORTCUTS, Block

T = 4


def written_out(block, x, shortcut):
    """Return what a block gives in eval mode."""
    n = Neurons(timesteps=T)

    def c(z, layer):
        return F.conv2d(z, layer.weight, padding=1)

    def b(z, layer):
        shape = (1, -1, 1, 1)
        spread = torch.sqrt(layer.running_var + layer.eps)
        normal = (z - layer.running_mean.view(shape)) / spread.view(shape)
        return normal * layer.weight.view(shape) + layer.bias.view(shape)

    def f(z):
        return c(n(b(c(z, block.first), block.norm)), block.second)

    return {
        "none": lambda: n(b(f(x), block.last)),
        "spikes": lambda: n(b(f(x), block.last) + x),
        "normalized": lambda: n(b(f(x) + x, block.last)),
        "counts": lambda: n(b(f(x), block.last)) + x,
        "currents": lambda: b(f(n(x)), block.last) + x,
    }[shortcut]()


@pytest.mark.parametrize("shortcut", SHORTCUTS)
def test_a_block_is_its_formula(shortcut):
    block = randomized(Block(3, shortcut), spread=1.0)
    x = (torch.rand(T * 2, 3, 5, 5, generator=torch.Generator().manual_seed(1)) > 0.5).float()
    found = SpikingNetwork(block, T)
    for layer in block.modules():
        if isinstance(layer, Neurons):
            layer.timesteps = T
    y = block(x)
    assert torch.allclose(y, written_out(block, x, shortcut), atol=1e-5)
    assert y.std() > 0.1
    others = [written_out(block, x, other) for other in SHORTCUTS if other != shortcut]
    assert not any(torch.allclose(y, other, atol=1e-5) for other in others)
    assert found.layers is block


def crossing(shortcut):
    """Return all values that enter the last of three blocks."""
    with training.seeded(0):
        model = spiking_resnet.network(shortcut, 3, channels=8)
    entered = []
    model.layers.train()
    last = [layer for layer in model.modules() if isinstance(layer, Block)][-1]
    last.register_forward_pre_hook(lambda _, inputs: entered.append(inputs[0]))
    model(torch.from_numpy(unseen(40)[0]))
    return entered[0].detach().unique()


def test_spikes_counts_or_real_numbers_cross():
    for shortcut in ("none", "spikes", "normalized"):
        assert crossing(shortcut).tolist() == [0.0, 1.0]
    assert set(crossing("counts").tolist()) == {0.0, 1.0, 2.0, 3.0}
    assert len(crossing("currents")) > 100


def test_a_block_whose_convolutions_are_silent_passes_on_its_input():
    x = (torch.rand(T * 2, 3, 5, 5, generator=torch.Generator().manual_seed(1)) > 0.5).float()
    for shortcut, expected in (("none", 0 * x), ("spikes", x), ("counts", x), ("currents", x)):
        block = Block(3, shortcut).eval()
        block.second.weight.data.zero_()
        for layer in block.modules():
            if isinstance(layer, Neurons):
                layer.timesteps = T
        assert torch.equal(block(x), expected)


@pytest.mark.parametrize("shortcut", ["spikes", "counts", "currents"])
def test_it_learns(shortcut):
    with training.seeded(0):
        model = spiking_resnet.network(shortcut, 2, channels=8, timesteps=2)
    assert_learns(model, epochs=4)


def test_unknown_shortcuts_and_no_blocks_are_refused():
    with pytest.raises(sl.OptionError, match=r"shortcut = 'spike': .* Did you mean 'spikes'"):
        Block(3, "spike")
    with pytest.raises(sl.OptionError, match="blocks = 0"):
        spiking_resnet.network("none", 0)
