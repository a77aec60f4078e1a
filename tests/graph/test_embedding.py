"""Whole numbers that a model looks up stay whole; what lies behind them is a constant current."""

import copy
import pickle

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

import snnlab as sl
from snnlab import brian

TOKENS = torch.randint(0, 50, (16, 7), generator=torch.Generator().manual_seed(0))


class Words(nn.Module):
    def __init__(self, **options):
        super().__init__()
        torch.manual_seed(0)
        self.e, self.h = nn.Embedding(50, 8, **options), nn.Linear(8, 8)
        self.f = nn.Linear(8, 3)

    def forward(self, x):
        return self.f(torch.relu(self.h(self.look_up(x))))

    def look_up(self, x):
        return self.e(x).mean(1)


class Cast(Words):
    def look_up(self, x):
        return self.e(x.long()).mean(1)


class Shifted(Words):
    def look_up(self, x):
        return self.e((x.flip(1) + 0)[:, 1:].int()).sum(1)


class Function(Words):
    def look_up(self, x):
        return F.embedding(x, self.e.weight, padding_idx=0).mean(1)


class WithPositions(Words):
    def __init__(self):
        super().__init__()
        self.position = nn.Embedding(7, 8)

    def look_up(self, x):
        return (self.e(x) + self.position(torch.arange(x.shape[1]))).mean(1)


class BesideFloats(Words):
    def look_up(self, x):
        return self.e(x).mean(1) + x.float().mean(1, keepdim=True)


class Indexed(Words):
    def look_up(self, x):
        return self.e.weight[x].mean(1)


class SequenceFirst(Words):
    def look_up(self, x):
        return self.e(x.t()).mean(0)


MODELS = [Words, Cast, Shifted, Function, WithPositions, BesideFloats, Indexed, SequenceFirst]


@pytest.mark.parametrize("model", MODELS)
def test_the_network_is_the_model(model):
    model = model().eval()
    before = copy.deepcopy(model.state_dict())
    net = sl.convert(model, TOKENS, threshold=sl.Maximum())
    with torch.no_grad():
        expected = model(TOKENS).numpy()
    assert sl.ann(net, TOKENS).outputs == pytest.approx(expected, abs=1e-6)
    outputs = sl.simulate(net, TOKENS, 512).outputs[-1]
    assert outputs == pytest.approx(expected, abs=0.02)
    sl.verify(model, net, TOKENS)
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())


@pytest.mark.parametrize("kind", [torch.uint8, torch.int32, torch.int64, torch.float64])
def test_whole_numbers_of_every_type_are_looked_up(kind):
    net = sl.convert(Words().eval(), TOKENS.to(kind))
    expected = sl.simulate(sl.convert(Words().eval(), TOKENS), TOKENS, 8).output_sums
    assert np.array_equal(sl.simulate(net, TOKENS.to(kind), 8).output_sums, expected)
    assert np.array_equal(sl.simulate(net, TOKENS.to(kind).numpy(), 8).output_sums, expected)
    assert np.array_equal(sl.simulate(net, TOKENS.tolist(), 8).output_sums, expected)
    loader = DataLoader(TensorDataset(TOKENS.to(kind), torch.zeros(16)), 5)
    assert np.array_equal(sl.simulate(net, loader, 8).output_sums, expected)
    assert sl.convert(Words().eval(), loader).thresholds == net.thresholds


def test_what_else_a_network_does_it_does_with_embeddings(tmp_path):
    net = sl.convert(Words().eval(), TOKENS)
    ours = sl.simulate(net, TOKENS, 8, dtype=torch.float64)
    parts = sl.decompose(net, TOKENS, ours)
    assert not parts.part("relu", "propagated").any()
    net.save(tmp_path / "words.snn")
    for other in (pickle.loads(pickle.dumps(net)), sl.load(tmp_path / "words.snn")):
        assert np.array_equal(
            sl.simulate(other, TOKENS, 8, dtype=torch.float64).output_sums, ours.output_sums
        )
    theirs = brian.simulate(net, TOKENS, 8)
    assert theirs.output_sums == pytest.approx(ours.output_sums)
    assert list(brian.connections(net, "output").matrices) == ["relu"]


class BehindNeurons(Words):
    def look_up(self, x):
        return self.e(torch.relu(x)).mean(1)


class OneNumberEach(Words):
    def look_up(self, x):
        return self.e.weight[:, 0][x].mean(1, keepdim=True).expand(-1, 8)


class StepsOfWholeNumbers(Words):
    def look_up(self, x):
        return self.e(x).mean(1) + ((x > 1).float() + (x > 3).float()).mean(1, keepdim=True)


NET = sl.convert(Words().eval(), TOKENS)
OTHER = r"x: holds {}, expected whole numbers from 0 to 49.*embedding.*numbered\."
REFUSED = {
    "Poisson": (sl.OptionError, r"input = 'poisson': expected 'analog'.*embedding.*Leave",
        lambda: sl.simulate(NET, TOKENS, 4, input="poisson", seed=0)),
    "frames": (sl.OptionError, r"input = 'frames': expected 'analog'.*embedding",
        lambda: sl.simulate(NET, TOKENS, 4, input="frames")),
    "Brian": (sl.OptionError, r"input = 'regular': expected 'analog'.*embedding",
        lambda: brian.simulate(NET, TOKENS, 4, input="regular")),
    "too large": (sl.ShapeError, OTHER.format(50), lambda: sl.simulate(NET, TOKENS * 0 + 50, 4)),
    "negative": (sl.ShapeError, OTHER.format(-1), lambda: sl.ann(NET, TOKENS * 0 - 1)),
    "a half": (sl.ShapeError, OTHER.format(0.5), lambda: sl.quantized(NET, TOKENS * 0 + 0.5, 4)),
    "halves in calibration": (sl.ShapeError, r"layer 'e' \(Emb.*floats, expected whole numbers\.",
        lambda: sl.convert(Words().eval(), TOKENS + 0.5)),
    "too large in calibration": (sl.ShapeError, r"layer 'e' \(Embedding\).*index out of range",
        lambda: sl.convert(Words().eval(), TOKENS + 40)),
    "behind neurons": (sl.UnsupportedLayerError, r"'relu'.*returns torch\.int64, expected float32",
        lambda: sl.convert(BehindNeurons().eval(), TOKENS)),
    "steps of whole numbers": (sl.UnsupportedLayerError, r"is no piecewise linear function",
        lambda: sl.convert(StepsOfWholeNumbers().eval(), TOKENS)),
    "a table of one dimension": (sl.UnsupportedLayerError, r"\(getitem\)|'getitem'",
        lambda: sl.convert(OneNumberEach().eval(), TOKENS)),
    "max_norm": (sl.UnsupportedLayerError, r"layer 'e' \(Embedding\).*rescales.*max_norm",
        lambda: sl.convert(Words(max_norm=1.0).eval(), TOKENS)),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case):
    error, message, call = REFUSED[case]
    with pytest.raises(error, match=f"(?s){message}"):
        call()


def test_floats_that_a_model_cuts_off_are_refused():
    model = nn.Sequential(nn.Linear(3, 2), nn.ReLU())
    model.forward = lambda x: model[1](model[0](x.long().float()))
    with pytest.raises(sl.UnsupportedLayerError, match=r"'long'.*returns torch\.int64"):
        sl.convert(model, torch.rand(4, 3))
