"""What is written down of a run: values as they were, and nothing that is no part of the model."""

import pytest
import torch
import torch.nn.functional as F
from helpers.steps import Step
from torch import nn

from snnlab.graph.capture import record
from snnlab.graph.evaluation import evaluate
from snnlab.graph.tracing import trace

X = torch.randint(-64, 65, (3, 4), generator=torch.Generator().manual_seed(0)) / 64
OVERWRITING = {
    "module": nn.ReLU(inplace=True),
    "function": Step(lambda m, x: F.relu(x, inplace=True)),
    "method": Step(lambda m, x: x.relu_()),
    "product": Step(lambda m, x: x.mul_(2)),
}


@pytest.mark.parametrize("step", OVERWRITING.values(), ids=OVERWRITING)
def test_what_a_step_overwrites_is_kept_as_it_was(step):
    model = nn.Sequential(nn.Linear(4, 5), step)
    with torch.no_grad():
        recording = record(model, X)
        expected = model[0](X)
    (linear,) = [node for node in recording.graph.nodes if node.target is F.linear]
    assert torch.equal(recording.values[linear], expected)


@pytest.fixture
def filled_with_nan():
    """Fill memory that a model has not written to with NaN, as torch does on request."""
    torch.use_deterministic_algorithms(True)
    assert torch.empty(3).isnan().all()
    yield
    torch.use_deterministic_algorithms(False)


EMPTY = {
    "empty_like": lambda x: torch.empty_like(x),
    "new_empty": lambda x: x.new_empty(x.shape),
    "empty": lambda x: torch.empty(x.shape),
}


@pytest.mark.parametrize("empty", EMPTY.values(), ids=EMPTY)
@pytest.mark.usefixtures("filled_with_nan")
def test_memory_that_was_not_written_to_is_0(empty):
    graph = trace(Step(lambda m, x: torch.relu(x + empty(x))), X)
    assert torch.equal(evaluate(graph, X), X.relu())


LIKE = {
    "expand_as": lambda m, x: x * m.w.expand_as(x),
    "type_as": lambda m, x: x * m.w.double().type_as(x),
    "to": lambda m, x: x * m.w.double().to(x),
}


@pytest.mark.parametrize("step", LIKE.values(), ids=LIKE)
def test_a_constant_like_a_signal_is_a_constant(step):
    model = Step(lambda m, x: torch.relu(step(m, x)), w=torch.tensor([1.0, -2.0, 0.5, 3.0]))
    assert torch.equal(evaluate(trace(model, X), X), model(X))


def test_a_constant_that_one_image_reads_in_another_shape_is_one():
    def step(m, x):
        factors = torch.arange(1.0, 13).view(3, 1, 4).repeat(1, len(x), 1).squeeze()
        return torch.relu((factors * torch.stack([x, 2 * x, -x])).sum(0))

    model = Step(step)
    assert torch.equal(evaluate(trace(model, X), X), model(X))
