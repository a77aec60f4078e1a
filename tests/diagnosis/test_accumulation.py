"""Whether errors add on their way to the output, or compound: in networks built for it."""

import numpy as np
import pytest
import torch
from helpers.reports import report
from helpers.trained import X, Y, converted
from torch import nn

import snnlab as sl
from snnlab.analysis import ErrorParts
from snnlab.diagnosis import Accumulation, diagnose
from snnlab.diagnosis.accumulation import accumulation

LAYERS = 12


def chain(gain, layers=LAYERS, middle=1.0):
    """ReLUs in a row, each on `gain` times what comes before, so that `middle` stays what it is.

    The two outputs say on which side of the middle an image is.
    """
    pieces = [nn.Linear(1, 1), nn.ReLU()]
    for _ in range(layers - 1):
        pieces += [nn.Linear(1, 1), nn.ReLU()]
    model = nn.Sequential(*pieces, nn.Linear(1, 2))
    with torch.no_grad():
        for i, layer in enumerate(model[::2]):
            layer.weight[:] = gain if i else 1.0
            layer.bias[:] = (1 - gain) * middle if i else 0.0
        model[-1].weight[:] = torch.tensor([[1.0], [-1.0]])
        model[-1].bias[:] = torch.tensor([-middle, middle])
    return model.eval()


def made_up(net, x, errors):
    """A decomposition in which each layer has the given own error, one number for all images.

    Nothing but these errors is in it, and the output is what a network with them gives.
    """
    ann, parts, passed_on = sl.ann(net, x).activations, {}, torch.as_tensor(x)
    modules = dict(net.folded().named_children())
    for name in sorted(modules, key=int):
        passed_on = modules[name](passed_on)
        if name in net.layers:
            half = np.full_like(ann[name], errors[name] / 2)
            # Another's part is there to be left out.
            parts[name] = {"propagated": 8 * half, "quantization": half, "deviation": half}
            passed_on = passed_on + errors[name]
    output = passed_on.numpy() - sl.ann(net, x).outputs
    parts["output"] = {"propagated": output}
    return ErrorParts(1, parts, ann, {name: ann[name] for name in net.layers})


@torch.no_grad()
@pytest.mark.parametrize("gain", [0.5, 1.0, 2.0])
def test_what_arrives_is_the_closed_form_of_a_chain(gain):
    """Above the bend a chain is affine: c = gain^(layers behind) ε, and the errors add exactly."""
    x = np.array([[1.0], [1.0 + 2.0**-11]])
    net = sl.convert(chain(gain).double(), x, threshold=sl.Fixed(2.0))
    errors = dict(zip(net.layers, 2.0**-14 * np.arange(1, LAYERS + 1), strict=True))
    found = accumulation(net, torch.from_numpy(x), made_up(net, x, errors))
    y, ann = sl.ann(net, x).outputs, sl.ann(net, x).activations
    arrived = {n: gain ** (LAYERS - 1 - i) * e for i, (n, e) in enumerate(errors.items())}

    def rms(values):
        return np.sqrt(np.mean(np.square(values, dtype=np.float64)))

    for name, error in errors.items():
        assert found.own[name] == pytest.approx(error / rms(ann[name]))
        assert found.arriving[name] == pytest.approx(arrived[name] / rms(y), rel=1e-6)
    assert found.added == pytest.approx(sum(arrived.values()) / rms(y), rel=1e-6)
    assert found.measured == pytest.approx(found.added, rel=1e-6)
    assert found.interplay == pytest.approx(1, rel=1e-6)
    own, arriving = (np.array(list(v.values())) for v in (found.own, found.arriving))
    for half, value in zip((slice(0, 6), slice(6, 12)), found.gains, strict=True):
        assert value == pytest.approx(rms(arriving[half]) / rms(own[half]))
    assert found.grows == found.compounds == (gain == 2.0)


@torch.no_grad()
def test_errors_that_only_together_open_a_neuron_compound():
    """The last neuron opens at 4 errors: one alone does nothing, all 11 before it do."""
    model = chain(1.0)
    error = 2.0**-8
    model[-3].bias -= 1 + 4 * error
    x = np.array([[1.0], [1.0]])
    x[1] = 1 + 4 * error + 2.0**-6  # open by itself, so that the output has a size
    net = sl.convert(model.double(), x, threshold=sl.Fixed(2.0))
    errors = dict.fromkeys(net.layers, error) | {net.layers[-1]: 0.0}
    found = accumulation(net, torch.from_numpy(x), made_up(net, x, errors))
    y = np.sqrt(np.mean(np.square(sl.ann(net, x).outputs, dtype=np.float64)))
    # Of the two images: each alone adds 0 and 1 error, all together 7 and 11.
    assert found.added == pytest.approx(np.sqrt(11**2 / 2) * error / y)
    assert found.measured == pytest.approx(np.sqrt((7**2 + 11**2) / 2) * error / y)
    assert not found.grows
    assert not found.compounds
    alone = found.__class__(found.own, found.arriving, found.added, 1.5 * found.added)
    assert alone.compounds


@pytest.mark.parametrize(("gain", "what"), [(0.5, "add"), (1.0, "add"), (2.0, "compound")])
def test_the_sentence_follows_the_gain_of_a_deep_chain(gain, what):
    spread = np.linspace(-1, 1, 64, dtype=np.float32)[:, None]
    x = 1 + spread * (0.25 if gain < 2 else 2.0**-LAYERS)
    net = sl.convert(chain(gain), x, threshold=sl.Fixed(2.0))
    rng = np.random.default_rng(0)
    net = net.replace(threshold=dict(zip(net.layers, rng.uniform(1.5, 2.5, LAYERS), strict=True)))
    y = (spread[:, 0] < 0).astype(int)
    found = diagnose(net, x, y, 8)
    assert found.ann == 1.0
    (sentence,) = [s for s in found.sentences if s.startswith("The own errors of 12 layers ")]
    assert sentence.startswith(f"The own errors of 12 layers {what}: ")
    assert ("times as large as they were" in sentence) == (gain > 1)
    shallow = sl.convert(chain(gain, 9), x, threshold=sl.Fixed(1.9))
    assert diagnose(shallow, x, y, 3).accumulation is None


def test_few_layers_or_no_loss_have_no_such_sentence(blamed_layer):
    assert blamed_layer[1].accumulation is None
    assert diagnose(converted("mlp"), X, Y, 64).accumulation is None


def made(own, arriving, added=0.5, measured=0.5):
    names = [str(i) for i in range(len(own))]
    return Accumulation(
        dict(zip(names, own, strict=True)), dict(zip(names, arriving, strict=True)), added, measured
    )


@pytest.mark.parametrize(
    ("found", "grows", "compounds"),
    [
        (made([0.25] * 4, [0.5, 0.5, 0.25, 0.25]), True, True),
        (made([0.25] * 4, [0.5, 0.5, 0.375, 0.375]), False, False),  # those behind as strongly
        (made([0.25] * 4, [0.125, 0.125, 0.0, 0.0]), False, False),  # they fade
        (made([0.25] * 4, [0.25] * 4, 0.5, 0.75), False, True),
        (made([0.25] * 4, [0.25] * 4, 0.5, 0.734375), False, False),
        (made([0.25] * 4, [0.25] * 4, 0.0, 0.5), False, True),
        (made([0.25] * 4, [0.25] * 4, 0.0, 0.0), False, False),
        (made([np.nan] * 4, [0.25] * 4), False, False),  # the ANN is silent
    ],
)
def test_when_errors_are_said_to_compound(found, grows, compounds):
    assert (found.grows, found.compounds) == (grows, compounds)


def test_the_words():
    few = report(accumulation=made([0.1] * 10, [0.02] * 10, 0.25, 0.375)).sentences
    assert few[-2] == (
        "The own errors of 10 layers compound: passed on alone, each through exact layers, they "
        "would add up to 25% of the output (root mean square). Together they make 38%."
    )
    grown = report(accumulation=made([0.1] * 4, [0.4, 0.4, 0.1, 0.1])).sentences
    assert grown[-2].startswith(
        "The own errors of 4 layers compound: those of the first half arrive at the output 4 times "
        "as large as they were, passed on alone, "
    )
    assert (
        report(accumulation=made([0.1] * 4, [0.1] * 4))
        .sentences[-2]
        .startswith("The own errors of 4 layers add: passed on alone, ")
    )
