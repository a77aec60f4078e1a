"""Partial sums of a crossbar beside a loop, a single bit of each, and what training makes of it."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from snnlab import data
from snnlab.exceptions import OptionError
from snnlab.gallery import in_memory, training

SEEDS = st.integers(0, 10_000)


@given(SEEDS, st.integers(1, 9))
def test_partial_sums_are_those_of_a_loop_and_add_up_to_a_linear_layer(seed, rows):
    random = torch.Generator().manual_seed(seed)
    s = torch.randint(0, 2, (3, 7), generator=random).float()
    w = torch.randint(-64, 65, (4, 7), generator=random) / 64
    found = in_memory.partial_sums(s, w, rows)
    assert found.shape == (3, -(-7 // rows), 4)
    for b, k, i in np.ndindex(found.shape):
        block = range(k * rows, min((k + 1) * rows, 7))
        assert float(found[b, k, i]) == sum(float(s[b, j] * w[i, j]) for j in block)
    assert torch.equal(found.sum(1), F.linear(s, w))


def test_a_bit_says_on_which_side_of_0_a_sum_is():
    p = torch.tensor([[-2.0, -0.25, 0.0, 0.25, 2.0]], requires_grad=True)
    alpha = torch.tensor(0.5, requires_grad=True)
    q = in_memory.one_bit(p, alpha)
    assert q.tolist() == [[-0.5, -0.5, 0.5, 0.5, 0.5]]
    weights = torch.tensor([[1.0, 2.0, 4.0, 8.0, 16.0]])
    (q * weights).sum().backward()
    assert p.grad.tolist() == [[0, 2, 4, 8, 0]]
    assert float(alpha.grad) == -1 - 2 + 4 + 8 + 16
    h = 2.0**-10
    p, alpha_now = p.detach(), alpha.detach()
    ends = [float((in_memory.one_bit(p, alpha_now + e) * weights).sum()) for e in (h, -h)]
    assert float(alpha.grad) == pytest.approx((ends[0] - ends[1]) / (2 * h))


@given(SEEDS)
def test_the_mean_of_sizes_is_the_best_scale(seed):
    p = torch.randn(50, generator=torch.Generator().manual_seed(seed))
    best = p.abs().mean()
    errors = [
        (p - in_memory.one_bit(p, a)).square().sum() for a in (best, best * 1.05, best * 0.95)
    ]
    assert errors[0] == min(errors)


def test_with_converters_a_layer_is_linear_and_without_them_a_count_of_signs():
    random = torch.Generator().manual_seed(0)
    layer = in_memory.BlockLinear(130, 4)
    s = torch.randint(0, 2, (3, 130), generator=random).float()
    assert torch.allclose(layer(s), F.linear(s, layer.weight, layer.bias), atol=1e-5)
    layer.bits = 1
    found = (layer(s) - layer.bias) / layer.alpha
    for b, i in np.ndindex(3, 4):
        signs = 0
        for k in (slice(0, 64), slice(64, 128), slice(128, 130)):
            signs += 1 if (s[b, k] @ layer.weight[i, k]).item() >= 0 else -1
        assert found[b, i].item() == pytest.approx(signs, abs=1e-4)


def test_a_network_without_converters_gets_its_scales_from_images():
    x = torch.from_numpy(data.load_digits().x_train[:50])
    model = in_memory.network(hidden=128)
    bare = in_memory.without_converters(model, x)
    blocks = [m for m in bare.modules() if isinstance(m, in_memory.BlockLinear)]
    assert [m.bits for m in blocks] == [1, 1, 1]
    assert [m.bits for m in model.modules() if isinstance(m, in_memory.BlockLinear)] == [None] * 3
    with torch.no_grad():
        model(x)  # which tells its layers the number of steps
        spikes = model.layers[:3](x.repeat(4, 1, 1, 1))
        sums = in_memory.partial_sums(spikes, model.layers[3].weight)
    assert blocks[0].alpha.item() == pytest.approx(float(sums.abs().mean()))


def test_who_knows_in_training_that_bits_are_few_does_better():
    digits = data.load_digits()
    x, y = digits.x_train[:600], digits.y_train[:600]
    held = digits.x_train[600:900], digits.y_train[600:900]
    full, aware = (
        training.fit(in_memory.network(bits, hidden=128), x, y, epochs=5) for bits in (None, 1)
    )
    bare = in_memory.without_converters(full, torch.from_numpy(x))
    right = [training.accuracy(model, *held) for model in (full, bare, aware)]
    assert right[0] > 0.8
    assert right[2] > 0.8
    assert right[1] < right[2] - 0.05


@pytest.mark.parametrize("given", [{"bits": 2}, {"bits": 0}, {"rows": 0}])
def test_what_is_refused(given):
    with pytest.raises(OptionError, match=next(iter(given))):
        in_memory.BlockLinear(4, 2, **given)
