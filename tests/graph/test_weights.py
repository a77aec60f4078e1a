"""Functions of torch as modules that hold their weights, whatever the order of their arguments."""

import pytest
import torch
import torch.nn.functional as F
from helpers.steps import Step
from torch import nn

import snnlab as sl
from snnlab.graph.evaluation import evaluate
from snnlab.graph.folding import fold_batchnorm
from snnlab.graph.tracing import trace

X = torch.randint(-64, 65, (3, 4), generator=torch.Generator().manual_seed(0)) / 64
PARTS = {
    "layer": nn.Linear(4, 4),
    "gamma": torch.tensor([1.0, -2.0, 0.5, 3.0]),
    "beta": torch.tensor([0.5, 0.25, 1.0, -1.0]),
    "mean": torch.tensor([0.25, -0.5, 0.0, 1.0]),
    "var": torch.tensor([4.0, 1.0, 0.25, 9.0]),
}


def test_batch_norm_of_torch_has_its_weights_first():
    def step(m, x):
        given = m.gamma, m.beta, m.mean, m.var
        return torch.relu(torch.batch_norm(m.layer(x), *given, False, 0.1, 0.5, False))

    model = Step(step, **PARTS)
    folded = fold_batchnorm(trace(model, X))
    assert not any(isinstance(part, nn.BatchNorm1d) for part in folded.module.modules())
    with torch.no_grad():
        assert torch.allclose(evaluate(folded, X), model(X), rtol=0, atol=1e-6)


@pytest.mark.parametrize("given", ["weight", "bias"])
def test_batch_norm_with_one_of_weight_and_bias_comes_back_from_a_file(given, tmp_path):
    model = Step(
        lambda m, x: torch.relu(F.batch_norm(x, m.mean, m.var, **{given: m.part})),
        **PARTS | {"part": PARTS["gamma"]},
    )
    network = sl.convert(model, X)
    network.save(tmp_path / "network.snn")
    found = sl.ann(sl.load(tmp_path / "network.snn"), X).outputs
    assert found == pytest.approx(model(X).numpy(), abs=1e-6)


def test_a_linear_layer_of_one_row_drops_a_dimension():
    model = Step(lambda m, x: torch.relu(F.linear(x, m.gamma)), gamma=PARTS["gamma"])
    found = evaluate(trace(model, X), X)
    assert found.shape == (3,)
    assert torch.equal(found, model(X))
