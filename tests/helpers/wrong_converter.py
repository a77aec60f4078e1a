"""What learners write wrong in the functions of their converter, by the words they then hear."""

import copy

import numpy as np
import torch
from torch import nn


def step(v, current, theta):
    m = v + current
    s = 1.0 * (m >= theta)
    return m - s * theta, s


def empties(v, current, theta):
    m = v + current
    return m * (m < theta), (m >= theta) * 1


def not_at_equality(v, current, theta):
    m = v + current
    s = (m > theta) * 1
    return m - s * theta, s


def too_early(v, current, theta):
    s = (v >= theta) * 1
    return v - s * theta + current, s


def as_often_as_it_fits(v, current, theta):
    m = v + current
    s = (m >= theta) * (m // theta)
    return m - s * theta, s


def no_debt(v, current, theta):
    v, s = step(v, current, theta)
    return (v >= 0) * v, s


def takes_one(v, current, theta):
    m = v + current
    s = (m >= theta) * 1
    return m - s, s


def asks_if(v, current, theta):
    v = v + current
    if v >= theta:
        return v - theta, 1
    return v, 0


def keeps_numpy(v, current, theta):
    m = np.asarray(v) + np.asarray(current)
    s = np.where(m >= theta, 1.0, 0.0)
    return m - theta * s, s


NEURON_STEP = {
    "empties the bucket": [empties],
    "Is that enough": [not_at_equality],
    "before the current has come in": [too_early],
    "ever stop firing": [lambda v, z, theta: (v + z, (v + z >= theta) * 1)],
    "can one step hold": [as_often_as_it_fits],
    "less than nothing": [no_debt],
    "in the other order": [lambda *case: step(*case)[::-1]],
    "Yours takes 1 away": [takes_one],
    "What does yours send": [
        lambda v, z, theta: (step(v, z, theta)[0], theta * step(v, z, theta)[1])
    ],
    "An if asks one question": [
        asks_if,
        lambda v, z, theta: (v + z - theta * int(v + z >= theta), int(v + z >= theta)),
    ],
    "two things are asked for": [lambda v, z, theta: v + z],
    "tensors stay tensors": [keeps_numpy],
}


def layer(begin, collect=lambda v, s: s, end=list):
    def answer(currents, theta):
        v, found = begin(theta), []
        for z in currents:
            v, s = step(v, z, theta)
            found.append(collect(v, s))
        return end(found)

    return answer


def half(theta):
    return 0.5 * theta


def forgetful(currents, theta):
    v = theta / 2
    return [step(v, z, theta)[1] for z in currents]


def returns_early(currents, theta):
    v = theta / 2
    spikes = []
    for z in currents:
        v, s = step(v, z, theta)
        spikes.append(s)
        return spikes


RUN_LAYER = {
    "Yours starts empty": [layer(lambda theta: 0)],
    "Yours starts full": [layer(lambda theta: theta)],
    "half full anew": [forgetful],
    "numbers of spikes in all": [layer(half, end=sum)],
    "Those are rates": [layer(half, end=lambda found: sum(found) / len(found))],
    "Those are potentials": [layer(half, collect=lambda v, s: v)],
    "only one step": [returns_early, layer(half, end=lambda found: found[-1])],
    "Half full is": [layer(lambda theta: 0.5)],
    "of each of the": [lambda currents, theta: [], lambda currents, theta: 3.0],
    "tensors stay tensors": [layer(half, collect=lambda v, s: np.asarray(s))],
}


def above(a, p):
    return np.percentile(a[a > 0].double().numpy(), p)


@torch.no_grad()
def through(layers, x, put):
    """Return a list to which `put` adds for each ReLU, given what enters and leaves it."""
    snn = []
    for one in layers:
        z, x = x, one(x)
        snn += put(one, z, x) if isinstance(one, nn.ReLU) else [one]
    return snn


@torch.no_grad()
def skips_relus(layers, x, p):
    snn = []
    for one in layers:
        if isinstance(one, nn.ReLU):
            snn.append(above(x, p))
        else:
            x = one(x)
            snn.append(one)
    return snn


@torch.no_grad()
def normalizes(layers, x, p):
    snn = []
    for one in layers:
        x = one(x)
        if isinstance(one, nn.ReLU):
            snn.append(above(x, p))
            x /= snn[-1]
        else:
            snn.append(one)
    return snn


@torch.no_grad()
def scales_weights(layers, x, p):
    layers[0].weight.data *= 2
    return through(layers, x, lambda one, z, a: [above(a, p)])


CONVERT = {
    "has left the ReLU": [skips_relus],
    "layer of yours gets the images": [
        lambda layers, x, p: [above(x, p) if isinstance(one, nn.ReLU) else one for one in layers]
    ],
    "Silent neurons count": [
        lambda layers, x, p: through(layers, x, lambda one, z, a: [np.percentile(a, p)])
    ],
    "That is the maximum": [
        lambda layers, x, p: through(layers, x, lambda one, z, a: [float(a.max())])
    ],
    "What does a ReLU still do": [
        lambda layers, x, p: through(layers, x, lambda one, z, a: [one, above(a, p)])
    ],
    "the thresholds alone": [
        lambda layers, x, p: [
            one
            for one in through(layers, x, lambda one, z, a: [above(a, p)])
            if not isinstance(one, nn.Module)
        ]
    ],
    "still the one that was trained": [normalizes],
    "changes the network": [scales_weights],
    "a list is asked for": [lambda layers, x, p: {}],
}


def folds(weight=True, mean=1, beta=True, root=lambda n: (n.running_var + n.eps) ** 0.5):
    """Return a fold in which something may be wrong; `mean` is what it is multiplied by."""

    @torch.no_grad()
    def answer(layers):
        out = []
        for one in layers:
            if not isinstance(one, nn.BatchNorm2d):
                out.append(copy.deepcopy(one))
                continue
            factor = one.weight / root(one)
            if weight:
                out[-1].weight *= factor.reshape(-1, 1, 1, 1)
            out[-1].bias -= mean * one.running_mean
            out[-1].bias *= factor
            if beta:
                out[-1].bias += one.bias
        return out

    return answer


@torch.no_grad()
def wrong_sign(layers):
    out = []
    for one in layers:
        if isinstance(one, nn.BatchNorm2d):
            conv = out[-1]
            factor = one.weight / (one.running_var + one.eps).sqrt()
            conv.weight *= factor.reshape(-1, 1, 1, 1)
            conv.bias[:] = factor * (one.running_mean - conv.bias) + one.bias
        else:
            out.append(copy.deepcopy(one))
    return out


@torch.no_grad()
def bias_not_stretched(layers):
    out = folds()(layers)
    for n, one in enumerate(list(layers)):
        if isinstance(one, nn.BatchNorm2d):
            conv = out[n - 1 - [isinstance(k, nn.BatchNorm2d) for k in layers][:n].count(True)]
            conv.bias[:] = layers[n - 1].bias - one.running_mean + one.bias
    return out


@torch.no_grad()
def without_gamma(layers):
    layers = copy.deepcopy(layers)
    for one in layers:
        if isinstance(one, nn.BatchNorm2d):
            one.weight[:] = 1
    return folds()(layers)


def keeps_norms(layers):
    folded = iter(folds()(layers))
    return [one if isinstance(one, nn.BatchNorm2d) else next(folded) for one in layers]


@torch.no_grad()
def in_place(layers):
    out = []
    for one in layers:
        if isinstance(one, nn.BatchNorm2d):
            factor = one.weight / (one.running_var + one.eps).sqrt()
            out[-1].weight *= factor.reshape(-1, 1, 1, 1)
            out[-1].bias[:] = factor * (out[-1].bias - one.running_mean) + one.bias
        else:
            out.append(one)
    return out


@torch.no_grad()
def by_input_channel(layers):
    out = []
    for one in layers:
        if isinstance(one, nn.BatchNorm2d):
            conv = out[-1]
            factor = one.weight / (one.running_var + one.eps).sqrt()
            if conv.weight.shape[1] == 1:
                conv.weight *= factor[:, None, None, None]
            else:
                conv.weight *= factor[None, :, None, None]
            conv.bias[:] = factor * (conv.bias - one.running_mean) + one.bias
        else:
            out.append(copy.deepcopy(one))
    return out


FOLD = {
    "takes the mean away": [folds(mean=0), folds(mean=-1)],
    "The sign is wrong": [wrong_sign],
    "Beta comes last": [folds(beta=False)],
    "Is yours stretched": [bias_not_stretched],
    "weights are as they were": [folds(weight=False)],
    "before eps is added": [
        folds(root=lambda n: n.running_var**0.5),
        folds(root=lambda n: n.running_var**0.5 + n.eps),
        folds(root=lambda n: n.running_var + n.eps),
    ],
    "multiplied by gamma": [without_gamma],
    "works twice": [keeps_norms],
    "nobody has taken it in": [
        lambda layers: [one for one in layers if not isinstance(one, nn.BatchNorm2d)]
    ],
    "from an input channel": [by_input_channel],
    "changes the network": [in_place],
    "a list of layers": [lambda layers: 2.0],
}


def trains(currents, theta, v):
    found = []
    for z in currents:
        v, s = step(v, z, theta)
        found.append(s)
    return found


def simulates(image=lambda x, t: x, start=half, worth=True, anew=False):
    """Return the spikes of each layer and the outputs of each step; something may be wrong."""

    @torch.no_grad()
    def run(snn, x, T):
        flow, spikes = [image(x, t) for t in range(T)], []
        for part in snn:
            if callable(part):
                flow = [part(z) for z in flow]
                continue
            if anew:
                found = [trains([z], part, start(part))[0] for z in flow]
            else:
                found = trains(flow, part, start(part))
            spikes.append(found)
            flow = [part * s if worth else s for s in found]
        return spikes, flow

    return run


def read(run=None, count=sum, output=lambda flow: sum(flow) / len(flow)):
    def answer(snn, x, T):
        spikes, flow = (run or simulates())(snn, x, T)
        return [count(found) for found in spikes], output(flow)

    return answer


SIMULATE = {
    "passed on as 1": [read(simulates(worth=False))],
    "be it at once or in parts": [
        read(simulates(image=lambda x, t: x * (t == 0))),
        lambda snn, x, T: read(simulates(image=lambda x, t: x / T))(snn, x, T),
    ],
    "begin anew": [read(simulates(anew=True))],
    "Your neurons start empty": [read(simulates(start=lambda theta: 0.0))],
    "and not divided": [read(output=sum)],
    "output of the last step": [read(output=lambda flow: flow[-1])],
    "Those are rates": [read(count=lambda found: sum(found) / len(found))],
    "spikes of single steps": [read(count=lambda found: found[-1])],
    "two things are asked for": [lambda snn, x, T: read()(snn, x, T)[0]],
    "counts into": [lambda snn, x, T: (read()(snn, x, T)[0][0], read()(snn, x, T)[1])],
}

WRONG = {
    "neuron_step": NEURON_STEP,
    "run_layer": RUN_LAYER,
    "convert": CONVERT,
    "fold": FOLD,
    "simulate": SIMULATE,
}
