"""What a conversion must satisfy, whatever the model: the oracle of the random models."""

import copy
import re

import numpy as np
import torch

import snnlab as sl
from helpers.saved import assert_comes_back

STEPS = 256
# Words of torch and Python that tell a user nothing.
JARGON = re.compile(
    r"proxy|torch\.fx|traceback|placeholder|call_|get_attr|aten::|0x[0-9a-f]{6}|object at",
    re.IGNORECASE,
)


class WrongConversionError(AssertionError):
    """A conversion that crashes, is wrong, or changes what is the user's."""


def expect(condition, what):
    if not condition:
        raise WrongConversionError(what)


@torch.no_grad()
def judge(model, simulated=True):
    """Convert a random model; return the refusal, None if it is converted.

    Raises
    ------
    WrongConversionError
        If anything is not as it must be.
    """
    net = model.build()
    x = model.images(7)
    before = copy.deepcopy(net.state_dict()), [m.training for m in net.modules()], repr(net)
    outputs = None if model.traps else net(x)
    chance = torch.get_rng_state()
    given = x.clone()
    try:
        maximum = sl.Maximum(per_channel=model.seed % 3 == 0)
        network = sl.convert(net, x, threshold=maximum if simulated else sl.Fixed(1.0))
    except sl.SNNLabError as refusal:
        network = refusal
    except Exception as error:
        raise WrongConversionError(f"no refusal but {type(error).__name__}: {error}") from error
    state, training, text = before
    after = net.state_dict()
    expect(list(state) == list(after), "the model has other tensors than before")
    expect(all(torch.equal(state[k], after[k]) for k in state), "the model's tensors have changed")
    expect(training == [m.training for m in net.modules()], "the model's mode has changed")
    expect(repr(net) == text, "the model has changed")
    expect(torch.equal(x, given), "the images have changed")
    expect(torch.equal(torch.get_rng_state(), chance), "the random numbers have moved on")
    expect(outputs is None or torch.equal(net(x), outputs), "the model gives other outputs")
    if isinstance(network, sl.SNNLabError):
        _check_refusal(network, model)
        return network
    try:
        _check_ann(network, net, model)
        _check_file(network, x)
        if simulated:
            _check_simulation(network, x)
    except WrongConversionError:
        raise
    except Exception as error:
        raise WrongConversionError(f"converted, then {type(error).__name__}: {error}") from error
    return None


def _check_refusal(refusal, model):
    message = str(refusal)
    if isinstance(refusal, sl.VerificationError):
        raise WrongConversionError(f"converted, and found wrong: {message}")
    expect(re.search(r"layer '|line \d+ of|model: |'\w+', line", message), f"no place: {message}")
    expect(message.endswith((".", "?")), f"no sentence: {message}")
    expect(
        len(re.findall(r"[.:?](?= |$)", message)) >= 2, f"says only what, not what to do: {message}"
    )
    expect(not JARGON.search(message), f"jargon: {message}")


def _check_ann(network, net, model):
    """The network with its ReLUs computes what the model computes, for images never seen."""
    for number in (1, 2, 5, 8):
        new = model.images(number, seed=number)
        try:
            expected = (net if hasattr(network, "head") else net.logits)(new).numpy()
        except Exception as error:
            raise WrongConversionError(
                f"converted, though the model fails for {number} images: {error}"
            ) from error
        found = sl.ann(network, new).outputs
        found = network.head(found) if hasattr(network, "head") else found
        expect(
            found.shape == expected.shape, f"{number} images: {found.shape}, not {expected.shape}"
        )
        largest = np.abs(expected).max() + 1e-6
        wrong = np.abs(found - expected).max() / largest
        expect(wrong < 1e-4, f"{number} images: outputs differ by {wrong:.2g} of the largest")


def _check_file(network, x):
    """What a file holds of the network is the network."""
    try:
        assert_comes_back(network, x)
    except Exception as error:
        raise WrongConversionError(f"saved and loaded: {type(error).__name__}: {error}") from error


def _check_simulation(network, x):
    r"""The mean output of the spiking network is near the ANN's, and images do not mix.

    What reaches a neuron up to step t is tz plus an error of at most E, for all t. With soft reset
    the neuron has then passed on t·relu(z) but for at most 3E + 2θ, as long as relu(z) is at most
    θ. So, layer by layer, the error of the *sum* of the outputs stays bounded, and the error of
    the mean falls as 1/T; what is wrong stays wrong.
    """
    record = sl.simulate(network, x, STEPS)
    ann = sl.ann(network, x).outputs
    scale = np.abs(ann).max() + 1e-6
    error = np.abs(record.outputs[-1] - ann).max() / scale
    if error > 0.02:
        late = np.abs(sl.simulate(network, x, 16 * STEPS).outputs[-1] - ann).max() / scale
        expect(
            late < error / 4,
            f"spikes: {error:.3g} off after {STEPS} steps, {late:.3g} after 16 times as many",
        )
    # In float64, since a difference of rounding may move a spike by a step.
    exact = network.to(torch.float64)
    singly = [sl.simulate(exact, image, 32) for image in x[:3].split(1)]
    together = sl.simulate(exact, x[:3], 32)
    alone = np.concatenate([record.output_sums for record in singly], 1)
    wrong = np.abs(alone - together.output_sums).max() / (32 * scale)
    expect(wrong < 1e-4, f"one by one: outputs differ by {wrong:.2g}")


def shortened(model, fails):
    """Return the model with as few statements as still fail."""
    i = len(model.statements) - 1
    while i >= 0:
        shorter = model.without(i)
        try:
            shorter.build()(shorter.images(3))
            if fails(shorter):
                model = shorter
        except Exception:
            pass
        i -= 1
    return model
